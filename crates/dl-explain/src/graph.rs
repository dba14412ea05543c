//! The graph of a plan as a picture in layers, forward and backward apart; more than a screen of it by layers of the
//! network, each of which opens.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use dl_core::Plan;
use dl_core::plan::Arg;
use dl_report::{Language, escape};
use unicode_width::UnicodeWidthStr;

/// Nodes that are drawn one by one, at most.
const SCREEN: usize = 70;
/// Pixels of a column of characters, of a box's height, and between boxes.
const CHARACTER: f64 = 7.2;
const HEIGHT: f64 = 24.0;
const GAP: f64 = 16.0;
const STEP: f64 = 56.0;

/// Which part of a training step a value belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Forward,
    Backward,
    /// What an optimizer does with gradients.
    Update,
}

impl Side {
    /// With what they are called, in English and in Chinese.
    const ALL: [(Side, (&str, &str)); 3] = [
        (Side::Forward, ("forward", "前向")),
        (Side::Backward, ("backward", "反向")),
        (Side::Update, ("update", "更新")),
    ];
}

/// A box.
#[derive(Clone, Debug)]
struct Node {
    label: String,
    title: String,
    side: Side,
    is_source: bool,
    /// The plan's values that it stands for.
    values: Vec<usize>,
    /// The layer of the network.
    layer: Option<String>,
}

/// Boxes and the arrows between them.
#[derive(Clone, Debug, Default)]
struct Drawing {
    nodes: Vec<Node>,
    edges: Vec<(usize, usize)>,
}

/// The pictures of a plan as markup: one, or one of the layers and one in each.
///
/// `name` is how a value is called, if it is; `gradients` are those that the optimizer takes: what comes after them is
/// drawn by itself.
pub(crate) fn markup(
    plan: &Plan,
    name: &dyn Fn(usize) -> Option<String>,
    gradients: &[usize],
    language: Language,
) -> String {
    let all = Drawing::of(plan, name, gradients);
    let whole = all.part(|node| node.side != Side::Update);
    let update = all.part(|node| node.side == Side::Update);
    let mut text = whole.markup(language);
    if !update.nodes.is_empty() {
        let count = update.nodes.len();
        let title = match language {
            Language::English => format!("update: {count} values"),
            Language::Chinese => format!("更新：{count} 个值"),
        };
        let _ = writeln!(
            text,
            "<details><summary>{title}</summary>{}</details>",
            update.svg(language.pick("the optimizer's graph", "优化器的计算图"), language)
        );
    }
    text
}

impl Drawing {
    fn markup(&self, language: Language) -> String {
        let whole = self;
        let layers: BTreeSet<&String> = whole.nodes.iter().filter_map(|node| node.layer.as_ref()).collect();
        if whole.nodes.len() <= SCREEN || layers.len() < 2 {
            return whole.svg(language.pick("the program's graph", "程序的计算图"), language);
        }
        let mut text = whole
            .by_layers()
            .svg(language.pick("the program's graph by layers", "按层划分的计算图"), language);
        for (side, words) in Side::ALL {
            for layer in &layers {
                let part = whole.part(|node| node.side == side && node.layer.as_ref() == Some(*layer));
                if part.nodes.is_empty() {
                    continue;
                }
                let (count, (english, chinese)) = (part.nodes.len(), words);
                let title = match language {
                    Language::English => format!("{layer}, {english}: {count} values"),
                    Language::Chinese => format!("{layer}，{chinese}：{count} 个值"),
                };
                let _ = writeln!(
                    text,
                    "<details><summary>{}</summary>{}</details>",
                    escape(&title),
                    part.svg(&title, language)
                );
            }
        }
        text
    }

    fn of(plan: &Plan, name: &dyn Fn(usize) -> Option<String>, gradients: &[usize]) -> Drawing {
        let mut forward: BTreeSet<usize> = plan.outputs().iter().map(|o| o.value.index()).collect();
        for step in plan.steps().iter().rev() {
            if forward.contains(&step.result.index()) {
                forward.extend(step.args.iter().filter_map(Arg::value).map(|id| id.index()));
            }
        }
        let mut backward: BTreeSet<usize> = gradients.iter().copied().collect();
        for step in plan.steps().iter().rev() {
            if backward.contains(&step.result.index()) {
                backward.extend(step.args.iter().filter_map(Arg::value).map(|id| id.index()));
            }
        }
        let side = |value: usize| match (forward.contains(&value), backward.contains(&value)) {
            (true, _) => Side::Forward,
            (_, true) => Side::Backward,
            _ if gradients.is_empty() => Side::Backward,
            _ => Side::Update,
        };
        let mut drawing = Drawing::default();
        let mut places: BTreeMap<usize, usize> = BTreeMap::new();
        let inputs = plan.inputs().iter().map(|slot| (slot.value.index(), slot.decl.name.clone()));
        let parameters =
            plan.parameters().iter().filter_map(|slot| Some((slot.value?.index(), slot.decl.name.clone())));
        let shown = |value: usize| {
            let of = &plan.values()[value];
            format!("{} {}", of.dtype, of.shape)
        };
        let layer = |value: usize| plan.values()[value].origin.layer.as_ref().map(ToString::to_string);
        for (value, own) in inputs.chain(parameters) {
            places.insert(value, drawing.nodes.len());
            let title = format!("{own}: {}", shown(value));
            let (label, values) = (own.to_string(), vec![value]);
            drawing.nodes.push(Node {
                label,
                title,
                side: side(value),
                is_source: true,
                values,
                layer: layer(value),
            });
        }
        for step in plan.steps() {
            let value = step.result.index();
            let place = drawing.nodes.len();
            places.insert(value, place);
            let args: Vec<usize> = step
                .args
                .iter()
                .filter_map(Arg::value)
                .filter_map(|id| places.get(&id.index()).copied())
                .collect();
            drawing.edges.extend(args.iter().map(|from| (*from, place)));
            let label = match name(value) {
                Some(name) => format!("{name} · {}", step.op.name()),
                None => step.op.name().to_owned(),
            };
            let title = format!("%{value} {}: {}", step.op.name(), shown(value));
            drawing.nodes.push(Node {
                label,
                title,
                side: side(value),
                is_source: false,
                values: vec![value],
                layer: layer(value),
            });
        }
        drawing.edges.sort_unstable();
        drawing.edges.dedup();
        // What stands between layers goes with the layer that it comes from.
        for i in 0..drawing.nodes.len() {
            let before = drawing.edges.iter().filter(|(_, b)| *b == i).map(|(a, _)| *a);
            if drawing.nodes[i].layer.is_none() {
                drawing.nodes[i].layer = before.filter_map(|a| drawing.nodes[a].layer.clone()).next_back();
            }
        }
        drawing
    }

    /// The nodes for which something holds, and the arrows between them.
    fn part(&self, holds: impl Fn(&Node) -> bool) -> Drawing {
        let kept: Vec<usize> = (0..self.nodes.len()).filter(|i| holds(&self.nodes[*i])).collect();
        let place = |i: usize| kept.binary_search(&i).ok();
        let edges = self.edges.iter().filter_map(|(a, b)| Some((place(*a)?, place(*b)?))).collect();
        Drawing { nodes: kept.iter().map(|i| self.nodes[*i].clone()).collect(), edges }
    }

    /// A box for each layer of the network on each side. What belongs to none stays as it is where it is a source; else
    /// it is one box.
    fn by_layers(&self) -> Drawing {
        let mut drawing = Drawing::default();
        let mut places: BTreeMap<(Side, String), usize> = BTreeMap::new();
        let mut to = vec![];
        for node in &self.nodes {
            let layer = node
                .layer
                .clone()
                .unwrap_or_else(|| if node.is_source { node.label.clone() } else { "—".into() });
            let place = *places.entry((node.side, layer.clone())).or_insert_with(|| {
                let is_source = node.is_source && node.layer.is_none();
                let own = Node { label: layer.clone(), values: vec![], is_source, ..node.clone() };
                drawing.nodes.push(own);
                drawing.nodes.len() - 1
            });
            drawing.nodes[place].values.extend(&node.values);
            to.push(place);
        }
        for node in &mut drawing.nodes {
            node.title = format!("{}: {} values", node.label, node.values.len());
        }
        let edges: BTreeSet<(usize, usize)> =
            self.edges.iter().map(|(a, b)| (to[*a], to[*b])).filter(|(a, b)| a != b).collect();
        // Layers that take turns would make a circle: an arrow goes to what comes later.
        drawing.edges = edges.into_iter().filter(|(a, b)| a < b).collect();
        drawing
    }

    /// By node: how many arrows it is away from where its side begins.
    fn levels(&self) -> Vec<usize> {
        let mut levels = vec![0usize; self.nodes.len()];
        for i in 0..self.nodes.len() {
            let before =
                self.edges.iter().filter(|(a, b)| *b == i && self.nodes[*a].side == self.nodes[i].side);
            levels[i] = before.map(|(a, _)| levels[*a] + 1).max().unwrap_or(0);
        }
        // What has time stands right above what first needs it.
        for i in (0..self.nodes.len()).rev() {
            let after =
                self.edges.iter().filter(|(a, b)| *a == i && self.nodes[*b].side == self.nodes[i].side);
            if let Some(first) = after.map(|(_, b)| levels[*b]).min() {
                levels[i] = first.saturating_sub(1);
            }
        }
        levels
    }

    fn svg(&self, title: &str, language: Language) -> String {
        let levels = self.levels();
        let widths: Vec<f64> =
            self.nodes.iter().map(|node| 16.0 + CHARACTER * node.label.width() as f64).collect();
        let (mut x, mut y) = (vec![0.0; self.nodes.len()], vec![0.0; self.nodes.len()]);
        let mut left = GAP;
        let mut height: f64 = 0.0;
        let mut heads = vec![];
        for (side, words) in Side::ALL {
            let own: Vec<usize> = (0..self.nodes.len()).filter(|i| self.nodes[*i].side == side).collect();
            if own.is_empty() {
                continue;
            }
            let mut rows: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            own.iter().for_each(|i| rows.entry(levels[*i]).or_default().push(*i));
            let mut place: BTreeMap<usize, f64> = BTreeMap::new();
            // Each row in the order of what it comes from, then of what comes from it.
            for sweep in 0..4 {
                let order: Vec<usize> = match sweep % 2 {
                    0 => rows.keys().copied().collect(),
                    _ => rows.keys().rev().copied().collect(),
                };
                for level in order {
                    let Some(row) = rows.get_mut(&level) else { continue };
                    let middle = |i: usize, place: &BTreeMap<usize, f64>| {
                        let near = self.edges.iter().filter_map(|(a, b)| match sweep % 2 {
                            0 if *b == i => place.get(a),
                            1 if *a == i => place.get(b),
                            _ => None,
                        });
                        let near: Vec<f64> = near.copied().collect();
                        match near.len() {
                            0 => place.get(&i).copied().unwrap_or(i as f64),
                            n => near.iter().sum::<f64>() / n as f64,
                        }
                    };
                    row.sort_by(|a, b| middle(*a, &place).total_cmp(&middle(*b, &place)));
                    for (at, i) in row.iter().enumerate() {
                        place.insert(*i, at as f64 - (row.len() as f64 - 1.0) / 2.0);
                    }
                }
            }
            let wide = |row: &[usize]| row.iter().map(|i| widths[*i] + GAP).sum::<f64>() - GAP;
            let width = rows.values().map(|row| wide(row)).fold(0.0, f64::max);
            for (level, row) in &rows {
                let mut at = left + (width - wide(row)) / 2.0;
                for i in row {
                    (x[*i], y[*i]) = (at, 32.0 + STEP * *level as f64);
                    at += widths[*i] + GAP;
                    height = height.max(y[*i] + HEIGHT);
                }
            }
            heads.push((left + width / 2.0, language.pick(words.0, words.1)));
            left += width + 3.0 * GAP;
        }
        let (width, height) = ((left - GAP).max(120.0), height + 12.0);
        let mut text = format!(
            "<div class=\"wide\"><svg class=\"graph\" role=\"img\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\"><title>{}</title>\n",
            escape(title)
        );
        for (at, word) in heads {
            let _ = writeln!(
                text,
                "<text class=\"head\" x=\"{at:.0}\" y=\"16\" text-anchor=\"middle\">{word}</text>"
            );
        }
        for (a, b) in &self.edges {
            let (from, to) = ((x[*a] + widths[*a] / 2.0, y[*a] + HEIGHT), (x[*b] + widths[*b] / 2.0, y[*b]));
            let crosses = self.nodes[*a].side != self.nodes[*b].side;
            let bend = if crosses { 40.0 } else { 22.0 };
            let class = if crosses { " class=\"across\"" } else { "" };
            let _ = writeln!(
                text,
                "<path{class} d=\"M{:.0} {:.0}C{:.0} {:.0} {:.0} {:.0} {:.0} {:.0}\"/>",
                from.0,
                from.1,
                from.0,
                from.1 + bend,
                to.0,
                to.1 - bend,
                to.0,
                to.1
            );
        }
        for (i, node) in self.nodes.iter().enumerate() {
            let class = match (node.is_source, node.side) {
                (true, _) => "source",
                (_, Side::Forward) => "forward",
                _ => "backward",
            };
            let values: Vec<String> = node.values.iter().map(usize::to_string).collect();
            let _ = writeln!(
                text,
                "<g class=\"node {class}\" data-values=\"{}\" tabindex=\"-1\"><title>{}</title><rect x=\"{:.0}\" y=\"{:.0}\" width=\"{:.0}\" height=\"{HEIGHT:.0}\" rx=\"4\"/><text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text></g>",
                values.join(" "),
                escape(&node.title),
                x[i],
                y[i],
                widths[i],
                x[i] + widths[i] / 2.0,
                y[i] + 16.0,
                escape(&node.label)
            );
        }
        text.push_str("</svg></div>\n");
        text
    }
}
