#!/usr/bin/env bash
# Package: torchvision 0.29.2, transforms.v2 of tv_tensors.KeyPoints, with torch 2.15.0.
# Expected: a keypoint goes where the pixel goes that it marks, and to flip an image both ways is to rotate it by
#   180 degrees, for its keypoints too.
#   https://docs.pytorch.org/vision/stable/generated/torchvision.tv_tensors.KeyPoints.html
# Seen: flips take a coordinate for the number of a pixel, x -> width - 1 - x; rotations take it for a place
#   between the edges, x -> width - x. The image is the same, the keypoints are one pixel apart, and that of
#   the first pixel leaves the canvas. Augmented by both, a model learns from labels that are half a pixel off
#   one way or the other.
# Output seen:
#   image of 8 x 6, pixel   flipped both ways        rotated by 180
#   (0, 0)                  pixel (7, 5) key (7, 5)  pixel (7, 5) key (8, 6)
#   (2, 1)                  pixel (5, 4) key (5, 4)  pixel (5, 4) key (6, 5)
#   (7, 5)                  pixel (0, 0) key (0, 0)  pixel (0, 0) key (1, 1)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    torch==2.15.0 torchvision==0.29.2 numpy==2.4.6
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

flipped = v2.Compose([v2.RandomHorizontalFlip(1.0), v2.RandomVerticalFlip(1.0)])
rotated = v2.RandomRotation((180, 180))
print("image of 8 x 6, pixel   flipped both ways        rotated by 180")
seen = []
for x, y in [(0, 0), (2, 1), (7, 5)]:
    pixels = torch.zeros(1, 6, 8)
    pixels[0, y, x] = 1
    point = tv_tensors.KeyPoints(torch.tensor([[float(x), float(y)]]), canvas_size=(6, 8))
    shown = []
    for transform in [flipped, rotated]:
        image, key = transform(tv_tensors.Image(pixels), point)
        pixel = tuple(int(i) for i in reversed(image[0].nonzero()[0].tolist()))
        shown.append((pixel, tuple(round(v) for v in key[0].tolist())))
    seen.append(shown)
    places = [f"pixel {pixel} key {key}" for pixel, key in shown]
    print(f"{f'({x}, {y})':24}{places[0]:25}{places[1]}")
for (pixel, key), (same_pixel, other) in seen:
    assert pixel == key == same_pixel
    assert other == (key[0] + 1, key[1] + 1)
PYTHON
