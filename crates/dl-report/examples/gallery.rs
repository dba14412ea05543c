//! Every kind of picture on one page, and each as a file: `cargo run -p dl-report --example gallery -- FOLDER`.

use std::error::Error;
use std::path::PathBuf;

use dl_report::{Bars, HeatMap, Histogram, Page, Picture, Plot, Tile, Tiles};

fn main() -> Result<(), Box<dyn Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("usage: gallery FOLDER")?.into();
    std::fs::create_dir_all(&folder)?;
    let mut page = Page::new("Pictures").paragraph("Every kind of picture that there is.");
    for (name, picture) in pictures() {
        picture.write(folder.join(format!("{name}.svg")))?;
        page = page.section(picture.title()).picture(&picture);
    }
    let page =
        page.section("A table").table(&["backend", "time (µs)"], [["cpu", "12.5"], ["ndarray", "1,280"]]);
    page.write(folder.join("gallery.html"))?;
    Ok(())
}

pub(crate) fn pictures() -> Vec<(&'static str, Picture)> {
    let epochs = (1..=12).map(f64::from);
    let falling = |from: f64, rate: f64| epochs.clone().map(move |e| (e, from * (-rate * e).exp() + 0.01));
    let curves = Plot::new("Learning curves").x("epoch").y("J (nats)").log_y();
    let curves = ["train", "validation", "no dropout", "momentum 0.9", "adam", "adam, 验证集"]
        .into_iter()
        .zip(1..)
        .fold(curves, |plot, (name, k)| plot.line(name, falling(2.0, 0.15 * f64::from(k))));
    let curves = curves.band(falling(2.0, 0.9).map(|(x, y)| (x, y * 0.7, y * 1.5)));
    let noise = |k: u32| f64::from(k.wrapping_mul(2_654_435_761) >> 16) / 65_536.0;
    let long = Plot::new("A million points").x("step").y("loss");
    let long = long.line("", (0..1_000_000).map(|k| (f64::from(k), noise(k) + 1e6 / (f64::from(k) + 1e5))));
    let roof = Plot::new("Roofline").x("intensity (flop/byte)").y("speed (Gflop/s)").log_x().log_y();
    let roof = roof
        .reference("memory 18 GB/s", [(0.01, 0.18), (5.0, 90.0)])
        .reference("compute 90 Gflop/s", [(5.0, 90.0), (100.0, 90.0)])
        .labelled("cpu", [(0.25, 4.1, "relu"), (12.0, 71.0, "matmul 784×100")])
        .labelled("ndarray", [(0.25, 1.2, "relu"), (12.0, 40.0, "matmul")]);
    let bars = Bars::new("Time of a training step").value("time (µs)").reference("floor", 9.0);
    let bars = bars.group("cpu").bar("batch 64", 12.5, Some((12.1, 13.4))).bar(
        "batch 256",
        40.0,
        Some((39.0, 44.0)),
    );
    let bars = bars.group("burn-ndarray with autodiff").bar("batch 64", 80.25, Some((71.0, 99.0)));
    let bars = bars.bar("batch 256", 214.0, None).group("broken").bar("batch 64", f64::NAN, None);
    let spread = (0..2000).map(|k| noise(k) + noise(k + 5000) + noise(k + 9000) - 1.5);
    let histogram = Histogram::new("Weights").x("value").values("w", spread.clone());
    let histogram = histogram.values("gradient", spread.map(|v| v * 0.3));
    let digits = || (0..10).map(|d| d.to_string());
    let counts = (0..10).map(|r| {
        (0..10)
            .map(|c| if r == c { 980.0 - 3.0 * f64::from(r) } else { f64::from((r * 7 + c * 3) % 11) })
            .collect()
    });
    let confusion = HeatMap::new("Confusion", counts).by_row().numbers();
    let confusion = confusion.rows("label", digits()).columns("prediction", digits());
    let grid =
        (0..28).map(|r| (0..28).map(|c| (f64::from(r) / 4.0).sin() * (f64::from(c) / 5.0).cos()).collect());
    let tile = |k: u32| (0..64).map(move |p| noise(p * 31 + k * 977));
    let tiles = (0..14).fold(Tiles::new("Tiles"), |tiles, k| match k % 2 {
        0 => tiles.tile(Tile::grey([8, 8], tile(k)).caption("label 7").caption("taken for 1, 98 %")),
        _ => tiles.tile(Tile::signed([8, 8], tile(k).map(|v| v - 0.5)).caption("unit 12")),
    });
    vec![
        ("tiles", tiles.picture()),
        ("curves", curves.picture()),
        ("long", long.picture()),
        ("roofline", roof.picture()),
        ("bars", bars.picture()),
        ("bars-log", bars.clone().log().picture()),
        ("histogram", histogram.picture()),
        ("histogram-log", histogram.clone().log_y().picture()),
        ("confusion", confusion.picture()),
        ("weights", HeatMap::new("Weights of a unit", grid).picture()),
        (
            "gaps",
            Plot::new("Gaps")
                .x("x")
                .y("y")
                .line(
                    "f",
                    (0..60).map(|k| (f64::from(k), if k % 20 == 9 { f64::NAN } else { f64::from(k).sqrt() })),
                )
                .picture(),
        ),
        ("huge", Plot::new("Huge").x("x").y("y").line("f", [(0.0, -f64::MAX), (1.0, f64::MAX)]).picture()),
        ("one", Plot::new("One point").x("x").y("y").line("f", [(3.0, 0.1)]).picture()),
        ("empty", Plot::new("Nothing").x("x").y("y").line("f", [(f64::NAN, 1.0)]).picture()),
    ]
}
