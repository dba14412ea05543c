"""Makes the table of schedules: the learning rate at each step, in closed form where PyTorch has one."""

import warnings

import torch
from torch.optim import SGD
from torch.optim import lr_scheduler as schedulers

from table import Table, fixed

warnings.simplefilter("ignore")
table = Table()


def rates(steps, scheduler, base=0.1):
    """What `scheduler` of an optimizer gives at each of the first steps."""
    optimizer = SGD([torch.zeros(())], lr=base)
    scheduler = scheduler(optimizer)
    found = []
    for _ in range(steps):
        closed = getattr(scheduler, "_get_closed_form_lr", scheduler.get_last_lr)
        found.append(float(closed()[0]))
        optimizer.step()
        scheduler.step()
    return torch.tensor(found, dtype=torch.float64)


def case(name, scheduler, steps=60):
    t = torch.arange(steps, dtype=torch.float64)
    table.case(name, lambda t: rates(steps, scheduler), t=fixed(t))


case("step", lambda o: schedulers.StepLR(o, 7, gamma=0.5))
# In floating-point numbers 49 times 1/49 is less than 1.
case("step, 49", lambda o: schedulers.StepLR(o, 49, gamma=0.5), 200)
case("cosine with restarts, 49", lambda o: schedulers.CosineAnnealingWarmRestarts(o, 49), 200)
case("step, each one", lambda o: schedulers.StepLR(o, 1, gamma=0.0), 5)
case("multi-step", lambda o: schedulers.MultiStepLR(o, [30, 5, 5, 41], gamma=0.3))
case("exponential", lambda o: schedulers.ExponentialLR(o, 0.9))
case("polynomial", lambda o: schedulers.PolynomialLR(o, 40, power=2.5))
case("polynomial, power 1", lambda o: schedulers.PolynomialLR(o, 40, power=1.0))
case("linear", lambda o: schedulers.LinearLR(o, start_factor=0.25, end_factor=1.0, total_iters=9))
case("linear, falling", lambda o: schedulers.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=9))
case("cosine", lambda o: schedulers.CosineAnnealingLR(o, 40))
case("cosine to a rate", lambda o: schedulers.CosineAnnealingLR(o, 23, eta_min=0.01))
case("cosine with restarts", lambda o: schedulers.CosineAnnealingWarmRestarts(o, 7))
case("cosine with restarts, longer", lambda o: schedulers.CosineAnnealingWarmRestarts(o, 3, T_mult=2, eta_min=0.01), 200)
case("cosine with restarts, thrice as long", lambda o: schedulers.CosineAnnealingWarmRestarts(o, 1, T_mult=3), 400)


def one_cycle(name, steps, **options):
    case(name, lambda o: schedulers.OneCycleLR(o, 0.1, total_steps=steps, cycle_momentum=False, **options), steps)


one_cycle("one cycle", 60)
one_cycle("one cycle of one step", 1)
one_cycle("one cycle, linear", 50, anneal_strategy="linear", pct_start=0.25)
one_cycle("one cycle, three phases", 50, three_phase=True, div_factor=10.0, final_div_factor=100.0)
one_cycle("one cycle without a rise", 20, pct_start=0.0)
case(
    "warm-up, then cosine",
    lambda o: schedulers.SequentialLR(
        o,
        [schedulers.LinearLR(o, 0.1, 1.0, total_iters=10), schedulers.CosineAnnealingLR(o, 60, eta_min=0.02)],
        milestones=[10],
    ),
)
case(
    "warm-up, then steps, then exponential",
    lambda o: schedulers.SequentialLR(
        o,
        [
            schedulers.LinearLR(o, 0.5, 1.0, total_iters=5),
            schedulers.StepLR(o, 4, gamma=0.5),
            schedulers.ExponentialLR(o, 0.8),
        ],
        milestones=[5, 30],
    ),
)

table.write("schedules")
