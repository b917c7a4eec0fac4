"""PyTorch beside `cargo bench --bench laplacian`: the gradient of a mean square residual with a Laplacian, tanh 4 x 64, 10^4 points.

    python benches/laplacian_twin.py [threads] [rounds]
"""
import statistics, sys, time
import torch

threads, rounds = (int(a) for a in (sys.argv[1:] + ["2", "7"][len(sys.argv) - 1:]))
torch.set_num_threads(threads)


def mlp(dtype):
    widths = [2, 64, 64, 64, 64, 1]
    layers = [torch.nn.Linear(a, b, dtype=dtype) for a, b in zip(widths, widths[1:])]
    return torch.nn.ModuleList(layers)


def nested(net, x):
    """The Laplacian by a reverse pass for the gradient and one more a direction."""
    x = x.clone().requires_grad_()
    h = x
    for layer in net[:-1]:
        h = torch.tanh(layer(h))
    u = net[-1](h)
    g = torch.autograd.grad(u.sum(), x, create_graph=True)[0]
    return sum(torch.autograd.grad(g[:, i].sum(), x, create_graph=True)[0][:, i] for i in range(2))


def forward(net, x):
    """The forward Laplacian: value, two derivatives and the Laplacian of every neuron in one pass."""
    w, b = net[0].weight, net[0].bias
    z, d, l = x @ w.T + b, [w[:, i].expand(len(x), -1) for i in range(2)], torch.zeros_like(x @ w.T)
    for layer in net[1:]:
        t = torch.tanh(z)
        s1 = 1 - t * t
        l = s1 * l - 2 * t * s1 * (d[0] ** 2 + d[1] ** 2)
        d = [s1 * v for v in d]
        w, b = layer.weight, layer.bias
        z, l = t @ w.T + b, l @ w.T
        d = [v @ w.T for v in d]
    return l[:, 0]


for dtype in (torch.float64, torch.float32):
    torch.manual_seed(0)
    net, x = mlp(dtype), 2 * torch.rand(10_000, 2, dtype=dtype) - 1
    f = torch.sin(3 * x[:, 0]) * torch.cos(2 * x[:, 1])
    assert torch.allclose(nested(net, x), forward(net, x), rtol=1e-3, atol=1e-4)
    for name, laplacian in (("nested autograd", nested), ("forward Laplacian", forward)):

        def gradient():
            net.zero_grad()
            ((laplacian(net, x) + f) ** 2).mean().backward()

        gradient()
        seconds, processor = [], []
        for _ in range(rounds):
            t, p = time.perf_counter(), time.process_time()
            gradient()
            seconds.append(time.perf_counter() - t)
            processor.append(time.process_time() - p)
        clock, cpu = (1e3 * statistics.median(s) for s in (seconds, processor))
        print(f"{str(dtype):14} {name:18} {clock:8.1f} ms by the clock, {cpu:8.1f} ms of processor", flush=True)
