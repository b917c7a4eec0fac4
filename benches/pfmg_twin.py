"""Conjugate gradients with PFMG, hypre's multigrid on structured grids, on a voxel scene in space.

    filet mesh generate smoke:96 --seed 77 -o scene.h5
    python3 benches/pfmg_twin.py scene.h5            # or: mpirun -n 2 python3 ...
    filet solve scene.h5 --method dcdm --rtol 1e-6

Needs NumPy, h5py (or an .npz with flags and rhs), and hypre and Open MPI as shared libraries (Debian: libhypre, libopenmpi). A cell that
is not fluid has the row of the identity with nothing coupled to it. Prints iterations, set-up and solve in seconds, and the residual as hypre's iteration has it.
"""

import ctypes as c
import sys
import time

import numpy as np

RTOL = 1e-6
# Relaxation by hypre's numbers: weighted Jacobi, which takes fewer iterations here than its red-black Gauss-Seidel (2).
RELAXATION = 1


def library(*names):
    for name in names:
        try:
            return c.CDLL(name, c.RTLD_GLOBAL)
        except OSError:
            pass
    sys.exit(f"none of {', '.join(names)} is here")


mpi = library("libmpi.so.40", "libmpi.so")
hypre = library("libHYPRE-2.26.0.so", "libHYPRE.so")
mpi.MPI_Init(None, None)
comm = c.c_void_p(c.addressof(c.c_char.in_dll(mpi, "ompi_mpi_comm_world")))
rank, ranks = c.c_int(), c.c_int()
mpi.MPI_Comm_rank(comm, c.byref(rank))
mpi.MPI_Comm_size(comm, c.byref(ranks))
hypre.HYPRE_Init()


def call(name, *arguments):
    code = getattr(hypre, "HYPRE_Struct" + name)(*arguments)
    if code not in (0, 256):  # 256: not converged
        sys.exit(f"HYPRE_Struct{name}: error {code}")


def made(name, *arguments):
    handle = c.c_void_p()
    call(name, *arguments, c.byref(handle))
    return handle


def ints(values):
    return (c.c_int * len(values))(*map(int, values))


def doubles(array):
    return array.ctypes.data_as(c.POINTER(c.c_double))


def scene(path):
    if path.endswith(".npz"):
        data = np.load(path)
    else:
        import h5py

        data = h5py.File(path)
    return data["flags"][:], data["rhs"][:].astype(float)


def couplings(flags):
    """The operator by cell: its diagonal, and couplings to the cells before and after in each direction, the last one first."""
    fluid = np.pad(flags == 1, 1)
    wet = np.pad(flags != 0, 1)
    inner = (slice(1, -1),) * 3
    beside = lambda a, axis, step: np.roll(a, -step, axis)[inner]
    neighbours = [(axis, step) for axis in (2, 1, 0) for step in (-1, 1)]
    degree = sum(beside(wet, *n).astype(float) for n in neighbours)
    own = fluid[inner] & (degree > 0)
    off = [-(own & beside(fluid, *n)).astype(float) for n in neighbours]
    return np.stack([np.where(own, degree, 1.0)] + off, axis=-1), own


def main(path):
    flags, rhs = scene(path)
    values, own = couplings(flags)
    first, last = (flags.shape[0] * r // ranks.value for r in (rank.value, rank.value + 1))
    lower, upper = ints([0, 0, first]), ints([flags.shape[2] - 1, flags.shape[1] - 1, last - 1])
    values = np.ascontiguousarray(values[first:last])
    b = np.ascontiguousarray(np.where(own, rhs, 0.0)[first:last])
    x = np.zeros_like(b)

    start = time.perf_counter()
    grid = made("GridCreate", comm, 3)
    call("GridSetExtents", grid, lower, upper)
    call("GridAssemble", grid)
    stencil = made("StencilCreate", 3, 7)
    offsets = [[0, 0, 0]] + [[s if d == e else 0 for e in range(3)] for d in range(3) for s in (-1, 1)]
    for entry, offset in enumerate(offsets):
        call("StencilSetElement", stencil, entry, ints(offset))
    matrix = made("MatrixCreate", comm, grid, stencil)
    call("MatrixInitialize", matrix)
    call("MatrixSetBoxValues", matrix, lower, upper, 7, ints(range(7)), doubles(values))
    call("MatrixAssemble", matrix)
    vectors = []
    for array in (b, x):
        vector = made("VectorCreate", comm, grid)
        call("VectorInitialize", vector)
        call("VectorSetBoxValues", vector, lower, upper, doubles(array))
        call("VectorAssemble", vector)
        vectors.append(vector)
    multigrid = made("PFMGCreate", comm)
    call("PFMGSetMaxIter", multigrid, 1)
    call("PFMGSetTol", multigrid, c.c_double(0.0))
    call("PFMGSetZeroGuess", multigrid)
    call("PFMGSetRelaxType", multigrid, RELAXATION)
    solver = made("PCGCreate", comm)
    call("PCGSetTol", solver, c.c_double(RTOL))
    call("PCGSetTwoNorm", solver, 1)
    call("PCGSetMaxIter", solver, 500)
    call("PCGSetPrecond", solver, hypre.HYPRE_StructPFMGSolve, hypre.HYPRE_StructPFMGSetup, multigrid)
    call("PCGSetup", solver, matrix, *vectors)
    ready = time.perf_counter()
    call("PCGSolve", solver, matrix, *vectors)
    done = time.perf_counter()

    iterations, residual = c.c_int(), c.c_double()
    call("PCGGetNumIterations", solver, c.byref(iterations))
    call("PCGGetFinalRelativeResidualNorm", solver, c.byref(residual))
    if rank.value == 0:
        print(f"pfmg {ranks.value} processes: {iterations.value} iterations, residual {residual.value:.1e}, "
              f"set-up {ready - start:.3f} s, solve {done - ready:.3f} s, both {done - start:.3f} s")


main(sys.argv[1])
mpi.MPI_Finalize()
