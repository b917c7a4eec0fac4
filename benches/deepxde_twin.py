"""DeepXDE beside `filet pinn burgers` and `filet pinn allen-cahn`: the equations, hard conditions, network (3 x 64 tanh, f64) and course of the
paper of RAD (Wu et al. 2023, code lu-group/pinn-sampling): Adam, then rounds of new points by RAD with Adam and L-BFGS.

    pip install deepxde torch
    DDE_BACKEND=pytorch python benches/deepxde_twin.py burgers|allen-cahn [first steps] [rounds] [steps a round]

The published course is 15000 first steps and 100 rounds of 1000 (and up to 1000 of L-BFGS).
"""
import os, sys, time
import numpy as np
import deepxde as dde
import torch
from scipy.integrate import solve_ivp

name = sys.argv[1]
first, rounds, steps = (int(a) for a in (sys.argv[2:] + ["15000", "100", "1000"][len(sys.argv) - 2:]))
dde.config.set_default_float("float64")
dde.config.set_random_seed(0)
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))


def residual(x, u):
    u_t = dde.grad.jacobian(u, x, i=0, j=1)
    u_xx = dde.grad.hessian(u, x, i=0, j=0)
    if name == "burgers":
        return u_t + u * dde.grad.jacobian(u, x, i=0, j=0) - 0.01 / np.pi * u_xx
    return u_t - 0.001 * u_xx - 5 * (u - u**3)


def hard(x, n):
    s, t = x[:, 0:1], x[:, 1:2]
    start = -torch.sin(np.pi * s) if name == "burgers" else s**2 * torch.cos(np.pi * s)
    return start + (1 - s**2) * t * n


def solution(x, t):
    """The solution at all x of every t: Hopf and Cole's integral, or differences of second order and an implicit method."""
    if name == "burgers":
        nu, z = 0.01 / np.pi, np.linspace(-9, 9, 801)
        y = x[None, :, None] - np.sqrt(4 * nu * t)[:, None, None] * z
        log = -np.cos(np.pi * y) / (2 * np.pi * nu) - z**2
        f = np.exp(log - log.max(axis=2, keepdims=True))
        return -(np.sin(np.pi * y) * f).sum(axis=2) / f.sum(axis=2)
    fine = np.linspace(-1, 1, 2049)
    h = fine[1] - fine[0]

    def rate(_, u):
        out = 5 * (u - u**3)
        out[1:-1] += 0.001 * (u[2:] - 2 * u[1:-1] + u[:-2]) / h**2
        out[[0, -1]] = 0
        return out

    run = solve_ivp(rate, (0, 1), fine**2 * np.cos(np.pi * fine), "LSODA", t, rtol=1e-9, atol=1e-10, lband=1, uband=1)
    return run.y.T[:, np.searchsorted(fine, x - 1e-9)]


domain = dde.geometry.GeometryXTime(dde.geometry.Interval(-1, 1), dde.geometry.TimeDomain(0, 1))
data = dde.data.TimePDE(domain, residual, [], num_domain=2000, train_distribution="pseudo")
net = dde.nn.FNN([2] + [64] * 3 + [1], "tanh", "Glorot normal")
net.apply_output_transform(hard)
model = dde.Model(data, net)
x, t = np.meshgrid(np.linspace(-1, 1, 257), np.linspace(0, 1, 101))
places, exact = np.column_stack([x.ravel(), t.ravel()]), solution(x[0], t[:, 0]).ravel()
began = time.perf_counter()


def report(what):
    u = model.predict(places)[:, 0]
    error = np.linalg.norm(u - exact) / np.linalg.norm(exact)
    print(f"{what}: relative L2 {error:.2e} after {time.perf_counter() - began:.0f} s, {time.process_time():.0f} s of processor", flush=True)


model.compile("adam", lr=1e-3)
model.train(iterations=first, verbose=0)
report(f"{first} steps of Adam")
dde.optimizers.set_LBFGS_options(maxiter=1000)
for k in range(rounds):
    candidates = domain.random_points(100_000)
    error = np.abs(model.predict(candidates, operator=residual)[:, 0])
    p = error / error.mean() + 1
    chosen = np.random.choice(len(candidates), 2000, replace=False, p=p / p.sum())
    data.replace_with_anchors(candidates[chosen])
    for method in ("adam", "L-BFGS"):
        model.compile(method, **({"lr": 1e-3} if method == "adam" else {}))
        model.train(**({"iterations": steps} if method == "adam" else {}), verbose=0)
    report(f"round {k + 1}")
