//! An examination as people read it.

use std::fmt;

use super::inspect::Format;
use super::{Doubt, Examination, Flaw, Recognised, Stability};
use crate::dim::Name;
use crate::dtype::DType;
use crate::graph::Origin;
use crate::tensor::Tensor;

/// Elements of an array that are shown.
const SHOWN: usize = 4;

/// The rules that were used and what is computed.
impl fmt::Display for Stability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.math())?;
        if self.recognised.is_empty() {
            return write!(f, "no rule for digits or range was needed, or knew it");
        }
        write!(f, "made stable by")?;
        self.recognised.iter().try_for_each(|rule| write!(f, "\n  {rule}"))
    }
}

/// `log-of-exp  log(exp(x)) → x  (main.rs:7)`.
impl fmt::Display for Recognised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {} → {}", self.rule, self.left, self.right)?;
        let places: Vec<String> = self.places.iter().filter_map(place).collect();
        if places.is_empty() { Ok(()) } else { write!(f, "  ({})", places.join(", ")) }
    }
}

/// The author's name and line.
fn place(origin: &Origin) -> Option<String> {
    match (&origin.name, &origin.site) {
        (Some(name), Some(site)) => Some(format!("{name}, {site}")),
        (Some(name), None) => Some(name.to_string()),
        (None, Some(site)) => Some(site.to_string()),
        (None, None) => None,
    }
}

impl fmt::Display for Examination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.values {
            Some((low, high)) => {
                write!(f, "{} at {} points: {low:.4e} to {high:.4e}", self.name, self.points)?
            }
            None => write!(f, "{} at {} points: no finite number", self.name, self.points)?,
        }
        let digits = Format::of(self.dtype).digits;
        if let (Some(middle), Some(worst)) = (self.condition(0.5), self.condition(1.0)) {
            let left = (digits - worst.max(1.0).log10()).max(0.0);
            write!(f, "\ncondition {middle:.2} in the middle, {worst:.2e} at worst, ")?;
            write!(f, "where {left:.1} of the {digits} digits of {} are left", self.dtype)?;
            if let Some((_, at)) = self.conditions.last() {
                write!(f, ": {}", given(at))?;
            }
        }
        if self.doubts.is_empty() {
            return write!(f, "\nnothing is doubtful");
        }
        for doubt in &self.doubts {
            let said = match doubt.flaw {
                Flaw::Cancels => "cancels",
                Flaw::Grows => "has a rounding that grows",
                Flaw::Underflows => "is below the range",
                Flaw::Overflows => "is above the range",
                Flaw::NotFinite => "gives no finite number",
            };
            write!(f, "\ndoubtful: {} {said}", doubt.formula)?;
            if doubt.factor.is_finite() {
                let lost = doubt.factor.log10().min(digits);
                write!(f, ": {lost:.1} digits are lost that the inputs have")?;
            }
            if let Some(place) = place(&doubt.origin) {
                write!(f, " ({place})")?;
            }
            write!(f, "\n  at {}", doubt.point())?;
        }
        Ok(())
    }
}

impl Doubt {
    /// Where it is worst, as text: `x = 1e-8, w = [1.0, 2.0, …]`.
    pub fn point(&self) -> String {
        given(&self.at)
    }
}

fn given(at: &[(Name, Tensor)]) -> String {
    let of = |(name, tensor): &(Name, Tensor)| {
        let values = tensor.to_f64();
        let number = |x: &f64| match tensor.dtype() {
            DType::F32 => format!("{:?}", *x as f32),
            DType::F64 => format!("{x:?}"),
            _ => format!("{x}"),
        };
        let shown: Vec<String> = values.iter().take(SHOWN).map(number).collect();
        let more = if values.len() > SHOWN { ", …" } else { "" };
        match tensor.shape() {
            [] => format!("{name} = {}", shown.join("")),
            _ => format!("{name} = [{}{more}]", shown.join(", ")),
        }
    };
    at.iter().map(of).collect::<Vec<_>>().join(", ")
}
