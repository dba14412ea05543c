//! `dl explain`: the page is whole, needs nothing from elsewhere, and says what each line stands on.
#![allow(clippy::unwrap_used)]

use std::ffi::OsString;

use dl_cli::command::run;
use dl_report::Language;

fn page(arguments: &[&str]) -> String {
    let mut out = vec![];
    run(["explain"].iter().chain(arguments).map(OsString::from), Language::English, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// What stands between two texts, as often as they come.
fn all_between<'t>(text: &'t str, begin: &str, end: &str) -> Vec<&'t str> {
    text.split(begin).skip(1).filter_map(|rest| rest.split(end).next()).collect()
}

#[test]
fn a_page_of_a_perceptron() {
    let formula = "X: [B, 784]; h = relu(X @ W + b); z = h @ V + c; mean(cross_entropy(z, y)) + λ*sum(W^2)";
    let page = page(&[formula, "--wrt", "W,b,V,c", "--rate", "0.1"]);
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    // Nothing is loaded from anywhere.
    for part in ["http:", "https:", "src=", "@import", "url("] {
        assert!(!page.contains(part), "{part}");
    }
    assert_eq!(all_between(&page, "href=\"", "\""), ["data:,"], "the picture of no page");
    let names = all_between(&page, "data-name=\"", "\"");
    let want =
        ["J", "ℓ", "z", "h", "s", "∂J/∂z", "∂J/∂V", "∂J/∂c", "∂J/∂h", "∂J/∂s", "∂J/∂W", "∂J/∂b", "θ", "α"];
    assert_eq!(names, want);
    let uses = all_between(&page, "data-uses=\"", "\"");
    let stands_on = |name: &str| {
        let mut of: Vec<&str> =
            uses[names.iter().position(|n| *n == name).unwrap()].split('\u{1f}').collect();
        of.sort_unstable();
        of
    };
    assert_eq!(stands_on("h"), ["s"]);
    assert_eq!(stands_on("∂J/∂V"), ["h", "∂J/∂z"]);
    assert_eq!(stands_on("∂J/∂W"), ["W", "X", "λ", "∂J/∂s"]);
    let parts =
        ["<math display=\"block\">", "sum-of-scatter", "B = 64", "prefers-color-scheme: dark", "measured"];
    for part in parts {
        assert!(page.contains(part), "{part}");
    }
    // Every derivative has its value in the graph, and that one a kernel.
    let lines = all_between(&page, "<tr id=", "</tr>");
    for line in lines.iter().filter(|line| line.contains("data-name=\"∂")) {
        let values = all_between(line, "data-values=\"", "\"")[0];
        let value = values.split(' ').next_back().unwrap();
        assert!(!value.is_empty(), "{line}");
        let has = |text: &str| all_between(text, "data-values=\"", "\"")[0].split(' ').any(|v| v == value);
        let nodes = all_between(&page, "<g class=\"node", "</g>");
        assert_eq!(nodes.iter().filter(|node| has(node)).count(), 1, "{value}");
        let kernels = all_between(&page, "<tr tabindex=\"0\" data-kernel=", "</tr>");
        assert!(kernels.iter().any(|kernel| has(kernel)), "{value}");
    }
    assert_eq!(page.matches("<math").count(), page.matches("</math>").count());
}

#[test]
fn what_people_type_is_text_on_the_page() {
    let page = page(&["sum(where(x < 1, x, x*2)) # <b>&\"", "--wrt", "x"]);
    assert!(page.contains("x &lt; 1") && page.contains("&lt;b&gt;&amp;&quot;") && !page.contains("<b>"));
}

#[test]
fn a_page_of_a_training_that_a_file_describes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("line.toml");
    let text = "formula = 'mean((w*x + b - t)^2) + lambda*w^2'\nparameters = { w = 0, b = 0 }\n\
                data.columns = { x = [0, 1, 2], t = [1, 3, 5] }\nconstants.lambda = 0.001\n";
    std::fs::write(&file, text).unwrap();
    let page = page(&[file.to_str().unwrap()]);
    for part in ["λ = 0.001", "data-name=\"∂J/∂w\"", "measured", "<svg class=\"graph\""] {
        assert!(page.contains(part), "{part}");
    }
    std::fs::write(&file, &text[..40]).unwrap();
    let mut out = vec![];
    let failure =
        run(["explain".into(), OsString::from(&file)], Language::English, &mut out).unwrap_err().to_string();
    assert!(failure.contains("line 1: ") && out.is_empty(), "{failure}");
}

#[test]
fn what_cannot_be_run_is_derived_all_the_same() {
    // Labels of three classes among scores of one.
    let page = page(&["z: [B, 1]; mean(cross_entropy(z, y))", "--wrt", "z"]);
    assert!(page.contains("Nothing was run: ") && page.contains("data-name=\"∂J/∂z\""));
}
