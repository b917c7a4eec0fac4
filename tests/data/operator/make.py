"""Makes the files beside it: a[s, i, j] = 100 s + 10 i + j and u = a + 0.5, 2 samples of 3 x 4, as NumPy, h5py and MATLAB 7.3 store
them (MATLAB's sides are turned round in HDF5, behind 512 bytes of its own). Needs numpy and h5py."""
import h5py
import numpy as np

s, i, j = np.ogrid[:2, :3, :4]
a = (100 * s + 10 * i + j).astype(float)
u = a + 0.5
np.savez("pair.npz", a=a, u=u.astype(np.float32))
np.savez_compressed("packed.npz", x=np.asfortranarray(a), y=u)
np.save("a.npy", a.astype(np.int32))
np.save("u.npy", u)
with h5py.File("h5py.h5", "w") as file:
    file["input"], file["output"] = a, u
with h5py.File("matlab.mat", "w", userblock_size=512) as file:
    file["coeff"], file["sol"] = a.T, u.T
with open("matlab.mat", "r+b") as file:
    file.write(b"MATLAB 7.3 MAT-file, made by h5py".ljust(116) + bytes(8) + b"\x00\x02IM")
