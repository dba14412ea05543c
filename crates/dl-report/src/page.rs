//! Pages: one HTML file each, that needs nothing from elsewhere.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use crate::language::Language;
use crate::palette::{rules, variables};
use crate::picture::Picture;
use crate::text::escape;
use crate::write::write_whole;

const STYLE: &str = include_str!("page.css");

/// A page: light and dark by the reader's theme, for wide and narrow screens and for print. A policy in its head
/// forbids the browser to fetch anything.
///
/// Whatever is text is escaped here; [`raw`](Page::raw) alone takes markup.
///
/// ```
/// use dl_report::{Page, Plot};
///
/// let page = Page::new("A training")
///     .section("Loss")
///     .paragraph("of every epoch")
///     .picture(&Plot::new("J").line("", [(1.0, 0.5), (2.0, 0.25)]).picture())
///     .table(&["epoch", "J"], [["1", "0.5"], ["2", "0.25"]]);
/// assert!(page.html().starts_with("<!doctype html>"));
/// ```
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    language: Language,
    style: String,
    script: String,
    data: String,
    body: String,
    in_section: bool,
    live: bool,
}

impl Page {
    /// A page in English whose title stands on it as its heading.
    pub fn new(title: &str) -> Page {
        let body = format!("<h1>{}</h1>\n", escape(title));
        Page { body, ..Page::untitled(title) }
    }

    /// A page in English whose title is the window's alone; the caller writes the heading.
    pub fn untitled(title: &str) -> Page {
        Page {
            title: title.to_owned(),
            language: Language::English,
            style: String::new(),
            script: String::new(),
            data: String::new(),
            body: String::new(),
            in_section: false,
            live: false,
        }
    }

    /// The language of its text.
    pub fn language(mut self, language: Language) -> Page {
        self.language = language;
        self
    }

    /// More of a style sheet, behind the page's own. Its variables are `--ground`, `--ink`, `--soft`, `--line`, `--mark`, `--used`, and
    /// `--series-0` to `--series-5`.
    pub fn style(mut self, css: &str) -> Page {
        self.style.push_str(css);
        self
    }

    /// A script, run after the page is there.
    pub fn script(mut self, javascript: &str) -> Page {
        self.script.push_str(javascript);
        self
    }

    /// Data for a script, which finds it by `JSON.parse(document.getElementById(id).textContent)`.
    pub fn data(mut self, id: &str, data: &serde_json::Value) -> Page {
        // No tag ends within it.
        let json = data.to_string().replace('<', "\\u003c");
        let _ =
            writeln!(self.data, "<script type=\"application/json\" id=\"{}\">{json}</script>", escape(id));
        self
    }

    /// The page may fetch from the server that it came from, and from nowhere else.
    pub fn live(mut self) -> Page {
        self.live = true;
        self
    }

    /// Begins a section, which ends where the next one begins.
    pub fn section(mut self, heading: &str) -> Page {
        self.close();
        self.in_section = true;
        let _ = writeln!(self.body, "<section>\n<h2>{}</h2>", escape(heading));
        self
    }

    /// A paragraph of text.
    pub fn paragraph(mut self, text: &str) -> Page {
        let _ = writeln!(self.body, "<p>{}</p>", escape(text));
        self
    }

    /// Text as it is, line by line, in a box that scrolls.
    pub fn preformatted(mut self, text: &str) -> Page {
        let _ = writeln!(self.body, "<div class=\"wide\"><pre>{}</pre></div>", escape(text));
        self
    }

    /// A picture, in a box that scrolls where the screen is narrow.
    pub fn picture(mut self, picture: &Picture) -> Page {
        let _ = writeln!(self.body, "<figure class=\"wide\">{}</figure>", picture.inline());
        self
    }

    /// A table of text in a box that scrolls; columns of numbers stand to the right.
    pub fn table<Row, Cell>(mut self, head: &[&str], rows: impl IntoIterator<Item = Row>) -> Page
    where
        Row: IntoIterator<Item = Cell>,
        Cell: AsRef<str>,
    {
        let rows: Vec<Vec<Cell>> = rows.into_iter().map(|row| row.into_iter().collect()).collect();
        let class = |place: usize| {
            let cells = || rows.iter().filter_map(|row| row.get(place)).map(Cell::as_ref);
            let of_numbers = cells().all(|cell| is_number(cell) || is_nothing(cell));
            if of_numbers && cells().any(is_number) { " class=\"number\"" } else { "" }
        };
        self.body.push_str("<div class=\"wide\"><table class=\"plain\">\n<thead><tr>");
        for (place, cell) in head.iter().enumerate() {
            let _ = write!(self.body, "<th scope=\"col\"{}>{}</th>", class(place), escape(cell));
        }
        self.body.push_str("</tr></thead>\n<tbody>\n");
        for row in &rows {
            self.body.push_str("<tr>");
            for (place, cell) in row.iter().enumerate() {
                let _ = write!(self.body, "<td{}>{}</td>", class(place), escape(cell.as_ref()));
            }
            self.body.push_str("</tr>\n");
        }
        self.body.push_str("</tbody></table></div>\n");
        self
    }

    /// Markup that is trusted: what in it is text must have gone through [`escape`].
    pub fn raw(mut self, html: &str) -> Page {
        self.body.push_str(html);
        self.body.push('\n');
        self
    }

    /// What stands within `<main>`: a part of another page.
    pub fn body(&self) -> String {
        let end = if self.in_section { "</section>\n" } else { "" };
        format!("{}{end}", self.body)
    }

    /// The page as a file.
    pub fn html(&self) -> String {
        let fetches = if self.live { "; connect-src 'self'" } else { "" };
        // Neither a style sheet nor a script ends its element early.
        let inside = |text: &str| text.replace("</s", "<\\/s").replace("</S", "<\\/S");
        let script = match self.script.is_empty() {
            true => String::new(),
            false => format!("<script>\n{}</script>\n", inside(&self.script)),
        };
        format!(
            "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
             script-src 'unsafe-inline'; img-src data:{fetches}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{}{}</style>\n</head>\n<body>\n<main>\n\
             {}</main>\n{}{script}</body>\n</html>\n",
            self.language.tag(),
            escape(&self.title),
            style(),
            inside(&self.style),
            self.body(),
            self.data,
        )
    }

    /// Writes [`html`](Page::html) to a file, which appears whole or not at all.
    ///
    /// # Errors
    /// What the file system said.
    pub fn write(&self, path: impl AsRef<Path>) -> io::Result<()> {
        write_whole(path.as_ref(), self.html().as_bytes())
    }

    fn close(&mut self) {
        if std::mem::take(&mut self.in_section) {
            self.body.push_str("</section>\n");
        }
    }
}

/// The colours of both themes, what draws by them, and the rest.
fn style() -> String {
    let (light, dark) = (variables(false), variables(true));
    format!(
        ":root {{ color-scheme: light dark;{light} --mark: #FFE9A8; --used: #D8ECFF; }}\n\
         @media (prefers-color-scheme: dark) {{ :root {{{dark} --mark: #5B4A10; --used: #16395C; }} }}\n\
         @media print {{ :root {{ color-scheme: light;{light} --mark: #FFE9A8; --used: #D8ECFF; }} }}\n{}{STYLE}",
        rules()
    )
}

/// Whether a cell says that there is no number.
fn is_nothing(cell: &str) -> bool {
    matches!(cell, "" | "·" | "–" | "—")
}

/// Whether a cell begins as a number does.
fn is_number(cell: &str) -> bool {
    let cell = cell.trim_start_matches(['-', '−', '+', '±', '<', '≤']);
    cell.starts_with(|c: char| c.is_ascii_digit())
}
