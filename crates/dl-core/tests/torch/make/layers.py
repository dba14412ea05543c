"""The table of normalization, embedding and attention: writes `layers.json`.

A case's name holds its settings, as `key=value`; inputs with a dot in their names are the parameters and the
state of the layer at the path before it. Values lie with channels last and weights as `[in, out]`, as ours do.
"""

import random

import torch
import torch.nn.functional as F
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils.parametrizations import spectral_norm

from table import Table, fixed, numbers

table = Table()
draw = random.Random(13)
seeds = iter(range(1000, 10_000))


def some(*shape, low=-2.0, high=2.0):
    return numbers(next(seeds), *shape, low=low, high=high)


def case(what, settings, function, **inputs):
    name = " ".join([what, *(f"{key}={value}" for key, value in settings.items())])
    table.case(name, function, **inputs)


def first(x):
    """Channels as the second axis."""
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


def sizes(low, high, most=4):
    return [draw.randint(2, most) for _ in range(draw.randint(low, high))]


def batch_norms():
    for i in range(16):
        shape, channels = [draw.randint(2, 5), *sizes(0, 3)], draw.randint(1, 4)
        train, affine, tracking = draw.random() < 0.6, draw.random() < 0.7, draw.random() < 0.8
        cumulative = tracking and draw.random() < 0.3
        settings = {"n": i, "train": int(train), "affine": int(affine), "tracking": int(tracking)}
        settings |= {"cumulative": int(cumulative), "momentum": round(draw.uniform(0.01, 0.9), 2)}
        settings |= {"eps": draw.choice([1e-5, 1e-3])}
        inputs = {"x": some(*shape, channels)}
        if affine:
            inputs |= {"bn.weight": some(channels), "bn.bias": some(channels)}
        if tracking:
            inputs |= {"bn.running_mean": fixed(some(channels)), "bn.running_var": fixed(some(channels, low=0.2))}
        if cumulative:
            inputs["bn.num_batches_tracked"] = fixed(torch.tensor(float(draw.randint(0, 5)), dtype=torch.float64))

        def norm(x, **p):
            momentum = settings["momentum"]
            states = {}
            if tracking:
                states = {key: p[key].clone() for key in ("bn.running_mean", "bn.running_var")}
            if cumulative:
                count = p["bn.num_batches_tracked"] + 1.0
                momentum = 1.0 / count.item()
            y = F.batch_norm(
                first(x), states.get("bn.running_mean"), states.get("bn.running_var"), p.get("bn.weight"),
                p.get("bn.bias"), train or not tracking, momentum, settings["eps"],
            )
            if cumulative:
                states["bn.num_batches_tracked"] = count
            return last(y), states if train else {}

        case("batch_norm", settings, norm, **inputs)

    def twice(x, z, **p):
        module = torch.nn.BatchNorm1d(3).double()
        parts = {"weight": p["bn.weight"], "bias": p["bn.bias"]}
        states = {key: p[f"bn.{key}"].clone() for key in ("running_mean", "running_var")}
        parts |= states | {"num_batches_tracked": torch.tensor(0)}
        y = functional_call(module, parts, x) * functional_call(module, parts, z)
        return y, {f"bn.{key}": state for key, state in states.items()}

    inputs = {"x": some(4, 3), "z": some(4, 3), "bn.weight": some(3), "bn.bias": some(3)}
    inputs |= {"bn.running_mean": fixed(some(3)), "bn.running_var": fixed(some(3, low=0.5))}
    table.case("batch_norm twice", twice, **inputs)


def other_norms():
    for i in range(8):
        axes, bias = draw.randint(1, 2), draw.random() < 0.7
        shape = [*sizes(0, 2), *sizes(axes, axes)]
        settings = {"n": i, "axes": axes, "bias": int(bias), "eps": draw.choice([1e-5, 1e-2])}
        features = shape[-axes:]
        inputs = {"x": some(*shape), "ln.weight": some(*features)}
        if bias:
            inputs["ln.bias"] = some(*features)
        case(
            "layer_norm", settings,
            lambda x, **p: F.layer_norm(x, features, p["ln.weight"], p.get("ln.bias"), settings["eps"]), **inputs,
        )
        eps = draw.choice([None, 1e-3])
        case(
            "rms_norm", {"n": i, "axes": axes} | ({"eps": eps} if eps else {}),
            lambda x, **p: F.rms_norm(x, features, p["rms.weight"], eps),
            **{"x": some(*shape), "rms.weight": some(*features)},
        )
    for i in range(8):
        groups, each = draw.randint(1, 3), draw.randint(1, 3)
        channels = groups * each
        shape = [draw.randint(2, 3), *sizes(1 if each == 1 else 0, 2), channels]
        settings = {"n": i, "groups": groups, "eps": draw.choice([1e-5, 1e-2])}
        case(
            "group_norm", settings,
            lambda x, **p: last(F.group_norm(first(x), groups, p["gn.weight"], p["gn.bias"], settings["eps"])),
            **{"x": some(*shape), "gn.weight": some(channels), "gn.bias": some(channels)},
        )
    for i in range(10):
        channels, train = draw.randint(1, 3), draw.random() < 0.6
        affine, tracking = draw.random() < 0.5, draw.random() < 0.6
        shape = [draw.randint(1, 3), *sizes(1, 2), channels]
        settings = {"n": i, "train": int(train), "affine": int(affine), "tracking": int(tracking)}
        settings["momentum"] = round(draw.uniform(0.05, 0.9), 2)
        inputs = {"x": some(*shape)}
        if affine:
            inputs |= {"in.weight": some(channels), "in.bias": some(channels)}
        if tracking:
            inputs |= {"in.running_mean": fixed(some(channels)), "in.running_var": fixed(some(channels, low=0.2))}

        def norm(x, **p):
            states = {}
            if tracking:
                states = {key: p[key].clone() for key in ("in.running_mean", "in.running_var")}
            y = F.instance_norm(
                first(x), states.get("in.running_mean"), states.get("in.running_var"), p.get("in.weight"),
                p.get("in.bias"), train or not tracking, settings["momentum"],
            )
            return last(y), states if train else {}

        case("instance_norm", settings, norm, **inputs)


def weights():
    for i in range(4):
        shape = [*sizes(1, 3), draw.randint(1, 4)]
        length = [1] * (len(shape) - 1) + [shape[-1]]
        case(
            "weight_norm", {"n": i},
            lambda v, g: torch._weight_norm(v, g.reshape(length), len(shape) - 1), v=some(*shape), g=some(shape[-1]),
        )
    for i in range(6):
        inputs, outputs = draw.randint(1, 4), draw.randint(1, 4)
        train, iterations = draw.random() < 0.6, draw.randint(1, 3)

        def dense(x, **p):
            module = spectral_norm(torch.nn.Linear(inputs, outputs).double(), n_power_iterations=iterations)
            module.train(train)
            u, v = p["fc.u"].clone(), p["fc.v"].clone()
            parts = {"parametrizations.weight.original": p["fc.weight"].T, "bias": p["fc.bias"]}
            parts |= {"parametrizations.weight.0._u": u, "parametrizations.weight.0._v": v}
            return functional_call(module, parts, x), {"fc.u": u, "fc.v": v} if train else {}

        case(
            "spectral_norm", {"n": i, "train": int(train), "iterations": iterations, "outputs": outputs}, dense,
            **{
                "x": some(3, inputs), "fc.weight": some(inputs, outputs), "fc.bias": some(outputs),
                "fc.u": fixed(F.normalize(some(outputs, low=0.5), dim=0)),
                "fc.v": fixed(F.normalize(some(inputs, low=0.5), dim=0)),
            },
        )
    for i in range(4):
        words, width = draw.randint(2, 5), draw.randint(1, 4)
        padding = draw.choice([None, draw.randrange(words)])
        rows = some(words, width)
        if padding is not None:
            rows[padding] = 0.0
        indices = torch.tensor([[draw.randrange(words) for _ in range(4)] for _ in range(2)])
        settings = {"n": i, "words": words, "width": width} | ({} if padding is None else {"padding": padding})
        case(
            "embedding", settings, lambda indices, **p: F.embedding(indices, p["words.weight"], padding),
            **{"indices": indices, "words.weight": rows},
        )


def attention():
    for i in range(12):
        batch, heads, queries, width = (draw.randint(1, 3) for _ in range(4))
        keys, value, shared = draw.randint(1, 4), draw.randint(1, 3), draw.randint(1, 2)
        causal = draw.random() < 0.4
        mask = None if causal else draw.choice([None, "bool", "float"])
        scale = draw.choice([None, 0.7])
        settings = {"n": i, "causal": int(causal)} | ({} if scale is None else {"scale": scale})
        inputs = {"q": some(batch, heads * shared, queries, width), "k": some(batch, heads, keys, width)}
        inputs["v"] = some(batch, heads, keys, value)
        if mask == "bool":
            seen = some(batch, 1, queries, keys) > -0.8
            seen[..., 0] = True
            inputs["mask"] = seen
        if mask == "float":
            inputs["mask"] = some(queries, keys)

        def attend(q, k, v, mask=None):
            with sdpa_kernel(SDPBackend.MATH):
                return F.scaled_dot_product_attention(q, k, v, mask, 0.0, causal, scale=scale, enable_gqa=shared > 1)

        case("attention", settings, attend, **inputs)

    def nothing(q, k, v, mask):
        with sdpa_kernel(SDPBackend.MATH):
            return F.scaled_dot_product_attention(q, k, v, mask)

    mask = torch.tensor([[True, False, True], [False, False, False]])
    table.case("attention to nothing", nothing, q=some(2, 2, 3), k=some(2, 3, 3), v=some(2, 3, 2), mask=mask)


def projections(path, width, key, value, bias=True):
    sides = {"query": width, "key": key, "value": value, "output": width}
    made = {f"{path}.{name}.weight": some(size, width, low=-1.0, high=1.0) for name, size in sides.items()}
    return made | ({f"{path}.{name}.bias": some(width, low=-0.5, high=0.5) for name in sides} if bias else {})


def theirs(p, path, apart=False):
    """Our projections as PyTorch has them."""
    three = [f"{path}.{name}" for name in ("query", "key", "value")]
    weights = [p[f"{name}.weight"].T for name in three]
    parts = {"out_proj.weight": p[f"{path}.output.weight"].T}
    if apart:
        parts |= {f"{letter}_proj_weight": weight for letter, weight in zip("qkv", weights)}
    else:
        parts["in_proj_weight"] = torch.cat(weights)
    if f"{path}.output.bias" in p:
        parts["in_proj_bias"] = torch.cat([p[f"{name}.bias"] for name in three])
        parts["out_proj.bias"] = p[f"{path}.output.bias"]
    return parts


def under(prefix, parts):
    return {f"{prefix}.{key}": value for key, value in parts.items()}


def heads():
    for i in range(8):
        count, each = draw.randint(1, 3), draw.randint(1, 3)
        width, bias, own = count * each, draw.random() < 0.7, draw.random() < 0.5
        key, value = (width, width) if own else (draw.randint(1, 4), draw.randint(1, 4))
        batch, queries, keys = draw.randint(1, 3), draw.randint(2, 4), draw.randint(2, 4)
        causal, masked = own and draw.random() < 0.5, draw.random() < 0.5
        settings = {"n": i, "heads": count, "bias": int(bias), "own": int(own), "causal": int(causal)}
        inputs = {"x": some(batch, queries, width)} | projections("attention", width, key, value, bias)
        if not own:
            inputs |= {"k": some(batch, keys, key), "v": some(batch, keys, value)}
        if masked:
            seen = some(batch, queries if own else keys) > -1.0
            seen[:, 0] = True
            inputs["seen"] = seen

        def attend(x, k=None, v=None, seen=None, **p):
            module = torch.nn.MultiheadAttention(width, count, bias=bias, kdim=key, vdim=value, batch_first=True)
            apart = not (key == width and value == width)
            mask = torch.ones(queries, queries, dtype=torch.bool).triu(1) if causal else None
            hidden = None if seen is None else ~seen
            k, v = (x, x) if own else (k, v)
            arguments = {"key_padding_mask": hidden, "attn_mask": mask, "need_weights": True}
            return functional_call(module.double(), theirs(p, "attention", apart), (x, k, v), arguments)[0]

        case("multi_head", settings, attend, **inputs)


def transformers():
    for i in range(6):
        count, each, hidden = draw.randint(1, 2), draw.randint(1, 3), draw.randint(2, 5)
        width, pre, gelu = count * each, draw.random() < 0.5, draw.random() < 0.5
        decoder = i % 2 == 1
        batch, length, other = 2, draw.randint(2, 4), draw.randint(2, 3)
        settings = {"n": i, "heads": count, "hidden": hidden, "pre": int(pre), "gelu": int(gelu)}
        inputs = {"x": some(batch, length, width)} | projections("layer.self_attn", width, width, width)
        if decoder:
            inputs |= {"memory": some(batch, other, width)} | projections("layer.cross_attn", width, width, width)
        else:
            seen = some(batch, length) > -1.0
            seen[:, 0] = True
            inputs["seen"] = seen
        for name, (a, b) in {"linear1": (width, hidden), "linear2": (hidden, width)}.items():
            inputs |= {f"layer.{name}.weight": some(a, b), f"layer.{name}.bias": some(b)}
        for name in ["norm1", "norm2", *(["norm3"] if decoder else [])]:
            inputs |= {f"layer.{name}.weight": some(width), f"layer.{name}.bias": some(width)}

        def layer(x, memory=None, seen=None, **p):
            kind = torch.nn.TransformerDecoderLayer if decoder else torch.nn.TransformerEncoderLayer
            module = kind(
                width, count, hidden, 0.0, "gelu" if gelu else "relu", batch_first=True, norm_first=pre,
            ).double()
            parts = under("self_attn", theirs(p, "layer.self_attn"))
            if decoder:
                parts |= under("multihead_attn", theirs(p, "layer.cross_attn"))
            for key, value in p.items():
                key = key.removeprefix("layer.")
                if key.startswith("linear") and key.endswith("weight"):
                    parts[key] = value.T
                elif key.startswith(("linear", "norm")):
                    parts[key] = value
            if decoder:
                mask = torch.ones(length, length, dtype=torch.bool).triu(1)
                return functional_call(module, parts, (x, memory), {"tgt_mask": mask})
            return functional_call(module, parts, (x,), {"src_key_padding_mask": ~seen})

        case("decoder" if decoder else "encoder", settings, layer, **inputs)


batch_norms()
other_norms()
weights()
attention()
heads()
transformers()
table.write("layers")
