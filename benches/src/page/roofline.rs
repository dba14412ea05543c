//! Kernels between the machine's ceilings: what they do for each byte, and how fast.

use dl_report::{Plot, number};

use super::cut;
use crate::profile::{Level, Line, Profile};

/// The share of a step that a kernel takes which is in the picture; the others are in the table alone.
const SHOWN: f64 = 0.005;

/// The picture of one profile.
pub(super) fn roofline(title: &str, profile: &Profile) -> Plot {
    let plot = Plot::new(title).x("operations per byte (FLOP/B)").y("speed (GFLOP/s)").log_x().log_y();
    let mut plot = plot.size(760, 440);
    let threads = profile.threads as f64;
    let top = profile.roof.gflops * threads;
    let shown = |line: &&Line| line.measured.median >= SHOWN * profile.sum.median;
    let mut lines: Vec<&Line> = profile.kernels.iter().filter(shown).collect();
    lines.sort_by(|a, b| b.measured.median.total_cmp(&a.measured.median));
    let place =
        |line: &&Line| Some((line.gflops()? / line.gb_per_s()?, line.gflops()?, short_name(&line.name)));
    let points = named(lines.iter().filter_map(place).collect());
    let speeds: Vec<(&str, f64)> =
        speeds(&profile.roof.levels).into_iter().map(|(name, speed)| (name, speed * threads)).collect();
    let ridges = speeds.iter().map(|(_, speed)| top / speed);
    let least = points.iter().map(|point| point.0).chain(ridges).fold(0.5, f64::min) / 16.0;
    let most = points.iter().map(|point| point.0).fold(10.0, f64::max) * 4.0;
    for (name, speed) in speeds {
        let ridge = (top / speed).min(most);
        let roof = [(least, least * speed), (ridge, ridge * speed)];
        plot = plot.reference(&format!("{name} {} GB/s", number(speed)), roof);
    }
    if top > 0.0 {
        plot = plot.reference(&format!("products {} GFLOP/s", number(top)), [(least, top), (most, top)]);
    }
    plot.labelled("kernel", points.iter().map(|(x, y, name)| (*x, *y, &**name)))
}

/// Takes the name from a point where a longer kernel's stands, so that names can be read.
fn named(mut points: Vec<(f64, f64, String)>) -> Vec<(f64, f64, String)> {
    let near = |a: f64, b: f64, factor: f64| (a / b).max(b / a) < factor;
    for i in 1..points.len() {
        let (longer, rest) = points.split_at_mut(i);
        let (x, y, name) = &mut rest[0];
        let beside = |p: &&(f64, f64, String)| !p.2.is_empty() && near(p.0, *x, 8.0) && near(p.1, *y, 1.6);
        if longer.iter().any(|point| beside(&point)) {
            name.clear();
        }
    }
    points
}

/// Of each level what it gives at its slowest point, be that read or copied.
/// A level that is hardly slower than one before has no line of its own.
fn speeds(levels: &[Level]) -> Vec<(&str, f64)> {
    let mut slowest: Vec<(&str, f64)> = vec![];
    for level in levels {
        let speed = level.read_gb_per_s.max(level.copied_gb_per_s);
        match slowest.iter_mut().find(|(name, _)| *name == level.name) {
            _ if speed <= 0.0 => {}
            Some(known) => known.1 = known.1.min(speed),
            None => slowest.push((&level.name, speed)),
        }
    }
    let mut apart: Vec<(&str, f64)> = vec![];
    for (name, speed) in slowest {
        if apart.last().is_none_or(|(_, before)| speed < before / 1.5) {
            apart.push((name, speed));
        }
    }
    apart
}

/// A kernel's kind with the sizes of its product, or with the first node that it computes.
fn short_name(name: &str) -> String {
    let kind = name.split_whitespace().next().unwrap_or_default();
    let rest = name.find('[').map(|at| &name[at..]).filter(|_| kind == "product");
    let rest = rest.or_else(|| name.split_whitespace().nth(1)).unwrap_or_default();
    cut(&format!("{kind} {rest}"), 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_called_by_its_kind_and_first_node() {
        assert_eq!(short_name("product    %4 [r, 784]·[784, 128]"), "product [r, 784]·[784, 128]");
        assert_eq!(short_name("around"), "around");
        assert_eq!(short_name("group      %13=add %17=eq"), "group %13=add");
        assert_eq!(cut("product [r, 100]·[100, 784]", 12), "product [r, …");
    }

    #[test]
    fn names_in_a_roofline_are_apart_and_levels_too() {
        let point = |x: f64, y: f64, name: &str| (x, y, name.to_owned());
        let points = named(vec![point(1.0, 1.0, "a"), point(1.1, 1.1, "b"), point(1.0, 9.0, "c")]);
        assert_eq!(points.iter().map(|p| &*p.2).collect::<Vec<_>>(), ["a", "", "c"]);
        let level = |name: &str, copied_gb_per_s: f64| Level {
            name: name.into(),
            bytes: 1,
            read_gb_per_s: 1.0,
            copied_gb_per_s,
        };
        let levels = [
            level("L1", 90.0),
            level("L2", 50.0),
            level("L2", 40.0),
            level("L3", 39.0),
            level("memory", 9.0),
        ];
        assert_eq!(speeds(&levels), [("L1", 90.0), ("L2", 40.0), ("memory", 9.0)]);
    }
}
