//! The programs of a training that a file describes: the step and its evaluation, over parameters.

use std::ops::Range;

use dl_core::derive::Derivation;
use dl_core::nn::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Fan, Gradient, Lion, NAdam, Nonlinearity, Optimizer, RAdam,
    RmsProp, Sgd,
};
use dl_core::spelling::suggestion;
use dl_core::{DType, Dim, Expr, F32, F64, Graph, Init, Program, Shape};
use dl_report::Language;

use super::data::{EXAMPLES, Examples};
use super::file::{Description, Parameter, Start, Training};
use crate::command::Failure;
use crate::formula::{Formula, Mistake};

/// What a description comes to.
pub(super) struct Model {
    /// What is known of the inputs, for people.
    pub described: Vec<String>,
    pub derivation: Derivation,
    /// The names of the parameters.
    pub parameters: Vec<String>,
    pub step: Program,
    pub evaluation: Program,
    /// What is reported, the objective first.
    pub reported: Vec<String>,
    /// Inputs that are no parameters and no constants, and whether they are whole numbers.
    pub inputs: Vec<(String, bool)>,
    pub real: DType,
}

/// Why there is no model: a mistake with its place in the file, or something else.
pub(super) enum Wrong {
    Mistake(Mistake),
    Failure(Failure),
}

impl From<Mistake> for Wrong {
    fn from(mistake: Mistake) -> Wrong {
        Wrong::Mistake(mistake)
    }
}

impl From<Failure> for Wrong {
    fn from(failure: Failure) -> Wrong {
        Wrong::Failure(failure)
    }
}

impl From<dl_core::Error> for Wrong {
    fn from(error: dl_core::Error) -> Wrong {
        Wrong::Failure(error.into())
    }
}

/// Builds the programs.
///
/// # Errors
/// What does not go together, with its place in the file where it has one.
pub(super) fn model(
    (file, text): (&str, &str),
    description: &Description,
    examples: Option<&Examples>,
    language: Language,
) -> Result<Model, Wrong> {
    let placed = |mistake: Mistake| match description.place {
        Some(place) => mistake.within(text, place),
        None => mistake,
    };
    let named = |name: &str| description.parameters.iter().find(|(other, _)| other == name).map(|p| &p.1);
    let constant = |name: &str| description.constants.iter().find(|(other, _)| other == name).map(|c| c.1);
    // First which names there are, then their shapes by the data.
    let draft = Formula::parse(&description.formula, &[]).map_err(placed)?;
    let names: Vec<String> = draft.inputs().map(str::to_owned).collect();
    let unused = |kind: &str, name: &str, at: Option<Range<usize>>| {
        let hint = suggestion(name, names.iter().map(String::as_str));
        let what = format!("{kind} {name} does not occur in the formula{hint}");
        Wrong::from(Mistake::new(text, at.unwrap_or(0..0), what))
    };
    for (name, parameter) in &description.parameters {
        if !names.contains(name) {
            return Err(unused("parameter", name, Some(parameter.span.clone())));
        }
        if constant(name).is_some() {
            let what = format!("{name} is a parameter and a constant");
            return Err(Mistake::new(text, parameter.span.clone(), what).into());
        }
    }
    let given = |name: &&String| named(name).is_none() && constant(name).is_none();
    let known = description.constants.iter().map(|(name, _)| ("constant", name));
    for (kind, name) in known.chain(description.inputs.iter().map(|(name, _)| ("input", name))) {
        if !names.contains(name) {
            return Err(unused(kind, name, None));
        }
    }
    let mut shapes = vec![];
    for name in names.iter().filter(given) {
        let Some(examples) = examples else {
            let hint = suggestion(name, description.parameters.iter().map(|(name, _)| name.as_str()));
            let what = format!(
                "{name} has no value: expected it under [parameters], [constants], or in the data ([data]){hint}"
            );
            return Err(placed(Mistake::new(&description.formula, draft.place_of(name), what)).into());
        };
        let wrong = |failure: Failure| {
            placed(Mistake::new(&description.formula, draft.place_of(name), failure.to_string()))
        };
        shapes.push(examples.declared(name).map_err(wrong)?);
    }
    for (name, parameter) in &description.parameters {
        if let Some(shape) = &parameter.shape {
            let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
            shapes.push(format!("{name}: [{}]", sizes.join(", ")));
        }
    }
    shapes.extend(description.constants.iter().map(|(name, _)| format!("{name}: []")));
    let mut formula = parsed(&description.formula, &shapes).map_err(placed)?;
    // What is added to the examples is one number for all of them.
    let follows = |(name, parameter): &&(String, Parameter)| {
        let dims = formula.input(name).unwrap_or_default().0;
        parameter.shape.is_none() && matches!(dims, [one] if one.to_string() == EXAMPLES)
    };
    let numbers: Vec<String> =
        description.parameters.iter().filter(follows).map(|(name, _)| format!("{name}: []")).collect();
    if !numbers.is_empty() {
        shapes.extend(numbers);
        formula = parsed(&description.formula, &shapes).map_err(placed)?;
    }
    if let Some(place) = description.place {
        let first = 1 + text.as_bytes()[..place].iter().filter(|byte| **byte == b'\n').count();
        formula = formula.in_file(file, first);
    }
    for (name, parameter) in &description.parameters {
        let (dims, is_whole) = formula.input(name).unwrap_or_default();
        let wrong = |what: String| Wrong::from(Mistake::new(text, parameter.span.clone(), what));
        if is_whole {
            return Err(wrong(format!("{name} is a whole number in the formula: no parameter")));
        }
        if dims.iter().any(|dim| dim.size().is_none()) {
            let sizes: Vec<String> = dims.iter().map(ToString::to_string).collect();
            return Err(wrong(format!(
                "of the shape of {name} only [{}] follows: say it, such as {name} = {{ shape = [4, 3] }}",
                sizes.join(", ")
            )));
        }
    }
    let real = if description.training.double { F64 } else { F32 };
    // On paper constants keep their letters.
    let paper = Graph::new();
    let leaf = |name: &str, dtype: DType, shape: &Shape| match named(name) {
        Some(parameter) => paper.parameter(name, dtype, shape, first(parameter, shape)),
        None => paper.input(name, dtype, shape),
    };
    let written = formula.build_with(&paper, real, &leaf).and_then(|value| formula.scalar(value));
    let written = written.map_err(placed)?;
    let optimizer = optimizer(&description.training);
    let derivation = Derivation::of(written, &parameters(&paper, real, description, &formula))?
        .with_updates(&optimizer)?;

    let graph = Graph::new();
    let leaf = |name: &str, dtype: DType, shape: &Shape| match (named(name), constant(name)) {
        (Some(parameter), _) => graph.parameter(name, dtype, shape, first(parameter, shape)),
        (None, Some(value)) => graph.constant(dtype, value),
        (None, None) => graph.input(name, dtype, shape),
    };
    let objective = formula.build_with(&graph, real, &leaf).and_then(|value| formula.scalar(value));
    let objective = objective.map_err(placed)?;
    let j = derivation.lines()[0].name().clone();
    let mut reported = vec![(j, objective)];
    for (name, value) in graph.named() {
        if value.shape().rank() == 0 && value.dtype().is_float() && value != objective {
            reported.push((name, value));
        }
    }
    let outputs = || {
        reported.iter().fold(Program::builder(&graph), |builder, (name, value)| builder.output(name, *value))
    };
    let evaluation = outputs().compile()?;
    let all = parameters(&graph, real, description, &formula);
    let gradients: Vec<Gradient<'_>> = all
        .iter()
        .zip(objective.grad(&all))
        .map(|(parameter, gradient)| Gradient { parameter: *parameter, gradient })
        .collect();
    let updates = optimizer.updates(&graph, &gradients);
    let step = updates.into_iter().fold(outputs(), |builder, (target, value)| builder.update(target, value));
    let step = step.compile()?;
    let reported = reported.into_iter().map(|(name, _)| name.to_string()).collect();
    let inputs = names.iter().filter(|name| given(name));
    let inputs = inputs.map(|name| (name.clone(), formula.input(name).is_some_and(|known| known.1)));
    let inputs = inputs.collect();
    let parameters = names.iter().filter(|name| named(name).is_some()).cloned().collect();
    let constants = description.constants.iter().map(|(name, value)| format!("{name} = {value}"));
    let described = formula
        .described(language)
        .into_iter()
        .filter(|text| text.split_once(':').is_none_or(|(name, _)| constant(name).is_none()));
    let described = described.chain(constants).collect();
    Ok(Model { described, derivation, parameters, step, evaluation, reported, inputs, real })
}

fn parsed(text: &str, shapes: &[String]) -> Result<Formula, Mistake> {
    let shapes: Vec<&str> = shapes.iter().map(String::as_str).collect();
    Formula::parse(text, &shapes)
}

/// The parameters in a graph that has them, in the order in which the formula uses them.
fn parameters<'g>(
    graph: &'g Graph,
    real: DType,
    description: &Description,
    formula: &Formula,
) -> Vec<Expr<'g>> {
    let named = |name: &str| description.parameters.iter().find(|(other, _)| other == name);
    let declared = |(name, parameter): &(String, Parameter)| {
        let shape: Shape = formula.input(name).unwrap_or_default().0.iter().cloned().collect();
        graph.parameter(name, real, &shape, first(parameter, &shape))
    };
    formula.inputs().filter_map(named).map(declared).collect()
}

/// The first value: as said; else zero for numbers and vectors, and small random numbers, as PyTorch's layers have
/// them, for matrices.
fn first(parameter: &Parameter, shape: &Shape) -> Init {
    let sizes: Vec<usize> = shape.iter().filter_map(Dim::size).collect();
    let inputs = if sizes.len() < 2 { 1 } else { sizes[..sizes.len() - 1].iter().product() };
    let name = match &parameter.start {
        Some(Start::Number(value)) => return Init::Constant(*value),
        Some(Start::Name(name)) => name.as_str(),
        None if sizes.len() < 2 => "zeros",
        None => "uniform",
    };
    match name {
        "zeros" => Init::Zeros,
        "ones" => Init::Constant(1.0),
        "normal" => Init::Normal { mean: 0.0, std: 1.0 },
        "xavier" => Init::XavierUniform { gain: 1.0 },
        "kaiming" | "he" => Init::KaimingUniform { fan: Fan::In, nonlinearity: Nonlinearity::Relu },
        "orthogonal" => Init::Orthogonal { gain: 1.0 },
        _ => {
            let bound = 1.0 / (inputs as f64).sqrt();
            Init::Uniform { low: -bound, high: bound }
        }
    }
}

/// The optimizer that was asked for.
fn optimizer(training: &Training) -> Box<dyn Optimizer> {
    let (rate, decay) = (training.rate, training.weight_decay);
    macro_rules! with_decay {
        ($optimizer:expr) => {
            match decay {
                Some(decay) => Box::new($optimizer.weight_decay(decay)),
                None => Box::new($optimizer),
            }
        };
    }
    let momentum = training.momentum.unwrap_or(0.0);
    match &*training.optimizer {
        "adam" => with_decay!(Adam::new(rate)),
        "adamw" => with_decay!(AdamW::new(rate)),
        "rmsprop" => with_decay!(RmsProp::new(rate).momentum(momentum)),
        "adagrad" => with_decay!(Adagrad::new(rate)),
        "adadelta" => with_decay!(Adadelta::new(rate)),
        "adamax" => with_decay!(Adamax::new(rate)),
        "nadam" => with_decay!(NAdam::new(rate)),
        "radam" => with_decay!(RAdam::new(rate)),
        "lion" => with_decay!(Lion::new(rate)),
        _ => with_decay!(Sgd::new(rate).momentum(momentum)),
    }
}
