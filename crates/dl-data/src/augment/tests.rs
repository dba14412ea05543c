//! What becomes of small images, pixel by pixel.

use super::*;

const SHAPE: [usize; 3] = [2, 3, 1];
const IMAGE: [u8; 6] = [1, 2, 3, 4, 5, 6];

const STILL: Map = Map { flip: false, shift: [0.0; 2], angle: 0.0, share: 1.0, middle: [0.0; 2] };

fn seen(map: Map) -> Vec<u8> {
    let mut image = IMAGE;
    Warp::new(SHAPE).apply(&mut image, &map, None);
    image.to_vec()
}

#[test]
fn images_are_moved_and_mirrored() {
    assert_eq!(seen(STILL), IMAGE);
    assert_eq!(seen(Map { flip: true, ..STILL }), [3, 2, 1, 6, 5, 4]);
    assert_eq!(seen(Map { shift: [1.0, 0.0], ..STILL }), [0, 0, 0, 1, 2, 3]);
    assert_eq!(seen(Map { shift: [0.0, -1.0], ..STILL }), [2, 3, 0, 5, 6, 0]);
    assert_eq!(seen(Map { flip: true, shift: [0.0, 1.0], ..STILL }), [0, 3, 2, 0, 6, 5]);
    assert_eq!(seen(Map { shift: [9.0, 0.0], ..STILL }), [0; 6]);
}

#[test]
fn a_place_between_pixels_is_a_mixture_of_four() {
    // Half a pixel down and to the right: what is seen lies half a pixel up and to the left.
    assert_eq!(seen(Map { shift: [0.5, 0.5], ..STILL }), [0, 1, 1, 1, 3, 4]);
    let mut image = IMAGE.map(f32::from);
    Warp::new(SHAPE).apply(&mut image, &Map { shift: [0.5, 0.5], ..STILL }, None);
    assert_eq!(image, [0.25, 0.75, 1.25, 1.25, 3.0, 4.0]);
}

#[test]
fn a_quarter_turn_of_a_square() {
    let mut square: Vec<f32> = (0..9u8).map(f32::from).collect();
    let angle = std::f64::consts::FRAC_PI_2;
    Warp::new([3, 3, 1]).apply(&mut square, &Map { angle, ..STILL }, None);
    let want = [2.0, 5.0, 8.0, 1.0, 4.0, 7.0, 0.0, 3.0, 6.0];
    let near = square.iter().zip(want).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-5);
    assert!(near, "{square:?}");
}

#[test]
fn a_crop_is_enlarged_and_stays_inside() {
    let mut row = [0.0f32, 10.0, 20.0, 30.0, 40.0];
    let map = Map { share: 0.5, middle: [0.0, 1.0], ..STILL };
    Warp::new([1, 5, 1]).apply(&mut row, &map, None);
    assert_eq!(row, [20.0, 25.0, 30.0, 35.0, 40.0]);
    let crop = Augmentation::new().crop(0.3).on([8, 8, 1]).unwrap();
    for seed in 0..200 {
        let mut image = [200u8; 64];
        crop.apply(&mut image, seed);
        assert_eq!(image, [200; 64], "nothing comes from outside");
    }
}

#[test]
fn channels_stay_together() {
    let how = Augmentation::new().shift(2).rotate(30.0).elastic(8.0, 2.0).flip();
    let (grey, colour) = (how.on([9, 7, 1]).unwrap(), how.on([9, 7, 3]).unwrap());
    let mut one: Vec<u8> = (0..63).map(|i| i * 4).collect();
    let mut three: Vec<u8> = one.iter().flat_map(|p| [*p, 255 - *p, *p / 2]).collect();
    grey.apply(&mut one, 5);
    colour.apply(&mut three, 5);
    assert!(one.iter().zip(three.chunks_exact(3)).all(|(p, c)| *p == c[0]));
    assert!(one.iter().any(|p| *p > 0));
}

#[test]
fn one_more_kind_changes_nothing_in_the_others() {
    let drawn = |how: Augmentation| how.on([28, 28, 1]).unwrap().drawn(&mut Random::new(9));
    let both = drawn(Augmentation::new().shift(3).rotate(10.0).flip());
    assert_eq!(drawn(Augmentation::new().shift(3)).shift, both.shift);
    assert_eq!(drawn(Augmentation::new().rotate(10.0)).angle, both.angle);
    assert_eq!(drawn(Augmentation::new().flip()).flip, both.flip);
}

#[test]
fn moves_and_flips_are_as_likely_as_documented() {
    let how = Augmentation::new().shift(1).flip().on([3, 3, 1]).unwrap();
    let (mut shifts, mut flips) = ([0u32; 9], 0);
    for seed in 0..9000 {
        let map = how.drawn(&mut Random::new(seed));
        shifts[((map.shift[0] + 1.0) * 3.0 + map.shift[1] + 1.0) as usize] += 1;
        flips += u32::from(map.flip);
    }
    assert!(shifts.iter().all(|n| (850..1150).contains(n)), "{shifts:?}");
    assert!((4200..4800).contains(&flips), "{flips}");
}

#[test]
fn images_do_not_depend_on_their_neighbours() {
    let how = Augmentation::new().shift(2).rotate(15.0).crop(0.8).flip().elastic(20.0, 3.0);
    let how = how.on([12, 10, 1]).unwrap();
    let images: Vec<u8> = (0..5 * 120u32).map(|i| (i * 7 % 251) as u8).collect();
    let mut all = images.clone();
    how.apply_all(&mut all, (0..5).map(Random::new));
    for i in (0..5).rev() {
        let mut one = images[i * 120..][..120].to_vec();
        how.apply(&mut one, i as u64);
        assert_eq!(one, all[i * 120..][..120]);
        assert_ne!(one, images[i * 120..][..120]);
    }
}

/// So that a training of today comes out again tomorrow, and on another machine.
#[test]
fn golden_image() {
    let how = Augmentation::new().shift(1).rotate(20.0).crop(0.7).flip().elastic(6.0, 1.5);
    let mut image: Vec<u8> = (0..20).map(|i| i * 12).collect();
    how.on([4, 5, 1]).unwrap().apply(&mut image, 3);
    assert_eq!(image, GOLDEN);
}

const GOLDEN: [u8; 20] =
    [110, 114, 135, 168, 193, 134, 138, 156, 185, 207, 159, 156, 164, 184, 199, 196, 186, 183, 191, 200];

#[test]
fn settings_are_checked_and_told() {
    let fails = |how: Augmentation, want: &str| {
        assert_eq!(how.on([2, 2, 1]).unwrap_err().to_string(), want);
    };
    let new = Augmentation::new;
    fails(new().rotate(f64::NAN), "a rotation of NaN: expected degrees from 0 on");
    fails(new().crop(0.0), "a crop of 0: expected a share above 0, up to 1");
    fails(new().elastic(f64::INFINITY, 1.0), "an elastic α of inf: expected a number up to 1000000");
    fails(new().elastic(1.0, 0.0), "an elastic σ of 0: expected pixels above 0, up to 1000");
    let why = new().on([0, 3, 1]).unwrap_err().to_string();
    assert!(why.starts_with("images of [0, 3, 1] cannot be augmented"), "{why}");
    assert!(new().on([1 << 20, 1 << 20, 1 << 40]).is_err());
    assert_eq!(new().to_string(), "");
    let all = new().shift(1).rotate(5.0).crop(0.9).flip().to_string();
    assert_eq!(
        all,
        "moved by up to 1, turned by up to 5°, cropped to 0.9 of their sides or more, half of them mirrored"
    );
    assert_eq!(new(), Augmentation::default());
}
