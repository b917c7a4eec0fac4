"""Writes the HDF5 files beside it: python make.py (needs h5py and numpy)."""

import h5py
import numpy as np

a = np.arange(60.0).reshape(5, 12)
for name, options in {"default": {}, "latest": {"libver": "latest"}}.items():
    with h5py.File(f"{name}.h5", "w", **options) as f:
        f.attrs["spacing"] = 0.25
        f.attrs["title"] = "h5py, größer"
        f["f64"] = a
        f["f64"].attrs["unit"] = np.bytes_(b"m")
        f["f32"] = a.astype("f4")
        f["big_endian"] = a.astype(">f8")
        f.create_dataset("deflated", data=a, chunks=(2, 5), compression="gzip", shuffle=True)
        if name == "latest":  # else stored as the one before
            f.create_dataset("growing", data=a.astype("i4"), chunks=(2, 12), maxshape=(None, 12))
        f["group/flags"] = np.arange(24, dtype="i8").reshape(2, 3, 4) % 3
        f["group/flags"].attrs["count"] = 24
        f["group/u8"] = np.arange(4, dtype="u1")
        f["group/names"] = ["alpha", "β"]
        f["group/fixed"] = np.array([b"ab", b"cde"])
        f["number"] = -7
        f["link"] = h5py.SoftLink("/group/u8")
with h5py.File("matlab73.mat", "w", userblock_size=512) as f:
    f["x"] = np.arange(6.0).reshape(2, 3)
    f["x"].attrs["MATLAB_class"] = np.bytes_(b"double")
with open("matlab73.mat", "r+b") as f:
    f.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64 HDF5 schema 1.00 .".ljust(124) + b"\x00\x02IM")
