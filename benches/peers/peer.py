"""Serves the requests of the benchmark program, a line of JSON each, for one framework.

The words are those of benches/src/protocol.rs, the files those of benches/src/peers.rs.
"""

import gc
import json
import os
import sys
import time


def main():
    say = replies()
    try:
        spec = json.loads(sys.argv[1])
        serve(subject(spec), say)
    except BrokenPipeError:
        pass  # the parent has left
    except Exception as error:  # whatever it is, the parent prints it
        say("failed", {"message": f"{type(error).__name__}: {error}".strip().splitlines()[0]})


def replies():
    """Keeps standard output for replies: what a library prints goes where errors go."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(word, content):
        print(json.dumps({word: content}), file=out, flush=True)

    return say


def subject(spec):
    if spec["backend"] == "jax":
        keep_to_cores(spec["threads"])
        import with_jax

        return with_jax.Step(spec)
    import with_torch

    kinds = {"torch": with_torch.Eager, "torch-compile": with_torch.Compiled}
    return kinds[spec["backend"]](spec)


def keep_to_cores(count):
    """XLA has no option for its number of threads: it takes as many as the process has cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def serve(step, say):
    say("ready", {"compile_ms": step.compile_ms, "note": step.note})
    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        word, asked = (request, {}) if isinstance(request, str) else next(iter(request.items()))
        if word == "losses":
            say("losses", {"values": [float(step.check()) for _ in range(asked["steps"])]})
        elif word == "warm_up":
            say("times", {"ms": warm_up(step, asked["ms"])})
        elif word == "time":
            say("times", {"ms": burst(step, asked["steps"])})
        elif word == "peak":
            say("peak", {"mib": peak_mib(), "data_mib": None})
        else:
            raise ValueError(f"no request {word}")


def warm_up(step, ms):
    began = time.perf_counter()
    times = []
    while len(times) < 2 or (time.perf_counter() - began) * 1e3 < ms:
        times += burst(step, 1)
    return times


def burst(step, steps):
    """Milliseconds of each step; no garbage is collected meanwhile."""
    gc.collect()
    gc.disable()
    times = [time.perf_counter()]
    for _ in range(steps):
        step()
        times.append(time.perf_counter())
    gc.enable()
    return [(after - before) * 1e3 for before, after in zip(times, times[1:])]


def peak_mib():
    try:
        for line in open("/proc/self/status", encoding="ascii"):
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return None


if __name__ == "__main__":
    main()
    # Without the libraries' own farewells: their leak reports are no row's business.
    os._exit(0)
