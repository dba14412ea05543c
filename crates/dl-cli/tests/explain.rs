//! `dl explain`: the page is whole, needs nothing from elsewhere, and says what each line stands on.
#![allow(clippy::unwrap_used)]

use std::ffi::OsString;

use dl_cli::command::run;

fn page(arguments: &[&str]) -> String {
    let mut out = vec![];
    run(["explain"].iter().chain(arguments).map(OsString::from), &mut out).unwrap();
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
    for part in ["http:", "https:", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(part), "{part}");
    }
    let names = all_between(&page, "data-name=\"", "\"");
    let want = ["J", "z", "h", "s", "∂J/∂z", "∂J/∂V", "∂J/∂c", "∂J/∂h", "∂J/∂s", "∂J/∂W", "∂J/∂b", "θ"];
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
    for part in
        ["<math display=\"block\">", "sum-of-scatter", "B = 64", "pointwise", "prefers-color-scheme: dark"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<math").count(), page.matches("</math>").count());
}

#[test]
fn what_people_type_is_text_on_the_page() {
    let page = page(&["sum(where(x < 1, x, x*2)) # <b>&\"", "--wrt", "x"]);
    assert!(page.contains("x &lt; 1") && page.contains("&lt;b&gt;&amp;&quot;") && !page.contains("<b>"));
}
