//! Floats in text formats: numbers where they are finite, names where JSON has no number.

use serde::{Deserialize, Deserializer, Serializer};

/// Writes `inf`, `-inf` and `nan` as strings, everything else as a number.
pub(crate) fn serialize<S: Serializer>(x: &f64, s: S) -> Result<S::Ok, S::Error> {
    if x.is_finite() { s.serialize_f64(*x) } else { s.serialize_str(&x.to_string()) }
}

/// Reads what [`serialize`] wrote.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
    match Text::deserialize(d)? {
        Text::Number(x) => Ok(x),
        Text::Name(name) => match name.as_str() {
            "inf" => Ok(f64::INFINITY),
            "-inf" => Ok(f64::NEG_INFINITY),
            "NaN" => Ok(f64::NAN),
            other => {
                Err(serde::de::Error::custom(format!("expected a number, inf, -inf or NaN, got {other:?}")))
            }
        },
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Number(f64),
    Name(String),
}

/// The same for lists.
pub(crate) mod list {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Float(#[serde(with = "crate::float")] f64);

    pub(crate) fn serialize<S: Serializer, T: Copy + Into<f64>>(xs: &[T], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(xs.iter().map(|&x| Float(x.into())))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: FromF64>(d: D) -> Result<Vec<T>, D::Error> {
        Ok(Vec::<Float>::deserialize(d)?.into_iter().map(|f| T::from_f64(f.0)).collect())
    }

    /// Both float types.
    pub(crate) trait FromF64 {
        fn from_f64(x: f64) -> Self;
    }
    impl FromF64 for f32 {
        fn from_f64(x: f64) -> f32 {
            x as f32
        }
    }
    impl FromF64 for f64 {
        fn from_f64(x: f64) -> f64 {
            x
        }
    }
}
