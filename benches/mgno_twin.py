"""The multigrid operator in PyTorch: the same forward from the same weights, and how fast training is.

    filet operator generate darcy-rough:32 --samples 64 -o samples.h5
    filet operator predict --data samples.h5 --weights W.safetensors --predicted predicted.h5
    python3 benches/mgno_twin.py W.safetensors predicted.h5 --threads 2

needs torch, numpy and h5py. Prints the largest difference of the two forwards over the largest value, and the samples a second
of forward, backward and Adam in PyTorch; `filet train mgno` prints its own.
"""

import argparse
import json
import time

import h5py
import numpy as np
import torch
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("weights")
parser.add_argument("predicted")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--batch", type=int, default=8)
parser.add_argument("--steps", type=int, default=20)
args = parser.parse_args()
torch.set_num_threads(args.threads)

# A safetensors file: the header's length, the header, the numbers.
with open(args.weights, "rb") as file:
    header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    numbers = file.read()
about = json.loads(header.pop("__metadata__")["filet"])
config, scaling = about["net"]["mgno"], about["scaling"]
cycle = config["cycle"]
assert cycle["form"] == "published" and cycle["dimension"] == 2 and cycle["margin"] == 1
assert all(face == "zero" for faces in cycle["boundary"] for face in faces)


def tensor(name):
    start, end = header[name]["data_offsets"]
    array = np.frombuffer(numbers[start:end], np.float32).reshape(header[name]["shape"]).copy()
    # Kernels [1, k, k, in, out] to [out, in, k, k].
    return torch.tensor(array[0]).permute(3, 2, 0, 1).contiguous() if array.ndim == 5 else torch.tensor(array)


parameters = {name: tensor(name).requires_grad_() for name in header}


def conv(name, x, **how):
    return F.conv2d(x, parameters[name + ".weight"], parameters.get(name + ".bias"), **how)


def v_cycle(name, f):
    levels, states, u = cycle["smoothing"], [], None
    for l, (before, _) in enumerate(levels):
        for i in range(before):
            step = f"{name}.{l}.pre.{i}"
            r = f if u is None else f - conv(step + ".a", u, padding=1)
            u = conv(step + ".s", r, padding=1) + (0 if u is None else u)
        states.append((u, f))
        if l + 1 < len(levels):
            u, f = conv(f"{name}.{l}.pi", u, stride=2, padding=1), conv(f"{name}.{l}.r", f, stride=2, padding=1)
    for l in reversed(range(len(levels) - 1)):
        fine, f = states[l]
        u = fine + F.conv_transpose2d(u, parameters[f"{name}.{l}.p.weight"], stride=2, padding=1)
        for i in range(levels[l][1]):
            step = f"{name}.{l}.post.{i}"
            u = u + conv(step + ".s", f - conv(step + ".a", u, padding=1), padding=1)
    return u


def net(a):
    (mean, deviation), (offset, factor) = scaling["inputs"][0], scaling["outputs"][0]
    v = (a - mean) / deviation
    for k in range(config["layers"]):
        v = F.gelu(v_cycle(f"layer.{k}.cycle", v) + conv(f"layer.{k}.pointwise", v), approximate="tanh")
    return conv("head", v) * factor + offset


with h5py.File(args.predicted) as file:
    inputs, ours = (torch.tensor(file[name][:])[:, None] for name in ("input", "output"))
with torch.no_grad():
    difference = (net(inputs) - ours).abs().max() / ours.abs().max()
print(f"forward: largest difference {difference:.1e} of the largest value")

optimiser = torch.optim.Adam(parameters.values(), lr=1e-5)
batch, truth = inputs[: args.batch], ours[: args.batch]
for step in range(args.steps + 3):
    if step == 3:
        begin = time.perf_counter()
    optimiser.zero_grad()
    loss = ((net(batch) - truth).flatten(1).norm(dim=1) / truth.flatten(1).norm(dim=1)).mean()
    loss.backward()
    optimiser.step()
seconds = time.perf_counter() - begin
print(f"training: {args.steps * args.batch / seconds:.1f} samples a second, {args.threads} threads")
