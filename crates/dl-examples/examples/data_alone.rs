//! `dl-data` alone: the digits as bytes, in batches whose order a seed decides.
#![allow(clippy::print_stdout)]

fn main() -> dl_data::Result<()> {
    let digits = dl_data::digits()?;
    println!("{digits}");
    let batch = digits.train.batches(64)?.shuffled(7).next().unwrap_or_default();
    println!("the first labels of a batch: {:?}", &batch.labels[..8]);
    for row in batch.images[..64].chunks(8) {
        println!(
            "{}",
            row.iter().map(|&pixel| [" ", "░", "▒", "▓", "█"][usize::from(pixel) / 4]).collect::<String>()
        );
    }
    Ok(())
}
