//! Mutations of a file, as bytes and as JSON: a function of the text and of a seed.

use serde_json::{Map, Number, Value};

/// SplitMix64: a stream of numbers from a seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `n`, which is not 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// The text with one to three mutations: of bytes, or of `json`, which it is.
pub(crate) fn mutated(text: &str, json: &Value, random: &mut Random) -> String {
    if random.below(8) == 0 {
        return bytes(text, random);
    }
    let mut json = json.clone();
    for _ in 0..=random.below(3) {
        mutate(&mut json, random);
    }
    json.to_string()
}

fn bytes(text: &str, random: &mut Random) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.pick(b"0123456789-.eE[]{},:\"nulltrue"),
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, random.pick(b"0123456789-.eE[]{},:\"")),
            _ => bytes.truncate(at.max(1)),
        }
        if bytes.is_empty() {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Numbers where something may go wrong.
pub(crate) fn extremes() -> Vec<Number> {
    let whole = [0, 1, -1, 2, 3, -3, 4, 5, 6, 7, 8, 31, 63, 64, 65, 255, 256, 65_535, 1 << 20, 1 << 40];
    let ends = [i64::from(i32::MAX), i64::from(u32::MAX), 1 << 32, 1 << 53, 1 << 62, i64::MAX, i64::MIN];
    let floats = [0.5, -0.0, 1e-300, 1e39, 1e300, -1e300, 3.5];
    let whole = whole.into_iter().chain(ends).map(Number::from);
    whole.chain([Number::from(u64::MAX)]).chain(floats.into_iter().filter_map(Number::from_f64)).collect()
}

/// One change of one place of a tree.
fn mutate(root: &mut Value, random: &mut Random) {
    let count = size(root);
    let other = nth(root, &mut random.below(count)).expect("one of so many").clone();
    let place = nth(root, &mut random.below(count)).expect("one of so many");
    match place {
        Value::Number(n) => *n = number(n, &other, random),
        Value::String(s) => *s = word(s, &other, random),
        Value::Array(items) if !items.is_empty() => list(items, other, random),
        Value::Object(fields) if !fields.is_empty() => object(fields, &other, random),
        Value::Bool(b) => *b = !*b,
        place => *place = other,
    }
}

fn number(old: &Number, other: &Value, random: &mut Random) -> Number {
    let near = |by: i64| old.as_i64().map(|n| Number::from(n.wrapping_add(by)));
    match (random.below(5), other) {
        (0, _) => near(1).unwrap_or_else(|| Number::from(1)),
        (1, _) => near(-1).unwrap_or_else(|| Number::from(-1)),
        (2, Value::Number(other)) => other.clone(),
        (3, _) => Number::from(random.below(9)),
        _ => random.pick(&extremes()),
    }
}

fn word(old: &str, other: &Value, random: &mut Random) -> String {
    let words = ["", "B", "C", "x", "y", "w", "f32", "f64", "i64", "bool", "u8", "NaN", "inf", "-inf"];
    let ops =
        ["Add", "Div", "Pow", "Eq", "Exp", "Log", "sum", "max", "Reshape", "Select", "Cast", "bi,io->bo"];
    match (random.below(3), other) {
        (0, Value::String(other)) => other.clone(),
        (1, _) => random.pick(&[&words[..], &ops].concat()).to_owned(),
        _ => format!("{old}{}", random.below(10)),
    }
}

fn list(items: &mut Vec<Value>, other: Value, random: &mut Random) {
    let (at, to) = (random.below(items.len()), random.below(items.len()));
    match random.below(7) {
        0 => drop(items.remove(at)),
        1 => items.insert(to, items[at].clone()),
        2 => items.swap(at, to),
        3 => items.reverse(),
        4 => items[at] = items[to].clone(),
        5 => items.insert(at, other),
        _ => items.truncate(at),
    }
}

/// Fields change places with those of another object where it has them.
fn object(fields: &mut Map<String, Value>, other: &Value, random: &mut Random) {
    let keys: Vec<String> = fields.keys().cloned().collect();
    let key = random.pick(&keys);
    match (random.below(4), other) {
        (0, _) => drop(fields.remove(&key)),
        (1, other) => drop(fields.insert(key, other.clone())),
        (_, Value::Object(other)) => {
            for (key, value) in other {
                if fields.contains_key(key) && random.below(2) == 0 {
                    fields.insert(key.clone(), value.clone());
                }
            }
        }
        _ => drop(fields.insert(key, Value::Null)),
    }
}

/// How many places a tree has.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(fields) => fields.values().map(size).sum(),
        _ => 0,
    }
}

/// The place that `left` others come before.
fn nth<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|v| nth(v, left)),
        Value::Object(fields) => fields.values_mut().find_map(|v| nth(v, left)),
        _ => None,
    }
}
