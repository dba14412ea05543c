"""Makes the table of plateaus: the learning rate after each metric."""

import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import ReduceLROnPlateau

from table import Table, fixed

table = Table()
FALLING = [3.0, 2.0, 1.9999, 1.9, 1.9, 2.5, float("nan"), 1.89, 1.89, 1.89, 1.89, 1.89, 1.8, 1.7, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9]


def case(name, metrics, base=0.1, **options):
    def rates(metric):
        optimizer = SGD([torch.zeros(())], lr=base)
        scheduler = ReduceLROnPlateau(optimizer, **options)
        found = []
        for value in metric.tolist():
            scheduler.step(value)
            found.append(optimizer.param_groups[0]["lr"])
        return torch.tensor(found, dtype=torch.float64)

    table.case(name, rates, metric=fixed(torch.tensor(metrics, dtype=torch.float64)))


case("default", [1.0] * 40)
case("patience 2", FALLING, patience=2)
case("patience 0, factor 0.5", FALLING, patience=0, factor=0.5)
case("cooldown 2", FALLING, patience=1, cooldown=2)
case("least 0.03", FALLING, patience=0, min_lr=0.03)
case("eps 0.005", FALLING, patience=0, eps=0.005)
case("relative threshold", FALLING, patience=0, threshold=0.1)
case("absolute threshold", FALLING, patience=0, threshold=0.05, threshold_mode="abs")
case("rising", [1 / value for value in FALLING], patience=1, mode="max")
case("rising by a share", [1 / value for value in FALLING], patience=0, mode="max", threshold=0.02)
case("rising by a size", [-value for value in FALLING], patience=0, mode="max", threshold=0.05, threshold_mode="abs")
case("from infinity", [float("inf"), float("inf"), 1.0, 1.0, 1.0], patience=1)

table.write("plateau")
