"""Makes the meshes of this folder. See README.md for the command."""

import math
import pathlib

import gmsh
import meshio
import numpy

HERE = pathlib.Path(__file__).parent
geo, occ = gmsh.model.geo, gmsh.model.occ


def start(name, version, binary=0):
    gmsh.clear()
    gmsh.model.add(name)
    gmsh.option.setNumber("Mesh.MshFileVersion", version)
    gmsh.option.setNumber("Mesh.Binary", binary)


def name(dimension, groups):
    for text, entities in groups.items():
        gmsh.model.addPhysicalGroup(dimension, entities, name=text)


def size_by(pairs):
    """Cell size at most max(h, slope * distance to the curves) for each (curves, h, slope); the least one holds."""
    fields = []
    for curves, h, slope in pairs:
        distance = gmsh.model.mesh.field.add("Distance")
        gmsh.model.mesh.field.setNumbers(distance, "CurvesList", curves)
        gmsh.model.mesh.field.setNumber(distance, "Sampling", 200)
        grow = gmsh.model.mesh.field.add("MathEval")
        gmsh.model.mesh.field.setString(grow, "F", f"{h} + {slope} * F{distance}")
        fields.append(grow)
    least = gmsh.model.mesh.field.add("Min")
    gmsh.model.mesh.field.setNumbers(least, "FieldsList", fields)
    gmsh.model.mesh.field.setAsBackgroundMesh(least)
    for option in ["MeshSizeExtendFromBoundary", "MeshSizeFromPoints", "MeshSizeFromCurvature"]:
        gmsh.option.setNumber(f"Mesh.{option}", 0)


def round_points(digits):
    """Fewer digits make an ASCII file a third smaller."""
    tags, xyz, _ = gmsh.model.mesh.getNodes()
    for tag, p in zip(tags, xyz.reshape(-1, 3)):
        gmsh.model.mesh.setNode(tag, [round(x, digits) + 0.0 for x in p], [])


def circle(x, r):
    """A full circle around (x, 0) as two arcs."""
    centre, right, left = (geo.addPoint(x + dx, 0, 0) for dx in (0, r, -r))
    return [geo.addCircleArc(right, centre, left), geo.addCircleArc(left, centre, right)]


def plate():
    """A link: discs of radii 0.5 and 0.32, joined by fillets of radius 1, a hole in each."""
    start("plate", 4.1)
    big, small, length, fillet = 0.5, 0.32, 1.5, 1.0
    x = ((big + fillet) ** 2 - (small + fillet) ** 2 + length**2) / (2 * length)
    y = math.sqrt((big + fillet) ** 2 - x**2)
    centres = [geo.addPoint(0, 0, 0), geo.addPoint(length, 0, 0)]
    ends = [geo.addPoint(-big, 0, 0), geo.addPoint(length + small, 0, 0)]
    arcs = []
    for side in (1, -1):
        centre = geo.addPoint(x, side * y, 0)
        a, b = big / (big + fillet), small / (small + fillet)
        left = geo.addPoint(a * x, side * a * y, 0)
        right = geo.addPoint(length + b * (x - length), side * b * y, 0)
        half = [
            geo.addCircleArc(ends[0], centres[0], left),
            geo.addCircleArc(left, centre, right),
            geo.addCircleArc(right, centres[1], ends[1]),
        ]
        arcs += half if side < 0 else [-arc for arc in reversed(half)]
    # Counter-clockwise: the lower half from left to right, then the upper one back.
    outer = arcs[3:] + arcs[:3]
    holes = [circle(0, 0.27), circle(length, 0.15)]
    surface = geo.addPlaneSurface([geo.addCurveLoop(c) for c in [outer, *holes]])
    geo.synchronize()
    outer = [abs(arc) for arc in outer]
    name(1, {"outer": outer, "hole_left": holes[0], "hole_right": holes[1]})
    name(2, {"plate": [surface]})
    size_by([(holes[0], 0.015, 0.105), (holes[1], 0.0095, 0.105), (outer, 0.026, 0.13)])
    gmsh.option.setNumber("Mesh.Algorithm", 6)
    gmsh.model.mesh.generate(2)
    gmsh.model.mesh.optimize("Laplace2D", niter=5)
    round_points(6)
    gmsh.write(str(HERE / "plate.msh"))


def part():
    """A foot 2 x 1.2 x 0.25 with four bolt holes, a hub of radius 0.4 on it, a bore through both."""
    start("part", 4.1, binary=1)
    foot = occ.addBox(-1, -0.6, 0, 2, 1.2, 0.25)
    hub = occ.addCylinder(0, 0, 0.25, 0, 0, 0.65, 0.4)
    solid, _ = occ.fuse([(3, foot)], [(3, hub)])
    drills = [(3, occ.addCylinder(x, y, -1, 0, 0, 3, 0.12)) for x in (-0.75, 0.75) for y in (-0.36, 0.36)]
    drills.append((3, occ.addCylinder(0, 0, -1, 0, 0, 3, 0.22)))
    (body,), _ = occ.cut(solid, drills)
    occ.synchronize()
    base, top, holes = [], [], []
    for _, face in gmsh.model.getEntities(2):
        x0, y0, z0, x1, y1, z1 = gmsh.model.getBoundingBox(2, face)
        if gmsh.model.getType(2, face) == "Cylinder":
            if x1 - x0 < 0.5:
                holes.append(face)
        elif z1 < 0.01:
            base.append(face)
        elif z0 > 0.89:
            top.append(face)
    name(2, {"base": base, "top": top, "holes": holes})
    name(3, {"body": [body[1]]})
    gmsh.option.setNumber("Mesh.MeshSizeFromPoints", 1)
    gmsh.option.setNumber("Mesh.MeshSizeExtendFromBoundary", 1)
    gmsh.option.setNumber("Mesh.MeshSizeFromCurvature", 10)
    gmsh.option.setNumber("Mesh.MeshSizeMax", 0.22)
    gmsh.model.mesh.generate(3)
    gmsh.model.mesh.optimize("Netgen")
    gmsh.write(str(HERE / "part.msh"))


def disc2():
    """The unit disc in second-order triangles, edges bent along the circle."""
    start("disc2", 2.2)
    surface = occ.addDisk(0, 0, 0, 1, 1)
    occ.synchronize()
    name(1, {"boundary": [curve for _, curve in gmsh.model.getEntities(1)]})
    name(2, {"disc": [surface]})
    gmsh.option.setNumber("Mesh.MeshSizeFromCurvature", 0)
    gmsh.option.setNumber("Mesh.MeshSizeMax", 0.12)
    gmsh.model.mesh.generate(2)
    gmsh.model.mesh.setOrder(2)
    gmsh.write(str(HERE / "disc2.msh"))


def mixed():
    """A bar 3 x 1: quadrilaterals at its ends, triangles between them."""
    start("mixed", 4.1)
    points = [geo.addPoint(x, y, 0) for x in (0, 1, 2, 3) for y in (0, 1)]
    bottom = [geo.addLine(points[i], points[i + 2]) for i in (0, 2, 4)]
    top = [geo.addLine(points[i], points[i + 2]) for i in (1, 3, 5)]
    across = [geo.addLine(points[i], points[i + 1]) for i in (0, 2, 4, 6)]
    loops = [geo.addCurveLoop([bottom[i], across[i + 1], -top[i], -across[i]]) for i in range(3)]
    surfaces = [geo.addPlaneSurface([loop]) for loop in loops]
    for curve in bottom + top + across:
        geo.mesh.setTransfiniteCurve(curve, 13)
    for i in (0, 2):
        geo.mesh.setTransfiniteSurface(surfaces[i])
        geo.mesh.setRecombine(2, surfaces[i])
    geo.synchronize()
    name(1, {"left": [across[0]], "right": [across[3]], "sides": bottom + top})
    name(2, {"quadrilaterals": [surfaces[0], surfaces[2]], "triangles": [surfaces[1]]})
    gmsh.option.setNumber("Mesh.MeshSizeExtendFromBoundary", 1)
    gmsh.option.setNumber("Mesh.MeshSizeMax", 1e22)
    gmsh.model.mesh.generate(2)
    gmsh.write(str(HERE / "mixed.msh"))


def channel():
    """A channel 6 x 1 that widens by a step of 1/2 at x = 2, with a field on its points and one on its cells."""
    start("channel", 4.1)
    corners = [(0, 0.5), (2, 0.5), (2, 0), (6, 0), (6, 1), (0, 1)]
    points = [geo.addPoint(x, y, 0) for x, y in corners]
    lines = [geo.addLine(a, b) for a, b in zip(points, points[1:] + points[:1])]
    geo.addPlaneSurface([geo.addCurveLoop(lines)])
    geo.synchronize()
    size_by([([lines[0], lines[1]], 0.04, 0.08)])
    gmsh.model.mesh.generate(2)
    tags, xyz, _ = gmsh.model.mesh.getNodes()
    number = {tag: i for i, tag in enumerate(tags)}
    _, nodes = gmsh.model.mesh.getElementsByType(2)
    cells = numpy.array([number[n] for n in nodes]).reshape(-1, 3)
    used = numpy.unique(cells)
    cells = numpy.searchsorted(used, cells)
    xyz = xyz.reshape(-1, 3)[used]
    meshio.Mesh(
        xyz,
        [("triangle", cells)],
        point_data={"height": xyz[:, 1]},
        cell_data={"region": [(xyz[cells].mean(axis=1)[:, 0] > 2).astype(numpy.int32)]},
    ).write(HERE / "channel.vtu", compression="zlib")


gmsh.initialize()
gmsh.option.setNumber("General.Verbosity", 2)
gmsh.option.setNumber("General.NumThreads", 1)
for make in (plate, part, disc2, mixed, channel):
    make()
gmsh.finalize()
