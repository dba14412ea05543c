//! A page about an example: what `cargo xtask explain` starts.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use dl_data::Store;
use dl_examples::explained;
use dl_explain::Language;
use lexopt::{Arg, ValueExt};

/// `cargo xtask explain --help` says what it does.
const USAGE: &str = "usage: explain EXAMPLE [--data digits|mnist|fashion-mnist] [--lang en|zh] [--out FILE]";

fn main() -> Result<(), Box<dyn Error>> {
    let mut parser = lexopt::Parser::from_env();
    let (mut name, mut data, mut out, mut language) = (None, None, None, Language::English);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return print(&help()),
            Arg::Long("data") => data = Some(parser.value()?.string()?),
            Arg::Long("lang") => {
                let tag = parser.value()?.string()?;
                language =
                    Language::of_tag(&tag).ok_or_else(|| format!("--lang {tag}: expected en or zh"))?;
            }
            Arg::Long("out") => out = Some(PathBuf::from(parser.value()?)),
            Arg::Value(value) if name.is_none() => name = Some(value.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let Some(name) = name else { return Err(format!("no example\n{}", help()).into()) };
    let (store, mut say) = (Store::from_env(), |line: &str| eprintln!("{line}"));
    // LeNet's windows are larger than what is left of 8×8 pixels.
    let data = data.as_deref().unwrap_or(if name == "mnist_lenet" { "mnist" } else { "digits" });
    let data = match data {
        "digits" => dl_data::digits()?,
        "mnist" => store.mnist(&mut say)?,
        "fashion-mnist" => store.fashion_mnist(&mut say)?,
        other => {
            return Err(format!("--data {other}: expected digits, mnist or fashion-mnist").into());
        }
    };
    let page = explained::of(&name, &data)?.language(language).page();
    let out = out.unwrap_or_else(|| PathBuf::from(format!("target/explain/{name}.html")));
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    page.write(&out).map_err(|e| format!("{}: {e}", out.display()))?;
    print(&format!("{}\n", out.display()))
}

fn help() -> String {
    format!("{USAGE}\nexamples: {}\n", explained::NAMES.join(", "))
}

fn print(text: &str) -> Result<(), Box<dyn Error>> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}
