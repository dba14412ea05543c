"""Makes the table of losses: those of PyTorch, and formulas of papers in its operations."""

import math

import torch
import torch.nn.functional as F

from table import Table, fixed, numbers

INF, NAN = math.inf, math.nan
NOTHING = torch.zeros(0, 3)
NO_LABELS = torch.zeros(0, dtype=torch.int64)

table = Table()


def reductions(name, loss, *which, **inputs):
    """A case for each reduction."""
    for reduction in which or ("none", "mean", "sum"):
        table.case(f"{name}, {reduction}", lambda **x: loss(reduction=reduction, **x), **inputs)


def probabilities(seed, *shape):
    """Rows that sum to one."""
    return numbers(seed, *shape).softmax(-1)


def signs(seed, *shape):
    """-1 or 1."""
    return numbers(seed, *shape).sign()


# Regression.

PAIR = {"x": numbers(1, 2, 3), "t": numbers(2, 2, 3)}
# The errors -1, 0, 1 stand on the seams of Huber's loss, the error 0 on the kink of the absolute one.
SEAMS = {"x": [-1.0, 0.5, 1.0, 3.0, -4.0], "t": [0.0, 0.5, 0.0, 1.0, -4.5]}

for name, loss in {"mse": F.mse_loss, "mae": F.l1_loss, "huber": F.huber_loss, "smooth l1": F.smooth_l1_loss}.items():
    reductions(name, lambda x, t, reduction, loss=loss: loss(x, t, reduction=reduction), **PAIR)
    reductions(f"{name} at seams", lambda x, t, reduction, loss=loss: loss(x, t, reduction=reduction), "none", **SEAMS)
    table.case(f"{name} of nothing, mean", lambda x, t, loss=loss: loss(x, t), x=NOTHING, t=NOTHING)
table.case("huber with delta 1.2", lambda x, t: F.huber_loss(x, t, reduction="none", delta=1.2), **PAIR)
table.case("smooth l1 with beta 1.2", lambda x, t: F.smooth_l1_loss(x, t, reduction="none", beta=1.2), **PAIR)
table.case("smooth l1 with beta 0", lambda x, t: F.smooth_l1_loss(x, t, reduction="none", beta=0.0), **SEAMS)
table.case("rmse", lambda x, t: F.mse_loss(x, t).sqrt(), **PAIR)
table.case("rmse of nothing", lambda x, t: F.mse_loss(x, t).sqrt(), x=NOTHING, t=NOTHING)
table.case("mape", lambda x, t: (x - t).abs() / t.abs().clamp_min(2.0**-52), **PAIR)
table.case(
    "mape of a target of 0", lambda x, t: (x - t).abs() / t.abs().clamp_min(2.0**-52), x=[1.0, 0.0], t=fixed([0.0, 0.0])
)
table.case(
    "smape",
    lambda x, t: 2 * (x - t).abs() / (x.abs() + t.abs()),
    x=numbers(35, 2, 3, low=0.1),
    t=numbers(36, 2, 3, low=0.1),
)
table.case(
    "msle",
    lambda x, t: (x.log1p() - t.log1p()) ** 2,
    x=numbers(3, 2, 3, low=0.0),
    t=numbers(4, 2, 3, low=0.0),
)
table.case("log cosh", lambda x, t: (x - t).cosh().log(), **PAIR)
table.case("quantile", lambda x, t: torch.maximum(0.9 * (t - x), -0.1 * (t - x)), **PAIR)

# Classification by class indices.

LOGITS = numbers(5, 4, 3)
LABELS = [2, 0, 1, 2]
SOME_IGNORED = [2, -100, 1, -100]
WEIGHT = [0.5, 2.0, 1.25]

for name, loss, x in (
    ("cross entropy", F.cross_entropy, LOGITS),
    ("nll", F.nll_loss, numbers(6, 4, 3).log_softmax(-1)),
):

    def of(x, y, loss=loss, **settings):
        return loss(x, y, **settings)

    def weighted(x, y, w, loss=loss, **settings):
        return loss(x, y, weight=w, **settings)

    reductions(name, of, x=x, y=LABELS)
    reductions(f"{name} with ignored", of, x=x, y=SOME_IGNORED)
    reductions(f"{name} with all ignored", of, x=x, y=[-100] * 4)
    reductions(f"{name} with weights", weighted, x=x, y=LABELS, w=fixed(WEIGHT))
    reductions(f"{name} with weights and ignored", weighted, x=x, y=SOME_IGNORED, w=fixed(WEIGHT))
    reductions(f"{name} with a class of no weight", weighted, x=x, y=LABELS, w=fixed([0.0, 1.0, 1.0]))
    # The mean divides by 0: its gradient is infinite.
    reductions(f"{name} with weights that cancel", weighted, x=fixed(x[:2]), y=[0, 1], w=fixed([1.0, -1.0, 3.0]))
    reductions(f"{name} with weights of 0", weighted, x=x, y=LABELS, w=fixed([0.0, 0.0, 0.0]))
    reductions(f"{name} of nothing", of, x=NOTHING, y=NO_LABELS)
    reductions(
        f"{name} of sequences with ignored",
        lambda x, y, loss=loss, **settings: loss(x.transpose(1, 2), y, ignore_index=1, **settings),
        x=numbers(7, 2, 4, 3) if name == "cross entropy" else numbers(7, 2, 4, 3).log_softmax(-1),
        y=[[0, 1, 2, 2], [1, 1, 0, 2]],
    )
table.case("cross entropy of one example", lambda x, y: F.cross_entropy(x, y), x=LOGITS[0], y=1)
table.case(
    "cross entropy of one class", lambda x, y: F.cross_entropy(x, y, reduction="none"), x=numbers(8, 2, 1), y=[0, 0]
)
table.case(
    "cross entropy of one class with ignored", lambda x, y: F.cross_entropy(x, y), x=numbers(8, 2, 1), y=[0, -100]
)
table.case(
    "cross entropy of large logits",
    lambda x, y: F.cross_entropy(x, y, reduction="none"),
    x=[[1000.0, 0.0, -1000.0], [1000.0, 1000.0, 0.0]],
    y=[2, 0],
)


def smoothed(x, t, reduction, **settings):
    return F.cross_entropy(x, t, reduction=reduction, label_smoothing=0.1, **settings)


reductions("cross entropy, smoothed", smoothed, x=LOGITS, t=LABELS)
reductions("cross entropy, smoothed, with ignored", smoothed, x=LOGITS, t=SOME_IGNORED)
reductions("cross entropy, smoothed, with all ignored", smoothed, x=LOGITS, t=[-100] * 4)
reductions(
    "cross entropy, smoothed, with weights and ignored",
    lambda x, t, w, reduction: smoothed(x, t, reduction, weight=w),
    x=LOGITS,
    t=SOME_IGNORED,
    w=fixed(WEIGHT),
)
reductions("cross entropy, smoothed, of nothing", smoothed, x=NOTHING, t=NO_LABELS)
table.case("cross entropy, fully smoothed", lambda x, t: F.cross_entropy(x, t, label_smoothing=1.0), x=LOGITS, t=LABELS)

# Classification by probabilities.

TARGETS = {"x": LOGITS, "t": probabilities(9, 4, 3)}
reductions(
    "cross entropy of probabilities", lambda x, t, reduction: F.cross_entropy(x, t, reduction=reduction), **TARGETS
)
reductions("cross entropy of probabilities, smoothed", smoothed, x=LOGITS, t=fixed(TARGETS["t"]))
reductions(
    "cross entropy of probabilities with weights",
    lambda x, t, w, reduction: F.cross_entropy(x, t, weight=w, reduction=reduction),
    w=fixed(WEIGHT),
    **TARGETS,
)
reductions(
    "cross entropy of probabilities, smoothed, with weights",
    lambda x, t, w, reduction: smoothed(x, t, reduction, weight=w),
    w=fixed(WEIGHT),
    x=LOGITS,
    t=fixed(TARGETS["t"]),
)
reductions(
    "cross entropy of no probabilities",
    lambda x, t, reduction: F.cross_entropy(x, t, reduction=reduction),
    x=NOTHING,
    t=NOTHING,
)

# Binary classification.

BITS = {"x": numbers(10, 2, 3), "t": numbers(11, 2, 3, low=0.0, high=1.0)}
reductions(
    "bce with logits", lambda x, t, reduction: F.binary_cross_entropy_with_logits(x, t, reduction=reduction), **BITS
)
reductions(
    "bce with logits and weights",
    lambda x, t, w, reduction: F.binary_cross_entropy_with_logits(x, t, w, reduction=reduction),
    w=fixed(WEIGHT),
    **BITS,
)
reductions(
    "bce with logits and pos_weight",
    lambda x, t, w, reduction: F.binary_cross_entropy_with_logits(x, t, pos_weight=w, reduction=reduction),
    w=fixed(WEIGHT),
    **BITS,
)
table.case(
    "bce with logits of nothing, mean", lambda x, t: F.binary_cross_entropy_with_logits(x, t), x=NOTHING, t=NOTHING
)
table.case(
    "bce with large logits",
    lambda x, t: F.binary_cross_entropy_with_logits(x, t, reduction="none"),
    x=[800.0, -800.0, 800.0, 0.0],
    t=[0.0, 1.0, 1.0, 0.5],
)
P = {"x": numbers(12, 2, 3, low=0.01, high=0.99), "t": BITS["t"]}
reductions("bce", lambda x, t, reduction: F.binary_cross_entropy(x, t, reduction=reduction), **P)
reductions(
    "bce with weights",
    lambda x, t, w, reduction: F.binary_cross_entropy(x, t, w, reduction=reduction),
    w=fixed(WEIGHT),
    **P,
)
table.case("bce of nothing, mean", lambda x, t: F.binary_cross_entropy(x, t), x=NOTHING, t=NOTHING)
table.case(
    "bce of 0 and 1",
    lambda x, t: F.binary_cross_entropy(x, t, reduction="none"),
    x=fixed([0.0, 0.0, 1.0, 1.0, 0.0, 1e-60]),
    t=fixed([0.0, 1.0, 0.0, 1.0, 0.25, 1.0]),
)

# Likelihoods.

LOG_Q, Q = numbers(13, 2, 3).log_softmax(-1), probabilities(14, 2, 3)
for name, target in (("kl", Q), ("kl of log-probabilities", Q.log())):
    reductions(
        name,
        lambda x, t, reduction: F.kl_div(x, t, reduction=reduction, log_target="log" in name),
        "none",
        "sum",
        "batchmean",
        x=LOG_Q,
        t=target,
    )
table.case(
    "kl with zeros",
    lambda x, t: F.kl_div(x, t, reduction="none"),
    x=LOG_Q,
    t=fixed([[0.0, 0.25, 0.75], [0.0, 1.0, 0.0]]),
)
table.case("kl of nothing, batchmean", lambda x, t: F.kl_div(x, t, reduction="batchmean"), x=NOTHING, t=NOTHING)

COUNTS = {"x": numbers(15, 2, 3), "t": [[0.0, 1.0, 2.0], [3.5, 0.5, 7.0]]}
# At 0 PyTorch has no gradient by the target of the full loss.
ABOVE_ZERO = [[0.25, 1.0, 2.0], [3.5, 0.5, 7.0]]
reductions("poisson", lambda x, t, reduction: F.poisson_nll_loss(x, t, reduction=reduction), **COUNTS)
table.case(
    "poisson, full", lambda x, t: F.poisson_nll_loss(x, t, full=True, reduction="none"), x=COUNTS["x"], t=ABOVE_ZERO
)
MEANS = {"x": numbers(16, 2, 3, low=0.0), "t": COUNTS["t"]}
table.case("poisson of means", lambda x, t: F.poisson_nll_loss(x, t, log_input=False, reduction="none"), **MEANS)
table.case(
    "poisson of means with eps 0.1",
    lambda x, t: F.poisson_nll_loss(x, t, log_input=False, eps=0.1, reduction="none"),
    **MEANS,
)
table.case(
    "poisson of means, full",
    lambda x, t: F.poisson_nll_loss(x, t, log_input=False, full=True, reduction="none"),
    x=MEANS["x"],
    t=ABOVE_ZERO,
)
table.case(
    "poisson of a mean of 0",
    lambda x, t: F.poisson_nll_loss(x, t, log_input=False, reduction="none"),
    x=[0.0, 0.0],
    t=[0.0, 2.0],
)
table.case("poisson of nothing, mean", lambda x, t: F.poisson_nll_loss(x, t), x=NOTHING, t=NOTHING)

VARIANCES = numbers(17, 2, 3, low=0.1)
reductions(
    "gaussian", lambda x, t, v, reduction: F.gaussian_nll_loss(x, t, v, reduction=reduction), v=VARIANCES, **PAIR
)
table.case(
    "gaussian, full", lambda x, t, v: F.gaussian_nll_loss(x, t, v, full=True, reduction="none"), v=VARIANCES, **PAIR
)
table.case(
    "gaussian of one variance a row",
    lambda x, t, v: F.gaussian_nll_loss(x, t, v, reduction="none"),
    v=VARIANCES[:, :1],
    **PAIR,
)
table.case(
    "gaussian of raised variances",
    lambda x, t, v: F.gaussian_nll_loss(x, t, v, eps=0.25, reduction="none"),
    v=[[0.0, 0.1, 0.25], [0.2, 1.0, 0.3]],
    **PAIR,
)
table.case(
    "gaussian of a variance of 0",
    lambda x, t, v: F.gaussian_nll_loss(x, t, v, reduction="none"),
    v=[[0.0, 0.0, 1e-7], [1e-6, 1.0, 0.3]],
    **PAIR,
)
table.case("gaussian of nothing, mean", lambda x, t, v: F.gaussian_nll_loss(x, t, v), x=NOTHING, t=NOTHING, v=NOTHING)

# Margins.

SCORES = {"x": [[0.5, -1.5, 2.0], [1.0, -1.0, 0.0]], "t": fixed([[1.0, -1.0, -1.0], [1.0, -1.0, 1.0]])}
table.case("hinge", lambda x, t: F.relu(1 - t * x), **SCORES)
table.case("squared hinge", lambda x, t: F.relu(1 - t * x) ** 2, **SCORES)
reductions("soft margin", lambda x, t, reduction: F.soft_margin_loss(x, t, reduction=reduction), **SCORES)
table.case("soft margin of nothing, mean", lambda x, t: F.soft_margin_loss(x, t), x=NOTHING, t=fixed(NOTHING))
table.case("soft margin of large scores", lambda x, t: -F.logsigmoid(t * x), x=[800.0, -800.0], t=fixed([-1.0, -1.0]))

RANKED = {"a": numbers(18, 6), "b": numbers(19, 6), "t": fixed(signs(20, 6))}
reductions("margin ranking", lambda a, b, t, reduction: F.margin_ranking_loss(a, b, t, reduction=reduction), **RANKED)
table.case(
    "margin ranking with margin 0.5",
    lambda a, b, t: F.margin_ranking_loss(a, b, t, margin=0.5, reduction="none"),
    **RANKED,
)
table.case(
    "margin ranking at the hinge",
    lambda a, b, t: F.margin_ranking_loss(a, b, t, margin=0.5, reduction="none"),
    a=[1.0, 0.5, 1.0],
    b=[0.5, 1.0, 1.0],
    t=fixed([1.0, -1.0, 1.0]),
)
table.case(
    "margin ranking of nothing, mean",
    lambda a, b, t: F.margin_ranking_loss(a, b, t),
    a=torch.zeros(0),
    b=torch.zeros(0),
    t=fixed(torch.zeros(0)),
)

MARGINS = {"x": numbers(21, 4, 3), "y": LABELS}
for p in (1, 2):
    name = "multi margin" if p == 1 else "multi margin, squared"
    reductions(name, lambda x, y, reduction, p=p: F.multi_margin_loss(x, y, p=p, reduction=reduction), **MARGINS)
    table.case(
        f"{name}, with weights",
        lambda x, y, w, p=p: F.multi_margin_loss(x, y, p=p, weight=w, reduction="none"),
        w=fixed(WEIGHT),
        **MARGINS,
    )
    table.case(
        f"{name}, at the hinge",
        lambda x, y, p=p: F.multi_margin_loss(x, y, p=p, margin=0.5, reduction="none"),
        x=[[1.0, 0.5, 0.75], [0.5, 0.0, 1.0]],
        y=[0, 2],
    )
table.case("multi margin of one example", lambda x, y: F.multi_margin_loss(x, y), x=LOGITS[0], y=1)

LISTS = {"x": numbers(22, 3, 4), "y": [[3, 0, -1, 1], [-1, 2, 1, 0], [0, 1, 2, 3]]}
reductions("multi-label margin", lambda x, y, reduction: F.multilabel_margin_loss(x, y, reduction=reduction), **LISTS)
table.case(
    "multi-label margin at the hinge",
    lambda x, y: F.multilabel_margin_loss(x, y, reduction="none"),
    x=[[1.5, 0.5, 0.5]],
    y=[[0, -1, -1]],
)
table.case(
    "multi-label margin of one example", lambda x, y: F.multilabel_margin_loss(x, y), x=numbers(23, 4), y=[2, 1, -1, 0]
)

SOFT = {"x": numbers(24, 2, 3), "t": fixed([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])}
reductions(
    "multi-label soft margin", lambda x, t, reduction: F.multilabel_soft_margin_loss(x, t, reduction=reduction), **SOFT
)
reductions(
    "multi-label soft margin with weights",
    lambda x, t, w, reduction: F.multilabel_soft_margin_loss(x, t, weight=w, reduction=reduction),
    w=fixed(WEIGHT),
    **SOFT,
)

# Embeddings.

TRIPLE = {"a": numbers(25, 4, 3), "p": numbers(26, 4, 3), "n": numbers(27, 4, 3)}
reductions("triplet", lambda a, p, n, reduction: F.triplet_margin_loss(a, p, n, reduction=reduction), **TRIPLE)
for p in (1.0, 3.0, INF):
    table.case(
        f"triplet with p {p}",
        lambda a, p, n, norm=p: F.triplet_margin_loss(a, p, n, p=norm, reduction="none"),
        **TRIPLE,
    )
table.case("triplet with swap", lambda a, p, n: F.triplet_margin_loss(a, p, n, swap=True, reduction="none"), **TRIPLE)
table.case(
    "triplet with margin 3 and eps 0.1",
    lambda a, p, n: F.triplet_margin_loss(a, p, n, margin=3.0, eps=0.1, reduction="none"),
    **TRIPLE,
)
# Equal embeddings are ε apart; with ε = 0 both distances are the same, and the margin stands.
table.case(
    "triplet of equal embeddings",
    lambda a, p, n: F.triplet_margin_loss(a, p, n, reduction="none"),
    a=TRIPLE["a"],
    p=TRIPLE["a"],
    n=TRIPLE["a"],
)
table.case(
    "triplet at the hinge",
    lambda a, p, n: F.triplet_margin_loss(a, p, n, margin=2.0, eps=0.0, reduction="none"),
    a=[[0.0, 0.0]],
    p=[[3.0, 0.0]],
    n=[[0.0, 5.0]],
)

COSINES = {"a": numbers(28, 4, 3), "b": numbers(29, 4, 3), "t": fixed([1.0, -1.0, 1.0, -1.0])}
reductions(
    "cosine embedding", lambda a, b, t, reduction: F.cosine_embedding_loss(a, b, t, reduction=reduction), **COSINES
)
table.case(
    "cosine embedding with margin 0.25",
    lambda a, b, t: F.cosine_embedding_loss(a, b, t, margin=0.25, reduction="none"),
    **COSINES,
)
table.case(
    "cosine embedding of zeros",
    lambda a, b, t: F.cosine_embedding_loss(a, b, t, reduction="none"),
    a=[[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [1.0, 0.0]],
    b=[[1.0, 2.0], [0.0, 0.0], [0.0, 1.0], [1.0, 1.0]],
    t=fixed([1.0, -1.0, -1.0, 0.0]),
)
table.case(
    "info nce",
    lambda q, k: F.cross_entropy(q @ k.T / 0.5, torch.arange(4), reduction="none"),
    q=numbers(30, 4, 3),
    k=numbers(31, 4, 3),
)

# Rare classes.


def focal(x, t, alpha, gamma):
    """`torchvision.ops.sigmoid_focal_loss`, as it is written there."""
    p = x.sigmoid()
    ce = F.binary_cross_entropy_with_logits(x, t, reduction="none")
    p_t = p * t + (1 - p) * (1 - t)
    loss = ce * (1 - p_t) ** gamma
    return loss if alpha is None else (alpha * t + (1 - alpha) * (1 - t)) * loss


table.case("focal", lambda x, t: focal(x, t, 0.25, 2.0), **BITS)
table.case("focal of 0 and 1", lambda x, t: focal(x, t, 0.25, 2.0), x=numbers(32, 4), t=fixed([0.0, 1.0, 1.0, 0.0]))
table.case("focal with gamma 0.5", lambda x, t: focal(x, t, None, 0.5), **BITS)
table.case("focal with gamma 0", lambda x, t: focal(x, t, None, 0.0), **BITS)


def focal_of_classes(x, y, gamma=2.0):
    log = x.log_softmax(-1).gather(1, y[:, None])[:, 0]
    return -((1 - log.exp()) ** gamma) * log


table.case("focal of classes", focal_of_classes, x=LOGITS, y=LABELS)
table.case("focal of classes with gamma 0", lambda x, y: focal_of_classes(x, y, 0.0), x=LOGITS, y=LABELS)


def balanced(counts, beta):
    weights = (1 - beta) / (1 - beta**counts)
    return weights / weights.sum() * len(counts)


table.case("class-balanced weights", lambda n: balanced(n, 0.9), n=[1.0, 10.0, 100.0])
table.case(
    "class-balanced",
    lambda x, y, n: F.cross_entropy(x, y, balanced(n, 0.99), reduction="none"),
    x=LOGITS,
    y=LABELS,
    n=fixed([500.0, 50.0, 5.0]),
)

# Overlap.

SETS = {"p": numbers(33, 2, 4, low=0.0, high=1.0), "t": [[1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.25, 1.0]]}
table.case("dice", lambda p, t: 1 - (2 * (p * t).sum(-1) + 1) / (p.sum(-1) + t.sum(-1) + 1), **SETS)
table.case(
    "dice, squared", lambda p, t: 1 - (2 * (p * t).sum(-1) + 1) / ((p * p).sum(-1) + (t * t).sum(-1) + 1), **SETS
)


def tversky(p, t, alpha, beta, smooth):
    hit, wrong, missed = (p * t).sum(-1), (p * (1 - t)).sum(-1), ((1 - p) * t).sum(-1)
    return 1 - (hit + smooth) / (hit + alpha * wrong + beta * missed + smooth)


table.case("tversky", lambda p, t: tversky(p, t, 0.3, 0.7, 1.0), **SETS)
table.case("tversky of empty sets", lambda p, t: tversky(p, t, 0.3, 0.7, 0.5), p=[0.0, 0.0], t=[0.0, 0.0])
table.case(
    "tversky of empty sets without smoothing",
    lambda p, t: tversky(p, t, 0.3, 0.7, 0.0),
    p=fixed([0.0, 0.0]),
    t=fixed([0.0, 0.0]),
)

table.write("losses")
