#!/usr/bin/env bash
# Package: plotters 0.3.7 with its SVG backend (plotters-svg 0.3.7).
# Expected: a chart's text may be any string, a column's name from a file for instance; the drawing is XML, whose own
#   signs in it are escaped, so that what cannot stand in XML is left out or replaced.
#   https://docs.rs/plotters/0.3.7/plotters/ and https://www.w3.org/TR/xml/#charsets
# Seen: `<`, `&` and quotes are escaped, but control characters are passed on. XML has no such characters, so the file is
#   refused by every XML parser, and browsers show an error in the place of the chart.
# Output seen:
#   a & b: well-formed
#   unit U+001F separated: not well-formed (invalid token)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
plotters = { version = "=0.3.7", default-features = false, features = ["svg_backend"] }
plotters-svg = "=0.3.7"
TOML
cat > src/main.rs <<'RUST'
use plotters::prelude::*;

fn main() {
    for (file, text) in [("plain.svg", "a & b"), ("control.svg", "flow\u{1f}litres")] {
        let area = SVGBackend::new(file, (200, 100)).into_drawing_area();
        area.draw(&Text::new(text, (10, 10), ("sans-serif", 16))).unwrap();
        area.present().unwrap();
    }
}
RUST
cargo run --quiet
python3 - <<'PYTHON'
import xml.parsers.expat as expat

found = []
for name, file in [("a & b", "plain.svg"), ("unit U+001F separated", "control.svg")]:
    try:
        expat.ParserCreate().Parse(open(file, "rb").read(), True)
        found.append(f"{name}: well-formed")
    except expat.ExpatError as error:
        found.append(f"{name}: not well-formed ({expat.ErrorString(error.code).split('(')[-1].rstrip(')')})")
print("\n".join(found))
assert found == ["a & b: well-formed", "unit U+001F separated: not well-formed (invalid token)"], found
PYTHON
