"""Writes the small meshes of this folder (pip install gmsh)."""
import gmsh


def save(name, version, binary, **options):
    gmsh.option.setNumber("Mesh.MshFileVersion", version)
    gmsh.option.setNumber("Mesh.Binary", binary)
    for key, value in options.items():
        gmsh.option.setNumber("Mesh." + key, value)
    gmsh.write(name)


gmsh.initialize()
gmsh.option.setNumber("General.Terminal", 0)

# Two rectangles side by side: the left in "left" and "both", the right in "both" alone; a curve and a point.
gmsh.model.add("plates")
left = gmsh.model.occ.addRectangle(0, 0, 0, 1, 1)
right = gmsh.model.occ.addRectangle(1, 0, 0, 1, 1)
gmsh.model.occ.fragment([(2, left)], [(2, right)])
gmsh.model.occ.synchronize()
at = lambda dim, x, y: [tag for d, tag in gmsh.model.getEntitiesInBoundingBox(x - 1e-6, y - 1e-6, -1, x + 1e-6, y + 1e-6, 1, dim)]
curve = [tag for d, tag in gmsh.model.getEntitiesInBoundingBox(-1e-6, -1e-6, -1, 1e-6, 1 + 1e-6, 1, 1)]
gmsh.model.addPhysicalGroup(0, at(0, 2, 1), 4, "corner")
gmsh.model.addPhysicalGroup(1, curve, 3, "inlet side")
gmsh.model.addPhysicalGroup(2, [left], 1, "left")
gmsh.model.addPhysicalGroup(2, [left, right], 2, "both")
gmsh.option.setNumber("Mesh.MeshSizeMin", 0.5)
gmsh.option.setNumber("Mesh.MeshSizeMax", 0.5)
gmsh.model.mesh.generate(2)
for version in (2.2, 4.1):
    for binary, name in ((0, "text"), (1, "binary")):
        save(f"plates_{version}_{name}.msh", version, binary)
save("plates_4.0_text.msh", 4.0, 0)
gmsh.model.mesh.setOrder(2)
for version in (2.2, 4.1):
    save(f"plates_order2_{version}_text.msh", version, 0)

# A cube swept from quadrilaterals, a prism and a pyramid beside it, second order: every kind that is cut.
gmsh.clear()
gmsh.model.add("kinds")
corners = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1],
           [2, 0, 0], [2, 0, 1], [0.5, 0.5, 2]]
volume = gmsh.model.addDiscreteEntity(3, 1)
surface = gmsh.model.addDiscreteEntity(2, 1)
gmsh.model.mesh.addNodes(3, 1, range(1, 12), [x for p in corners for x in p])
gmsh.model.mesh.addElements(3, 1, [5, 6, 7], [[1], [2], [3]], [[1, 2, 3, 4, 5, 6, 7, 8], [2, 9, 3, 6, 10, 7], [5, 6, 7, 8, 11]])
gmsh.model.mesh.addElements(2, 1, [3], [[4]], [[1, 2, 3, 4]])
gmsh.model.addPhysicalGroup(3, [1], 1, "body")
gmsh.model.addPhysicalGroup(2, [1], 2, "bottom")
save("kinds_4.1_text.msh", 4.1, 0)
save("kinds_2.2_binary.msh", 2.2, 1)
for incomplete in (0, 1):
    gmsh.option.setNumber("Mesh.SecondOrderIncomplete", incomplete)
    gmsh.model.mesh.setOrder(1)
    gmsh.model.mesh.setOrder(2)
    save(f"kinds_order2_{'incomplete' if incomplete else 'complete'}_4.1_text.msh", 4.1, 0)
gmsh.finalize()
