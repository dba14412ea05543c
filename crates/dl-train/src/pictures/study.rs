//! What is run over examples to see what a network makes of them.

use dl_backends::Session;
use dl_core::spelling::suggestion;
use dl_core::{Expr, Graph, Name, Program, Tensor};

use super::findings::{Example, Findings, Parameter};
use crate::error::{Error, Kind, Result};
use crate::metrics::Confusion;
use crate::source::{Batch, Source};

/// Examples of a run.
const BATCH: usize = 250;
const LOGITS: &str = "logits";
const SALIENCY: &str = "∂J/∂x";

/// A program that says of every example what the network takes it for and which of its elements decide that, and
/// of all the gradients of the objective; with how pictures show it.
///
/// A model that acts otherwise in training than afterwards, as with dropout, is studied as it is afterwards.
#[derive(Clone, Debug)]
pub struct Study {
    program: Program,
    images: String,
    labels: String,
    shape: Option<[usize; 2]>,
    classes: Vec<String>,
    worst: usize,
}

impl Study {
    /// Of a model whose `logits` `[B, classes]` follow from `images`, floats `[B, …]`, and whose `objective` is a
    /// scalar, the mean over the batch.
    ///
    /// # Errors
    /// What the compiler refuses.
    pub fn new<'g>(images: Expr<'g>, logits: Expr<'g>, objective: Expr<'g>) -> Result<Study> {
        let g: &'g Graph = objective.graph();
        let parameters = g.parameters();
        let wrt: Vec<Expr<'g>> = [images].into_iter().chain(parameters.iter()).collect();
        let gradients = objective.grad(&wrt);
        let names = g.parameter_decls().into_iter().filter(|decl| decl.trainable);
        let names = [SALIENCY.to_owned()].into_iter().chain(names.map(|decl| gradient(&decl.name)));
        let mut builder = Program::builder(g).output(LOGITS, logits);
        for (name, value) in names.zip(gradients) {
            builder = builder.output(&name, value);
        }
        Ok(Study {
            program: builder.compile()?,
            images: "x".to_owned(),
            labels: "y".to_owned(),
            shape: None,
            classes: Vec::new(),
            worst: 24,
        })
    }

    /// The names of the inputs that hold the images and the labels; `x` and `y` unless told.
    #[must_use]
    pub fn inputs(self, images: &str, labels: &str) -> Study {
        Study { images: images.to_owned(), labels: labels.to_owned(), ..self }
    }

    /// `[rows, columns]` of an image; without it a square, or else one row.
    #[must_use]
    pub fn shape(self, shape: [usize; 2]) -> Study {
        Study { shape: Some(shape), ..self }
    }

    /// The names of the classes; their numbers unless told.
    #[must_use]
    pub fn classes(self, classes: &[impl AsRef<str>]) -> Study {
        Study { classes: classes.iter().map(|name| name.as_ref().to_owned()).collect(), ..self }
    }

    /// How many of the worst examples are kept; 24 unless told.
    #[must_use]
    pub fn keep_worst(self, worst: usize) -> Study {
        Study { worst, ..self }
    }

    /// Runs it over all examples of a source, and changes nothing in the session.
    ///
    /// # Errors
    /// When the source has no examples or does not feed what the program reads, when shapes do not fit, when the
    /// program reads a parameter that the session has not, and what a run refuses.
    pub fn run(&self, session: &mut Session, source: &dyn Source) -> Result<Findings> {
        if source.is_empty() {
            return Err(Error::value("there are no examples to study"));
        }
        let known: Vec<Name> = session.parameters().iter().map(|decl| decl.name.clone()).collect();
        if let Some(own) = self.program.parameters().iter().find(|decl| !known.contains(&decl.name)) {
            let (name, hint) = (&own.name, suggestion(&own.name, known.iter().map(|name| &**name)));
            return Err(Error::value(format!(
                "the studied model reads parameter {name}, which the session has not{hint}"
            )));
        }
        let runs = session.runs();
        let found = self.go_over(session, source);
        // The random numbers of the runs to come are as if there had been no study.
        session.set_runs(runs);
        found
    }

    fn go_over(&self, session: &mut Session, source: &dyn Source) -> Result<Findings> {
        let handle = session.compile(&self.program)?;
        let decls = self.program.parameters().iter().filter(|decl| decl.trainable);
        let mut parameters = Vec::new();
        for decl in decls {
            let gradient = vec![];
            let (name, role, value) = (decl.name.clone(), decl.role.clone(), session.get(&decl.name)?);
            parameters.push(Parameter { name, role, value, gradient });
        }
        let mut found = Found::default();
        let read = || handle.inputs();
        let shown = [&*self.images, &*self.labels].into_iter().filter(|name| !read().any(|own| own == *name));
        let mut batch = Batch::new(read().chain(shown), 0);
        let rows: Vec<usize> = (0..source.len()).collect();
        for rows in rows.chunks(BATCH) {
            batch.refill(source, rows)?;
            let images = self.input(&batch, &self.images, rows.len())?.to_f64();
            let labels = self.input(&batch, &self.labels, rows.len())?;
            batch.check()?;
            // The program's inputs are first, in its order.
            let inputs = batch.views();
            let inputs = &inputs[..read().count()];
            let place = || format!("the study, examples {} to {}", rows[0], rows[rows.len() - 1]);
            let outputs =
                session.run(&handle, inputs).map_err(|source| Kind::Batch { place: place(), source })?;
            let logits = outputs.read(LOGITS)?;
            let saliency = outputs.read(SALIENCY)?.to_f64();
            Confusion::add(&mut found.confusion, logits.view(), labels.view())
                .map_err(|why| Error::value(format!("{}: {why}", place())))?;
            let share = rows.len() as f64 / source.len() as f64;
            for parameter in &mut parameters {
                let part = outputs.read(&gradient(&parameter.name))?.to_f64();
                parameter.gradient.resize(part.len(), 0.0);
                parameter.gradient.iter_mut().zip(part).for_each(|(sum, part)| *sum += share * part);
            }
            found.look(self, rows, &images, &saliency, &logits.to_f64(), &labels.to_f64());
        }
        let pixels = found.pixels;
        let side = pixels.isqrt();
        let shape = match self.shape {
            Some(shape) if pixels.is_multiple_of(shape.iter().product()) => shape,
            Some([rows, columns]) => {
                return Err(Error::value(format!("images of {pixels} elements are not {rows} × {columns}")));
            }
            None if side * side == pixels => [side, side],
            None => [1, pixels],
        };
        Ok(Findings {
            shape,
            classes: self.classes.clone(),
            examples: source.len(),
            confusion: Confusion::of(&found.confusion),
            worst: found.worst,
            first: found.first,
            parameters,
        })
    }

    /// An input of so many examples.
    fn input(&self, batch: &Batch, name: &str, examples: usize) -> Result<Tensor> {
        let Some(value) = batch.get(name) else {
            return Err(Error::value(format!(
                "the source does not feed {name}, which pictures show; Study::inputs names what it feeds"
            )));
        };
        match value.shape().first() {
            Some(n) if *n == examples => Ok(value.to_owned()),
            _ => Err(Error::value(format!(
                "input {name} has shape {:?}, expected {examples} examples along its first axis",
                value.shape()
            ))),
        }
    }
}

/// What was found so far.
#[derive(Default)]
struct Found {
    confusion: Vec<f64>,
    worst: Vec<Example>,
    first: Vec<Example>,
    pixels: usize,
}

impl Found {
    /// Keeps the worst of a batch, and the first of each class that is taken for what it is.
    fn look(
        &mut self,
        study: &Study,
        rows: &[usize],
        images: &[f64],
        saliency: &[f64],
        logits: &[f64],
        labels: &[f64],
    ) {
        let n = rows.len();
        let classes = logits.len() / n;
        self.pixels = images.len() / n;
        // ∂J/∂x of a mean over n examples is 1/n of each one's own.
        let own = n as f64;
        for (k, row) in rows.iter().enumerate() {
            let logits = &logits[k * classes..(k + 1) * classes];
            // A class: it was counted as one before.
            let label = labels[k] as usize;
            let prediction = (1..classes).fold(0, |best, i| if logits[i] > logits[best] { i } else { best });
            let log_sum = logits.iter().map(|x| (x - logits[prediction]).exp()).sum::<f64>().ln();
            let log_sum = log_sum + logits[prediction];
            let loss = log_sum - logits[label];
            let right = label == prediction;
            let is_first = right && !self.first.iter().any(|example| example.label == label);
            let worse = self.worst.len() < study.worst
                || self.worst.last().is_some_and(|least| rank(loss) > rank(least.loss));
            if !is_first && !worse {
                continue;
            }
            let part = |all: &[f64]| {
                let size = all.len() / n;
                all[k * size..(k + 1) * size].to_vec()
            };
            let example = Example {
                row: *row,
                label,
                prediction,
                probability: (logits[prediction] - log_sum).exp(),
                loss,
                image: part(images),
                saliency: part(saliency).into_iter().map(|d| d.abs() * own).collect(),
            };
            if is_first {
                self.first.push(example.clone());
                self.first.sort_by_key(|example| example.label);
            }
            if worse {
                let place = self.worst.partition_point(|other| rank(other.loss) >= rank(loss));
                self.worst.insert(place, example);
                self.worst.truncate(study.worst);
            }
        }
    }
}

/// A loss that is no number is the worst.
fn rank(loss: f64) -> f64 {
    if loss.is_nan() { f64::INFINITY } else { loss }
}

fn gradient(parameter: &str) -> String {
    format!("∂J/∂{parameter}")
}
