"""Makes the tables `convolutions.json`, `pooling.json` and `resampling.json`: random settings, which stand in
the case's name.

Ours have the channels last, in images and in weights.
"""

import random

import torch
import torch.nn.functional as F

from table import Table, numbers

draw = random.Random(13)


def first(x):
    """Channels before the spatial axes."""
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


def text(values):
    return ",".join(str(v) for v in values)


def sides(pads):
    """As `F.pad` has them: the last axis first."""
    return [side for pair in reversed(pads) for side in pair]


table = Table()
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
MODES = ["zeros", "reflect", "replicate", "circular"]

for seed in range(36):
    axes = draw.choice([1, 2, 2, 3])
    kernel = [draw.randint(1, 3) for _ in range(axes)]
    stride = [draw.randint(1, 3) for _ in range(axes)]
    dilation = [draw.randint(1, 2) for _ in range(axes)]
    mode = draw.choice(MODES)
    pads = [(draw.randint(0, 2), draw.randint(0, 2)) for _ in range(axes)]
    groups = draw.choice([1, 1, 2, 3])
    inputs, out = groups * draw.randint(1, 2), groups * draw.randint(1, 2)
    sizes = [max(3, d * (k - 1) + 1) + draw.randint(0, 2) for k, d in zip(kernel, dilation)]
    if axes == 3:
        sizes, inputs, out = [min(s, 5) for s in sizes], groups, groups

    def conv(x, w, b=0.0):
        padded = F.pad(first(x), sides(pads), mode={"zeros": "constant"}.get(mode, mode))
        weight = w.permute(axes + 1, axes, *range(axes)).contiguous()
        return last(CONV[axes](padded, weight, None, stride, 0, dilation, groups)) + b

    name = (
        f"conv{axes}d {seed}: size={text(kernel)} out={out} stride={text(stride)} dilation={text(dilation)} "
        f"groups={groups} padding={text(x for pair in pads for x in pair)} mode={mode}"
    )
    table.case(
        name,
        conv,
        x=numbers(seed, 2, *sizes, inputs),
        w=numbers(seed + 100, *kernel, inputs // groups, out),
    )

# `same`, which PyTorch has for a stride of 1.
for seed in range(4):
    kernel, dilation = [draw.randint(1, 4) for _ in range(2)], [draw.randint(1, 2) for _ in range(2)]
    table.case(
        f"conv2d same {seed}: size={text(kernel)} out=2 stride=1,1 dilation={text(dilation)} groups=1 padding=same",
        lambda x, w: last(F.conv2d(first(x), w.permute(3, 2, 0, 1).contiguous(), None, 1, "same", dilation)),
        x=numbers(seed, 2, 5, 4, 2),
        w=numbers(seed + 100, *kernel, 2, 2),
    )

for seed in range(24):
    axes = draw.choice([1, 2, 2, 3])
    kernel = [draw.randint(1, 3) for _ in range(axes)]
    stride = [draw.randint(1, 3) for _ in range(axes)]
    dilation = [draw.randint(1, 2) for _ in range(axes)]
    more = [draw.randint(0, max(s, d) - 1) for s, d in zip(stride, dilation)]
    pads = [draw.randint(0, max(0, (d * (k - 1)) // 2)) for k, d in zip(kernel, dilation)]
    groups = draw.choice([1, 1, 2])
    inputs, out = groups * draw.randint(1, 2), groups * draw.randint(1, 2)
    sizes = [draw.randint(2, 4 if axes < 3 else 2) for _ in range(axes)]

    def transposed(x, w):
        weight = w.permute(axes + 1, axes, *range(axes)).contiguous()
        return last(TRANSPOSED[axes](first(x), weight, None, stride, pads, more, groups, dilation))

    name = (
        f"conv_transpose{axes}d {seed}: size={text(kernel)} out={out} stride={text(stride)} "
        f"dilation={text(dilation)} groups={groups} padding={text(x for p in pads for x in (p, p))} "
        f"more={text(more)}"
    )
    table.case(
        name,
        transposed,
        x=numbers(seed, 2, *sizes, inputs),
        w=numbers(seed + 100, *kernel, out // groups, inputs),
    )

table.write("convolutions")

table = Table()
MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVERAGE = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}

for seed in range(40):
    kind = ["max", "average", "uncounted", "norm"][seed % 4]
    axes = draw.choice([1, 2, 2, 3]) if kind != "norm" else draw.choice([1, 2])
    kernel = [draw.randint(1, 4) for _ in range(axes)]
    stride = [draw.randint(1, 3) for _ in range(axes)] if draw.random() < 0.7 else kernel
    dilation = [draw.randint(1, 2) for _ in range(axes)] if kind == "max" else [1] * axes
    pads = [draw.randint(0, k // 2) for k in kernel] if kind != "norm" else [0] * axes
    ceil = draw.random() < 0.5 and kind != "norm"
    sizes = [d * (k - 1) + 1 + draw.randint(0, 4) for k, d in zip(kernel, dilation)]
    if axes == 3:
        sizes = [min(s, d * (k - 1) + 2) for s, k, d in zip(sizes, kernel, dilation)]

    def pool(x):
        x = first(x)
        match kind:
            case "max":
                y = MAX[axes](x, kernel, stride, pads, dilation, ceil)
            case "norm":
                y = {1: F.lp_pool1d, 2: F.lp_pool2d}[axes](
                    x, 4, kernel[0] if axes == 1 else kernel, stride[0] if axes == 1 else stride
                )
            case _:
                y = AVERAGE[axes](x, kernel, stride, pads, ceil, kind == "average")
        return last(y)

    name = (
        f"pool {seed}: kind={kind} size={text(kernel)} stride={text(stride)} dilation={text(dilation)} "
        f"padding={text(x for p in pads for x in (p, p))} ceil={int(ceil)}"
    )
    table.case(name, pool, x=numbers(seed, 2, *sizes, 2))

for seed in range(6):
    axes = draw.choice([1, 2])
    sizes, parts = [draw.randint(3, 7) for _ in range(axes)], [draw.randint(1, 5) for _ in range(axes)]
    x = numbers(seed, 2, *sizes, 2)
    average = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d}[axes]
    largest = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d}[axes]
    parts_of = parts[0] if axes == 1 else parts
    table.case(f"adaptive {seed}: kind=average size={text(parts)}", lambda x: last(average(first(x), parts_of)), x=x)
    table.case(f"adaptive {seed}: kind=max size={text(parts)}", lambda x: last(largest(first(x), parts_of)), x=x)

table.write("pooling")

table = Table()
for seed in range(4):
    sizes, to = [draw.randint(2, 4) for _ in range(2)], [draw.randint(1, 7) for _ in range(2)]
    x = numbers(seed, 2, *sizes, 2)
    for mode, how in [("nearest", {}), ("bilinear", {"align_corners": False}), ("bilinear", {"align_corners": True})]:
        name = mode + " aligned" * how.get("align_corners", False)
        table.case(
            f"to {seed}: mode={name.replace(' ', '-')} size={text(to)}",
            lambda x: last(F.interpolate(first(x), to, mode=mode, **how)),
            x=x,
        )
        table.case(
            f"by {seed}: mode={name.replace(' ', '-')} size=2,3",
            lambda x: last(F.interpolate(first(x), scale_factor=(2, 3), mode=mode, **how)),
            x=x,
        )
table.case("trilinear", lambda x: last(F.interpolate(first(x), (3, 2, 4), mode="trilinear")), x=numbers(9, 1, 2, 2, 3, 2))
table.case("pixel_shuffle", lambda x: last(F.pixel_shuffle(first(x), 2)), x=numbers(10, 2, 2, 3, 8))
table.case("pixel_unshuffle", lambda x: last(F.pixel_unshuffle(first(x), 2)), x=numbers(11, 2, 4, 2, 3))
for mode in ["constant", "reflect", "replicate", "circular"]:
    table.case(f"pad {mode}", lambda x: last(F.pad(first(x), (1, 2, 2, 0), mode=mode)), x=numbers(12, 2, 4, 3, 2))
table.case("crop", lambda x: last(F.pad(first(x), (-1, 0, 0, -2))), x=numbers(13, 2, 4, 3, 2))
table.write("resampling")
