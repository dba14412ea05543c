//! What a file for `dl run` says: TOML, read with a place for each mistake.

use std::borrow::Cow;
use std::ops::Range;

use dl_core::spelling::suggestion;
use toml::de::{DeArray, DeTable, DeValue};

use crate::formula::{Mistake, letter};

/// A value of the file with its place.
type Placed<'t> = toml::Spanned<DeValue<'t>>;

/// A training that a file describes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Description {
    pub formula: String,
    /// Where the formula's first character stands in the file, if it stands there as it is.
    pub place: Option<usize>,
    pub data: Option<Data>,
    pub inputs: Vec<(String, Input)>,
    pub parameters: Vec<(String, Parameter)>,
    pub constants: Vec<(String, f64)>,
    pub training: Training,
}

/// Where examples come from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Data {
    pub from: From,
    /// The share of examples that is held out.
    pub test: Option<f64>,
}

/// A file, what is in the command, or what stands in the description.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum From {
    File(String),
    Digits,
    Columns(Vec<(String, Vec<Cell>)>),
}

/// A value of a column that stands in the description.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Whole(i64),
    Real(f64),
    Text(String),
}

/// Which columns an input is made of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Input {
    pub columns: Vec<String>,
    /// Whether several columns, even if it is one: `[examples, columns]`.
    pub is_list: bool,
    pub standardize: bool,
}

/// What is known of a parameter.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Parameter {
    pub shape: Option<Vec<usize>>,
    pub start: Option<Start>,
    /// Where it stands.
    pub span: Range<usize>,
}

/// The first value of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Start {
    /// All elements.
    Number(f64),
    /// A distribution.
    Name(String),
}

/// How it is trained.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Training {
    pub optimizer: String,
    pub rate: f64,
    pub momentum: Option<f64>,
    pub weight_decay: Option<f64>,
    /// Epochs, or steps without data.
    pub rounds: usize,
    /// Examples of a step; all of them if none is said.
    pub batch: Option<usize>,
    pub seed: u64,
    pub double: bool,
}

impl Default for Training {
    fn default() -> Training {
        Training {
            optimizer: "sgd".into(),
            rate: 0.1,
            momentum: None,
            weight_decay: None,
            rounds: 100,
            batch: None,
            seed: 0,
            double: false,
        }
    }
}

/// Names of optimizers; the first value says whether they know momentum, the second weight decay.
pub(super) const OPTIMIZERS: [(&str, bool, bool); 10] = [
    ("sgd", true, true),
    ("adam", false, true),
    ("adamw", false, true),
    ("rmsprop", true, true),
    ("adagrad", false, true),
    ("adadelta", false, true),
    ("adamax", false, true),
    ("nadam", false, true),
    ("radam", false, true),
    ("lion", false, true),
];

/// Names of distributions of first values.
pub(super) const STARTS: [&str; 8] =
    ["zeros", "ones", "uniform", "normal", "xavier", "kaiming", "he", "orthogonal"];

/// Epochs or steps at most.
const MOST: i64 = 100_000_000;

/// Reads a description.
///
/// # Errors
/// The first mistake, with its place in the text.
pub(super) fn read(text: &str) -> Result<Description, Mistake> {
    let reader = Reader { text };
    let table = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        Mistake::new(text, span, error.message().to_owned())
    })?;
    reader.description(table.get_ref())
}

struct Reader<'t> {
    text: &'t str,
}

impl<'t> Reader<'t> {
    fn wrong(&self, at: Range<usize>, what: impl Into<String>) -> Mistake {
        Mistake::new(self.text, at, what)
    }

    /// Refuses keys that mean nothing.
    fn keys(&self, of: &str, table: &DeTable<'t>, known: &[&str]) -> Result<(), Mistake> {
        match table.iter().find(|(key, _)| !known.contains(&key.get_ref().as_ref())) {
            None => Ok(()),
            Some((key, _)) => {
                let name: &str = key.get_ref();
                let hint = suggestion(name, known.iter().copied());
                let known = known.join(", ");
                Err(self.wrong(key.span(), format!("{of} has no {name}{hint}; it has {known}")))
            }
        }
    }

    fn expected(&self, value: &Placed<'t>, expected: &str) -> Mistake {
        let found = value.get_ref().type_str();
        self.wrong(value.span(), format!("expected {expected}, found {found}"))
    }

    fn table<'v>(&self, value: &'v Placed<'t>, expected: &str) -> Result<&'v DeTable<'t>, Mistake> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self.expected(value, expected)),
        }
    }

    fn string<'v>(&self, value: &'v Placed<'t>, expected: &str) -> Result<&'v Cow<'t, str>, Mistake> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text),
            _ => Err(self.expected(value, expected)),
        }
    }

    fn whole(&self, value: &Placed<'t>, from: i64, to: i64) -> Result<i64, Mistake> {
        let expected = format!("a whole number from {from} to {to}");
        let DeValue::Integer(number) = value.get_ref() else { return Err(self.expected(value, &expected)) };
        let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
        number
            .filter(|number| (from..=to).contains(number))
            .ok_or_else(|| self.wrong(value.span(), format!("expected {expected}")))
    }

    fn number(&self, value: &Placed<'t>) -> Result<f64, Mistake> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n as f64)
            }
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => return Err(self.expected(value, "a number")),
        };
        number
            .filter(|n: &f64| n.is_finite())
            .ok_or_else(|| self.wrong(value.span(), "expected a finite number"))
    }

    fn positive(&self, value: &Placed<'t>) -> Result<f64, Mistake> {
        let number = self.number(value)?;
        if number < 0.0 {
            return Err(self.wrong(value.span(), "expected a number from 0 on"));
        }
        Ok(number)
    }

    fn flag(&self, value: &Placed<'t>) -> Result<bool, Mistake> {
        match value.get_ref() {
            DeValue::Boolean(flag) => Ok(*flag),
            _ => Err(self.expected(value, "true or false")),
        }
    }

    fn one_of(&self, value: &Placed<'t>, known: &[&str]) -> Result<String, Mistake> {
        let name = self.string(value, "a name in quotes")?;
        if known.contains(&&**name) {
            return Ok(name.to_string());
        }
        let hint = suggestion(name, known.iter().copied());
        Err(self.wrong(value.span(), format!("{name:?} is none of {}{hint}", known.join(", "))))
    }

    fn description(&self, table: &DeTable<'t>) -> Result<Description, Mistake> {
        let known = ["formula", "data", "inputs", "parameters", "constants", "training"];
        self.keys("a training", table, &known)?;
        let mut all = Description::default();
        let Some(formula) = table.get("formula") else {
            return Err(self.wrong(0..0, "no formula: formula = \"(theta - 3)^2\""));
        };
        let text = self.string(formula, "a formula in quotes")?;
        let raw = &self.text[formula.span()];
        all.place = raw.find(&**text).map(|at| formula.span().start + at);
        all.formula = text.to_string();
        if let Some(value) = table.get("data") {
            all.data = Some(self.data(value)?);
        }
        if let Some(value) = table.get("inputs") {
            for (name, value) in self.table(value, "inputs by name: [inputs]")? {
                all.inputs.push((letter(name.get_ref()).to_owned(), self.input(value)?));
            }
        }
        let Some(parameters) = table.get("parameters") else {
            return Err(self.wrong(0..0, "no parameters: [parameters] and in it theta = 0"));
        };
        for (name, value) in self.table(parameters, "parameters by name: [parameters]")? {
            let parameter = Parameter { span: name.span(), ..self.parameter(value)? };
            all.parameters.push((letter(name.get_ref()).to_owned(), parameter));
        }
        if all.parameters.is_empty() {
            return Err(self.wrong(parameters.span(), "no parameters: theta = 0"));
        }
        if let Some(value) = table.get("constants") {
            for (name, value) in self.table(value, "constants by name: [constants]")? {
                all.constants.push((letter(name.get_ref()).to_owned(), self.number(value)?));
            }
        }
        if let Some(value) = table.get("training") {
            all.training = self.training(self.table(value, "settings: [training]")?, all.data.is_some())?;
        }
        Ok(all)
    }

    fn data(&self, value: &Placed<'t>) -> Result<Data, Mistake> {
        let table = self.table(value, "what there is: [data]")?;
        self.keys("data", table, &["file", "set", "columns", "test"])?;
        let test = table.get("test").map(|value| {
            let share = self.number(value)?;
            if share <= 0.0 || share >= 1.0 {
                return Err(self.wrong(value.span(), "expected a share between 0 and 1, such as 0.2"));
            }
            Ok(share)
        });
        let test = test.transpose()?;
        let from = match (table.get("file"), table.get("set"), table.get("columns")) {
            (Some(file), None, None) => From::File(self.string(file, "the name of a file")?.to_string()),
            (None, Some(set), None) => {
                self.one_of(set, &["digits"])?;
                if test.is_some() {
                    let at = table.get("test").map_or(set.span(), |value| value.span());
                    return Err(self.wrong(at, "digits have a test part of their own"));
                }
                From::Digits
            }
            (None, None, Some(columns)) => From::Columns(self.columns(columns)?),
            _ => {
                let what =
                    "expected one of: file = \"points.csv\", set = \"digits\", columns = { x = [1, 2], … }";
                return Err(self.wrong(value.span(), what));
            }
        };
        Ok(Data { from, test })
    }

    fn columns(&self, value: &Placed<'t>) -> Result<Vec<(String, Vec<Cell>)>, Mistake> {
        let mut all = vec![];
        for (name, value) in self.table(value, "columns by name: x = [1, 2]")? {
            let DeValue::Array(values) = value.get_ref() else {
                return Err(self.expected(value, "a list of values"));
            };
            let cell = |value: &Placed<'t>| match value.get_ref() {
                DeValue::Integer(_) => self.whole(value, i64::MIN, i64::MAX).map(Cell::Whole),
                DeValue::Float(_) => self.number(value).map(Cell::Real),
                DeValue::String(text) => Ok(Cell::Text(text.to_string())),
                _ => Err(self.expected(value, "a number or a text")),
            };
            let cells = values.iter().map(cell).collect::<Result<Vec<_>, _>>()?;
            all.push((name.get_ref().to_string(), cells));
        }
        Ok(all)
    }

    fn input(&self, value: &Placed<'t>) -> Result<Input, Mistake> {
        let expected =
            "the name of a column, a list of them, or { columns = [\"a\", \"b\"], standardize = true }";
        let names = |list: &DeArray<'t>| {
            let name = |value: &Placed<'t>| Ok(self.string(value, "the name of a column")?.to_string());
            list.iter().map(name).collect::<Result<Vec<_>, Mistake>>()
        };
        match value.get_ref() {
            DeValue::String(name) => {
                Ok(Input { columns: vec![name.to_string()], is_list: false, standardize: false })
            }
            DeValue::Array(list) if !list.is_empty() => {
                Ok(Input { columns: names(list)?, is_list: true, standardize: false })
            }
            DeValue::Table(table) => {
                self.keys("an input", table, &["columns", "standardize"])?;
                let standardize = table.get("standardize").map(|value| self.flag(value)).transpose()?;
                let columns = table.get("columns").ok_or_else(|| self.wrong(value.span(), "no columns"))?;
                if matches!(columns.get_ref(), DeValue::Table(_)) {
                    return Err(self.expected(columns, "the name of a column, or a list of them"));
                }
                Ok(Input { standardize: standardize.unwrap_or(false), ..self.input(columns)? })
            }
            _ => Err(self.expected(value, expected)),
        }
    }

    fn parameter(&self, value: &Placed<'t>) -> Result<Parameter, Mistake> {
        match value.get_ref() {
            DeValue::Integer(_) | DeValue::Float(_) => {
                Ok(Parameter { start: Some(Start::Number(self.number(value)?)), ..Parameter::default() })
            }
            DeValue::String(_) => Ok(Parameter { start: Some(self.start(value)?), ..Parameter::default() }),
            DeValue::Array(_) => Ok(Parameter { shape: Some(self.shape(value)?), ..Parameter::default() }),
            DeValue::Table(table) => {
                self.keys("a parameter", table, &["shape", "start"])?;
                let shape = table.get("shape").map(|value| self.shape(value)).transpose()?;
                let start = table.get("start").map(|value| self.start(value)).transpose()?;
                Ok(Parameter { shape, start, ..Parameter::default() })
            }
            _ => {
                let expected = "a number to start with, a shape such as [4, 3], or { shape = [4, 3], start = \"uniform\" }";
                Err(self.expected(value, expected))
            }
        }
    }

    fn shape(&self, value: &Placed<'t>) -> Result<Vec<usize>, Mistake> {
        let DeValue::Array(sizes) = value.get_ref() else {
            return Err(self.expected(value, "a shape such as [4, 3]"));
        };
        sizes.iter().map(|size| self.whole(size, 1, 1 << 30).map(|n| n as usize)).collect()
    }

    fn start(&self, value: &Placed<'t>) -> Result<Start, Mistake> {
        match value.get_ref() {
            DeValue::String(_) => self.one_of(value, &STARTS).map(Start::Name),
            _ => self.number(value).map(Start::Number),
        }
    }

    fn training(&self, table: &DeTable<'t>, with_data: bool) -> Result<Training, Mistake> {
        let mut known = vec!["optimizer", "rate", "momentum", "weight_decay", "seed", "precision"];
        known.extend(if with_data { &["epochs", "batch"][..] } else { &["steps"] });
        self.keys(if with_data { "training" } else { "training without data" }, table, &known)?;
        let mut all = Training::default();
        if let Some(value) = table.get("optimizer") {
            all.optimizer = self.one_of(value, &OPTIMIZERS.map(|(name, ..)| name))?;
        }
        if let Some(value) = table.get("rate") {
            all.rate = self.positive(value)?;
        } else if all.optimizer != "sgd" {
            // What their papers propose.
            all.rate = if all.optimizer == "adadelta" { 1.0 } else { 0.001 };
        }
        let (_, momentum, decay) =
            OPTIMIZERS.into_iter().find(|(name, ..)| *name == all.optimizer).unwrap_or(OPTIMIZERS[0]);
        let setting = |name: &str, is_known: bool| match table.get(name) {
            Some(value) if !is_known => {
                Err(self.wrong(value.span(), format!("{} takes no {name}", all.optimizer)))
            }
            Some(value) => self.positive(value).map(Some),
            None => Ok(None),
        };
        (all.momentum, all.weight_decay) = (setting("momentum", momentum)?, setting("weight_decay", decay)?);
        if let Some(value) = table.get("epochs").or(table.get("steps")) {
            all.rounds = self.whole(value, 0, MOST)? as usize;
        }
        if let Some(value) = table.get("batch") {
            all.batch = Some(self.whole(value, 1, MOST)? as usize);
        }
        if let Some(value) = table.get("seed") {
            all.seed = self.whole(value, 0, i64::MAX)? as u64;
        }
        if let Some(value) = table.get("precision") {
            all.double = self.one_of(value, &["f32", "f64"])? == "f64";
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "formula = '''\nz = X @ W + c\nmean(cross_entropy(z, y)) + lambda * sum(W^2)\n'''\n\
        [data]\nfile = 'leaves.csv'\ntest = 0.25\n[inputs]\nX = { columns = ['width', 'length'], standardize = true }\n\
        y = 'kind'\n[parameters]\nW = [2, 2]\nc = { shape = [2], start = 0.5 }\n[constants]\nlambda = 1e-4\n\
        [training]\noptimizer = 'rmsprop'\nrate = 0.1\nmomentum = 0.9\nweight_decay = 1e-3\nbatch = 1_0\nepochs = 60\n\
        seed = 3\nprecision = 'f64'\n";

    #[test]
    fn everything_is_read() {
        let all = read(ALL).unwrap();
        assert_eq!(&ALL[all.place.unwrap()..][..all.formula.len()], all.formula);
        let input =
            Input { columns: vec!["width".into(), "length".into()], is_list: true, standardize: true };
        assert_eq!(all.inputs[0], ("X".into(), input));
        assert_eq!(all.data, Some(Data { from: From::File("leaves.csv".into()), test: Some(0.25) }));
        assert_eq!(all.parameters[0].1.shape, Some(vec![2, 2]));
        assert_eq!(all.parameters[1].1.start, Some(Start::Number(0.5)));
        assert_eq!(all.constants, [("λ".to_owned(), 1e-4)]);
        let training = Training {
            optimizer: "rmsprop".into(),
            rate: 0.1,
            momentum: Some(0.9),
            weight_decay: Some(1e-3),
            rounds: 60,
            batch: Some(10),
            seed: 3,
            double: true,
        };
        assert_eq!(all.training, training);
    }

    /// Every file that is cut or has a character changed is read or refused, with a place that can be shown.
    #[test]
    fn whatever_is_written_is_answered() {
        let mut refused = 0;
        let mut answer = |text: &str| {
            if let Err(mistake) = read(text) {
                assert!(!mistake.to_string().is_empty());
                refused += 1;
            }
        };
        for (at, _) in ALL.char_indices() {
            answer(&ALL[..at]);
            answer(&ALL[at..]);
            for other in ["'", "\"", "[", "{", "=", ".", "\n", "9", "é", ""] {
                answer(&format!("{}{other}{}", &ALL[..at], &ALL[at + 1..]));
            }
        }
        assert!(refused > 2000, "{refused}");
    }
}
