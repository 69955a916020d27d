"""The same training step in PyTorch, beside which ours is timed: one line on standard input is one step.

python3 step_in_torch.py THREADS CONFIG(JSON) WEIGHTS(float32 file in the order of the parameters)

It first prints {"rate": GFLOP/s of a matrix product}; then, for each line, {"ms", "loss"}. Eager mode, as
people write it: the network of Llama (RMSNorm, rotary, SwiGLU, tied head), AdamW, clip_grad_norm_.
"""
import json, math, sys, time
import torch, torch.nn as nn, torch.nn.functional as F

threads, config, weights = int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
torch.set_num_threads(threads)
D, L, H, M, V = (config[key] for key in ("width", "layers", "heads", "hidden", "vocabulary"))
B, T = config["batch"], config["length"]


class RmsNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(D))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        linear = lambda i, o: nn.Linear(i, o, bias=False)
        self.norm1 = RmsNorm()
        self.q, self.k, self.v, self.o = (linear(D, D) for _ in range(4))
        self.norm2 = RmsNorm()
        self.gate, self.up, self.down = linear(D, M), linear(D, M), linear(M, D)

    def forward(self, x, cos, sin, mask):
        h = self.norm1(x)
        heads = lambda y: y.view(B, T, H, D // H).transpose(1, 2)
        q, k, v = heads(self.q(h)), heads(self.k(h)), heads(self.v(h))
        scores = rotate(q, cos, sin) @ rotate(k, cos, sin).transpose(-1, -2) / math.sqrt(D // H)
        seen = torch.softmax(scores + mask, -1) @ v
        x = x + self.o(seen.transpose(1, 2).reshape(B, T, D))
        h = self.norm2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(V, D)
        self.blocks = nn.ModuleList(Block() for _ in range(L))
        self.norm = RmsNorm()
        pairs = D // H // 2
        angles = torch.arange(T)[:, None] * 10000.0 ** (-torch.arange(pairs) / pairs)
        self.cos, self.sin = angles.cos(), angles.sin()
        self.mask = torch.triu(torch.full((T, T), -1e9), 1)

    def forward(self, ids):
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos, self.sin, self.mask)
        return F.linear(self.norm(x), self.embedding.weight)


def rate():
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    best = math.inf
    for _ in range(8):
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2 * 1024**3 / best / 1e9


network = Network()
numbers, at = torch.frombuffer(bytearray(open(weights, "rb").read()), dtype=torch.float32), 0
for parameter in network.parameters():
    parameter.data.copy_(numbers[at : at + parameter.numel()].view(parameter.shape))
    at += parameter.numel()
assert at == numbers.numel(), f"{at} parameters here, {numbers.numel()} in the file"
optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, betas=(0.9, 0.999), weight_decay=0.01)
ids = (torch.arange(B * T) * 7919 % V).view(B, T)
targets = (torch.arange(B * T) * 6271 % V).view(B, T)


def step():
    optimizer.zero_grad(set_to_none=True)
    loss = F.cross_entropy(network(ids).view(-1, V), targets.view(-1))
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return loss.item()


print(json.dumps({"rate": rate(), "version": torch.__version__}), flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    loss = step()
    print(json.dumps({"ms": (time.perf_counter() - start) * 1e3, "loss": loss}), flush=True)
