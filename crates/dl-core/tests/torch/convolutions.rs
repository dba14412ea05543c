//! Convolution, pooling and resampling as PyTorch has them; the settings of a case stand in its name.

use std::collections::BTreeMap;

use dl_core::Expr;
use dl_core::nn::{self, Conv, ConvTranspose, PaddingMode, Pads, Pool, Upsample};

use super::table::{Formula, Table, agree, formula};

/// What follows the colon of a case's name: `size=3,2 out=4 mode=reflect`.
#[derive(Clone)]
struct Settings(BTreeMap<String, String>);

impl Settings {
    fn of(name: &str) -> Settings {
        let (_, text) = name.split_once(": ").unwrap();
        let pairs = text.split(' ').map(|pair| pair.split_once('=').unwrap());
        Settings(pairs.map(|(key, value)| (key.into(), value.into())).collect())
    }

    fn text(&self, key: &str) -> &str {
        &self.0[key]
    }

    fn numbers(&self, key: &str) -> Vec<usize> {
        self.text(key).split(',').map(|n| n.parse().unwrap()).collect()
    }

    fn number(&self, key: &str) -> usize {
        self.numbers(key)[0]
    }

    fn padding(&self) -> Pads {
        let sides: Vec<_> = self.numbers("padding").chunks(2).map(|side| (side[0], side[1])).collect();
        sides.into()
    }

    fn mode(&self) -> PaddingMode {
        match self.0.get("mode").map(String::as_str) {
            Some("reflect") => PaddingMode::Reflect,
            Some("replicate") => PaddingMode::Replicate,
            Some("circular") => PaddingMode::Circular,
            _ => PaddingMode::Zeros,
        }
    }
}

/// A number of axes that is not known before the run, for a function of arrays.
macro_rules! by_axes {
    ($size:expr, $array:ident => $made:expr) => {
        match *$size.as_slice() {
            [a] => {
                let $array = [a];
                $made
            }
            [a, b] => {
                let $array = [a, b];
                $made
            }
            [a, b, c] => {
                let $array = [a, b, c];
                $made
            }
            _ => panic!("one to three axes"),
        }
    };
}

fn conv<'g>(s: &Settings, x: Expr<'g>, w: Expr<'g>) -> Expr<'g> {
    let conv = by_axes!(s.numbers("size"), size => Conv::new(size, s.number("out")));
    let conv = conv.stride(s.numbers("stride")).dilation(s.numbers("dilation")).groups(s.number("groups"));
    let conv = match s.text("padding") {
        "same" => conv.same(),
        _ => conv.padding(s.padding()),
    };
    conv.padding_mode(s.mode()).with_weight(x, w)
}

fn transposed<'g>(s: &Settings, x: Expr<'g>, w: Expr<'g>) -> Expr<'g> {
    let conv = by_axes!(s.numbers("size"), size => ConvTranspose::new(size, s.number("out")));
    let conv = conv.stride(s.numbers("stride")).dilation(s.numbers("dilation")).groups(s.number("groups"));
    conv.padding(s.padding()).output_padding(s.numbers("more")).with_weight(x, w)
}

fn pool<'g>(s: &Settings, x: Expr<'g>) -> Expr<'g> {
    let pool = by_axes!(s.numbers("size"), size => match s.text("kind") {
        "max" => Pool::max(size),
        "norm" => Pool::norm(size, 4.0),
        "average" => Pool::average(size),
        _ => Pool::average(size).uncounted_padding(),
    });
    let pool = pool.stride(s.numbers("stride")).dilation(s.numbers("dilation")).padding(s.padding());
    if s.number("ceil") == 1 { pool.ceil().apply(x) } else { pool.apply(x) }
}

fn adaptive<'g>(s: &Settings, x: Expr<'g>) -> Expr<'g> {
    by_axes!(s.numbers("size"), size => match s.text("kind") {
        "max" => nn::adaptive_max_pool(x, size),
        _ => nn::adaptive_avg_pool(x, size),
    })
}

fn resampled<'g>(s: &Settings, up: Upsample, x: Expr<'g>) -> Expr<'g> {
    match s.text("mode") {
        "nearest" => up.apply(x),
        "bilinear" => up.linear().apply(x),
        _ => up.aligned_corners().apply(x),
    }
}

/// The formulas of the cases with settings.
fn formulas(text: &str) -> Vec<(String, Formula)> {
    let table = Table::read(text);
    let with_settings = table.cases.keys().filter(|name| name.contains(": "));
    let mut formulas = vec![];
    for name in with_settings {
        let (s, of) = (Settings::of(name), name.split([' ', ':']).next().unwrap());
        let made = match of {
            _ if of.starts_with("conv_transpose") => formula(move |x| transposed(&s, x["x"], x["w"])),
            _ if of.starts_with("conv") => formula(move |x| conv(&s, x["x"], x["w"])),
            "pool" => formula(move |x| pool(&s, x["x"])),
            "adaptive" => formula(move |x| adaptive(&s, x["x"])),
            "to" => formula(move |x| {
                resampled(&s, by_axes!(s.numbers("size"), size => Upsample::to(size)), x["x"])
            }),
            _ => formula(move |x| {
                resampled(&s, by_axes!(s.numbers("size"), size => Upsample::by(size)), x["x"])
            }),
        };
        formulas.push((name.clone(), made));
    }
    formulas
}

#[test]
fn convolutions_agree_with_pytorch() {
    let text = include_str!("convolutions.json");
    agree(text, &formulas(text));
}

#[test]
fn pooling_agrees_with_pytorch() {
    let text = include_str!("pooling.json");
    agree(text, &formulas(text));
}

#[test]
fn resampling_agrees_with_pytorch() {
    let text = include_str!("resampling.json");
    let mut all = formulas(text);
    let mut other = |name: &str, f: Formula| all.push((name.into(), f));
    other("trilinear", formula(|x| Upsample::to([3, 2, 4]).linear().apply(x["x"])));
    other("pixel_shuffle", formula(|x| nn::pixel_shuffle(x["x"], 2)));
    other("pixel_unshuffle", formula(|x| nn::pixel_unshuffle(x["x"], 2)));
    let sides = [(2, 0), (1, 2)];
    other("pad constant", formula(move |x| nn::pad(x["x"], sides, PaddingMode::Zeros)));
    other("pad reflect", formula(move |x| nn::pad(x["x"], sides, PaddingMode::Reflect)));
    other("pad replicate", formula(move |x| nn::pad(x["x"], sides, PaddingMode::Replicate)));
    other("pad circular", formula(move |x| nn::pad(x["x"], sides, PaddingMode::Circular)));
    other("crop", formula(|x| nn::crop(x["x"], [(0, 2), (1, 0)])));
    agree(text, &all);
}
