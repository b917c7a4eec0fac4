//! Degrees of freedom: values at vertices (degree 1), and at the middles of edges too (degree 2).

use super::element::local_edges;
use crate::mesh::Mesh;
use crate::mesh::topology::{Edges, cells_around, edges};
use rayon::prelude::*;
use std::borrow::Cow;

/// A Lagrange space of degree 1 or 2 on a mesh: which degrees of freedom each cell has and where they lie.
#[derive(Debug)]
pub struct Space<'m> {
    /// The mesh.
    pub mesh: &'m Mesh,
    /// 1 or 2.
    pub degree: usize,
    /// Degrees of freedom of the cells, flat, `per_cell` each: vertices, then edges.
    pub cell_dofs: Cow<'m, [u32]>,
    /// Degrees of freedom of one cell.
    pub per_cell: usize,
    edges: Option<Edges>,
}

impl<'m> Space<'m> {
    /// The space of `degree` 1 or 2 on `mesh`.
    pub fn new(mesh: &'m Mesh, degree: usize) -> Self {
        assert!(degree == 1 || degree == 2, "degree {degree} is not 1 or 2");
        let vertices = mesh.kind.vertices();
        if degree == 1 {
            return Space { mesh, degree, cell_dofs: Cow::Borrowed(&mesh.cells), per_cell: vertices, edges: None };
        }
        let edges = edges(mesh);
        let edges_per_cell = vertices * (vertices - 1) / 2;
        let per_cell = vertices + edges_per_cell;
        let mut cell_dofs = vec![0; mesh.cell_count() * per_cell];
        cell_dofs.par_chunks_mut(per_cell).enumerate().for_each(|(c, dofs)| {
            dofs[..vertices].copy_from_slice(mesh.cell(c));
            for (dof, e) in dofs[vertices..].iter_mut().zip(&edges.of_cells[c * edges_per_cell..]) {
                *dof = mesh.points.len() as u32 + e;
            }
        });
        Space { mesh, degree, cell_dofs: Cow::Owned(cell_dofs), per_cell, edges: Some(edges) }
    }

    /// The cells around each degree of freedom, vertices first, as [`cells_around`] gives them.
    pub(super) fn cells_around(&self) -> (Vec<u32>, Vec<u32>) {
        cells_around(&self.cell_dofs, self.per_cell, self.len())
    }

    /// Number of degrees of freedom.
    pub fn len(&self) -> usize {
        self.mesh.points.len() + self.edges.as_ref().map_or(0, |e| e.vertices.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where degree of freedom `i` lies.
    pub fn point(&self, i: usize) -> [f64; 3] {
        match (&self.edges, i.checked_sub(self.mesh.points.len())) {
            (Some(edges), Some(e)) => {
                let [a, b] = edges.vertices[e].map(|v| self.mesh.points[v as usize]);
                std::array::from_fn(|k| 0.5 * (a[k] + b[k]))
            }
            _ => self.mesh.points[i],
        }
    }

    /// Where all degrees of freedom lie.
    pub fn points(&self) -> Cow<'m, [[f64; 3]]> {
        match self.edges {
            None => Cow::Borrowed(&self.mesh.points),
            Some(_) => Cow::Owned((0..self.len()).into_par_iter().map(|i| self.point(i)).collect()),
        }
    }

    /// The degrees of freedom of a simplex of the mesh given by its vertices, in the local order of a cell of that kind;
    /// `None` where the mesh has no such edge.
    pub fn simplex_dofs(&self, vertices: &[u32]) -> Option<Vec<u32>> {
        let mut dofs = vertices.to_vec();
        if let Some(edges) = &self.edges {
            for &[i, j] in local_edges(vertices.len()) {
                dofs.push(self.mesh.points.len() as u32 + edges.find(vertices[i], vertices[j])?);
            }
        }
        Some(dofs)
    }
}
