//! What the page says.

use std::time::Duration;

use dl_report::{Page, Plot, escape, number};
use serde_json::{Map, Value};

use super::{Snapshot, State};
use crate::history::Ended;
use crate::pictures;

const STYLE: &str =
    "progress { width: 100%; }\n#lost { color: var(--ink); background: var(--mark); padding: 0.5rem; }\n";
const SCRIPT: &str = include_str!("live.js");

/// The whole page; one that is `live` renews itself.
pub(super) fn page(snapshot: &Snapshot, live: bool) -> Page {
    let page = Page::new("Training").style(STYLE);
    let page = page
        .raw(&format!("<div id=\"now\">\n{}</div>", now(snapshot)))
        .raw("<p id=\"lost\" role=\"status\" hidden>The training is not heard of any more. What is shown is the last that was known.</p>")
        .raw(&format!("<div id=\"epochs\">\n{}</div>", epochs(snapshot)));
    if live { page.live().script(SCRIPT) } else { page }
}

/// What has changed since a client was told of the history's version `epochs`, as a line of JSON.
pub(super) fn news(snapshot: &Snapshot, told: Option<u64>) -> String {
    let mut news = Map::new();
    news.insert("title".into(), format!("{} – Training", title(snapshot)).into());
    news.insert("now".into(), now(snapshot).into());
    if told != Some(snapshot.epochs) {
        news.insert("epochs".into(), epochs(snapshot).into());
    }
    news.insert("over".into(), (snapshot.state == State::Finished).into());
    Value::Object(news).to_string()
}

fn title(snapshot: &Snapshot) -> String {
    match (snapshot.state, &snapshot.now) {
        (State::Finished, _) => "finished".into(),
        (State::Running, Some(now)) => format!("epoch {} of {}", now.epoch, last_epoch(snapshot)),
        _ => "not begun".into(),
    }
}

fn last_epoch(snapshot: &Snapshot) -> usize {
    let run = &snapshot.history.run;
    run.finished.saturating_add(run.epochs)
}

/// The place, the time and the metrics.
fn now(snapshot: &Snapshot) -> String {
    let run = &snapshot.history.run;
    let all = run.epochs.saturating_mul(run.batches).saturating_sub(run.resumed);
    let part = if all == 0 { 0.0 } else { snapshot.done as f64 / all as f64 };
    let mut page = Page::untitled("");
    match (snapshot.state, &snapshot.now) {
        (State::Waiting, _) => page = page.paragraph("The training has not begun."),
        (State::Finished, _) => {
            let how = match snapshot.history.ended {
                Ended::Epochs => "all epochs are trained",
                Ended::Patience => "it did not get better any more",
                Ended::Observer => "an observer ended it",
                Ended::Interrupted => "it was interrupted",
            };
            let seconds = snapshot.history.seconds();
            page = page.paragraph(&format!("Finished after {}: {how}.", time(seconds)));
        }
        (State::Running, None) => page = page.paragraph("The first batch is being trained on."),
        (State::Running, Some(now)) => {
            let spent =
                snapshot.begun.map_or(Duration::ZERO, |begun| now.at.duration_since(begun)).as_secs_f64();
            let left = spent * (all.saturating_sub(snapshot.done)) as f64 / snapshot.done.max(1) as f64;
            page = page
                .paragraph(&format!(
                    "Epoch {} of {}, batch {} of {}: {} so far, about {} left",
                    now.epoch,
                    last_epoch(snapshot),
                    now.number,
                    now.of,
                    time(spent),
                    time(left)
                ))
                .raw(&format!(
                    "<progress aria-label=\"batches done\" value=\"{:.4}\"></progress>",
                    part.clamp(0.0, 1.0)
                ));
        }
    }
    if let Some(now) = snapshot.now.as_ref().filter(|_| snapshot.state == State::Running) {
        let rows = now.metrics.iter().map(|(name, value)| [name.to_owned(), number(value)]);
        page = page.table(&["mean of the epoch so far", "value"], rows);
        if let Some((name, _)) = now.metrics.iter().next() {
            let plot = Plot::new(&format!("{name} within epochs")).x("epoch").y("mean of the epoch so far");
            page = page.picture(&plot.size(560, 240).line("", snapshot.curve.iter().copied()).picture());
        }
    }
    page.body()
}

/// The curves and the table of epochs.
fn epochs(snapshot: &Snapshot) -> String {
    let run = &snapshot.history.run;
    if snapshot.state == State::Waiting {
        return String::new();
    }
    let page = Page::untitled("").raw(&format!(
        "<p>{} examples in batches of {} on {}</p>",
        run.examples,
        run.batch_size.min(run.examples),
        escape(&run.backend)
    ));
    if snapshot.history.epochs.is_empty() && snapshot.history.evaluations.is_empty() {
        return page.body();
    }
    let page = page.section("Learning curves").picture(&pictures::learning_curves(&snapshot.history));
    pictures::epochs(page, &snapshot.history).body()
}

/// `1.2 s`, `3 min 20 s`, `2 h 5 min`.
fn time(seconds: f64) -> String {
    let whole = seconds.clamp(0.0, 1e9).round();
    if seconds < 10.0 {
        format!("{:.1} s", seconds.max(0.0))
    } else if whole < 60.0 {
        format!("{whole} s")
    } else if whole < 3600.0 {
        format!("{} min {} s", (whole / 60.0).floor(), whole % 60.0)
    } else {
        format!("{} h {} min", (whole / 3600.0).floor(), (whole % 3600.0 / 60.0).floor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let shown = [0.04, 9.96, 59.4, 200.0, 7500.0].map(time);
        assert_eq!(shown, ["0.0 s", "10.0 s", "59 s", "3 min 20 s", "2 h 5 min"]);
    }
}
