#!/usr/bin/env bash
# Packages: mesa-vulkan-drivers 22.3.6-1+deb12u2 (Debian 12) by way of wgpu 0.32.0 (Python).
# Expected: WGSL lets an implementation reassociate and fuse operations only where the result is at least as accurate.
#   https://www.w3.org/TR/WGSL/#reassociation-and-fusion
# Seen: fma(n, b, fma(n, a, x)) becomes fma(n, a + b, x). With a and b the two parts of -log(2) this is the usual
#   argument reduction of an exponential, and a + b rounds the second part away: at 83.13 the rest is right to 4
#   digits in place of 7. An exponential that is made of it is 50 ulp off. The same number n, written as n/2 + (n - n/2) in
#   the second product, keeps the digits.
# Output seen:
#   x =  83.13  rest -0.04748535  kept apart -0.04748893  exact -0.04748894
#   x = -70.97  rest -0.27389526  kept apart -0.27389452  exact -0.27389450
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && apt-get download --quiet --quiet mesa-vulkan-drivers=22.3.6-1+deb12u2 && dpkg -x mesa-vulkan-drivers_*.deb mesa)
sed "s#/usr/lib#$folder/mesa/usr/lib#" "$folder/mesa/usr/share/vulkan/icd.d/lvp_icd.x86_64.json" >"$folder/icd.json"
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check wgpu==0.32.0 numpy==2.4.6
VK_ICD_FILENAMES="$folder/icd.json" WGPU_BACKEND_TYPE=Vulkan "$folder/env/bin/python" - 2>/dev/null <<'PYTHON'
import math
import numpy
from wgpu.utils.compute import compute_with_buffers

SHADER = """
@group(0) @binding(0) var<storage, read> xs: array<f32>;
@group(0) @binding(1) var<storage, read_write> rests: array<f32>;
@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let x = xs[id.x];
    let n = floor(x * 1.442695f + 0.5f);
    rests[2u * id.x] = fma(n, -1.4286068e-6f, fma(n, -0.69314575f, x));
    let half = i32(n) / 2i;
    rests[2u * id.x + 1u] = fma(f32(half) + f32(i32(n) - half), -1.4286068e-6f, fma(n, -0.69314575f, x));
}
"""
xs = numpy.array([83.13017, -70.97491], numpy.float32)
found = compute_with_buffers({0: xs}, {1: (4, "f")}, SHADER, n=2)
rests = numpy.frombuffer(found[1], numpy.float32).reshape(2, 2)
for x, (rest, apart) in zip(xs, rests):
    exact = float(x) - round(float(x) / math.log(2)) * math.log(2)
    print(f"x = {x:6.2f}  rest {rest:.8f}  kept apart {apart:.8f}  exact {exact:.8f}")
    assert abs(rest - exact) > 5e-7 and abs(apart - exact) < 5e-8
PYTHON
