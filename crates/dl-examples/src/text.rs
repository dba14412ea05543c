//! A text as characters, and a transformer that writes on. Vaswani et al.: "Attention is all you need", 2017, with
//! layers that normalize first.

use std::fmt;
use std::path::{Path, PathBuf};

use dl_backends::{Executor, Session};
use dl_core::nn::{self, AdamW, Embedding, LayerNorm, Mode, OneCycle, TransformerEncoderLayer};
use dl_core::{DType, Expr, F32, Graph, I64, Init, Program, Tensor};
use dl_train::{Metric, Source, Trainer, from_fn};

use crate::perceptron::B;

/// Characters as numbers: the place of each in `alphabet`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Every character that occurs, in order.
    pub alphabet: Vec<char>,
    /// Nine tenths, to learn from.
    pub train: Vec<i64>,
    /// The last tenth.
    pub test: Vec<i64>,
}

impl Text {
    /// What is between the marks of a Project Gutenberg text where there are such, all of it otherwise; runs of
    /// white space within a line, and carriage returns, are one space or none.
    ///
    /// # Errors
    /// There are fewer characters than a window needs.
    pub fn new(text: &str) -> Result<Self, String> {
        let marked = text.split_once("*** START OF").and_then(|(_, rest)| rest.split_once('\n'));
        let text = marked.map_or(text, |(_, rest)| rest);
        let text = text.split_once("*** END OF").map_or(text, |(text, _)| text);
        let text: String = text.chars().filter(|c| *c != '\r' && *c != '\u{feff}').collect();
        let mut alphabet: Vec<char> = text.chars().collect();
        alphabet.sort_unstable();
        alphabet.dedup();
        let place = |c: char| alphabet.binary_search(&c).map_or(0, |place| place as i64);
        let mut train: Vec<i64> = text.chars().map(place).collect();
        let test = train.split_off(train.len() / 10 * 9);
        if test.len() <= WINDOW {
            return Err(format!("a text of at least {} characters is needed", 10 * (WINDOW + 1)));
        }
        Ok(Text { alphabet, train, test })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// There is no such file, it is no UTF-8, or too short.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Text::new(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The characters of `places`.
    pub fn spelled(&self, places: &[i64]) -> String {
        places.iter().filter_map(|place| self.alphabet.get(*place as usize)).collect()
    }

    /// The places of the characters of `text` that occur in the alphabet.
    pub fn places(&self, text: &str) -> Vec<i64> {
        text.chars().filter_map(|c| self.alphabet.binary_search(&c).ok()).map(|place| place as i64).collect()
    }
}

/// `356,000 characters of 78, a tenth of them to test with`.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.train.len() + self.test.len();
        write!(f, "{all} characters, {} different ones; the last tenth is to test with", self.alphabet.len())
    }
}

/// Where the crate `esaxx-rs` 0.1.10, which the workspace's lock file names, has laid "Around the World in 80
/// Days" by Jules Verne (1873; Project Gutenberg's EBook #103, in the public domain in the United States).
///
/// # Errors
/// It is not there: the crate was not fetched.
pub fn at_hand() -> Result<PathBuf, String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let registries = home.map(|home| home.join("registry/src")).filter(|folder| folder.is_dir());
    let folders = registries.and_then(|folder| folder.read_dir().ok()).into_iter().flatten().flatten();
    let mut places = folders.map(|folder| folder.path().join("esaxx-rs-0.1.10/data/eighty.txt"));
    let missing = "no text: `cargo fetch` brings one, and --text FILE takes any";
    places.find(|place| place.is_file()).ok_or_else(|| missing.into())
}

/// Characters that the model sees before the one that it tells.
pub const WINDOW: usize = 64;

/// A model of text, character by character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer {
    /// Characters of the alphabet.
    pub alphabet: usize,
    /// Numbers for each character.
    pub width: usize,
    /// Heads of attention.
    pub heads: usize,
    /// Layers.
    pub layers: usize,
}

impl Writer {
    /// Two layers of width 128 with 4 heads.
    pub fn of(text: &Text) -> Self {
        Writer { alphabet: text.alphabet.len(), width: 128, heads: 4, layers: 2 }
    }

    /// Places of characters `[B, WINDOW]` to logits of the next one of each `[B, WINDOW, alphabet]`.
    fn logits<'g>(&self, places: Expr<'g>, mode: Mode) -> Expr<'g> {
        let small = Init::Normal { mean: 0.0, std: 0.02 };
        let h = Embedding::new(self.alphabet, self.width).weight(small.clone()).apply(places, "characters");
        let mut h = h + places.graph().parameter("positions", F32, (WINDOW, self.width), small);
        let layer = TransformerEncoderLayer::new(self.heads, 4 * self.width);
        let layer = layer.causal().pre_norm().activation(nn::gelu).dropout(0.1);
        for i in 1..=self.layers {
            h = layer.apply(h, &format!("layer{i}"), mode);
        }
        nn::dense(LayerNorm::new().apply(h, "norm"), "next", self.alphabet)
    }

    /// The mean cross entropy of the next characters, in bits: inputs `x` and `y`, `i64` `[B, WINDOW]`.
    fn bits<'g>(&self, g: &'g Graph, mode: Mode) -> Expr<'g> {
        let (x, y) = (g.input("x", I64, (B, WINDOW)), g.input("y", I64, (B, WINDOW)));
        (nn::cross_entropy(self.logits(x, mode), y).mean(..) / std::f64::consts::LN_2).named("bits")
    }

    /// A training step, one of so many.
    ///
    /// # Errors
    /// When heads do not divide the width.
    pub fn train(&self, steps: u64) -> dl_core::Result<Program> {
        let g = Graph::new();
        let rate = OneCycle::new(3e-3, steps);
        self.bits(&g, Mode::Train).minimize(AdamW::new(rate).weight_decay(0.01))
    }

    /// A trainer on `executor` with batches of 64 windows; `seed` decides the first weights and the order.
    ///
    /// # Errors
    /// As for [`train`](Writer::train); also what the executor refuses.
    pub fn trainer<'a>(
        &self,
        executor: Box<dyn Executor>,
        windows: usize,
        (epochs, batch): (usize, usize),
        seed: u64,
    ) -> dl_train::Result<Trainer<'a>> {
        let g = Graph::new();
        let evaluation = Program::builder(&g).output("bits", self.bits(&g, Mode::Evaluate)).compile()?;
        let steps = (epochs * windows.div_ceil(batch)) as u64;
        Ok(Trainer::new(Session::boxed(executor, seed), &self.train(steps)?)?
            .evaluate_with(&evaluation)?
            .report_evaluation([Metric::mean("bits")])?
            .epochs(epochs)
            .batch_size(batch)
            .evaluation_batch_size(100)
            .shuffle(seed))
    }

    /// Writes on from `places` by drawing each next character from what the model thinks of it.
    ///
    /// # Errors
    /// What the executor refuses.
    pub fn write(
        &self,
        session: &mut Session,
        places: &[i64],
        characters: usize,
        seed: u64,
    ) -> dl_backends::Result<Vec<i64>> {
        let g = Graph::new();
        let chances = nn::softmax(self.logits(g.input("x", I64, (B, WINDOW)), Mode::Evaluate), -1);
        let program = session.compile(&Program::builder(&g).output("chances", chances).compile()?)?;
        let uniform = Init::Uniform { low: 0.0, high: 1.0 };
        let draws = uniform.sample(DType::F64, &[characters], seed, "draws")?;
        let mut written = places.to_vec();
        for mut draw in draws.to_f64() {
            let known = &written[written.len().saturating_sub(WINDOW)..];
            // What comes after the last known place cannot be seen from there.
            let mut window = known.to_vec();
            window.resize(WINDOW, 0);
            let x = Tensor::new([1, WINDOW], window)?;
            let chances = session.run(&program, &[x.view()])?.read("chances")?.to_f64();
            let at = known.len().saturating_sub(1) * self.alphabet;
            let next = chances[at..at + self.alphabet].iter().position(|chance| {
                draw -= chance;
                draw < 0.0
            });
            written.push(next.unwrap_or(self.alphabet - 1) as i64);
        }
        Ok(written)
    }
}

/// Windows of `places`, one behind the other: `x`, and as `y` the characters that follow.
pub fn windows(places: &[i64]) -> impl Source + '_ {
    from_fn(places.len().saturating_sub(1) / WINDOW, move |rows, batch| {
        for (name, later) in [("x", 0), ("y", 1)] {
            let window = |row: &usize| &places[row * WINDOW + later..][..WINDOW];
            batch.set(name, &[rows.len(), WINDOW], |into| {
                into.extend(rows.iter().flat_map(|row| window(row).iter().copied()));
            })?;
        }
        Ok(())
    })
}
