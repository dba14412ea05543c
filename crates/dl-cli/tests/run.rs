//! `dl run`: trainings that files describe, and what is said of files that are wrong.
#![allow(clippy::unwrap_used)]

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use dl_cli::command::run;
use dl_report::Language;
use expect_test::{Expect, expect};
use tempfile::TempDir;
use unicode_width::UnicodeWidthStr;

fn said(arguments: &[&Path]) -> Result<String, String> {
    let mut out = vec![];
    let all = std::iter::once(OsString::from("run")).chain(arguments.iter().map(|a| a.into()));
    match run(all, Language::English, &mut out) {
        Ok(()) => Ok(String::from_utf8(out).unwrap()),
        Err(failure) => Err(failure.to_string()),
    }
}

/// A folder with a description, and files beside it.
fn folder(text: &str, files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("run.toml"), text).unwrap();
    files.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
    folder
}

/// What is said of the description in a folder.
fn refused(folder: &TempDir) -> String {
    let place = format!("{}/", folder.path().display());
    said(&[&folder.path().join("run.toml")]).unwrap_err().replace(&place, "")
}

/// What a description that is wrong comes to; nothing is written.
fn fails(text: &str, want: Expect) {
    let folder = folder(text, &[]);
    let mut out = vec![];
    run(["run".into(), folder.path().join("run.toml").into_os_string()], Language::English, &mut out)
        .unwrap_err();
    assert_eq!(String::from_utf8(out).unwrap(), "", "nothing is written beside an error");
    want.assert_eq(&refused(&folder));
}

const LINE: &str = "
formula = 'mean((w*x + b - t)^2) + lambda*w^2'
data.columns = { x = [0, 1, 2, 3], t = [1, 3, 5, 7] }
parameters = { w = 0, b = 0 }
constants.lambda = 0.001
training = { rate = 0.1, epochs = 3 }
";

#[test]
fn a_line_through_points() {
    let folder = folder(LINE, &[]);
    expect![[r#"
        x: [B]   t: [B]   b: number   w: number   λ = 0.001

        J = mean_b((w·x + b - t)²) + λ·w²
        ∂J/∂b = (2·Σ_b (w·x + b - t))/B
        ∂J/∂w = (2·Σ_b x ⊙ (w·x + b - t))/B + 2·λ·w
        θ ← θ - α·∂J/∂θ
        α = 0.1

        4 examples
            epoch          J
                1         21
                2     0.5379
                3    0.01837

        · J (each step up is a factor)

                21 │·
                   │
                   │
                   │
                   │
                   │
                   │                                ·
                   │
                   │
                   │
                   │
           0.01837 │                                                               ·
                   └────────────────────────────────────────────────────────────────
                    1                                                       3 epochs

        w = 2.012
        b = 0.9531
    "#]]
    .assert_eq(&said(&[&folder.path().join("run.toml")]).unwrap());
}

/// A character of Chinese takes two columns of the table.
#[test]
fn names_in_chinese_head_their_columns() {
    let text =
        LINE.replace("mean((w*x + b - t)^2) +", "均方误差的平均 = mean((w*x + b - t)^2); 均方误差的平均 +");
    let text = said(&[&folder(&text, &[]).path().join("run.toml")]).unwrap();
    let table = &text[text.find("4 examples").unwrap()..text.find("\n\n·").unwrap()];
    expect![[r#"
        4 examples
            epoch          J  均方误差的平均
                1         21              21
                2     0.5379           0.535
                3    0.01837         0.01449"#]]
    .assert_eq(table);
    assert!(table.lines().skip(1).all(|line| line.width() == 36), "{table}");
}

#[test]
fn the_tutorials_first_formula() {
    let text = "formula = '(theta - 3)^2'\nparameters.theta = 0\ntraining = { rate = 0.1, steps = 200 }";
    let folder = folder(text, &[]);
    let text = said(&[&folder.path().join("run.toml")]).unwrap();
    assert!(text.contains("∂J/∂θ = 2·(θ - 3)\n"), "{text}");
    assert!(text.ends_with("\nθ = 3\n"), "{text}");
    // As many rows as people read.
    let table = text.split_once("\n\n·").unwrap().0;
    assert_eq!(table.lines().filter(|line| line.trim_start().starts_with(char::is_numeric)).count(), 21);
}

/// Two classes that a line divides, in text, with another column between.
fn leaves() -> String {
    let mut csv = "width,colour,length,kind\n".to_owned();
    for i in 0..40 {
        let (x, y) = (f64::from(i % 8), f64::from(i / 8));
        let kind = if x + 2.0 * y > 7.5 { "oak" } else { "birch" };
        csv.push_str(&format!("{x},green,{y},{kind}\n"));
    }
    csv
}

const CLASSES: &str = "
formula = '''
z = X @ W + c
accuracy = mean(argmax(z) == y)
mean(cross_entropy(z, y))
'''
[data]
file = 'leaves.csv'
test = 0.25
[inputs]
X = { columns = ['width', 'length'], standardize = true }
y = 'kind'
[parameters]
W = [2, 2]
c = [2]
[training]
optimizer = 'adam'
rate = 0.1
batch = 10
epochs = 60
seed = 3
";

#[test]
fn classes_of_a_table() {
    let folder = folder(CLASSES, &[("leaves.csv", &leaves())]);
    let (file, weights) = (folder.path().join("run.toml"), folder.path().join("w.npz"));
    let text = said(&[&file, Path::new("--save"), &weights]).unwrap();
    assert!(text.contains("\n30 examples, 10 held out\n"), "{text}");
    let last = text.lines().find(|line| line.trim_start().starts_with("60 ")).unwrap();
    let cells: Vec<f64> = last.split_whitespace().map(|cell| cell.parse().unwrap()).collect();
    // Epoch, objective and accuracy, then the same of what was held out.
    let [_, _, accuracy, _, held_out] = cells[..] else { panic!("{last}") };
    assert!(accuracy > 0.95 && held_out > 0.85, "{last}");
    assert!(text.contains("W: [2, 2], from "), "{text}");
    assert!(weights.exists());
    // The same to the last digit when it is run again.
    assert_eq!(said(&[&file]).unwrap(), text.rsplit_once("\n\nweights in").unwrap().0.to_owned() + "\n");
}

#[test]
fn digits_are_told_apart() {
    let text = "
formula = '''
h = relu(x @ W1 + b1)
z = h @ W2 + b2
accuracy = mean(argmax(z) == y)
J = mean(cross_entropy(z, y))
'''
data.set = 'digits'
parameters = { W1 = { shape = [64, 16], start = 'kaiming' }, b1 = [16], W2 = [16, 10], b2 = [10] }
training = { optimizer = 'adam', rate = 0.01, batch = 64, epochs = 4, seed = 7 }
";
    let folder = folder(text, &[]);
    let (file, page) = (folder.path().join("run.toml"), folder.path().join("page.html"));
    let text = said(&[&file, Path::new("--page"), &page]).unwrap();
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("held out") && page.contains("<svg") && page.contains("<math"), "{page}");
    assert!(text.contains("1437 examples, 360 held out"), "{text}");
    let last = text.lines().find(|line| line.trim_start().starts_with("4 ")).unwrap();
    let held_out: f64 = last.split_whitespace().next_back().unwrap().parse().unwrap();
    assert!(held_out > 0.8, "{last}");
}

#[test]
fn arrays_are_inputs_by_their_names() {
    let text = "formula = 'mean((X @ w - t)^2)'\ndata.file = 'points.npz'\nparameters.w = 0\n\
                training = { rate = 0.1, epochs = 200, precision = 'f64' }";
    let folder = folder(text, &[]);
    let points = dl_core::Tensor::new([3, 2], vec![1.0f32, 0.0, 0.0, 1.0, 1.0, 1.0]).unwrap();
    let t = dl_core::Tensor::vector(vec![2.0f64, -1.0, 1.0]);
    let named = [("X", points.view()), ("t", t.view())];
    dl_backends::weights::write(folder.path().join("points.npz"), &named).unwrap();
    let text = said(&[&folder.path().join("run.toml")]).unwrap();
    assert!(text.ends_with("\nw = [2, -1]\n"), "{text}");
}

#[test]
fn mistakes_are_shown_in_their_place() {
    fails(
        "formula = '(theta - 3)^2'",
        expect![[r#"
        run.toml, line 1: no parameters: [parameters] and in it theta = 0
          formula = '(theta - 3)^2'
          ^"#]],
    );
    fails(
        "parameters.theta = 0",
        expect![[r#"
        run.toml, line 1: no formula: formula = "(theta - 3)^2"
          parameters.theta = 0
          ^"#]],
    );
    fails(
        "formula = 'sin(theta'\nparameters.theta = 0",
        expect![[r#"
        run.toml, line 1: expected , or ), found the end
          formula = 'sin(theta'
                              ^"#]],
    );
    fails(
        "formula = '''\nu = 2*theta\nsine(u)\n'''\nparameters.theta = 0",
        expect![[r#"
        run.toml, line 3: there is no function sine; did you mean sin?
          sine(u)
          ^^^^"#]],
    );
    fails(
        "formula = 'theta^2'\nparameters.teta = 0",
        expect![[r#"
        run.toml, line 2: parameter teta does not occur in the formula
          parameters.teta = 0
                     ^^^^"#]],
    );
    fails(
        "formula = '（theta + 1）^2 + gamma'\nparameters.theta = 0",
        expect![[r#"
        run.toml, line 1: γ has no value: expected it under [parameters], [constants], or in the data ([data])
          formula = '（theta + 1）^2 + gamma'
                     　         　     ^^^^^"#]],
    );
    // An accent by itself takes no column.
    fails(
        "formula = 'theta^2'\nparameters = { 'e\u{301}' = 0, theta = 0, x = '' }",
        expect![[r#"
            run.toml, line 2: "" is none of zeros, ones, uniform, normal, xavier, kaiming, he, orthogonal
              parameters = { 'é' = 0, theta = 0, x = '' }
                                                     ^^"#]],
    );
    fails(
        "formula = 'theta^2 + gamma'\nparameters.theta = 0",
        expect![[r#"
            run.toml, line 1: γ has no value: expected it under [parameters], [constants], or in the data ([data])
              formula = 'theta^2 + gamma'
                                   ^^^^^"#]],
    );
    fails(
        "formula = 'theta^2'\nparameter.theta = 0",
        expect![[r#"
        run.toml, line 2: a training has no parameter; did you mean parameters?; it has formula, data, inputs, parameters, constants, training
          parameter.theta = 0
          ^^^^^^^^^"#]],
    );
    fails(
        "formula = 'theta^2'\nparameters.theta = true",
        expect![[r#"
        run.toml, line 2: expected a number to start with, a shape such as [4, 3], or { shape = [4, 3], start = "uniform" }, found boolean
          parameters.theta = true
                             ^^^^"#]],
    );
    fails(
        "formula = 'theta^2'\nparameters.theta = 0\ntraining.optimizer = 'adamm'",
        expect![[r#"
            run.toml, line 3: "adamm" is none of sgd, adam, adamw, rmsprop, adagrad, adadelta, adamax, nadam, radam, lion; did you mean adam?
              training.optimizer = 'adamm'
                                   ^^^^^^^"#]],
    );
    fails(
        "formula = 'theta^2'\nparameters.theta = 0\ntraining.epochs = 3",
        expect![[r#"
        run.toml, line 3: training without data has no epochs; it has optimizer, rate, momentum, weight_decay, seed, precision, steps
          training.epochs = 3
                   ^^^^^^"#]],
    );
    fails(
        "formula = 'theta^2'\nparameters.theta = 0\ntraining.rate = -1",
        expect![[r#"
        run.toml, line 3: expected a number from 0 on
          training.rate = -1
                          ^^"#]],
    );
    fails(
        "formula = 'theta^2'\nparameters.theta = 0\ntraining = { optimizer = 'adam', momentum = 0.9 }",
        expect![[r#"
            run.toml, line 3: adam takes no momentum
              training = { optimizer = 'adam', momentum = 0.9 }
                                                          ^^^"#]],
    );
    fails(
        "formula = 'sum(theta^2)'\nparameters.theta = [1000000, 0]",
        expect![[r#"
        run.toml, line 2: expected a whole number from 1 to 1073741824
          parameters.theta = [1000000, 0]
                                       ^"#]],
    );
    fails(
        "formula = 'sum(theta^2)'\nparameters.theta = 'zeros'",
        expect![[r#"
        run.toml, line 2: of the shape of θ only [N] follows: say it, such as θ = { shape = [4, 3] }
          parameters.theta = 'zeros'
                     ^^^^^"#]],
    );
    fails(
        "formula = 'mean((w*x - t)^2)'\nparameters.w = 0\ndata.columns = { x = [1, 2], t = [1] }",
        expect!["data: column x has 2 rows, those before it have 1"],
    );
    fails(
        "formula = 'mean((w*x - t)^2)'\nparameters.w = 0\ndata.columns = { x = [1, 2], y = [1, 2] }",
        expect![[r#"
            run.toml, line 1: t is no parameter, no constant, and the data has no column of that name; it has x, y
              formula = 'mean((w*x - t)^2)'
                                     ^"#]],
    );
    fails(
        "formula = 'mean((w*x - t)^2)'\nparameters.w = 0\ndata.columns = { x = ['a', 'b'], t = [1, 2] }",
        expect!["input x: column x is text, expected numbers"],
    );
    fails(
        "formula = 'mean((w*x - t)^2)'\nparameters.w = 0\ndata.file = 'points.csv'",
        expect!["data file points.csv: points.csv: cannot open: No such file or directory (os error 2)"],
    );
    fails(
        "formula = 'mean((w*x - t)^2)'\nparameters.w = 0\ndata.file = 'points.doc'",
        expect!["data file points.doc: expected a file that ends in .csv, .tsv, .npz, .npy or .safetensors"],
    );
    fails(
        "formula = 'w*x - t'\nparameters.w = 0\ndata.columns = { x = [1, 2], t = [1, 2] }",
        expect![[r#"
        run.toml, line 1: the value has the shape [B]; an objective is one number: sum(…) or mean(…)
          formula = 'w*x - t'
                     ^^^^^^^"#]],
    );
    fails(
        "formula = 'theta^2'\nparameters = { theta = 0",
        expect![[r#"
        run.toml, line 2: unclosed inline table, expected `}`
          parameters = { theta = 0
                                  ^"#]],
    );
}

#[test]
fn labels_outside_the_classes_are_told() {
    let text = "formula = 'mean(cross_entropy(X @ W, y))'\nparameters.W = [1, 2]\n\
                data.columns = { a = [1, 2, 3], y = [0, 1, 2] }\ninputs.X = ['a']";
    let folder = folder(text, &[]);
    expect!["epoch 1, batch 1 of 1 (step 1): run.toml:1: gather by index 2 at position [0], outside the 2 elements of axis 1 of [B, 2]: expected 0 to 1"].assert_eq(&refused(&folder));
}

#[test]
fn a_step_that_is_too_large_is_told() {
    let text = "formula = '(theta - 3)^4'\nparameters.theta = 0\ntraining = { rate = 10, steps = 100 }";
    let folder = folder(text, &[]);
    expect!["run.toml:1: J = (θ - 3)⁴ is not finite: f32 [] with 1 ∞; computed from θ - 3: f32 [] of -49969741824.0"].assert_eq(&refused(&folder));
}
