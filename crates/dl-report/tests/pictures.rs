//! Pictures are well-formed whatever they show, and say what they leave out.

use dl_report::{Bars, HeatMap, Histogram, Picture, Plot};
use expect_test::expect;
use proptest::prelude::*;
use roxmltree::Document;

/// The texts of a picture, in order, after its XML was found well-formed.
#[track_caller]
fn texts(picture: &Picture) -> Vec<String> {
    let svg = picture.svg();
    let document = Document::parse(&svg).unwrap_or_else(|error| panic!("{error}\n{svg}"));
    let root = document.root_element();
    assert_eq!(root.attribute("role"), Some("img"));
    let (width, height) = picture.size();
    for node in root.descendants().filter(|node| node.is_element()) {
        for name in ["x", "y", "cx", "cy", "x1", "x2", "y1", "y2", "width", "height", "r"] {
            let Some(text) = node.attribute(name) else { continue };
            let value: f64 = text.parse().unwrap_or_else(|_| panic!("{name}=\"{text}\""));
            let most = f64::from(width.max(height)) * 10.0;
            assert!((0.0..=most).contains(&value), "{name}=\"{text}\" of {width} × {height}");
        }
    }
    let corners = root.descendants().filter_map(|node| node.attribute("points"));
    for place in corners.flat_map(|points| points.split([',', ' '])).filter(|place| !place.is_empty()) {
        let value: f64 = place.parse().unwrap_or_else(|_| panic!("{place}"));
        // A mark at the edge reaches a little beyond.
        assert!((-60.0..=f64::from(width.max(height)) * 10.0 + 60.0).contains(&value), "{place}");
    }
    let texts = root.descendants().filter(|node| node.has_tag_name("text"));
    texts.map(|node| node.text().unwrap_or_default().trim().to_owned()).collect()
}

#[test]
fn a_small_plot() {
    let plot = Plot::new("J").x("epoch").y("J").size(240, 160).line("train", [(1.0, 1.0), (2.0, 0.5)]);
    expect![[r##"
        <svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" width="240" height="160" viewBox="0 0 2400 1600" font-family="system-ui, sans-serif" stroke-linejoin="round" style="min-width:min(240px,27rem)">
        <title>J</title>
        <rect x="0" y="0" width="2400" height="1600" fill="#FFFFFF" stroke="none"/>
        <text x="100" y="160" dy="0.5ex" text-anchor="start" font-size="140" fill="#1B1F24" font-weight="bold">
        J
        </text>
        <polyline fill="none" stroke="#006AB2" stroke-width="18" points="100,380 280,380 "/>
        <circle cx="190" cy="380" r="40" fill="#006AB2" stroke="none" stroke-width="1"/>
        <text x="330" y="380" dy="0.5ex" text-anchor="start" font-size="130" fill="#1B1F24">
        train
        </text>
        <polyline fill="none" stroke="#D5DAE0" stroke-width="10" points="518,1157 2240,1157 "/>
        <text x="448" y="1157" dy="0.5ex" text-anchor="end" font-size="120.00000000000001" fill="#5A6472">
        0.5
        </text>
        <polyline fill="none" stroke="#D5DAE0" stroke-width="10" points="518,583 2240,583 "/>
        <text x="448" y="583" dy="0.5ex" text-anchor="end" font-size="120.00000000000001" fill="#5A6472">
        1
        </text>
        <polyline fill="none" stroke="#D5DAE0" stroke-width="10" points="566,560 566,1180 "/>
        <text x="566" y="1310" dy="0.5ex" text-anchor="middle" font-size="120.00000000000001" fill="#5A6472">
        1
        </text>
        <polyline fill="none" stroke="#D5DAE0" stroke-width="10" points="2191,560 2191,1180 "/>
        <text x="2191" y="1310" dy="0.5ex" text-anchor="middle" font-size="120.00000000000001" fill="#5A6472">
        2
        </text>
        <polyline fill="none" stroke="#5A6472" stroke-width="10" points="518,560 518,1180 2240,1180 "/>
        <text x="1379" y="1490" dy="0.5ex" text-anchor="middle" font-size="130" fill="#1B1F24">
        epoch
        </text>
        <text x="130" y="870" dy="0.5ex" text-anchor="middle" font-size="130" fill="#1B1F24" transform="rotate(270, 130, 870)">
        J
        </text>
        <polyline fill="none" stroke="#006AB2" stroke-width="18" points="566,583 2191,1157 "/>
        <circle cx="566" cy="583" r="30" fill="#006AB2" stroke="none" stroke-width="1"/>
        <circle cx="2191" cy="1157" r="30" fill="#006AB2" stroke="none" stroke-width="1"/>
        </svg>
    "##]].assert_eq(&plot.picture().inline());
}

#[test]
fn what_is_left_out_is_said() {
    let line = [(1.0, 2.0), (2.0, f64::NAN), (3.0, 0.0), (4.0, 1.0)];
    let linear = Plot::new("a").line("f", line);
    assert!(texts(&linear.picture()).contains(&"1 value left out: not finite".to_owned()));
    let log = texts(&linear.log_y().picture());
    assert!(log.contains(&"2 values left out: not finite or not above 0".to_owned()), "{log:?}");
    let histogram = Histogram::new("a").values("f", [1.0, f64::INFINITY]);
    assert!(texts(&histogram.picture()).contains(&"1 not finite".to_owned()));
    let bars = Bars::new("a").bar("", f64::NAN, None).bar("", 1.0, None);
    assert!(texts(&bars.picture()).contains(&"NaN (not drawn)".to_owned()));
    let cells = HeatMap::new("a", [vec![f64::NAN, 1.0]]).numbers();
    let cells = texts(&cells.picture());
    assert!(cells.contains(&"×".to_owned()) && cells.contains(&"1 not finite, marked ×".to_owned()));
}

#[test]
fn nothing_is_a_picture_too() {
    let pictures = [
        Plot::new("a").picture(),
        Plot::new("a").line("f", [(f64::NAN, 0.0)]).picture(),
        Bars::new("a").picture(),
        Histogram::new("a").values("f", []).picture(),
        HeatMap::new("a", []).picture(),
        HeatMap::new("a", [vec![]]).picture(),
    ];
    for picture in pictures {
        assert!(texts(&picture).contains(&"nothing to draw".to_owned()), "{:?}", picture.svg());
    }
}

#[test]
fn a_line_is_broken_where_a_value_is_missing() {
    let values = (0..100).map(|k| (f64::from(k), if k == 50 { f64::NAN } else { 1.0 + f64::from(k) }));
    let svg = Plot::new("a").line("", values).picture().svg();
    let document = Document::parse(&svg).unwrap();
    let lines = document.descendants().filter(|node| node.attribute("stroke") == Some("#006AB2"));
    assert_eq!(lines.filter(|node| node.has_tag_name("polyline")).count(), 2);
}

#[test]
fn a_million_points_are_few_and_no_peak_is_lost() {
    let peak = 654_321;
    let values = (0..1_000_000).map(|k| (f64::from(k), if k == peak { 7.0 } else { 0.0 }));
    let svg = Plot::new("a").line("", values).picture().svg();
    assert!(svg.len() < 40_000, "{}", svg.len());
    let document = Document::parse(&svg).unwrap();
    let lines = document.descendants().filter(|node| node.attribute("stroke") == Some("#006AB2"));
    let heights = lines.flat_map(|node| node.attribute("points").unwrap_or_default().split_whitespace());
    let heights: Vec<i32> = heights.map(|point| point.split(',').nth(1).unwrap().parse().unwrap()).collect();
    let (top, bottom) = (heights.iter().min().unwrap(), heights.iter().max().unwrap());
    assert!(bottom - top > 2000, "{top} {bottom}");
    assert_eq!(heights.iter().filter(|y| *y == top).count(), 1);
}

#[test]
fn text_from_outside_stays_text() {
    let evil = "</text><script>&\"'\u{0}\n";
    let plot = Plot::new(evil).x(evil).y(evil).labelled(evil, [(1.0, 1.0, evil)]).note(evil);
    let bars = Bars::new(evil).value(evil).group(evil).bar(evil, 1.0, None).bar("b", 2.0, None).note(evil);
    let cells = HeatMap::new(evil, [vec![1.0]]).rows(evil, [evil]).columns(evil, [evil]).note(evil);
    let histogram = Histogram::new(evil).x(evil).values(evil, [1.0, 2.0]);
    for picture in [plot.picture(), bars.picture(), cells.picture(), histogram.picture()] {
        assert!(texts(&picture).iter().any(|text| text.starts_with("</text>")));
        assert!(!picture.svg().contains("<script"));
    }
}

/// Any float, extremes and equal ones more often than by chance.
fn float() -> impl Strategy<Value = f64> {
    let extremes =
        [0.0, -0.0, 1.0, 5e-324, -5e-324, f64::MIN_POSITIVE, 1e-300, f64::MAX, -f64::MAX, f64::NAN];
    prop_oneof![
        proptest::num::f64::ANY,
        -10.0..10.0,
        proptest::sample::select(extremes.to_vec()),
        Just(f64::INFINITY),
    ]
}

#[test]
fn pictures_stand_below_one_another() {
    let (plot, bars) = (Plot::new("a").line("", [(1.0, 2.0)]).picture(), Bars::new("b").picture());
    let stack = Picture::stack("both", [plot.clone(), bars.clone()]);
    assert_eq!(stack.size(), (560, plot.size().1 + bars.size().1));
    let shown = texts(&stack);
    assert!(shown.contains(&"a".to_owned()) && shown.contains(&"b".to_owned()));
    assert!(texts(&Picture::stack("none", [])).contains(&"nothing to draw".to_owned()));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_numbers_are_drawn(
        points in prop::collection::vec((float(), float()), 0..8),
        band in prop::collection::vec((float(), float(), float()), 0..5),
        log_x: bool,
        log_y: bool,
        size in (0u32..800, 0u32..800),
    ) {
        let mut plot = Plot::new("t").x("x").y("y").size(size.0, size.1).from_zero();
        plot = if log_x { plot.log_x() } else { plot };
        plot = if log_y { plot.log_y() } else { plot };
        plot = plot.line("a", points.clone()).band(band).reference("r", points.clone());
        texts(&plot.labelled("b", points.iter().map(|(x, y)| (*x, *y, "label"))).picture());
    }

    #[test]
    fn any_numbers_are_barred_binned_and_mapped(
        values in prop::collection::vec((float(), prop::option::of((float(), float()))), 0..8),
        log: bool,
        bins in 0usize..60,
        names in prop::collection::vec(".{0,40}", 8),
    ) {
        let mut bars = Bars::new("t").value("x").reference("r", values.first().map_or(1.0, |v| v.0));
        for ((value, spread), name) in values.iter().zip(&names) {
            bars = bars.group(name).bar("a", *value, *spread).bar("b", *value, None);
        }
        texts(&if log { bars.log() } else { bars }.picture());
        let numbers: Vec<f64> = values.iter().map(|(value, _)| *value).collect();
        let histogram = Histogram::new("t").bins(bins).values("a", numbers.clone());
        texts(&if log { histogram.log_y() } else { histogram }.picture());
        let map = HeatMap::new("t", numbers.chunks(3).map(<[f64]>::to_vec)).rows("r", names.clone());
        let map = if log { map.by_row() } else { map };
        texts(&map.columns("c", names).numbers().picture());
    }
}
