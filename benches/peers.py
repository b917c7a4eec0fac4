"""filet's AMG-PCG beside PyAMG, PETSc GAMG and hypre BoomerAMG on the same matrix, in turn, medians of the rounds.

    filet solve MESH --source 1 --dirichlet 0 --matrix-market s      # writes s_A.mtx and s_b.mtx
    python benches/peers.py MESH s [rounds]
    python benches/peers.py SCENE.h5 - [rounds]                      # a voxel scene: filet's gmg on the same operator

Peers that cannot be imported are left out. PyAMG: `pip install pyamg`. PETSc with hypre: `apt-get install python3-petsc4py
python3-scipy`, `export PYTHONPATH=$(echo /usr/lib/petscdir/*/*/lib/python3/dist-packages)`, and for two processes, as PETSc has no
threads, `mpirun -n 2 /usr/bin/python3 benches/peers.py ...`, which runs these alone. All start at x = 0 and stop at 1e-6 of the
2-norm of b as they see it; the residual shown is recomputed. filet's seconds are set-up and solve of its `--json`.
"""
import json, os, subprocess, sys, time
import numpy as np, scipy.io, scipy.sparse as sp

RTOL = 1e-6


def scene(path):
    """The matrix over the fluid cells of a voxel scene without closed parts, and its right-hand side."""
    import h5py
    with h5py.File(path) as f:
        flags, rhs = f["flags"][()], f["rhs"][()]
    number = np.full(flags.shape, -1)
    number[flags == 1] = np.arange((flags == 1).sum())
    diagonal, entries = np.zeros(number.max() + 1), []
    for d in range(flags.ndim):
        for one, other in [(slice(0, -1), slice(1, None)), (slice(1, None), slice(0, -1))]:
            at, to = [tuple(s if e == d else slice(None) for e in range(flags.ndim)) for s in (one, other)]
            np.add.at(diagonal, number[at][(flags[at] == 1) & (flags[to] > 0)], 1)
            both = (flags[at] == 1) & (flags[to] == 1)
            entries.append((number[at][both], number[to][both]))
    i, j = (np.concatenate(e) for e in zip(*entries))
    return sp.csr_matrix(sp.coo_matrix((-np.ones(len(i)), (i, j))) + sp.diags(diagonal)), rhs[flags == 1]


def filet(mesh, a, b):
    problem = ["--method", "gmg"] if mesh.endswith(".h5") else ["--source", "1", "--dirichlet", "0", "--method", "pcg-amg"]
    run = subprocess.run(["target/release/filet", "solve", mesh, *problem, "--rtol", str(RTOL), "--json", "-q"],
                         capture_output=True, text=True)
    o = json.loads(run.stdout)
    return o["seconds"]["setup"], o["seconds"]["solve"], o["iterations"], o["relative_residual"]


def pyamg_sa(mesh, a, b):
    import pyamg
    t = time.perf_counter()
    ml = pyamg.smoothed_aggregation_solver(a, max_coarse=500)
    setup, t, its = time.perf_counter() - t, time.perf_counter(), []
    x = ml.solve(b, tol=RTOL, accel="cg", residuals=its)
    return setup, time.perf_counter() - t, len(its) - 1, np.linalg.norm(b - a @ x) / np.linalg.norm(b)


def petsc(options):
    def solve(mesh, a, b):
        from petsc4py import PETSc
        opts = PETSc.Options()
        for key, value in options.items():
            opts[key] = value
        comm = PETSc.COMM_WORLD
        m = PETSc.Mat().createAIJ(size=a.shape, comm=comm, nnz=64)
        low, high = m.getOwnershipRange()
        rows = a[low:high]
        m.setValuesCSR(rows.indptr.astype("int32"), rows.indices.astype("int32"), rows.data)
        m.assemble()
        x, rhs = m.createVecs()
        rhs.setArray(b[low:high])
        ksp = PETSc.KSP().create(comm)
        ksp.setOperators(m)
        ksp.setType("cg")
        ksp.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)
        ksp.setTolerances(rtol=RTOL)
        ksp.setFromOptions()
        t = time.perf_counter()
        ksp.setUp()
        setup, t = time.perf_counter() - t, time.perf_counter()
        ksp.solve(rhs, x)
        solve_time = time.perf_counter() - t
        r = m.createVecLeft()
        m.mult(x, r)
        r.aypx(-1.0, rhs)
        return setup, solve_time, ksp.getIterationNumber(), r.norm() / rhs.norm()
    return solve


BOOMER = {"pc_type": "hypre", "pc_hypre_type": "boomeramg", "pc_hypre_boomeramg_coarsen_type": "PMIS",
          "pc_hypre_boomeramg_agg_nl": 1, "pc_hypre_boomeramg_interp_type": "ext+i", "pc_hypre_boomeramg_P_max": 4,
          "pc_hypre_boomeramg_relax_type_all": "symmetric-SOR/Jacobi"}


def main(mesh, prefix, rounds=5):
    if mesh.endswith(".h5"):
        a, b = scene(mesh)
    else:
        a = sp.csr_matrix(scipy.io.mmread(prefix + "_A.mtx"))
        b = np.asarray(scipy.io.mmread(prefix + "_b.mtx")).ravel()
    peers = {"filet": filet, "PyAMG SA + CG": pyamg_sa, "PETSc GAMG": petsc({"pc_type": "gamg"}), "hypre BoomerAMG": petsc(BOOMER)}
    ranks, rank = int(os.environ.get("OMPI_COMM_WORLD_SIZE", 1)), int(os.environ.get("OMPI_COMM_WORLD_RANK", 0))
    if ranks > 1:  # only what runs on several processes
        peers = {name: run for name, run in peers.items() if "PETSc" in name or "hypre" in name}
    figures = {name: [] for name in peers}
    for _ in range(int(rounds)):
        for name, run in peers.items():
            try:
                figures[name].append(run(mesh, a, b))
            except ImportError as missing:
                print(f"{name}: {missing}", file=sys.stderr)
        peers = {name: run for name, run in peers.items() if figures[name]}
    if rank > 0:
        return
    print(f"{a.shape[0]} unknowns, {a.nnz} nonzeros, rtol {RTOL:g}, medians of {rounds}")
    print(f"{'':18}{'setup s':>9}{'solve s':>9}{'total s':>9}{'its':>5}{'residual':>10}")
    for name, rows in figures.items():
        if rows:
            setup, solve, its, residual = (float(np.median(column)) for column in zip(*rows))
            print(f"{name:18}{setup:9.3f}{solve:9.3f}{setup + solve:9.3f}{int(its):5}{residual:10.1e}")


main(*sys.argv[1:])
