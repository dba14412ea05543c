"""Trains the perceptron in PyTorch until it has an accuracy, and prints how long that took.

The task and the answer are those of benches/src/reach.rs. The images are floats in memory from the
start, and batches are taken from them by index: faster than any of PyTorch's loaders.
"""

import json
import sys
import time

import numpy
import torch
from torch import nn

IMAGES, CLASSES = 784, 10


def load(folder, part):
    x = torch.from_numpy(numpy.fromfile(f"{folder}/{part}.x", numpy.uint8)).view(-1, IMAGES)
    y = torch.from_numpy(numpy.fromfile(f"{folder}/{part}.y", numpy.int64))
    return x.float().div_(255), y


def main():
    task = json.loads(sys.argv[1])
    torch.set_num_threads(task["threads"])
    torch.manual_seed(task["seed"])
    began = time.perf_counter()
    x, y = load(task["folder"], "train")
    tested = load(task["folder"], "test")
    model = nn.Sequential(
        nn.Linear(IMAGES, 128), nn.ReLU(), nn.Dropout(task["dropout"]), nn.Linear(128, CLASSES)
    )
    loss = nn.CrossEntropyLoss()
    rate, size, epochs = task["rate"], task["batch_size"], task["epochs"]
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=task["weight_decay"], fused=True)
    steps = epochs * -(-len(x) // size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps, cycle_momentum=False)
    accuracies = []
    for _ in range(epochs):
        model.train()
        for rows in torch.randperm(len(x)).split(size):
            optimizer.zero_grad()
            loss(model(x[rows]), y[rows]).backward()
            optimizer.step()
            schedule.step()
        model.eval()
        with torch.no_grad():
            hits = model(tested[0]).argmax(1) == tested[1]
        accuracies.append(hits.float().mean().item())
        if accuracies[-1] >= task["accuracy"]:
            break
    print(json.dumps({"accuracies": accuracies, "seconds": time.perf_counter() - began}))


main()
