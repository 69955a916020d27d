"""Reads a problem, its parameters and our gradients; prints how far the gradients are from PyTorch's in float64.

Called by gradients.bench.ts with a folder; the network is that of the tests' fixtures.
"""
import json
import pathlib
import struct
import sys

import numpy
import torch

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "test" / "fixtures"))
from network import network, shapes  # noqa: E402

folder = pathlib.Path(sys.argv[1])
problem = json.loads((folder / "problem.json").read_text())
raw = (folder / "tensors.safetensors").read_bytes()
(size,) = struct.unpack("<Q", raw[:8])
header = json.loads(raw[8 : 8 + size])


def tensor(name):
    start, end = header[name]["data_offsets"]
    numbers = numpy.frombuffer(raw[8 + size + start : 8 + size + end], dtype="<f4")
    return torch.tensor(numbers.astype("f8")).reshape(header[name]["shape"])


config, rows, length = problem["config"], problem["rows"], problem["length"]
parameters = {name: tensor(name).requires_grad_() for name in shapes(config)}
ids, labels = (torch.tensor(problem[n]).reshape(rows, length) for n in ("ids", "labels"))
batch = {
    "ids": ids,
    "positions": torch.arange(length).expand(rows, length),
    "segments": torch.zeros(rows, length, dtype=torch.long),
}
logits, _ = network(config, parameters, batch)
loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
loss.backward()
away = {name: (tensor(f"d/{name}") - p.grad).norm().item() for name, p in parameters.items()}
norms = {name: p.grad.norm().item() for name, p in parameters.items()}
errors = {name: away[name] / norms[name] for name in parameters}
worst = max(errors, key=errors.get)
print(f"{sum(p.numel() for p in parameters.values())} parameters; worst: {worst}", file=sys.stderr)
total = sum(x * x for x in away.values()) ** 0.5 / sum(x * x for x in norms.values()) ** 0.5
found = abs(problem["loss"] - loss.item()) / loss.item()
print(json.dumps({"loss": found, "worst": errors[worst], "all": total}))
