//! Files of weights from the command line: `weights inspect FILE` prints what is inside.

use std::io::{self, Write};
use std::process::ExitCode;

use dl_backends::weights::ArrayFile;
use dl_core::finite::Statistics;
use unicode_width::UnicodeWidthStr;

const USAGE: &str = "usage: weights inspect FILE\n  prints names, types, shapes and statistics of what is in \
                     a .safetensors, .npz or .npy file";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["inspect", file] => match inspect(file, &mut io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        },
        ["--help" | "-h"] => {
            eprintln!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// A line for each array, and how many numbers there are in all.
fn inspect(path: &str, out: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    let mut file = ArrayFile::open(path)?;
    for (name, text) in file.notes() {
        writeln!(out, "{name}: {text}")?;
    }
    let lines: Vec<String> = file.entries().iter().map(ToString::to_string).collect();
    let width = file.entries().iter().map(|entry| entry.name().width()).max().unwrap_or(0);
    let (mut numbers, mut not_finite) = (0, 0);
    for (place, line) in lines.iter().enumerate() {
        let entry = &file.entries()[place];
        let (name, readable) = (entry.name().to_owned(), entry.dtype().is_some());
        let blanks = " ".repeat(width - name.width());
        numbers += entry.shape().iter().product::<usize>();
        if readable {
            let statistics = Statistics::of(file.read_at(place)?.view());
            not_finite += statistics.nan + statistics.plus + statistics.minus;
            writeln!(out, "{name}{blanks}  {statistics}")?;
        } else {
            let rest = line.strip_prefix(&name).unwrap_or(line);
            writeln!(out, "{name}{blanks} {rest}, a type without statistics here")?;
        }
    }
    let arrays = lines.len();
    writeln!(out, "{arrays} arrays, {numbers} numbers, {not_finite} of them not finite")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use dl_backends::weights::write;
    use dl_core::Tensor;
    use expect_test::expect;

    #[test]
    fn arrays_are_listed_with_their_statistics() {
        let folder = std::env::temp_dir().join(format!("dl-inspect-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("w.safetensors");
        let arrays = [
            ("fc1.weight", Tensor::new([2, 2], vec![0.5f32, -1.0, 2.0, f32::NAN]).unwrap()),
            ("steps", Tensor::scalar(3i64)),
        ];
        write(&path, &arrays.each_ref().map(|(name, value)| (*name, value.view()))).unwrap();
        let mut out = vec![];
        inspect(&path.display().to_string(), &mut out).unwrap();
        expect![[r#"
            steps       i64 [] of 3.0
            fc1.weight  f32 [2, 2] with 1 NaN; 3 finite from -1.0 to 2.0, mean 0.5
            2 arrays, 5 numbers, 1 of them not finite
        "#]]
        .assert_eq(&String::from_utf8(out).unwrap());
        assert!(inspect("no.safetensors", &mut vec![]).is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
