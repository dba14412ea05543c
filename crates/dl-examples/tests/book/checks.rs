//! The checks of the book notice what they are there for.

use expect_test::expect;

use super::{listing, out_of_step, renew};
use crate::command::{near, output, shown, words};
use crate::page::{Page, Part};

#[test]
fn words_are_those_of_a_shell() {
    assert_eq!(words("dl derive 'a b' --wrt \"x,y\"  # why"), ["dl", "derive", "a b", "--wrt", "x,y"]);
    assert_eq!(words("dl check 'x # y'#z"), ["dl", "check", "x # y#z"]);
    assert!(output("rm -r x").unwrap_err().contains("none of the commands"));
    assert_eq!(output("dl derive x --wrt x > page.html").unwrap(), "");
    assert!(output("dl derive 'x +' --wrt x").unwrap().starts_with("error: expected a value"));
}

#[test]
fn a_part_of_an_output_stays_a_part() {
    let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let all = "1\n2\n3\n4\n5\n\n";
    assert_eq!(shown(&lines("9 9"), all), lines("1 2 3 4 5"));
    assert_eq!(shown(&lines("9 …"), all), lines("1 …"));
    assert_eq!(shown(&lines("9 … 9 9"), all), lines("1 … 4 5"));
    assert_eq!(shown(&lines("9 … 3 9 …"), all), lines("1 … 3 4 …"));
    assert_eq!(shown(&lines("9 … 8 …"), all), lines("1 … …"), "which the page then is not");
    assert_eq!(shown(&lines("9 9 9 … 9 9"), all), lines("1 2 3 4 5"));
}

#[test]
fn near_is_near() {
    let near = |a: &str, b: &str| near(&[a.to_owned()], &[b.to_owned()]);
    assert!(near("epoch  1  J = 0.07, right 90 %", "epoch  1  J = 0.09, right 88 %"));
    assert!(
        !near("J = 0.07", "J = 0.27") && !near("right 90 %", "right 70 %") && !near("1.0e-5 x", "1.0e-5")
    );
    assert!(!near("epoch 1", "epoch 2") && !near("a 1", "b 1"));
}

#[test]
fn wrong_outputs_and_formulas_are_renewed() {
    let page = Page::of(
        "a.md",
        "# A\n```console\n$ dl b # c\nold\n\n$ dl d\n```\n<!-- not run: e -->\n```console\n$ f\n```\n<!-- dl g -->\n<!-- end -->\n",
    );
    let mut said = |line: &str| Ok(format!("<math {line}>\n"));
    let parts: Vec<Part> = page.parts.iter().map(|part| renew(part, &mut said).unwrap()).collect();
    let renewed = Page { path: page.path, parts };
    expect![[r##"
        # A
        ```console
        $ dl b # c
        <math dl b # c>

        $ dl d
        <math dl d>
        ```
        <!-- not run: e -->
        ```console
        $ f
        ```
        <!-- dl g -->
        <div lang="en" style="overflow: auto hidden; padding: 0.5em 0"><math dl g --mathml></div>
        <!-- end -->
    "##]]
    .assert_eq(&renewed.text());
}

#[test]
fn what_is_out_of_step_is_told() {
    let english = Page::of("en/a.md", "# A\n\nText.\n\n```rust\nlet a; // one\n```\n\n## B\n");
    let chinese = |from: &str, rest: &str| {
        let page =
            Page::of("zh-CN/a.md", &format!("<!-- translated from: {from} -->\n\n# 甲\n\n文。\n{rest}"));
        out_of_step(&english, &page).join("\n")
    };
    let digest = english.digest();
    let rest = "\n```rust\nlet a; // 一\n```\n\n## 乙\n";
    assert_eq!(chinese(&digest, rest), "");
    assert!(chinese("0", rest).contains("BOOK_TRANSLATED=a.md"));
    expect![[r#"
        zh-CN/a.md: its headings have the levels [1, 3], those of en/a.md [1, 2]
        zh-CN/a.md has the block
        ```rust
        let b;
        where en/a.md has
        ```rust
        let a;"#]]
    .assert_eq(&chinese(&digest, "\n```rust\nlet b;\n```\n\n### 乙\n"));
    let same = Page::of("en/a.md", "# A\n\nText.\n\n```rust\nlet b;\n```\n\n## B\n");
    assert_eq!(same.digest(), digest, "blocks are compared, not digested");
    assert_ne!(Page::of("en/a.md", "# A\n\nText!\n").digest(), digest);
}

#[test]
fn listings_are_includes_of_examples() {
    assert!(listing("let x = 3;").unwrap_err().contains("a listing includes an example"));
    assert!(listing("{{#include ../../../README.md:4:}}").unwrap_err().contains("no example"));
    let nowhere = "{{#include ../../../crates/dl-examples/examples/nowhere.rs:4:}}";
    assert!(listing(nowhere).unwrap_err().contains("nowhere.rs"));
}
