//! Learns which tree a leaf is from: `leaves.csv` in, `weights.safetensors` out.

use std::error::Error;

use dl_objective::data::permutation;
use dl_objective::prelude::*;

const FEATURES: usize = 3; // the first columns; the last one is the class
const SEED: u64 = 7;
const B: Named = Named("B"); // the batch size: one program serves them all

/// The features of a leaf, and the number of its class.
type Leaf = ([f32; FEATURES], i64);

fn main() -> Result<(), Box<dyn Error>> {
    let (leaves, classes) = read("leaves.csv")?;
    let mut leaves: Vec<Leaf> = permutation(leaves.len(), SEED).into_iter().map(|i| leaves[i]).collect();
    let test = leaves.len() / 5;
    standardize(&mut leaves, test);

    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, FEATURES)), g.input("y", I64, B));
    let logits = nn::dense(nn::dense(x, "fc1", 16).relu(), "fc2", classes.len());
    let j1 = nn::cross_entropy(logits, y).mean(..).named("J₁");
    let j2 = nn::l2(g.parameters().matching("*.weight")).named("J₂");
    let step = (j1 + 1e-4 * j2).minimize(Adam::new(0.01))?;
    let evaluation = Program::builder(&g).output("J₁", j1).output("logits", logits).compile()?;

    // Killed and started again, it goes on from the last checkpoint to the same bits.
    let mut trainer = Trainer::new(Session::new(Cpu::default(), SEED), &step)?
        .evaluate_with(&evaluation)?
        .report_evaluation([Metric::accuracy("logits", "y")])?
        .epochs(30)
        .batch_size(32)
        .shuffle(SEED)
        .checkpoint("checkpoints", Keep::best(Goal::highest("accuracy")))
        .resume("checkpoints")?
        .observe(Progress::stderr());
    let history = trainer.fit(&columns(&leaves[test..])?, Some(&columns(&leaves[..test])?))?;

    let accuracy = history.last().and_then(|epoch| epoch.test.get("accuracy")).unwrap_or(0.0);
    println!("{:.1} % of {test} unseen leaves are right: {}", 100.0 * accuracy, classes.join(", "));
    trainer.session().save("weights.safetensors")?;
    println!("weights.safetensors is written");
    Ok(())
}

/// The rows of a file, and the names of the classes.
fn read(path: &str) -> Result<(Vec<Leaf>, Vec<String>), Box<dyn Error>> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    let (mut leaves, mut classes) = (vec![], vec![]);
    for (line, number) in text.lines().zip(1..).skip(1) {
        let wrong = || format!("{path}:{number}: expected {FEATURES} numbers and a class");
        let (numbers, class) = line.rsplit_once(',').ok_or_else(wrong)?;
        let numbers: Result<Vec<f32>, _> = numbers.split(',').map(str::parse).collect();
        let features = numbers.ok().and_then(|numbers| numbers.try_into().ok()).ok_or_else(wrong)?;
        let known = classes.iter().position(|name| name == class);
        leaves.push((features, known.unwrap_or(classes.len()) as i64));
        classes.extend(known.is_none().then(|| class.to_owned()));
    }
    Ok((leaves, classes))
}

/// Brings each feature to mean 0 and deviation 1 over the rows to train on, which come after `test` others.
fn standardize(leaves: &mut [Leaf], test: usize) {
    for k in 0..FEATURES {
        let train = leaves[test..].iter().map(|leaf| leaf.0[k]);
        let n = train.len() as f32;
        let mean = train.clone().sum::<f32>() / n;
        let deviation = (train.map(|x| (x - mean).powi(2)).sum::<f32>() / n).sqrt();
        leaves.iter_mut().for_each(|leaf| leaf.0[k] = (leaf.0[k] - mean) / deviation.max(1e-6));
    }
}

/// The rows under the names of the program's inputs.
fn columns(leaves: &[Leaf]) -> Result<Columns, Box<dyn Error>> {
    let x: Vec<f32> = leaves.iter().flat_map(|leaf| leaf.0).collect();
    let y: Vec<i64> = leaves.iter().map(|leaf| leaf.1).collect();
    Ok(Columns::new().column("x", Tensor::new([y.len(), FEATURES], x)?)?.column("y", Tensor::vector(y))?)
}
