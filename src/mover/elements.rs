//! Linear elements on the mesh that stays: the computational mesh ξ.
//!
//! | symbol | name here | what |
//! |---|---|---|
//! | \|K\| | `measure` | size of cell K |
//! | ∇λ_a | `gradient` | of vertex a in its cell, `vertices` a cell |
//! | ψ_i | | the hat function of degree of freedom i |
//! | ∫ψ_i | `weight` | |
//!
//! Vertices that a periodic direction identifies share a degree of freedom. Everything is gathered node by node from the
//! corners around it, in ascending order, so results have the same bits for any number of threads.

use crate::assembly::Geometry;
use crate::mesh::Mesh;
use crate::mesh::topology::cells_around;
use crate::sparse::Csr;
use rayon::prelude::*;

/// Nodes or cells handled as one unit of work.
pub(super) const BLOCK: usize = 2048;

/// The fixed mesh as elements. A corner is a vertex of a cell: corner `c * vertices + a`.
#[derive(Debug)]
pub(super) struct Elements {
    /// d: 1, 2 or 3.
    pub dimension: usize,
    /// Vertices of a cell, d + 1.
    pub vertices: usize,
    /// The degree of freedom of each corner.
    pub dofs: Vec<u32>,
    /// The degree of freedom of each point of the mesh.
    pub of_points: Vec<u32>,
    /// |K| of each cell.
    pub measure: Vec<f64>,
    /// ∇λ of each corner.
    pub gradient: Vec<[f64; 3]>,
    /// ∫ψ_i of each degree of freedom.
    pub weight: Vec<f64>,
    /// The corners at each degree of freedom: `corners[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    corners: Vec<u32>,
    /// The pattern of all matrices, and where in its row the entry of corners (a, b) of a cell stands.
    indptr: Vec<usize>,
    columns: Vec<u32>,
    slots: Vec<u16>,
}

impl Elements {
    /// `of_points[v]` is the degree of freedom of point v; all numbers up to the largest occur.
    pub fn new(mesh: &Mesh, of_points: Vec<u32>) -> Self {
        let (dimension, vertices) = (mesh.dimension(), mesh.kind.vertices());
        let count = of_points.iter().max().map_or(0, |&m| m as usize + 1);
        let dofs: Vec<u32> = mesh.cells.par_iter().map(|&v| of_points[v as usize]).collect();
        let (measure, gradient) = match dimension {
            1 => geometry::<2>(mesh),
            2 => geometry::<3>(mesh),
            _ => geometry::<4>(mesh),
        };
        let (starts, cells) = cells_around(&dofs, vertices, count);
        let mut corners = cells;
        for i in 0..count {
            for corner in &mut corners[starts[i] as usize..starts[i + 1] as usize] {
                let of_cell = &dofs[*corner as usize * vertices..][..vertices];
                *corner = *corner * vertices as u32 + of_cell.iter().position(|&d| d as usize == i).unwrap_or(0) as u32;
            }
        }
        let mut elements = Elements {
            dimension,
            vertices,
            dofs,
            of_points,
            measure,
            gradient,
            weight: Vec::new(),
            starts,
            corners,
            indptr: Vec::new(),
            columns: Vec::new(),
            slots: Vec::new(),
        };
        let share = 1.0 / vertices as f64;
        elements.weight = elements.gather(|corner, sum: &mut [f64; 1]| {
            sum[0] += share * elements.measure[corner / vertices];
        });
        elements.find_pattern();
        elements
    }

    /// Number of degrees of freedom.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.measure.len()
    }

    /// Degrees of freedom of a cell.
    pub fn cell(&self, c: usize) -> &[u32] {
        &self.dofs[c * self.vertices..][..self.vertices]
    }

    /// Sums over the corners at each degree of freedom: `K` numbers each, interleaved.
    pub fn gather<const K: usize>(&self, add: impl Fn(usize, &mut [f64; K]) + Sync) -> Vec<f64> {
        let mut out = vec![0.0; K * self.len()];
        out.par_chunks_mut(K * BLOCK).enumerate().for_each(|(block, out)| {
            for (i, out) in out.chunks_mut(K).enumerate() {
                let mut sum = [0.0; K];
                let i = block * BLOCK + i;
                for &corner in &self.corners[self.starts[i] as usize..self.starts[i + 1] as usize] {
                    add(corner as usize, &mut sum);
                }
                out.copy_from_slice(&sum);
            }
        });
        out
    }

    /// ∇φ on every cell.
    pub fn gradients(&self, phi: &[f64]) -> Vec<[f64; 3]> {
        let cell = |c: usize| {
            let mut g = [0.0; 3];
            for (&dof, slope) in self.cell(c).iter().zip(&self.gradient[c * self.vertices..]) {
                (0..3).for_each(|k| g[k] += phi[dof as usize] * slope[k]);
            }
            g
        };
        (0..self.cells()).into_par_iter().with_min_len(BLOCK).map(cell).collect()
    }

    /// M_ij = ∫ψ_i ψ_j.
    pub fn mass(&self) -> Csr {
        let share = 1.0 / (self.vertices * (self.vertices + 1)) as f64;
        self.matrix(|c, a, b| share * self.measure[c] * if a == b { 2.0 } else { 1.0 })
    }

    /// K_ij = ∫∇ψ_i·T ∇ψ_j, T a symmetric tensor (xx, yy, zz, xy, yz, xz) on each cell.
    pub fn stiffness(&self, tensor: impl Fn(usize) -> [f64; 6] + Sync + Send) -> Csr {
        let tensors: Vec<[f64; 6]> = (0..self.cells()).into_par_iter().with_min_len(BLOCK).map(tensor).collect();
        self.matrix(|c, a, b| {
            let [ga, gb] = [a, b].map(|a| self.gradient[c * self.vertices + a]);
            let [xx, yy, zz, xy, yz, xz] = tensors[c];
            // T ∇λ_a, the same for all b.
            let t = [
                xx * ga[0] + xy * ga[1] + xz * ga[2],
                xy * ga[0] + yy * ga[1] + yz * ga[2],
                xz * ga[0] + yz * ga[1] + zz * ga[2],
            ];
            self.measure[c] * (t[0] * gb[0] + t[1] * gb[1] + t[2] * gb[2])
        })
    }

    /// The matrix with `entry(c, a, b)` of cell c added at the degrees of freedom of its corners a and b.
    fn matrix(&self, entry: impl Fn(usize, usize, usize) -> f64 + Sync) -> Csr {
        let n = self.vertices;
        let mut values = vec![0.0; self.columns.len()];
        let mut blocks = Vec::new();
        let mut left = values.as_mut_slice();
        for first in (0..self.len()).step_by(BLOCK) {
            let last = (first + BLOCK).min(self.len());
            let (here, later) = left.split_at_mut(self.indptr[last] - self.indptr[first]);
            blocks.push((first..last, here));
            left = later;
        }
        blocks.into_par_iter().for_each(|(rows, values)| {
            let offset = self.indptr[rows.start];
            for i in rows {
                let row = &mut values[self.indptr[i] - offset..self.indptr[i + 1] - offset];
                for &corner in &self.corners[self.starts[i] as usize..self.starts[i + 1] as usize] {
                    let (c, a) = (corner as usize / n, corner as usize % n);
                    for b in 0..n {
                        row[self.slots[corner as usize * n + b] as usize] += entry(c, a, b);
                    }
                }
            }
        });
        Csr::new(self.len(), self.len(), self.indptr.clone(), self.columns.clone(), values)
    }

    fn find_pattern(&mut self) {
        let n = self.vertices;
        let row = |i: usize| {
            let at = &self.corners[self.starts[i] as usize..self.starts[i + 1] as usize];
            let mut row: Vec<u32> = at.iter().flat_map(|&k| self.cell(k as usize / n)).copied().collect();
            row.sort_unstable();
            row.dedup();
            row
        };
        let rows: Vec<Vec<u32>> = (0..self.len()).into_par_iter().with_min_len(BLOCK).map(row).collect();
        let mut indptr = vec![0; self.len() + 1];
        for (i, row) in rows.iter().enumerate() {
            indptr[i + 1] = indptr[i] + row.len();
        }
        let mut slots = vec![0u16; self.dofs.len() * n];
        slots.par_chunks_mut(n).with_min_len(BLOCK).enumerate().for_each(|(corner, slots)| {
            let row = &rows[self.dofs[corner] as usize];
            for (slot, dof) in slots.iter_mut().zip(self.cell(corner / n)) {
                *slot = row.binary_search(dof).unwrap_or(0) as u16;
            }
        });
        self.columns = rows.concat();
        self.indptr = indptr;
        self.slots = slots;
    }
}

fn geometry<const V: usize>(mesh: &Mesh) -> (Vec<f64>, Vec<[f64; 3]>) {
    let cell = |c: usize| Geometry::<V>::new(&std::array::from_fn(|a| mesh.points[mesh.cell(c)[a] as usize]));
    let all: Vec<Geometry<V>> = (0..mesh.cell_count()).into_par_iter().with_min_len(BLOCK).map(cell).collect();
    let gradients = all.par_iter().flat_map_iter(|g| g.gradient).collect();
    (all.iter().map(|g| g.measure).collect(), gradients)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assembly::{Poisson, Space};
    use crate::mesh::shapes::built_in;

    #[test]
    fn matrices_are_those_of_the_assembly() {
        for name in ["interval:5", "square:7", "cube:3"] {
            let mesh = built_in(name).unwrap().unwrap();
            let elements = Elements::new(&mesh, (0..mesh.points.len() as u32).collect());
            let (mass, expected) = (elements.mass(), Space::new(&mesh, 1).mass_matrix());
            assert_eq!(mass.indices(), expected.indices());
            assert!(mass.values().iter().zip(expected.values()).all(|(a, b)| (a - b).abs() < 1e-15));
            let stiffness = elements.stiffness(|_| [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
            let poisson = Poisson { reaction: 1.0.into(), ..Poisson::default() };
            let system = poisson.assemble(&mesh).unwrap();
            for i in 0..mesh.points.len() {
                let rows = [stiffness.row(i).1, mass.row(i).1, system.a.row(i).1];
                assert!((0..rows[0].len()).all(|k| (rows[0][k] + rows[1][k] - rows[2][k]).abs() < 1e-13), "{name}");
            }
        }
    }
}
