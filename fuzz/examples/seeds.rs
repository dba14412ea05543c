//! Writes the files that fuzzing begins with to `corpus/NAME/` beside this crate's manifest.

use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    for (name, files) in dl_fuzz::corpora() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        fs::create_dir_all(&folder)?;
        for (i, file) in files.iter().enumerate() {
            fs::write(folder.join(format!("seed-{i}")), file)?;
        }
        println!("{}: {} files", folder.display(), files.len());
    }
    Ok(())
}
