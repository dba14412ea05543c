//! The pages that are opened: one of each kind that the project makes.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use dl_backends::{Cpu, Session};
use dl_core::nn::{self, Sgd};
use dl_core::{F32, Graph, I64, Named, Program, U8};
use dl_report::Page;
use dl_train::pictures::{self, Study};
use dl_train::{Epoch, LivePage, Observer, Trainer};

use crate::browser::Opened;
use crate::gallery;
use dl_report::Language;

const B: Named = Named("B");

pub(crate) fn all() -> Vec<Opened> {
    let page = |name: &str, html: String| Opened { name: name.to_owned(), html, point: None };
    let perceptron =
        "X: [B, 784]; h = relu(X @ W + b); z = h @ V + c; mean(cross_entropy(z, y)) + λ*sum(W^2)";
    let perceptron = explain(&[perceptron, "--wrt", "W,b,V,c", "--rate", "0.1"]);
    let deep = "X: [B, 64]; h1 = tanh(X @ W1 + b1); h2 = tanh(h1 @ W2 + b2); h3 = tanh(h2 @ W3 + b3); \
                z = h3 @ W4 + b4; mean(cross_entropy(z, y))";
    let deep = explain(&[deep, "--wrt", "W1,b1,W2,b2,W3,b3,W4,b4"]);
    let chinese = "X: [B, 64]; 隐藏层的输出 = tanh(X @ W + b); mean(cross_entropy(隐藏层的输出 @ V + c, y))";
    let chinese = explain(&[chinese, "--wrt", "W,b,V,c"]);
    let logistic = explain(&["log(1 + exp(-y * dot(x, w))) + lambda * sum(w^2)", "--wrt", "w"]);
    let served = LivePage::serve().unwrap();
    let mut all = vec![
        Opened { point: Some("∂J/∂z"), ..page("explain", perceptron) },
        Opened { point: Some("∂J/∂h2"), ..page("explain, deep", deep) },
        page("explain, logistic", logistic),
        page("explain, Chinese names", chinese),
        page("live, not begun", written(&served)),
    ];
    let [explained, ran] = of_a_file();
    all.push(page("explain FILE", explained));
    all.push(page("run FILE", ran));
    let digits = dl_data::digits().unwrap();
    for (name, point) in [
        ("regularized_gradient_descent", None),
        ("mnist_perceptron", Some("∂J/∂logits")),
        ("mnist_mlp", Some("∂J/∂z₂")),
    ] {
        let explained = dl_examples::explained::of(name, &digits).unwrap();
        all.push(Opened { point, ..page(name, explained.page().html()) });
    }
    let mut running = String::new();
    train(40, Some(&served), |page| running = written(page));
    all.push(page("live", running));
    all.push(page("live, finished", written(&served)));
    all.push(page("training", train(5, None, |_| {})));
    let drawn = Page::new("Pictures");
    let drawn = gallery::pictures().iter().fold(drawn, |page, (_, picture)| page.picture(picture));
    all.push(page("gallery", drawn.table(&["backend", "time (µs)"], [["cpu", "12.5"]]).html()));
    all.extend(own());
    all
}

/// The folder of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The pages that `PAGES` names.
pub(crate) fn own() -> Vec<Opened> {
    let files = std::env::var_os("PAGES");
    let files = files.iter().flat_map(std::env::split_paths).map(|file| root().join(file));
    let read =
        |file: &Path| std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    files.map(|file| Opened { name: file.display().to_string(), html: read(&file), point: None }).collect()
}

/// What `dl explain` writes.
fn explain(arguments: &[&str]) -> String {
    let mut out = vec![];
    dl_cli::command::run(
        ["explain"].iter().chain(arguments).map(OsString::from),
        Language::English,
        &mut out,
    )
    .unwrap();
    String::from_utf8(out).unwrap()
}

const LINE: &str = "
formula = 'mean((w*x + b - t)^2) + lambda*w^2'
data.columns = { x = [0, 1, 2, 3], t = [1, 3, 5, 7] }
parameters = { w = 0, b = 0 }
constants.lambda = 0.001
training = { rate = 0.1, epochs = 3 }
";

/// What `dl explain FILE` and `dl run FILE --page` write.
fn of_a_file() -> [String; 2] {
    let folder = tempfile::tempdir().unwrap();
    let (file, page) = (folder.path().join("line.toml"), folder.path().join("page.html"));
    std::fs::write(&file, LINE).unwrap();
    let explained = explain(&[file.to_str().unwrap()]);
    let arguments = ["run".as_ref(), file.as_os_str(), "--page".as_ref(), page.as_os_str()];
    dl_cli::command::run(arguments.map(ToOwned::to_owned), Language::English, &mut vec![]).unwrap();
    [explained, std::fs::read_to_string(page).unwrap()]
}

fn written(page: &LivePage) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    page.write(&file).unwrap();
    std::fs::read_to_string(file).unwrap()
}

/// Does something with the page after the thirtieth epoch.
struct Look<'a, F> {
    page: Option<&'a LivePage>,
    look: F,
}

impl<F: FnMut(&LivePage)> Observer for Look<'_, F> {
    fn epoch(&mut self, epoch: &Epoch, _: &Session) -> ControlFlow<()> {
        if let Some(page) = self.page.filter(|_| epoch.number == 30) {
            (self.look)(page);
        }
        ControlFlow::Continue(())
    }
}

/// Trains a network on the 8×8 digits; the report of that.
pub(crate) fn train(epochs: usize, page: Option<&LivePage>, look: impl FnMut(&LivePage)) -> String {
    let digits = dl_data::digits().unwrap();
    let g = Graph::new();
    let x = g.input("x", U8, (B, 64)).cast(F32) / 16.0;
    let logits = nn::dense(nn::dense(x, "fc1", 64).relu(), "fc2", 10);
    let j = nn::cross_entropy(logits, g.input("y", I64, B)).mean(..);
    let evaluate = Program::builder(&g).output("J", j).compile().unwrap();
    let step = j.minimize(Sgd::new(0.1).momentum(0.9)).unwrap();
    let mut trainer = Trainer::new(Session::new(Cpu::default(), 7), &step).unwrap();
    trainer = trainer.evaluate_with(&evaluate).unwrap().epochs(epochs).shuffle(7);
    if let Some(page) = page {
        trainer = trainer.observe(page.clone());
    }
    let mut trainer = trainer.observe(Look { page, look });
    let history = trainer.fit(&digits.train, Some(&digits.test)).unwrap();
    let study = Study::new(x, logits, j).unwrap().shape([8, 8]).classes(&digits.classes);
    let findings = study.run(trainer.session_mut(), &digits.test).unwrap();
    pictures::report("Digits", &history, Some(&findings)).html()
}
