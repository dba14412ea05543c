"""Makes the table of regularizers, written in PyTorch as their formulas stand in the papers."""

import torch
import torch.nn.functional as F

from table import Table, numbers

table = Table()
w = numbers(1, 4, 3)
x = numbers(2, 5, 3)
images = numbers(3, 2, 3, 4)


def grad(y, x):
    return torch.autograd.grad(y.sum(), x, create_graph=True)[0]


table.case("l1", lambda w: w.abs().sum(), w=w)
table.case("l1 at zero", lambda w: w.abs().sum(), w=torch.zeros(2, dtype=torch.float64))
table.case("l2", lambda w: w.square().sum(), w=w)
table.case("elastic_net 0.25", lambda w: 0.25 * w.abs().sum() + 0.75 * w.square().sum(), w=w)
table.case("group_lasso of rows", lambda w: 3**0.5 * torch.linalg.vector_norm(w, dim=1).sum(), w=w)
table.case("group_lasso of columns", lambda w: 4**0.5 * torch.linalg.vector_norm(w, dim=0).sum(), w=w)
table.case("group_lasso at zero", lambda w: 2**0.5 * torch.linalg.vector_norm(w, dim=1).sum(), w=torch.tensor([[0.0, 0.0], [3.0, 4.0]]))
table.case("orthogonality", lambda w: (w.T @ w - torch.eye(3, dtype=torch.float64)).square().sum(), w=w)
table.case("max_norm", lambda w: w * (1.5 / torch.linalg.vector_norm(w, dim=0)).clamp(max=1.0), w=w)
table.case("total_variation of images", lambda x: x.diff(dim=1).abs().sum((1, 2)) + x.diff(dim=2).abs().sum((1, 2)), x=images)


def isotropic(x):
    down = F.pad(x.diff(dim=1), (0, 0, 0, 1))
    right = F.pad(x.diff(dim=2), (0, 1))
    squares = down.square() + right.square()
    # The root's derivative at 0 is infinite; the last corner has no neighbour.
    return torch.where(squares > 0, squares, 1.0).sqrt().mul(squares > 0).sum((1, 2))


table.case("isotropic_total_variation", isotropic, x=images)


def sparsity(h):
    rho, mean = torch.tensor(0.2, dtype=torch.float64), h.mean(0)
    return rho * (rho / mean).log() + (1 - rho) * ((1 - rho) / (1 - mean)).log()


table.case("sparsity_kl 0.2", sparsity, h=numbers(4, 5, 3, low=0.05, high=0.95))
table.case("confidence_penalty", lambda x: -torch.distributions.Categorical(logits=x).entropy(), x=x)

# Gradients inside the objective, of y = tanh(x·W).
table.case("input_gradient_penalty", lambda x, w: grad((x @ w).tanh().square().sum(1), x).square().sum(1), x=numbers(5, 5, 4), w=w)
table.case("gradient_penalty", lambda x, w: (torch.linalg.vector_norm(grad((x @ w).tanh().sum(1), x), dim=1) - 1).square(), x=numbers(5, 5, 4), w=w)


def jacobian(x, w):
    y = (x @ w).tanh()
    return sum(grad(y[:, k], x).square().sum(1) for k in range(3))


table.case("jacobian_penalty", jacobian, x=numbers(5, 5, 4), w=w)

table.write("penalties")
