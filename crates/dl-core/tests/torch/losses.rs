//! Losses: those of PyTorch, and formulas of papers in its operations.

use dl_core::Expr;
use dl_core::nn;

use super::table::{Formula, Inputs, agree, formula};

type Cases = Vec<(String, Formula)>;
type Loss = for<'g> fn(&Inputs<'g>) -> Expr<'g>;

#[test]
fn losses_agree_with_pytorch() {
    let mut all = regression();
    all.extend(cross_entropies());
    all.extend(nlls());
    all.extend(binary());
    all.extend(likelihoods());
    all.extend(margins());
    all.extend(embeddings());
    all.extend(rare_and_overlap());
    agree(include_str!("losses.json"), &all);
}

/// The value alone.
fn one(name: &str, value: Loss) -> Cases {
    vec![(name.into(), formula(value))]
}

/// The three reductions of a loss whose mean is the plain one.
fn plain(name: &str, each: Loss) -> Cases {
    vec![
        (format!("{name}, none"), formula(each)),
        (format!("{name}, mean"), formula(move |x| each(x).mean(..))),
        (format!("{name}, sum"), formula(move |x| each(x).sum(..))),
    ]
}

/// The three reductions of a loss that has a mean of its own.
fn with_mean(name: &str, each: Loss, mean: Loss) -> Cases {
    vec![
        (format!("{name}, none"), formula(each)),
        (format!("{name}, mean"), formula(mean)),
        (format!("{name}, sum"), formula(move |x| each(x).sum(..))),
    ]
}

fn regression() -> Cases {
    let mut all = vec![];
    let four: [(&str, Loss); 4] = [
        ("mse", |x| nn::mse(x["x"], x["t"])),
        ("mae", |x| nn::mae(x["x"], x["t"])),
        ("huber", |x| nn::huber(x["x"], x["t"], 1.0)),
        ("smooth l1", |x| nn::smooth_l1(x["x"], x["t"], 1.0)),
    ];
    for (name, each) in four {
        all.extend(plain(name, each));
        all.extend(one(&format!("{name} at seams, none"), each));
        all.push((format!("{name} of nothing, mean"), formula(move |x| each(x).mean(..))));
    }
    all.extend(one("huber with delta 1.2", |x| nn::huber(x["x"], x["t"], 1.2)));
    all.extend(one("smooth l1 with beta 1.2", |x| nn::smooth_l1(x["x"], x["t"], 1.2)));
    all.extend(one("smooth l1 with beta 0", |x| nn::smooth_l1(x["x"], x["t"], 0.0)));
    all.extend(one("rmse", |x| nn::rmse(x["x"], x["t"])));
    all.extend(one("rmse of nothing", |x| nn::rmse(x["x"], x["t"])));
    all.extend(one("mape", |x| nn::mape(x["x"], x["t"])));
    all.extend(one("mape of a target of 0", |x| nn::mape(x["x"], x["t"])));
    all.extend(one("smape", |x| nn::smape(x["x"], x["t"])));
    all.extend(one("msle", |x| nn::msle(x["x"], x["t"])));
    all.extend(one("log cosh", |x| nn::log_cosh_error(x["x"], x["t"])));
    all.extend(one("quantile", |x| nn::quantile(x["x"], x["t"], 0.9)));
    all
}

fn cross_entropies() -> Cases {
    let mut all = plain("cross entropy", |x| nn::cross_entropy(x["x"], x["y"]));
    all.extend(plain("cross entropy of nothing", |x| nn::cross_entropy(x["x"], x["y"])));
    for name in ["ignored", "all ignored"] {
        all.extend(with_mean(
            &format!("cross entropy with {name}"),
            |x| nn::CrossEntropy::new().ignore_index(-100).each(x["x"], x["y"]),
            |x| nn::CrossEntropy::new().ignore_index(-100).mean(x["x"], x["y"]),
        ));
    }
    let weighted: [Loss; 2] = [
        |x| nn::CrossEntropy::new().weight(x["w"]).each(x["x"], x["y"]),
        |x| nn::CrossEntropy::new().weight(x["w"]).mean(x["x"], x["y"]),
    ];
    for name in ["weights", "a class of no weight", "weights of 0", "weights that cancel"] {
        all.extend(with_mean(&format!("cross entropy with {name}"), weighted[0], weighted[1]));
    }
    all.extend(with_mean(
        "cross entropy with weights and ignored",
        |x| nn::CrossEntropy::new().weight(x["w"]).ignore_index(-100).each(x["x"], x["y"]),
        |x| nn::CrossEntropy::new().weight(x["w"]).ignore_index(-100).mean(x["x"], x["y"]),
    ));
    all.extend(with_mean(
        "cross entropy of sequences with ignored",
        |x| nn::CrossEntropy::new().ignore_index(1).each(x["x"], x["y"]),
        |x| nn::CrossEntropy::new().ignore_index(1).mean(x["x"], x["y"]),
    ));
    all.extend(one("cross entropy of one example", |x| nn::cross_entropy(x["x"], x["y"])));
    all.extend(one("cross entropy of one class", |x| nn::cross_entropy(x["x"], x["y"])));
    all.extend(one("cross entropy of one class with ignored", |x| {
        nn::CrossEntropy::new().ignore_index(-100).mean(x["x"], x["y"])
    }));
    all.extend(one("cross entropy of large logits", |x| nn::cross_entropy(x["x"], x["y"])));
    all.extend(smoothed());
    all
}

fn smoothed() -> Cases {
    fn smoothed<'g>() -> nn::CrossEntropy<'g> {
        nn::CrossEntropy::new().label_smoothing(0.1)
    }
    let mut all = vec![];
    for name in ["smoothed", "smoothed, of nothing"] {
        all.extend(with_mean(
            &format!("cross entropy, {name}"),
            |x| smoothed().each(x["x"], x["t"]),
            |x| smoothed().mean(x["x"], x["t"]),
        ));
    }
    for name in ["ignored", "all ignored"] {
        all.extend(with_mean(
            &format!("cross entropy, smoothed, with {name}"),
            |x| smoothed().ignore_index(-100).each(x["x"], x["t"]),
            |x| smoothed().ignore_index(-100).mean(x["x"], x["t"]),
        ));
    }
    all.extend(with_mean(
        "cross entropy, smoothed, with weights and ignored",
        |x| smoothed().weight(x["w"]).ignore_index(-100).each(x["x"], x["t"]),
        |x| smoothed().weight(x["w"]).ignore_index(-100).mean(x["x"], x["t"]),
    ));
    all.extend(one("cross entropy, fully smoothed", |x| {
        nn::CrossEntropy::new().label_smoothing(1.0).mean(x["x"], x["t"])
    }));
    for name in ["probabilities", "no probabilities"] {
        all.extend(with_mean(
            &format!("cross entropy of {name}"),
            |x| nn::CrossEntropy::new().each(x["x"], x["t"]),
            |x| nn::CrossEntropy::new().mean(x["x"], x["t"]),
        ));
    }
    all.extend(with_mean(
        "cross entropy of probabilities, smoothed",
        |x| smoothed().each(x["x"], x["t"]),
        |x| smoothed().mean(x["x"], x["t"]),
    ));
    all.extend(with_mean(
        "cross entropy of probabilities with weights",
        |x| nn::CrossEntropy::new().weight(x["w"]).each(x["x"], x["t"]),
        |x| nn::CrossEntropy::new().weight(x["w"]).mean(x["x"], x["t"]),
    ));
    all.extend(with_mean(
        "cross entropy of probabilities, smoothed, with weights",
        |x| smoothed().weight(x["w"]).each(x["x"], x["t"]),
        |x| smoothed().weight(x["w"]).mean(x["x"], x["t"]),
    ));
    all
}

fn nlls() -> Cases {
    let mut all = plain("nll", |x| nn::nll(x["x"], x["y"]));
    all.extend(plain("nll of nothing", |x| nn::nll(x["x"], x["y"])));
    for name in ["ignored", "all ignored"] {
        all.extend(with_mean(
            &format!("nll with {name}"),
            |x| nn::Nll::new().ignore_index(-100).each(x["x"], x["y"]),
            |x| nn::Nll::new().ignore_index(-100).mean(x["x"], x["y"]),
        ));
    }
    let weighted: [Loss; 2] = [
        |x| nn::Nll::new().weight(x["w"]).each(x["x"], x["y"]),
        |x| nn::Nll::new().weight(x["w"]).mean(x["x"], x["y"]),
    ];
    for name in ["weights", "a class of no weight", "weights of 0", "weights that cancel"] {
        all.extend(with_mean(&format!("nll with {name}"), weighted[0], weighted[1]));
    }
    all.extend(with_mean(
        "nll with weights and ignored",
        |x| nn::Nll::new().weight(x["w"]).ignore_index(-100).each(x["x"], x["y"]),
        |x| nn::Nll::new().weight(x["w"]).ignore_index(-100).mean(x["x"], x["y"]),
    ));
    all.extend(with_mean(
        "nll of sequences with ignored",
        |x| nn::Nll::new().ignore_index(1).each(x["x"], x["y"]),
        |x| nn::Nll::new().ignore_index(1).mean(x["x"], x["y"]),
    ));
    all
}

fn binary() -> Cases {
    let logits: Loss = |x| nn::binary_cross_entropy_with_logits(x["x"], x["t"]);
    let probabilities: Loss = |x| nn::binary_cross_entropy(x["x"], x["t"]);
    let mut all = plain("bce with logits", logits);
    all.extend(plain("bce with logits and weights", |x| {
        x["w"] * nn::binary_cross_entropy_with_logits(x["x"], x["t"])
    }));
    all.extend(plain("bce with logits and pos_weight", |x| {
        nn::BinaryCrossEntropyWithLogits::new().pos_weight(x["w"]).each(x["x"], x["t"])
    }));
    all.push(("bce with logits of nothing, mean".into(), formula(move |x| logits(x).mean(..))));
    all.extend(one("bce with large logits", logits));
    all.extend(plain("bce", probabilities));
    all.extend(plain("bce with weights", |x| x["w"] * nn::binary_cross_entropy(x["x"], x["t"])));
    all.push(("bce of nothing, mean".into(), formula(move |x| probabilities(x).mean(..))));
    all.extend(one("bce of 0 and 1", probabilities));
    all
}

fn likelihoods() -> Cases {
    let mut all = vec![];
    let kl = nn::KlDivergence::new;
    for (name, kl) in [("kl", kl()), ("kl of log-probabilities", kl().log_target())] {
        all.push((format!("{name}, none"), formula(move |x| kl.each(x["x"], x["t"]))));
        all.push((format!("{name}, sum"), formula(move |x| kl.each(x["x"], x["t"]).sum(..))));
        all.push((format!("{name}, batchmean"), formula(move |x| kl.batch_mean(x["x"], x["t"]))));
    }
    all.extend(one("kl with zeros", |x| nn::KlDivergence::new().each(x["x"], x["t"])));
    all.extend(one("kl of nothing, batchmean", |x| nn::KlDivergence::new().batch_mean(x["x"], x["t"])));

    let poisson: Loss = |x| nn::PoissonNll::new().each(x["x"], x["t"]);
    all.extend(plain("poisson", poisson));
    all.push(("poisson of nothing, mean".into(), formula(move |x| poisson(x).mean(..))));
    all.extend(one("poisson, full", |x| nn::PoissonNll::new().full().each(x["x"], x["t"])));
    all.extend(one("poisson of means", |x| nn::PoissonNll::new().of_means().each(x["x"], x["t"])));
    all.extend(one("poisson of means with eps 0.1", |x| {
        nn::PoissonNll::new().of_means().eps(0.1).each(x["x"], x["t"])
    }));
    all.extend(one("poisson of means, full", |x| {
        nn::PoissonNll::new().of_means().full().each(x["x"], x["t"])
    }));
    all.extend(one("poisson of a mean of 0", |x| nn::PoissonNll::new().of_means().each(x["x"], x["t"])));

    let gaussian: Loss = |x| nn::GaussianNll::new().each(x["x"], x["t"], x["v"]);
    all.extend(plain("gaussian", gaussian));
    all.push(("gaussian of nothing, mean".into(), formula(move |x| gaussian(x).mean(..))));
    all.extend(one("gaussian, full", |x| nn::GaussianNll::new().full().each(x["x"], x["t"], x["v"])));
    all.extend(one("gaussian of one variance a row", gaussian));
    all.extend(one("gaussian of raised variances", |x| {
        nn::GaussianNll::new().eps(0.25).each(x["x"], x["t"], x["v"])
    }));
    all.extend(one("gaussian of a variance of 0", gaussian));
    all
}

fn margins() -> Cases {
    let soft: Loss = |x| nn::soft_margin(x["x"], x["t"]);
    let mut all = one("hinge", |x| nn::hinge(x["x"], x["t"]));
    all.extend(one("squared hinge", |x| nn::squared_hinge(x["x"], x["t"])));
    all.extend(plain("soft margin", soft));
    all.push(("soft margin of nothing, mean".into(), formula(move |x| soft(x).mean(..))));
    all.extend(one("soft margin of large scores", soft));

    let ranking: Loss = |x| nn::margin_ranking(x["a"], x["b"], x["t"], 0.0);
    all.extend(plain("margin ranking", ranking));
    all.push(("margin ranking of nothing, mean".into(), formula(move |x| ranking(x).mean(..))));
    for name in ["with margin 0.5", "at the hinge"] {
        all.extend(one(&format!("margin ranking {name}"), |x| {
            nn::margin_ranking(x["a"], x["b"], x["t"], 0.5)
        }));
    }

    for (name, squared) in [("multi margin", false), ("multi margin, squared", true)] {
        all.extend(multi_margins(name, squared));
    }
    all.extend(one("multi margin of one example", |x| nn::MultiMargin::new().each(x["x"], x["y"])));

    all.extend(plain("multi-label margin", |x| nn::multi_label_margin(x["x"], x["y"])));
    for name in ["at the hinge", "of one example"] {
        all.extend(one(&format!("multi-label margin {name}"), |x| nn::multi_label_margin(x["x"], x["y"])));
    }
    all.extend(plain("multi-label soft margin", |x| nn::MultiLabelSoftMargin::new().each(x["x"], x["t"])));
    all.extend(plain("multi-label soft margin with weights", |x| {
        nn::MultiLabelSoftMargin::new().weight(x["w"]).each(x["x"], x["t"])
    }));
    all
}

fn multi_margins(name: &str, squared: bool) -> Cases {
    fn of<'g>(squared: bool) -> nn::MultiMargin<'g> {
        if squared { nn::MultiMargin::new().squared() } else { nn::MultiMargin::new() }
    }
    let each: Loss = match squared {
        true => |x| of(true).each(x["x"], x["y"]),
        false => |x| of(false).each(x["x"], x["y"]),
    };
    let mut all = plain(name, each);
    let weighted = formula(move |x| of(squared).weight(x["w"]).each(x["x"], x["y"]));
    let narrow = formula(move |x| of(squared).margin(0.5).each(x["x"], x["y"]));
    all.extend([(format!("{name}, with weights"), weighted), (format!("{name}, at the hinge"), narrow)]);
    all
}

fn embeddings() -> Cases {
    let triplet = |name: &str, loss: nn::TripletMargin| -> Cases {
        vec![(name.into(), formula(move |x| loss.each(x["a"], x["p"], x["n"])))]
    };
    let default = nn::TripletMargin::new();
    let mut all = plain("triplet", |x| nn::TripletMargin::new().each(x["a"], x["p"], x["n"]));
    all.extend(triplet("triplet with p 1.0", default.p(1.0)));
    all.extend(triplet("triplet with p 3.0", default.p(3.0)));
    all.extend(triplet("triplet with p inf", default.p(f64::INFINITY)));
    all.extend(triplet("triplet with swap", default.swap()));
    all.extend(triplet("triplet with margin 3 and eps 0.1", default.margin(3.0).eps(0.1)));
    all.extend(triplet("triplet of equal embeddings", default));
    all.extend(triplet("triplet at the hinge", default.margin(2.0).eps(0.0)));

    let cosine: Loss = |x| nn::cosine_embedding(x["a"], x["b"], x["t"], 0.0);
    all.extend(plain("cosine embedding", cosine));
    all.extend(one("cosine embedding of zeros", cosine));
    all.extend(one("cosine embedding with margin 0.25", |x| {
        nn::cosine_embedding(x["a"], x["b"], x["t"], 0.25)
    }));
    all.extend(one("info nce", |x| nn::info_nce(x["q"], x["k"], 0.5)));
    all
}

fn rare_and_overlap() -> Cases {
    let focal = nn::Focal::new;
    let binary = |name: &str, loss: nn::Focal| -> Cases {
        vec![(name.into(), formula(move |x| loss.each(x["x"], x["t"])))]
    };
    let mut all = binary("focal", focal());
    all.extend(binary("focal of 0 and 1", focal()));
    all.extend(binary("focal with gamma 0.5", focal().gamma(0.5).without_alpha()));
    all.extend(binary("focal with gamma 0", focal().gamma(0.0).without_alpha()));
    all.extend(one("focal of classes", |x| nn::Focal::new().each(x["x"], x["y"])));
    all.extend(one("focal of classes with gamma 0", |x| nn::Focal::new().gamma(0.0).each(x["x"], x["y"])));
    all.extend(one("class-balanced weights", |x| nn::class_balanced_weights(x["n"], 0.9)));
    all.extend(one("class-balanced", |x| nn::class_balanced(x["x"], x["y"], x["n"], 0.99)));
    all.extend(one("dice", |x| nn::Dice::new().each(x["p"], x["t"])));
    all.extend(one("dice, squared", |x| nn::Dice::new().squared().each(x["p"], x["t"])));
    all.extend(one("tversky", |x| nn::Tversky::new(0.3, 0.7).each(x["p"], x["t"])));
    all.extend(one("tversky of empty sets", |x| nn::Tversky::new(0.3, 0.7).smooth(0.5).each(x["p"], x["t"])));
    all.extend(one("tversky of empty sets without smoothing", |x| {
        nn::Tversky::new(0.3, 0.7).smooth(0.0).each(x["p"], x["t"])
    }));
    all
}
