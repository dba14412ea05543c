//! Learning curves: every metric of a history over its epochs.

use dl_report::{Page, Picture, Plot};

use crate::history::History;

/// A logarithmic axis where the largest value is so many times the smallest.
const FACTORS: f64 = 20.0;

/// Every metric over the epochs, of the training and of the evaluations, one plot below another. Evaluations within
/// epochs have their place between them. What falls by more than a factor of 20 and stays above 0 is on a logarithmic
/// axis.
pub fn learning_curves(history: &History) -> Picture {
    let plots = names(history).into_iter().map(|name| plot(history, name).picture());
    Picture::stack("Learning curves", plots)
}

/// The names of all metrics, in order of appearance.
fn names(history: &History) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    let epochs = history.epochs.iter().flat_map(|epoch| [&epoch.train, &epoch.test]);
    let within = history.evaluations.iter().map(|within| &within.metrics);
    for (name, _) in epochs.chain(within).flat_map(|metrics| metrics.iter()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn plot(history: &History, name: &str) -> Plot {
    let epochs = || history.epochs.iter();
    let train = epochs().filter_map(|epoch| Some((epoch.number as f64, epoch.train.get(name)?)));
    let train: Vec<(f64, f64)> = train.collect();
    let ends = epochs().filter_map(|epoch| Some((epoch.number as f64, epoch.test.get(name)?)));
    let within = history.evaluations.iter();
    let within = within.filter_map(|at| Some((place(history, at.steps), at.metrics.get(name)?)));
    let mut test: Vec<(f64, f64)> = ends.chain(within).collect();
    test.sort_by(|a, b| a.0.total_cmp(&b.0));
    let plot = Plot::new(name).x("epoch").y(name).size(560, 280);
    let values = || train.iter().chain(&test).map(|point| point.1).filter(|value| value.is_finite());
    let (low, high) = values().fold((f64::MAX, 0.0f64), |(low, high), v| (low.min(v), high.max(v)));
    let plot = if low > 0.0 && high / low > FACTORS { plot.log_y() } else { plot };
    // Both always, so that each has its colour in every plot.
    plot.line("train", train).line("test", test)
}

/// The place of a step among epochs: the end of the first epoch is at 1.
fn place(history: &History, steps: u64) -> f64 {
    let batches = history.run.batches.max(1) as f64;
    // Epochs say how many steps the session had finished; others may have come before these.
    let known = history.epochs.iter().rev().find(|epoch| epoch.steps <= steps);
    match known.or(history.epochs.first()) {
        Some(epoch) => epoch.number as f64 + (steps as f64 - epoch.steps as f64) / batches,
        None => steps as f64 / batches,
    }
}

/// The last epochs of a longer training have a row in its table.
const MOST_ROWS: usize = 200;

/// The same as a table.
pub(crate) fn table(page: Page, history: &History) -> Page {
    let names = names(history);
    let mut head = vec!["epoch".to_owned()];
    head.extend(names.iter().flat_map(|name| [format!("train {name}"), format!("test {name}")]));
    head.push("time (s)".to_owned());
    let left_out = history.epochs.len().saturating_sub(MOST_ROWS);
    let rows: Vec<Vec<String>> = history
        .epochs
        .iter()
        .skip(left_out)
        .map(|epoch| {
            let values = names.iter().flat_map(|name| [epoch.train.get(name), epoch.test.get(name)]);
            let values = values.map(|value| value.map_or_else(String::new, dl_report::number));
            let time = format!("{:.2}", epoch.seconds + epoch.test_seconds);
            [epoch.number.to_string()].into_iter().chain(values).chain([time]).collect()
        })
        .collect();
    // Without columns that are empty.
    let used: Vec<usize> =
        (0..head.len()).filter(|k| rows.iter().any(|row: &Vec<String>| !row[*k].is_empty())).collect();
    if used.is_empty() {
        return page;
    }
    let page = match left_out {
        0 => page,
        _ => page.paragraph(&format!("The last {MOST_ROWS} of {} epochs:", history.epochs.len())),
    };
    let head: Vec<&str> = used.iter().map(|k| head[*k].as_str()).collect();
    page.table(&head, rows.iter().map(|row| used.iter().map(|k| row[*k].as_str()).collect::<Vec<_>>()))
}
