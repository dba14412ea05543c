//! Tiles: what their images hold, whatever the numbers.
#![cfg(feature = "images")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dl_report::{Picture, Tile, Tiles};
use roxmltree::Document;

/// The pixels of every image of a picture, RGBA.
fn images(picture: &Picture) -> Vec<Vec<u8>> {
    let svg = picture.svg();
    let document = Document::parse(&svg).expect("well-formed");
    let images = document.descendants().filter(|node| node.has_tag_name("image"));
    let decoded = images.map(|node| {
        let data = node.attribute("href").and_then(|link| link.strip_prefix("data:image/png;base64,"));
        let bytes = STANDARD.decode(data.expect("a PNG")).expect("readable");
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("readable");
        let mut pixels = vec![0; reader.output_buffer_size().expect("small")];
        reader.next_frame(&mut pixels).expect("readable");
        pixels
    });
    decoded.collect()
}

#[test]
fn grey_is_ink_on_white() {
    let tile = Tile::grey([1, 4], [0.0, 8.0, 16.0, -1.0]).full(16.0);
    let [pixels] = &images(&Tiles::new("t").tile(tile).picture())[..] else { panic!("one image") };
    let greys: Vec<&[u8]> = pixels.chunks(4).collect();
    assert_eq!(greys, [[255; 4], [127, 127, 127, 255], [0, 0, 0, 255], [255; 4]]);
}

#[test]
fn signed_tiles_share_a_scale() {
    let tiles =
        Tiles::new("t").tile(Tile::signed([1, 2], [1.0, -2.0])).tile(Tile::signed([1, 2], [4.0, 0.0]));
    let alphas: Vec<Vec<u8>> = images(&tiles.picture())
        .iter()
        .map(|image| image.chunks(4).map(|pixel| pixel[3]).collect())
        .collect();
    assert_eq!(alphas, [[64, 128], [255, 0]]);
}

#[test]
fn any_numbers_and_shapes_are_tiles() {
    let extremes = [f64::NAN, f64::INFINITY, f64::MAX, -f64::MAX, 5e-324, 0.0];
    let tiles = Tiles::new("</title>")
        .tile(Tile::grey([2, 3], extremes).caption("<b>\u{0}"))
        .tile(Tile::signed([3, 2], extremes))
        .tile(Tile::grey([4, 4], extremes).full(f64::NAN))
        .tile(Tile::grey([0, 7], extremes))
        .tile(Tile::signed([7, 0], []));
    let picture = tiles.picture();
    assert_eq!(images(&picture).len(), 3);
    assert!(picture.svg().contains("6 not finite, pink"));
    let many = (0..500).fold(Tiles::new("t"), |tiles, _| tiles.tile(Tile::grey([1, 1], [1.0]))).picture();
    assert_eq!(images(&many).len(), 400);
    assert!(many.svg().contains("the first 400 of 500"));
    assert!(Tiles::new("t").picture().svg().contains("nothing to draw"));
}
