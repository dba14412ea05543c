#!/usr/bin/env bash
# Packages: mesa-vulkan-drivers 22.3.6-1+deb12u2 (Debian 12) by way of wgpu 0.32.0 (Python).
# Expected: a loop of a compute shader makes as many turns as its condition says; neither Vulkan nor WGSL knows a
#   bound. https://www.w3.org/TR/WGSL/#for-statement
# Seen: on Mesa's software Vulkan every loop ends after 65,535 turns. Nothing reports it: results that follow are
#   computed from what the loop had done until then. A sum over 100,000 elements lacks a third of them.
# Output seen:
#   asked for   1000 turns, made  1000
#   asked for  65535 turns, made 65535
#   asked for  65536 turns, made 65535
#   asked for 100000 turns, made 65535
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && apt-get download --quiet --quiet mesa-vulkan-drivers=22.3.6-1+deb12u2 && dpkg -x mesa-vulkan-drivers_*.deb mesa)
sed "s#/usr/lib#$folder/mesa/usr/lib#" "$folder/mesa/usr/share/vulkan/icd.d/lvp_icd.x86_64.json" >"$folder/icd.json"
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check wgpu==0.32.0 numpy==2.4.6
VK_ICD_FILENAMES="$folder/icd.json" WGPU_BACKEND_TYPE=Vulkan "$folder/env/bin/python" - 2>/dev/null <<'PYTHON'
import numpy
from wgpu.utils.compute import compute_with_buffers

SHADER = """
@group(0) @binding(0) var<storage, read> asked: array<u32>;
@group(0) @binding(1) var<storage, read_write> made: array<u32>;
@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    var turns = 0u;
    for (var i = 0u; i < asked[id.x]; i = i + 1u) { turns = turns + 1u; }
    made[id.x] = turns;
}
"""
asked = numpy.array([1000, 65535, 65536, 100000], numpy.uint32)
found = compute_with_buffers({0: asked}, {1: (len(asked), "I")}, SHADER, n=len(asked))
made = numpy.frombuffer(found[1], numpy.uint32)
for a, m in zip(asked, made):
    print(f"asked for {a:6} turns, made {m:5}")
assert list(made) == [1000, 65535, 65535, 65535]
PYTHON
