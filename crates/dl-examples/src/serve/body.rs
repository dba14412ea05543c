//! Examples in the bodies of requests, and answers: JSON or the bytes of elements in, JSON out.

use std::fmt;

use dl_backends::Model;
use dl_core::tensor::{Data, DataRef};
use dl_core::{DType, Tensor};
use serde::de::{DeserializeSeed, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

/// What the examples of a model are: its only input without the first axis, which counts them.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// The input's name.
    pub name: String,
    /// The type of its elements.
    pub dtype: DType,
    /// The shape of one example.
    pub shape: Vec<usize>,
    /// The names of the outputs.
    pub outputs: Vec<String>,
}

/// Examples of a request.
#[derive(Debug, PartialEq)]
pub struct Examples {
    /// `[n, …]`.
    pub all: Tensor,
    /// Whether it was one example without an axis that counts it.
    pub single: bool,
}

/// Most axes of numbers in JSON.
const MOST_AXES: usize = 16;

impl Form {
    /// That of a model's examples.
    ///
    /// # Errors
    /// When the model cannot be served: it has not one input, whose first axis and no other is a named dimension,
    /// or an output whose first axis is another one.
    pub fn of(model: &Model) -> Result<Form, String> {
        let [input] = model.inputs() else {
            return Err(format!("the model has {} inputs, and one can be served", model.inputs().len()));
        };
        let mut axes = input.shape.iter();
        let batch = axes.next().and_then(|dim| dim.name().cloned());
        let batch =
            batch.ok_or_else(|| format!("input {}: the first axis must be a named dimension", input.name))?;
        let sizes: Option<Vec<usize>> = axes.map(|dim| dim.size()).collect();
        let shape = sizes.ok_or_else(|| format!("input {}: only the first axis may be named", input.name))?;
        let plan = model.plan();
        for output in plan.outputs() {
            let first = plan.value(output.value).shape.first().and_then(|dim| dim.name().cloned());
            if first.as_ref() != Some(&batch) {
                return Err(format!(
                    "output {}: its first axis must be {batch}, as the input's is",
                    output.name
                ));
            }
        }
        let outputs = model.outputs().map(str::to_owned).collect();
        Ok(Form { name: input.name.to_string(), dtype: input.dtype, shape, outputs })
    }

    /// Examples from `{"x": …}`, with the input's name and numbers of one example or a list of such.
    ///
    /// # Errors
    /// Why it is none of these.
    pub fn from_json(&self, text: &[u8]) -> Result<Examples, String> {
        let mut found = Numbers::default();
        let mut json = serde_json::Deserializer::from_slice(text);
        let read =
            Named { name: &self.name, into: &mut found }.deserialize(&mut json).and_then(|()| json.end());
        read.map_err(|e| format!("the body is not {{{:?}: …}} with numbers: {e}", self.name))?;
        let single = found.shape == self.shape;
        if !single && (found.shape.len() != self.shape.len() + 1 || found.shape[1..] != self.shape) {
            return Err(self.misfit(&format!("{:?}", found.shape)));
        }
        let mut shape = found.shape;
        if single {
            shape.insert(0, 1);
        }
        self.checked(&found.elements)?;
        let all = Tensor::from_f64(self.dtype, shape, &found.elements).map_err(|e| e.to_string())?;
        self.filled(Examples { all, single })
    }

    /// Examples from the bytes of their elements, little-endian, one after the other.
    ///
    /// # Errors
    /// When they are not the bytes of whole examples, or of numbers that are not finite.
    pub fn from_bytes(&self, bytes: &[u8]) -> Result<Examples, String> {
        let count: usize = self.shape.iter().product();
        let each = count * self.dtype.bytes();
        if each == 0 || !bytes.len().is_multiple_of(each) {
            return Err(format!("{} bytes: an example has {each}", bytes.len()));
        }
        let data = match self.dtype {
            DType::U8 => Data::U8(bytes.to_vec()),
            DType::Bool => Data::Bool(bytes.iter().map(|byte| *byte != 0).collect()),
            DType::F32 => Data::F32(elements(bytes, f32::from_le_bytes)),
            DType::F64 => Data::F64(elements(bytes, f64::from_le_bytes)),
            DType::I64 => Data::I64(elements(bytes, i64::from_le_bytes)),
        };
        let shape: Vec<usize> = [bytes.len() / each].into_iter().chain(self.shape.iter().copied()).collect();
        let all = Tensor::from_data(shape, data).map_err(|e| e.to_string())?;
        if !all.view().is_finite() {
            return Err(format!("{}: a number is not finite", self.name));
        }
        let single = all.shape()[0] == 1;
        self.filled(Examples { all, single })
    }

    /// What the outputs say of examples, as JSON: without the axis that counts them for a single one.
    ///
    /// # Errors
    /// When a number is not finite, which JSON has no word for.
    pub fn answer(&self, outputs: &[Tensor], single: bool) -> Result<String, String> {
        let mut all = Map::new();
        for (name, output) in self.outputs.iter().zip(outputs) {
            if !output.view().is_finite() {
                return Err(format!("output {name} is not finite"));
            }
            let shape = if single { &output.shape()[1..] } else { output.shape() };
            all.insert(name.clone(), nested(output, shape));
        }
        Ok(Value::Object(all).to_string())
    }

    fn filled(&self, examples: Examples) -> Result<Examples, String> {
        if examples.all.shape()[0] == 0 {
            return Err(format!("{}: no examples", self.name));
        }
        Ok(examples)
    }

    fn misfit(&self, got: &str) -> String {
        let one = &self.shape;
        let mut many: Vec<String> = one.iter().map(usize::to_string).collect();
        many.insert(0, "n".into());
        format!("{}: expected numbers of shape {one:?} or [{}], got {got}", self.name, many.join(", "))
    }

    /// Whether all numbers are ones of the type.
    fn checked(&self, numbers: &[f64]) -> Result<(), String> {
        let fits: fn(f64) -> bool = match self.dtype {
            DType::F32 => |x| (x as f32).is_finite(),
            DType::F64 => f64::is_finite,
            // What a double holds exactly.
            DType::I64 => |x| x.fract() == 0.0 && x.abs() <= 9_007_199_254_740_992.0,
            DType::Bool => |x| x == 0.0 || x == 1.0,
            DType::U8 => |x| x.fract() == 0.0 && (0.0..=255.0).contains(&x),
        };
        match numbers.iter().find(|x| !fits(**x)) {
            Some(x) => Err(format!("{}: {x} is no {}", self.name, self.dtype)),
            None => Ok(()),
        }
    }
}

fn elements<T, const N: usize>(bytes: &[u8], from: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|bytes| from(*bytes)).collect()
}

/// Elements in lists within lists.
fn nested(all: &Tensor, shape: &[usize]) -> Value {
    fn lists(numbers: &mut dyn Iterator<Item = Value>, shape: &[usize]) -> Value {
        match shape {
            [] => numbers.next().unwrap_or(Value::Null),
            [first, rest @ ..] => (0..*first).map(|_| lists(numbers, rest)).collect(),
        }
    }
    match all.view().data() {
        // By the digits of the single precision, not those of its double.
        DataRef::F32(v) => {
            let number = |x: &f32| x.to_string().parse().map_or(Value::Null, Value::Number);
            lists(&mut v.iter().map(number), shape)
        }
        DataRef::F64(v) => lists(&mut v.iter().map(|x| json!(x)), shape),
        DataRef::I64(v) => lists(&mut v.iter().map(|x| json!(x)), shape),
        DataRef::Bool(v) => lists(&mut v.iter().map(|x| json!(x)), shape),
        DataRef::U8(v) => lists(&mut v.iter().map(|x| json!(x)), shape),
    }
}

/// Numbers in lists within lists, as long as all that are equally deep.
#[derive(Default)]
struct Numbers {
    elements: Vec<f64>,
    shape: Vec<usize>,
    /// The depth of the numbers, once one was seen.
    rank: Option<usize>,
}

/// An object with one entry.
struct Named<'n> {
    name: &'n str,
    into: &'n mut Numbers,
}

impl<'de> DeserializeSeed<'de> for Named<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Named<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with {:?}", self.name)
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = false;
        while let Some(key) = map.next_key::<Key>()? {
            if key.0 != self.name || seen {
                return Err(A::Error::custom(format!("an entry {:?}", key.0)));
            }
            seen = true;
            map.next_value_seed(List { into: &mut *self.into, depth: 0 })?;
        }
        if seen { Ok(()) } else { Err(A::Error::custom(format!("no entry {:?}", self.name))) }
    }
}

/// The name of an entry.
#[derive(Deserialize)]
struct Key(String);

/// A list, or a number in one.
struct List<'n> {
    into: &'n mut Numbers,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl List<'_> {
    fn number<E: serde::de::Error>(self, x: f64) -> Result<(), E> {
        if *self.into.rank.get_or_insert(self.depth) != self.depth {
            return Err(E::custom("numbers and lists side by side"));
        }
        self.into.elements.push(x);
        Ok(())
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers")
    }

    fn visit_f64<E: serde::de::Error>(self, x: f64) -> Result<(), E> {
        self.number(x)
    }

    fn visit_u64<E: serde::de::Error>(self, x: u64) -> Result<(), E> {
        self.number(x as f64)
    }

    fn visit_i64<E: serde::de::Error>(self, x: i64) -> Result<(), E> {
        self.number(x as f64)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let depth = self.depth;
        if depth >= MOST_AXES || self.into.rank.is_some_and(|rank| depth >= rank) {
            return Err(A::Error::custom("numbers and lists side by side"));
        }
        let known = self.into.shape.len() > depth;
        if !known {
            self.into.shape.push(0);
        }
        let mut length = 0;
        while list.next_element_seed(List { into: &mut *self.into, depth: depth + 1 })?.is_some() {
            length += 1;
        }
        match known {
            true if self.into.shape[depth] != length => Err(A::Error::custom(format!(
                "lists of {} and of {length} side by side",
                self.into.shape[depth]
            ))),
            true => Ok(()),
            false => {
                self.into.shape[depth] = length;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(dtype: DType, shape: &[usize]) -> Form {
        Form { name: "x".into(), dtype, shape: shape.to_vec(), outputs: vec!["p".into(), "class".into()] }
    }

    #[test]
    fn one_example_or_several_are_read() {
        let of = form(DType::F32, &[2]);
        let one = of.from_json(br#"{"x": [1, -0.5]}"#).unwrap();
        assert_eq!((one.all, one.single), (Tensor::new([1, 2], vec![1.0f32, -0.5]).unwrap(), true));
        let two = of.from_json(br#" {"x": [[1, 2], [3e2, 4]]} "#).unwrap();
        assert_eq!(
            (two.all, two.single),
            (Tensor::new([2, 2], vec![1.0f32, 2.0, 300.0, 4.0]).unwrap(), false)
        );
        let scalars = form(DType::I64, &[]);
        assert!(scalars.from_json(br#"{"x": 7}"#).unwrap().single);
        assert_eq!(scalars.from_json(br#"{"x": [7, 8]}"#).unwrap().all, Tensor::vector(vec![7i64, 8]));
        let bytes = form(DType::U8, &[2]);
        assert_eq!(
            bytes.from_bytes(&[1, 2, 3, 4]).unwrap().all,
            Tensor::new([2, 2], vec![1u8, 2, 3, 4]).unwrap()
        );
        assert_eq!(of.from_bytes(&[0, 0, 128, 63, 0, 0, 0, 192]).unwrap().all.to_f64(), [1.0, -2.0]);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let fails = |of: &Form, text: &str, want: &str| {
            let why = of.from_json(text.as_bytes()).unwrap_err();
            assert!(why.contains(want), "{why}");
        };
        let of = form(DType::F32, &[2]);
        fails(&of, r#"{"x": [1]}"#, "x: expected numbers of shape [2] or [n, 2], got [1]");
        fails(&of, r#"{"x": [[[1, 2]]]}"#, "got [1, 1, 2]");
        fails(&of, r#"{"x": []}"#, "got [0]");
        fails(&of, r#"{"x": [[1, 2], [3]]}"#, "lists of 2 and of 1 side by side");
        fails(&of, r#"{"x": [[1, 2], 3]}"#, "numbers and lists side by side");
        fails(&of, r#"{"x": [3, [1, 2]]}"#, "numbers and lists side by side");
        fails(&of, r#"{"x": [1, "2"]}"#, "invalid type: string \"2\", expected numbers");
        fails(&of, r#"{"x": [1, null]}"#, "invalid type: null, expected numbers");
        fails(&of, r#"{"x": [1, NaN]}"#, "expected value");
        fails(&of, r#"{"x": [1, 1e39]}"#, "00 is no f32");
        fails(&of, r#"{"x": [1, 1e999]}"#, "number out of range");
        fails(&of, r#"{"y": [1, 2]}"#, "an entry \"y\"");
        fails(&of, r#"{"x": [1, 2], "x": [1, 2]}"#, "an entry \"x\"");
        fails(&of, "{}", "no entry \"x\"");
        fails(&of, "[1, 2]", "expected an object with \"x\"");
        fails(&of, r#"{"x": [1, 2]} 3"#, "trailing characters");
        fails(&of, r#"{"x": [1, 2]"#, "EOF");
        fails(&of, &format!("{{\"x\": {}", "[".repeat(10_000)), "numbers and lists side by side");
        fails(&form(DType::U8, &[1]), r#"{"x": [256]}"#, "x: 256 is no u8");
        fails(&form(DType::U8, &[1]), r#"{"x": [0.5]}"#, "x: 0.5 is no u8");
        let bytes = |of: &Form, bytes: &[u8], want: &str| assert_eq!(of.from_bytes(bytes).unwrap_err(), want);
        bytes(&of, &[0; 7], "7 bytes: an example has 8");
        bytes(&of, &[], "x: no examples");
        bytes(&of, &[0, 0, 128, 63, 0, 0, 192, 127], "x: a number is not finite");
    }

    #[test]
    fn answers_are_lists_of_numbers() {
        let of = form(DType::F32, &[2]);
        let outputs = [Tensor::new([1, 2], vec![0.1f32, 0.9]).unwrap(), Tensor::vector(vec![1i64])];
        assert_eq!(of.answer(&outputs, true).unwrap(), r#"{"class":1,"p":[0.1,0.9]}"#);
        assert_eq!(of.answer(&outputs, false).unwrap(), r#"{"class":[1],"p":[[0.1,0.9]]}"#);
        let nan = [Tensor::vector(vec![f32::NAN]), Tensor::vector(vec![1i64])];
        assert_eq!(of.answer(&nan, false).unwrap_err(), "output p is not finite");
    }
}
