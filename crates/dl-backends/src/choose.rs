//! Choosing an executor by its name, as a program's `--backend` option does.

use crate::error::{Error, Result};
use crate::executor::Executor;
use dl_core::spelling::suggestion;

/// Makes an executor with its defaults.
type Make = fn() -> Box<dyn Executor>;

/// The feature of a backend, which is its name, and how it is made if it is compiled in.
macro_rules! backend {
    ($feature:literal, $executor:expr) => {{
        #[cfg(feature = $feature)]
        let make: Option<Make> = Some(|| Box::new($executor));
        #[cfg(not(feature = $feature))]
        let make: Option<Make> = None;
        ($feature, make)
    }};
}

/// Every backend.
fn backends() -> [(&'static str, Option<Make>); 4] {
    [
        backend!("cpu", crate::Cpu::default()),
        backend!("ndarray", crate::Ndarray::default()),
        backend!("flex", crate::Flex::default()),
        backend!("wgpu", crate::Wgpu::default()),
    ]
}

/// Other settings of backends, by names of their own.
fn variants() -> [(&'static str, (&'static str, Option<Make>)); 2] {
    [
        ("wgpu-f16", backend!("wgpu", crate::Wgpu::default().storing(crate::Storage::F16))),
        ("wgpu-bf16", backend!("wgpu", crate::Wgpu::default().storing(crate::Storage::Bf16))),
    ]
}

/// The names of the backends that are compiled in.
pub fn compiled_in() -> Vec<&'static str> {
    names(|make| make.is_some())
}

/// A new executor by the name of its backend, with its defaults; `wgpu-f16` and `wgpu-bf16` store values between
/// kernels in 16 bits.
///
/// # Errors
/// When there is no such backend, or it is not compiled in; the message says which feature compiles
/// it in. A device that cannot be had is an error of the first program.
///
#[cfg_attr(feature = "cpu", doc = "```")]
#[cfg_attr(not(feature = "cpu"), doc = "```ignore")]
/// let executor = dl_backends::by_name("cpu")?;
/// assert_eq!(executor.name(), "cpu");
/// # Ok::<(), dl_backends::Error>(())
/// ```
pub fn by_name(name: &str) -> Result<Box<dyn Executor>> {
    let all = backends().map(|(feature, make)| (feature, (feature, make)));
    match all.into_iter().chain(variants()).find(|(known, _)| *known == name) {
        Some((_, (_, Some(make)))) => Ok(make()),
        Some((_, (feature, None))) => Err(Error::value(format!(
            "backend {name} is not compiled in: build with --features {feature}; {}",
            available()
        ))),
        None => {
            let known = names(|_| true).into_iter().chain(variants().map(|(name, _)| name));
            let hint = suggestion(name, known);
            Err(Error::value(format!("unknown backend {name}; {}{hint}", available())))
        }
    }
}

/// `compiled in: cpu; with --features: ndarray, flex, wgpu`.
fn available() -> String {
    let list = |names: Vec<&str>| if names.is_empty() { "none".into() } else { names.join(", ") };
    let compiled_in = format!("compiled in: {}", list(compiled_in()));
    match names(|make| make.is_none()) {
        others if others.is_empty() => compiled_in,
        others => format!("{compiled_in}; with --features: {}", list(others)),
    }
}

fn names(which: impl Fn(&Option<Make>) -> bool) -> Vec<&'static str> {
    backends().into_iter().filter(|(_, make)| which(make)).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_backend_is_an_error_with_all_names() {
        let message = by_name("abacus").err().map(|e| e.to_string()).unwrap_or_default();
        assert!(message.starts_with("unknown backend abacus; compiled in: "), "{message}");
        assert!(["cpu", "ndarray", "flex", "wgpu"].iter().all(|name| message.contains(name)), "{message}");
    }

    #[test]
    fn a_backend_that_is_nearly_written_right_is_named() {
        let pairs = [
            ("cqu", "cpu"),
            ("ndarry", "ndarray"),
            ("felx", "flex"),
            ("wgup", "wgpu"),
            ("wgpu-f61", "wgpu-f16"),
        ];
        for (wrong, right) in pairs {
            let message = by_name(wrong).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(message.ends_with(&format!("; did you mean {right}?")), "{message}");
        }
    }

    #[test]
    fn a_backend_that_is_not_compiled_in_names_its_feature() {
        for name in names(|make| make.is_none()) {
            let message = by_name(name).err().map(|e| e.to_string()).unwrap_or_default();
            let want =
                format!("backend {name} is not compiled in: build with --features {name}; compiled in: ");
            assert!(message.starts_with(&want), "{message}");
        }
    }
}
