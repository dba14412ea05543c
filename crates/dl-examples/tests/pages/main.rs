//! Every kind of page, opened in headless Chromium: what is on it is seen, lit and read.
//!
//! Pages of one's own are looked at, too, where `PAGES` names their files, divided by `:`. Pictures of pages, for people,
//! are written by `SCREENSHOTS=docs/pictures cargo nextest run -p dl-examples --features page,explain --test pages`; with
//! `PAGES=target/bench/latest.html` in front, after `cargo xtask bench`, that of its report, too.
#![allow(clippy::unwrap_used)]

mod browser;
#[allow(dead_code)] // its `main`, which writes files
#[path = "../../../dl-report/examples/gallery.rs"]
mod gallery;
mod made;

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use browser::Chromium;

#[test]
fn every_page_is_read_at_every_width_in_both_themes() {
    let Some(chromium) = Chromium::find() else { return };
    let pages = made::all();
    let (found, wrong) = chromium.faults(&pages);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Formulas have fractions.
    let of = |name: &'static str| found.iter().filter(move |one| one["page"] == name);
    assert!(of("explain").all(|one| one["fractions"].as_u64() > Some(0)));
    assert!(of("gallery").all(|one| one["texts"].as_u64() > Some(100)));
    let lines = found.iter().filter(|one| !one["pointed"].is_null());
    assert_eq!(lines.clone().count(), 4 * pages.iter().filter(|page| page.point.is_some()).count());
    for one in lines {
        pointed(one);
    }
    for one in of("explain") {
        for told in [&one["pointed"]["mouse"]["told"], &one["pointed"]["keyboard"]["told"]] {
            let told = told.as_str().unwrap();
            for part in ["∂J/∂z: chain rule", "[B, M], mean ", " operations, ", " bytes", "measured "] {
                assert!(told.contains(part), "{part}: {told}");
            }
        }
        assert_eq!(one["pointed"]["mouse"]["used"], json!(["z"]));
    }
}

/// Pointing at a line lights its node and its kernels, by mouse and by keyboard, and a kernel lights the line.
fn pointed(one: &Value) {
    let (found, place) = (&one["pointed"], format!("{} at {} px", one["page"], one["width"]));
    let colours = ["row_colour", "node_colour", "kernel_colour"];
    for state in ["before", "left", "blurred"] {
        let (before, state) = (&found["before"], &found[state]);
        assert!(state["row"] == false && state["nodes"] == 0 && state["kernels"] == 0, "{place}: {state}");
        assert!(colours.iter().all(|colour| state[colour] == before[colour]), "{place}: {state}");
        assert_eq!(state["told"], before["told"], "{place}");
    }
    assert_eq!(found["reached"], true, "{place}: the tab key does not reach the line");
    for kind in ["mouse", "keyboard", "kernel"] {
        let state = &found[kind];
        assert_eq!(state["row"], true, "{place}, by {kind}: {state}");
        assert!(state["nodes"].as_u64() >= Some(1), "{place}, by {kind}: no node is lit: {state}");
        assert!(state["kernels"].as_u64() >= Some(1), "{place}, by {kind}: no kernel is lit: {state}");
        for colour in colours {
            assert_ne!(
                state[colour], found["before"][colour],
                "{place}, by {kind}: {colour} does not change"
            );
        }
        assert_ne!(state["told"], found["before"]["told"], "{place}, by {kind}");
    }
    // On a wide screen the graph is beside the line.
    assert!(
        one["width"] == 360 || found["mouse"]["seen"] == true,
        "{place}: the lit node is not on the screen"
    );
}

#[test]
fn the_page_of_a_running_training_is_heard_of() {
    let Some(chromium) = Chromium::find() else { return };
    let page = dl_train::LivePage::serve().unwrap();
    made::train(40, Some(&page), |running| {
        let (document, console) = chromium.document(&running.address());
        assert_eq!(console, [""; 0]);
        assert!(document.contains(" of 40, batch ") && document.contains("<progress "), "{document}");
        assert!(document.contains("<p id=\"lost\" role=\"status\" hidden=\"\">"), "{document}");
    });
    let (document, console) = chromium.document(&page.address());
    assert_eq!(console, [""; 0]);
    assert!(document.contains("Finished after ") && document.contains("Learning curves"), "{document}");
}

#[test]
fn pictures_for_people_are_written_where_they_are_asked_for() {
    let Some(folder) = std::env::var_os("SCREENSHOTS") else { return };
    let Some(chromium) = Chromium::find() else { return };
    let folder = made::root().join(folder);
    fs::create_dir_all(&folder).unwrap();
    let pages = made::all();
    let page = |name: &str| pages.iter().find(|page| page.name == name).unwrap();
    for (file, name, size, dark) in [
        ("explain", "explain", [1150, 780], false),
        ("explain-narrow-dark", "explain", [360, 1000], true),
        ("training", "training", [620, 1500], false),
        ("live", "live", [620, 900], true),
    ] {
        chromium.picture(page(name), size, dark, &folder.join(format!("{file}.png")));
    }
    for page in made::own() {
        let file = Path::new(&page.name);
        let part =
            |name: Option<&OsStr>| name.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let name =
            format!("{}-{}.png", part(file.parent().and_then(Path::file_name)), part(file.file_stem()));
        chromium.picture(&page, [1000, 1000], false, &folder.join(name));
    }
}
