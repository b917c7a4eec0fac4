"""Writes the VTK files beside it: python make.py (needs vtk, meshio and numpy).

All hold the same mesh: the unit square and the cube above it, one of each linear cell, or the same points in quadratic
tetrahedra; with a scalar and a vector on the points and integers on the cells.
"""

import meshio
import numpy as np
import vtk
from vtk.util.numpy_support import numpy_to_vtk

points = np.array(
    [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1], [2, 0, 0], [2, 1, 0], [2, 0, 1], [2, 1, 1]],
    dtype=float,
)
cells = [("triangle", [[0, 1, 2]]), ("line", [[0, 1], [1, 8]]), ("hexahedron", [[0, 1, 2, 3, 4, 5, 6, 7]]), ("tetra", [[1, 8, 2, 5]])]
tags = [[7], [3, 4], [1], [2]]
TYPES = {"triangle": 5, "line": 3, "hexahedron": 12, "tetra": 10}
scalar = points @ [1.0, 10.0, 100.0]
vector = np.stack([scalar, 2 * scalar, -scalar], axis=1)


def grid():
    g = vtk.vtkUnstructuredGrid()
    p = vtk.vtkPoints()
    p.SetData(numpy_to_vtk(points, deep=True))
    g.SetPoints(p)
    for kind, many in cells:
        for cell in many:
            g.InsertNextCell(TYPES[kind], len(cell), cell)
    for name, values in [("u", scalar), ("flux", vector), ("u float", scalar.astype("f4"))]:
        a = numpy_to_vtk(values, deep=True)
        a.SetName(name)
        g.GetPointData().AddArray(a)
    a = numpy_to_vtk(np.concatenate(tags).astype("i4"), deep=True)
    a.SetName("gmsh:physical")
    g.GetCellData().AddArray(a)
    a = numpy_to_vtk(np.arange(5, dtype="i8"), deep=True)
    a.SetName("number")
    g.GetCellData().AddArray(a)
    strings = vtk.vtkStringArray()
    strings.SetName("note")
    strings.InsertNextValue("field data are left out")
    g.GetFieldData().AddArray(strings)
    return g


def xml(name, mode="Appended", encode=False, compressor="None", header=32, order="LittleEndian"):
    w = vtk.vtkXMLUnstructuredGridWriter()
    w.SetInputData(grid())
    w.SetFileName(f"{name}.vtu")
    getattr(w, f"SetDataModeTo{mode}")()
    w.SetEncodeAppendedData(encode)
    getattr(w, f"SetCompressorTypeTo{compressor}")()
    getattr(w, f"SetHeaderTypeToUInt{header}")()
    getattr(w, f"SetByteOrderTo{order}")()
    w.SetBlockSize(128)
    assert w.Write() == 1


xml("ascii", mode="Ascii")
xml("inline", mode="Binary")
xml("inline_zlib_big", mode="Binary", compressor="ZLib", header=64, order="BigEndian")
xml("raw", header=64)
xml("raw_zlib", compressor="ZLib")
xml("raw_big", order="BigEndian")
xml("base64", encode=True)
xml("base64_zlib", encode=True, compressor="ZLib", header=64)
xml("lz4", compressor="LZ4")

for version, number in [("42", 42), ("51", 51)]:
    for mode in ["ASCII", "Binary"]:
        w = vtk.vtkUnstructuredGridWriter()
        w.SetInputData(grid())
        w.SetFileVersion(number)
        w.SetFileName(f"{mode.lower()}_{version}.vtk")
        getattr(w, f"SetFileTypeTo{mode}")()
        assert w.Write() == 1

# meshio refuses spaces in legacy files
under = lambda d: {k.replace(" ", "_"): v for k, v in d.items()}
data = {"u": scalar, "flux": vector, "u float": scalar.astype("f4")}
numbers = {"gmsh:physical": [np.array(t, dtype="i4") for t in tags], "number": [[0], [1, 2], [3], [4]]}
mesh = meshio.Mesh(points, cells, point_data=data, cell_data=numbers)
meshio.vtu.write("meshio.vtu", mesh, binary=True, compression="zlib")
mesh.point_data = under(data)
meshio.write("meshio.vtk", mesh, file_format="vtk42")
