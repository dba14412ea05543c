//! Pages stand alone, and what is text on them stays text.

use dl_report::{Language, Page, Plot};
use expect_test::expect;

#[test]
fn a_small_page() {
    let page = Page::new("A & B").language(Language::Chinese).section("一").paragraph("x < y").section("Two");
    let page = page.table(&["name", "time"], [["cpu", "12.5"]]).preformatted("a\nb").script("run();\n");
    let html = page.html();
    let (head, body) = html.split_once("<style>").unwrap();
    expect![[r#"
        <!doctype html>
        <html lang="zh-CN">
        <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>A &amp; B</title>
        <link rel="icon" href="data:,">
    "#]].assert_eq(head);
    let (_, body) = body.split_once("</style>\n").unwrap();
    expect![[r#"
        </head>
        <body>
        <main>
        <h1>A &amp; B</h1>
        <section>
        <h2>一</h2>
        <p>x &lt; y</p>
        </section>
        <section>
        <h2>Two</h2>
        <div class="wide"><table class="plain">
        <thead><tr><th scope="col">name</th><th scope="col" class="number">time</th></tr></thead>
        <tbody>
        <tr><td>cpu</td><td class="number">12.5</td></tr>
        </tbody></table></div>
        <div class="wide"><pre>a
        b</pre></div>
        </section>
        </main>
        <script>
        run();
        </script>
        </body>
        </html>
    "#]]
    .assert_eq(body);
}

#[test]
fn nothing_closes_early() {
    let evil = "</script><script>alert(1)</style>\"'";
    let page = Page::new(evil).section(evil).paragraph(evil).preformatted(evil);
    let page = page.table(&[evil], [[evil]]).data("d", &serde_json::json!({ "a": evil }));
    let html = page.script("\"</script>\"").style("/*</style>*/").html();
    assert_eq!(html.matches("</script>").count(), 2, "the data's and the script's");
    assert_eq!(html.matches("<script").count(), 2);
    assert_eq!(html.matches("</style>").count(), 1);
    assert!(!html.contains("alert(1)</"));
}

#[test]
fn a_page_fetches_from_nowhere_but_where_it_is_served() {
    let page = Page::new("a").picture(&Plot::new("b").picture());
    assert!(!page.html().contains("connect-src"));
    assert!(page.html().contains("default-src 'none'"));
    assert!(page.live().html().contains("; connect-src 'self'\""));
    // The one address is the name of SVG, which nobody fetches.
    let html = Page::new("a").picture(&Plot::new("b").picture()).html();
    assert_eq!(html.matches("http").count(), 1 + html.matches("http-equiv").count());
}

#[test]
fn pages_and_pictures_are_written() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let picture = Plot::new("b").picture();
    picture.write(folder.path().join("b.svg"))?;
    assert_eq!(std::fs::read_to_string(folder.path().join("b.svg"))?, picture.svg());
    let page = Page::new("a");
    page.write(folder.path().join("a.html"))?;
    assert_eq!(std::fs::read_to_string(folder.path().join("a.html"))?, page.html());
    assert!(page.write(folder.path().join("none").join("a.html")).is_err());
    Ok(())
}

/// Numbers stand below each other, whatever is missing between them; text that begins with a digit stays where it is.
#[test]
fn a_column_of_numbers_stands_to_the_right() {
    let rows = [["cpu", "12.5", "64 cores"], ["wgpu", "·", "a test"]];
    let html = Page::new("a").table(&["row", "ms", "from"], rows).html();
    assert!(html.contains("<td>cpu</td><td class=\"number\">12.5</td><td>64 cores</td>"), "{html}");
    assert!(html.contains("<td>wgpu</td><td class=\"number\">·</td><td>a test</td>"), "{html}");
    assert_eq!(html.matches("<th scope=\"col\" class=\"number\">").count(), 1);
}
