//! Metrics: how the outputs of many batches become one number each.

mod exact;
mod meter;

use std::fmt;

use dl_core::Name;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

pub use self::exact::Confusion;
pub use self::meter::Metric;
pub(crate) use self::meter::{Meters, Tally};

/// Numbers by name, in the order of the program's outputs. Serialized as a map, in which NaN, the value of what is
/// not defined, is null.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics(Vec<(Name, f64)>);

impl Metrics {
    /// The number called `name`.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(n, _)| **n == *name).map(|(_, value)| *value)
    }

    /// Names and numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> FromIterator<(&'a str, f64)> for Metrics {
    fn from_iter<I: IntoIterator<Item = (&'a str, f64)>>(iter: I) -> Self {
        Metrics(iter.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

/// `J 0.3021  accuracy 0.9127`; four digits behind the point, small numbers with a power of ten.
impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.iter().enumerate() {
            let gap = if i == 0 { "" } else { "  " };
            if value != 0.0 && !(1e-3..1e6).contains(&value.abs()) {
                write!(f, "{gap}{name} {value:.3e}")?;
            } else {
                write!(f, "{gap}{name} {value:.4}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, value)| (name, value.is_finite().then_some(value))))
    }
}

impl<'de> Deserialize<'de> for Metrics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Metrics;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from names to numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Metrics, A::Error> {
                let mut pairs = vec![];
                while let Some((name, value)) = map.next_entry::<String, Option<f64>>()? {
                    pairs.push((name.into(), value.unwrap_or(f64::NAN)));
                }
                Ok(Metrics(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_a_map_in_order() {
        let metrics: Metrics = [("J", 0.25), ("accuracy", 0.5)].into_iter().collect();
        let json = serde_json::to_string(&metrics).unwrap();
        assert_eq!(json, r#"{"J":0.25,"accuracy":0.5}"#);
        assert_eq!(serde_json::from_str::<Metrics>(&json).unwrap(), metrics);
        assert_eq!(metrics.get("accuracy"), Some(0.5));
        assert_eq!(metrics.get("loss"), None);
        let undefined: Metrics = serde_json::from_str(r#"{"auroc":null}"#).unwrap();
        assert!(undefined.get("auroc").unwrap().is_nan());
        assert_eq!(serde_json::to_string(&undefined).unwrap(), r#"{"auroc":null}"#);
    }

    #[test]
    fn metrics_show_four_digits() {
        let metrics: Metrics = [("J", 0.302_14), ("tiny", 0.000_012_34), ("none", 0.0)].into_iter().collect();
        assert_eq!(metrics.to_string(), "J 0.3021  tiny 1.234e-5  none 0.0000");
    }
}
