"""Makes the table of losses."""

import torch.nn.functional as F

from table import Table, numbers

table = Table()

for reduction in ("none", "mean", "sum"):
    table.case(
        f"mse, {reduction}",
        lambda x, t: F.mse_loss(x, t, reduction=reduction),
        x=numbers(1, 2, 3),
        t=numbers(2, 2, 3),
    )
table.case("mse of nothing, mean", lambda x, t: F.mse_loss(x, t), x=numbers(1, 0, 3), t=numbers(2, 0, 3))

table.write("losses")
