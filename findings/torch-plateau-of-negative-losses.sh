#!/usr/bin/env bash
# Package: torch 2.15.0, torch.optim.lr_scheduler.ReduceLROnPlateau; optax 0.2.8,
#   optax.contrib.reduce_on_plateau, with jax 0.10.2.
# Expected: a loss that stays the same is no improvement by a relative threshold, whatever its sign: the rate is
#   reduced. Losses below 0 are common (a negative log-likelihood of a density, a negative reward).
#   https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
# Seen: better means below best * (1 - threshold), which lies above best where best is negative. A loss of -10
#   is better than -10 for ever, and so is one that becomes worse by less than 1e-4 of it each time: the rate is
#   never reduced, with the default settings of both. The formula is PyTorch's documented one; it does not say
#   that it is for losses above 0. With an absolute threshold both are right.
# Output seen:
#   losses                          torch   optax   torch, threshold_mode="abs"
#   10, 10, 10, …                   0.125   0.125   0.125
#   -10, -10, -10, …                1.0     1.0     0.125
#   -10, -9.9995, -9.999, … worse   1.0     1.0     0.125
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    torch==2.15.0 optax==0.2.8 jax==0.10.2 numpy==2.4.6
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import jax.numpy as jnp
import optax
import torch


def by_torch(losses, **settings):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, **settings)
    for loss in losses:
        scheduler.step(loss)
    return optimizer.param_groups[0]["lr"]


def by_optax(losses):
    transform = optax.contrib.reduce_on_plateau(factor=0.5)
    state = transform.init(jnp.zeros(1))
    for loss in losses:
        _, state = transform.update(jnp.zeros(1), state, value=jnp.float32(loss))
    return float(state.scale)


cases = {
    "10, 10, 10, …": [10.0] * 36,
    "-10, -10, -10, …": [-10.0] * 36,
    "-10, -9.9995, -9.999, … worse": [-10.0 + 0.0005 * i for i in range(36)],
}
print('losses                          torch   optax   torch, threshold_mode="abs"')
seen = []
for name, losses in cases.items():
    seen.append((by_torch(losses), by_optax(losses), by_torch(losses, threshold_mode="abs")))
    print(f"{name:30}  {seen[-1][0]!s:6}  {seen[-1][1]!s:6}  {seen[-1][2]}")
assert seen == [(0.125, 0.125, 0.125), (1.0, 1.0, 0.125), (1.0, 1.0, 0.125)]
PYTHON
