//! Perceptrons with one hidden layer as good as they get: `--recipe small`, `wide`, `bent` or `fashion`.

use std::process::ExitCode;

use dl_core::spelling::suggestion;
use dl_data::Store;
use dl_examples::options::{CLASSIFIERS, run};
use dl_examples::{classifier, mlp};

fn main() -> ExitCode {
    let takes: Vec<&str> = CLASSIFIERS.iter().copied().chain(["--recipe"]).collect();
    run(&takes, |options| {
        options.executor()?;
        let name = options.recipe.as_deref().unwrap_or(mlp::RECIPES[0].name);
        let Some(recipe) = mlp::RECIPES.iter().find(|recipe| recipe.name == name) else {
            let names = mlp::RECIPES.map(|recipe| recipe.name);
            let (known, hint) = (names.join(", "), suggestion(name, names));
            return Err(format!("--recipe {name}: expected one of {known}{hint}").into());
        };
        let (store, mut say) = (Store::from_env(), |line: &str| eprintln!("{line}"));
        let data = match recipe.data {
            "mnist" => store.mnist(&mut say)?,
            _ => store.fashion_mnist(&mut say)?,
        };
        classifier::report(options, &data, recipe.model, recipe.course)
    })
}
