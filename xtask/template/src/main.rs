//! Learns which tree a leaf is from: `leaves.csv` in, `weights.safetensors` out.

use std::error::Error;

use dl_objective::prelude::*;

const SEED: u64 = 7;
const B: Named = Named("B"); // the batch size: one program serves them all

fn main() -> Result<(), Box<dyn Error>> {
    // The rows are divided with every class in both parts, and prepared by what the part to train on says.
    let table = Table::read_csv("leaves.csv", &CsvOptions::new())?;
    let parts = Parts::stratified(&table.classes("tree")?, [0.8, 0.0, 0.2], SEED)?;
    let (train, test) = (table.rows(&parts.train)?, table.rows(&parts.test)?);
    let plan = Preparation::new().standardize(["length_mm", "width_mm", "mass_g"]).target_classes("tree");
    let prepared = plan.fit(&train)?;
    let classes = prepared.classes().unwrap_or_default();

    // The model, the loss and a regularizer; `minimize` makes a training step of them.
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, prepared.names().len())), g.input("y", I64, B));
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
    let [train, test] = [Columns::features(prepared.apply(&train)?)?, Columns::features(prepared.apply(&test)?)?];
    let history = trainer.fit(&train, Some(&test))?;

    let accuracy = history.last().and_then(|epoch| epoch.test.get("accuracy")).unwrap_or(0.0);
    println!("{:.1} % of the unseen leaves are right: {}", 100.0 * accuracy, classes.join(", "));
    trainer.session().save("weights.safetensors")?;
    println!("weights.safetensors is written");
    Ok(())
}
