//! Opens pages in headless Chromium: what is wrong with them, and how they look. Tests of `benches` include this file,
//! too.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// What all pages together may take; they take seconds.
const PATIENCE: Duration = Duration::from_secs(120);
const HARNESS: &str = include_str!("harness.js");

/// A page that is opened.
pub(crate) struct Opened {
    pub name: String,
    pub html: String,
    /// The line that is pointed at, of a page that explains.
    pub point: Option<&'static str>,
}

/// Chromium where it is installed.
pub(crate) struct Chromium(PathBuf);

impl Chromium {
    /// What `CHROMIUM` names, else the first that is on the path. Says so where there is none.
    pub(crate) fn find() -> Option<Chromium> {
        if let Some(named) = std::env::var_os("CHROMIUM") {
            return Some(Chromium(named.into()));
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
        let all = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
        let found = all.into_iter().find(|file| file.is_file()).map(Chromium);
        if found.is_none() {
            eprintln!("PAGES PASSED OVER: found no Chromium; Debian's package is chromium");
        }
        found
    }

    /// What it prints, and the lines of its console.
    fn run(&self, arguments: &[&str]) -> (String, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let profile = format!("--user-data-dir={}", folder.path().join("profile").display());
        let own = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-dev-shm-usage", // which containers have little of
            "--disable-background-networking",
            "--enable-logging=stderr",
            &profile,
        ];
        let mut child = Command::new(&self.0)
            .args(own)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.0.display()));
        let mut out = child.stdout.take().unwrap();
        let (send, told) = channel();
        thread::spawn(move || {
            let mut bytes = vec![];
            let read = out.read_to_end(&mut bytes).map(|_| bytes);
            let _ = send.send(read);
        });
        let told = told.recv_timeout(PATIENCE);
        if told.is_err() {
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        let log = String::from_utf8_lossy(&fs::read(log).unwrap()).into_owned();
        let Ok(told) = told else { panic!("Chromium did not end within {PATIENCE:?}:\n{log}") };
        assert!(status.success(), "Chromium: {status}\n{log}");
        let console = log.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect();
        (String::from_utf8(told.unwrap()).unwrap(), console)
    }

    /// What a reader's eye finds in each page at each width in each theme, and the lines of the console.
    fn look(&self, pages: &[Opened]) -> (Vec<Value>, Vec<String>) {
        let data: Vec<Value> = pages
            .iter()
            .map(|page| json!({ "name": page.name, "html": page.html, "point": page.point }))
            .collect();
        let data = Value::from(data).to_string().replace('<', "\\u003c");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("harness.html");
        let html = format!(
            "<!doctype html>\n<meta charset=\"utf-8\">\n<body>\n<script type=\"application/json\" id=\"pages\">{data}</script>\n\
             <script>\n{HARNESS}</script>\n"
        );
        fs::write(&file, html).unwrap();
        let (dom, console) = self.run(&["--window-size=1300,900", "--dump-dom", &address(&file)]);
        let result = dom.split_once("<pre id=\"result\">").and_then(|(_, rest)| rest.split_once("</pre>"));
        let (result, _) = result.unwrap_or_else(|| panic!("no result: {console:?}\n{dom:.2000}"));
        let result = result.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u{a0}");
        (serde_json::from_str(&result.replace("&amp;", "&")).unwrap(), console)
    }

    /// The same, and what is wrong, a line for each.
    pub(crate) fn faults(&self, pages: &[Opened]) -> (Vec<Value>, Vec<String>) {
        let (found, console) = self.look(pages);
        assert_eq!(found.len(), 4 * pages.len());
        let mut wrong = vec![];
        for one in &found {
            let faults = one["faults"].as_array().unwrap().iter();
            let place = format!("{} at {} px, dark: {}", one["page"], one["width"], one["dark"]);
            wrong.extend(faults.map(|fault| format!("{place}: {}", fault.as_str().unwrap())));
            // It was looked at: no page is empty.
            assert!(one["texts"].as_u64() >= Some(2), "{one}");
        }
        wrong.extend(console);
        (found, wrong)
    }

    /// The document at an address once it is loaded, and the lines of its console.
    pub(crate) fn document(&self, address: &str) -> (String, Vec<String>) {
        self.run(&["--dump-dom", address])
    }

    /// A picture of the top of a page as a PNG file.
    pub(crate) fn picture(&self, page: &Opened, [width, height]: [usize; 2], dark: bool, to: &Path) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("page.html");
        let point = page.point.map_or_else(String::new, |name| {
            let name = json!(name);
            format!(
                "<script>for (const row of document.querySelectorAll('tr[data-name]')) if (row.dataset.name === {name}) \
                 row.dispatchEvent(new MouseEvent('mouseenter'));</script></body>"
            )
        });
        fs::write(&file, page.html.replace("</body>", &point)).unwrap();
        let size = format!("--window-size={width},{height}");
        let theme = format!("--blink-settings=preferredColorScheme={}", if dark { 0 } else { 1 });
        let shot = format!("--screenshot={}", to.display());
        self.run(&[&size, &theme, "--hide-scrollbars", &shot, &address(&file)]);
    }
}

fn address(file: &Path) -> String {
    format!("file://{}", file.display())
}
