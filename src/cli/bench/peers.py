"""Solvers from outside for `filet bench --peers`: python3 peers.py FAMILY FOLDER PID, with FAMILY python (PyAMG, SciPy) or petsc.

The requests 0.json, 1.json, ... appear in FOLDER, each whole; each process (PETSc: each rank r) answers with N.r.out. It ends with
the process PID, or where a file `quit` appears. A request without "peer" asks which peers there are: the answer is name -> version. Else
it is a solve: "system" is a folder with indptr (int64), indices (int32), values and b (float64), as they lie in memory. All solve
from x = 0 by conjugate gradients until the 2-norm of the residual is rtol |b|, and answer seconds of set-up (the peer's matrix is
filled before) and solve, the residuals over |b|, and the resident bytes the solve took at most; x goes to N.r.x.
"""
import glob, json, os, sys, time

family, folder, owner = sys.argv[1], sys.argv[2], int(sys.argv[3])
MOST = 10_000


def memory(what):
    with open("/proc/self/status") as f:
        return 1024 * int(next(line for line in f if line.startswith(what)).split()[1])


class Memory:
    """The most resident memory from here on; Linux only, else None."""
    def __init__(self):
        self.before = None
        try:
            with open("/proc/self/clear_refs", "w") as f:
                f.write("5")
            self.before = memory("VmRSS")
        except (OSError, StopIteration):
            pass

    def peak(self):
        grown = 0 if self.before is None else memory("VmHWM") - self.before
        return grown if grown > 0 else None  # memory of an earlier solve served


def arrays(system):
    import numpy as np
    read = lambda name, kind: np.fromfile(os.path.join(system, name), dtype=kind)
    return read("indptr", "i8"), read("indices", "i4"), read("values", "f8"), read("b", "f8")


class Python:
    rank = 0

    def __init__(self):
        self.name = None

    def versions(self):
        found = {}
        import scipy
        found["scipy-cg"] = f"SciPy {scipy.__version__}"
        try:
            import pyamg
            found["pyamg-sa"] = found["pyamg-rs"] = f"PyAMG {pyamg.__version__}"
        except ImportError:
            pass
        return found

    def matrix(self, system):
        if self.name != system:
            import scipy.sparse as sp
            indptr, indices, values, b = arrays(system)
            self.a, self.b, self.name = sp.csr_matrix((values, indices, indptr.astype("i4")), shape=(len(b), len(b))), b, system
        return self.a, self.b

    def solve(self, peer, system, rtol):
        import numpy as np
        a, b = self.matrix(system)
        held, residuals, norm = Memory(), [], np.linalg.norm(b)
        t = time.perf_counter()
        if peer == "scipy-cg":
            import scipy.sparse.linalg as la
            setup, count = 0.0, [0]
            options = {"atol": 0.0, "maxiter": MOST, "callback": lambda x: count.__setitem__(0, count[0] + 1)}
            try:
                x, _ = la.cg(a, b, rtol=rtol, **options)
            except TypeError:  # before SciPy 1.12
                x, _ = la.cg(a, b, tol=rtol, **options)
            seconds = time.perf_counter() - t
            residuals = [1.0] + [None] * (count[0] - 1) + [float(np.linalg.norm(b - a @ x) / norm)]
        else:
            import pyamg
            make = pyamg.smoothed_aggregation_solver if peer == "pyamg-sa" else pyamg.ruge_stuben_solver
            levels = make(a)
            setup, t = time.perf_counter() - t, time.perf_counter()
            x = levels.solve(b, tol=rtol, accel="cg", maxiter=MOST, residuals=residuals)
            seconds = time.perf_counter() - t
            residuals = [float(r / norm) for r in residuals]
        return setup, seconds, residuals, held.peak(), x


class Petsc:
    OPTIONS = {
        "petsc-gamg": {"pc_type": "gamg"},
        # The authors' advice for large problems in space: aggressive coarsening on one level, long-range interpolation.
        "hypre-boomeramg": {"pc_type": "hypre", "pc_hypre_type": "boomeramg", "pc_hypre_boomeramg_coarsen_type": "PMIS",
                            "pc_hypre_boomeramg_agg_nl": 1, "pc_hypre_boomeramg_interp_type": "ext+i",
                            "pc_hypre_boomeramg_P_max": 4, "pc_hypre_boomeramg_relax_type_all": "symmetric-SOR/Jacobi"},
    }

    def __init__(self):
        # Debian keeps it beside PETSc itself.
        sys.path += sorted(glob.glob("/usr/lib/petscdir/*/*-real/lib/python3/dist-packages"))
        import petsc4py
        petsc4py.init(["filet"])
        from petsc4py import PETSc
        self.petsc, self.rank, self.name = PETSc, PETSc.COMM_WORLD.getRank(), None

    def versions(self):
        version = "PETSc " + ".".join(str(v) for v in self.petsc.Sys.getVersion())
        found = {"petsc-gamg": version}
        if self.petsc.Sys.hasExternalPackage("hypre"):
            found["hypre-boomeramg"] = f"hypre in {version}"
        return found

    def matrix(self, system):
        if self.name != system:
            indptr, indices, values, b = arrays(system)
            self.a = self.petsc.Mat().createAIJ(size=(len(b), len(b)), nnz=0, comm=self.petsc.COMM_WORLD)
            low, high = self.a.getOwnershipRange()
            part = slice(indptr[low], indptr[high])
            self.a = self.petsc.Mat().createAIJ(size=(len(b), len(b)), comm=self.petsc.COMM_WORLD, csr=(
                (indptr[low:high + 1] - indptr[low]).astype("i4"), indices[part], values[part]))
            self.a.assemble()
            self.b, self.name = self.a.createVecLeft(), system
            self.b.setArray(b[low:high])
        return self.a, self.b

    def solve(self, peer, system, rtol):
        a, b = self.matrix(system)
        options = self.petsc.Options()
        for key, value in self.OPTIONS[peer].items():
            options[key] = value
        x = a.createVecRight()
        held = Memory()
        ksp = self.petsc.KSP().create(self.petsc.COMM_WORLD)
        ksp.setOperators(a)
        ksp.setType("cg")
        ksp.setNormType(self.petsc.KSP.NormType.UNPRECONDITIONED)
        ksp.setTolerances(rtol=rtol, atol=0.0, max_it=MOST)
        ksp.setConvergenceHistory()
        ksp.setFromOptions()
        self.petsc.COMM_WORLD.barrier()
        t = time.perf_counter()
        ksp.setUp()
        setup, t = time.perf_counter() - t, time.perf_counter()
        ksp.solve(b, x)
        seconds, norm = time.perf_counter() - t, b.norm()
        answer = setup, seconds, [float(r / norm) for r in ksp.getConvergenceHistory()], held.peak(), x.getArray().copy()
        ksp.destroy()
        for key in self.OPTIONS[peer]:
            options.delValue(key)
        return answer


def alone():
    try:
        os.kill(owner, 0)
        return os.path.exists(os.path.join(folder, "quit")) or not os.path.isdir(folder)
    except ProcessLookupError:
        return True


def put(name, text):
    path = os.path.join(folder, name)
    with open(path + ".part", "w") as f:
        f.write(text)
    os.rename(path + ".part", path)


def serve(solver):
    number = 0
    while True:
        path = os.path.join(folder, f"{number}.json")
        while not os.path.exists(path):
            if alone():
                return
            time.sleep(0.002)
        with open(path) as f:
            request = json.load(f)
        try:
            if "peer" not in request:
                answer = solver.versions()
            else:
                setup, seconds, residuals, peak, x = solver.solve(request["peer"], request["system"], request["rtol"])
                x.tofile(os.path.join(folder, f"{number}.{solver.rank}.x"))
                answer = {"setup": setup, "solve": seconds, "residuals": residuals, "peak": peak}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        put(f"{number}.{solver.rank}.out", json.dumps(answer))
        number += 1


serve(Python() if family == "python" else Petsc())
