//! min over c of |J c − b|² for a J of dense blocks: rows by the points of a box, columns by the features of the boxes whose windows
//! reach there.
//!
//! Conjugate gradients on JᵀJ (CGLS: Å. Björck, *Numerical Methods for Least Squares Problems*, SIAM, 1996, §7.4), with columns
//! scaled to 1 and the sparse Cholesky factor of JᵀJ + ε I as preconditioner: directions that JᵀJ in double precision does not
//! resolve are found by the iteration, which needs J alone.

use crate::error::Result;
use crate::sparse::{Cholesky, Csr};
use faer::{Mat, MatRef};
use rayon::prelude::*;

/// ε at first and at most.
const DAMPING: [f64; 2] = [1e-12, 1e-6];
/// Iterations at most, and the gradient over the first, and the fall of |r|² over itself, at which they end.
const ITERATIONS: usize = 60;
const TOLERANCE: f64 = 1e-13;
const STAGNANT: f64 = 1e-12;

/// Rows of J.
pub(super) struct Block {
    /// The boxes whose features have columns here.
    pub boxes: Vec<usize>,
    pub j: Mat<f64>,
    /// b
    pub right: Vec<f64>,
}

/// c that makes |J c − b|² smallest, and half of that; J has `n` columns, `per_box` for each box.
pub(super) fn least_squares(blocks: &[Block], n: usize, per_box: usize) -> Result<(Vec<f64>, f64)> {
    let columns = |b: &Block| b.boxes.iter().flat_map(|k| k * per_box..(k + 1) * per_box).collect::<Vec<_>>();
    let columns: Vec<Vec<usize>> = blocks.iter().map(columns).collect();
    let mut squares = vec![0.0; n];
    for (block, columns) in blocks.iter().zip(&columns) {
        for (k, column) in columns.iter().enumerate() {
            squares[*column] += block.j.col_as_slice(k).iter().map(|v| v * v).sum::<f64>();
        }
    }
    let scale: Vec<f64> = squares.iter().map(|s| if *s > 0.0 { 1.0 / s.sqrt() } else { 0.0 }).collect();
    // J D y and (J D)^T r, block by block.
    let forward = |y: &[f64]| -> Vec<Vec<f64>> {
        let of = |(block, columns): (&Block, &Vec<usize>)| {
            let y = Mat::from_fn(columns.len(), 1, |k, _| scale[columns[k]] * y[columns[k]]);
            (&block.j * y).col_as_slice(0).to_vec()
        };
        blocks.par_iter().zip(&columns).map(of).collect()
    };
    let back = |r: &[Vec<f64>]| -> Vec<f64> {
        let of = |(block, r): (&Block, &Vec<f64>)| {
            let r = MatRef::from_column_major_slice(r, r.len(), 1);
            (block.j.transpose() * r).col_as_slice(0).to_vec()
        };
        let parts: Vec<Vec<f64>> = blocks.par_iter().zip(r).map(of).collect();
        let mut out = vec![0.0; n];
        for (part, columns) in parts.iter().zip(&columns) {
            part.iter().zip(columns).for_each(|(p, k)| out[*k] += scale[*k] * p);
        }
        out
    };
    let mut gram = Gram::new(blocks, n, per_box);
    gram.fill(blocks, &scale);
    let mut factor = gram.factor()?;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut y = vec![0.0; n];
    let mut r: Vec<Vec<f64>> = blocks.iter().map(|b| b.right.clone()).collect();
    let mut s = back(&r);
    let mut z = s.clone();
    factor.solve_in_place(&mut z);
    let mut p = z.clone();
    let mut gamma = dot(&s, &z);
    let first = gamma;
    for _ in 0..ITERATIONS {
        if gamma <= TOLERANCE * TOLERANCE * first {
            break;
        }
        let q = forward(&p);
        let alpha = gamma / q.iter().map(|q| dot(q, q)).sum::<f64>();
        // |r|² falls by α γ: less is rounding, which directions that J does not see would gather.
        let now: f64 = r.iter().map(|r| dot(r, r)).sum();
        if alpha.is_nan() || alpha * gamma <= STAGNANT * now {
            break;
        }
        y.iter_mut().zip(&p).for_each(|(y, p)| *y += alpha * p);
        r.iter_mut().flatten().zip(q.iter().flatten()).for_each(|(r, q)| *r -= alpha * q);
        s = back(&r);
        z.copy_from_slice(&s);
        factor.solve_in_place(&mut z);
        let next = dot(&s, &z);
        p.iter_mut().zip(&z).for_each(|(p, z)| *p = z + next / gamma * *p);
        gamma = next;
    }
    y.iter_mut().zip(&scale).for_each(|(y, d)| *y *= d);
    Ok((y, 0.5 * r.iter().map(|r| dot(r, r)).sum::<f64>()))
}

/// D JᵀJ D by rows of blocks.
struct Gram {
    per_box: usize,
    /// The boxes that share a row of J with each, in order.
    beside: Vec<Vec<usize>>,
    /// Where each box's entries begin: `[feature][box beside][feature]`.
    starts: Vec<usize>,
    values: Vec<f64>,
}

impl Gram {
    fn new(blocks: &[Block], n: usize, per_box: usize) -> Self {
        let mut beside: Vec<Vec<usize>> = (0..n / per_box).map(|k| vec![k]).collect();
        for block in blocks {
            block.boxes.iter().for_each(|k| beside[*k].extend(&block.boxes));
        }
        beside.iter_mut().for_each(|list| {
            list.sort_unstable();
            list.dedup();
        });
        let mut starts = vec![0];
        starts.extend(beside.iter().scan(0, |at, list| {
            *at += list.len() * per_box * per_box;
            Some(*at)
        }));
        let values = vec![0.0; starts[starts.len() - 1]];
        Gram { per_box, beside, starts, values }
    }

    fn fill(&mut self, blocks: &[Block], scale: &[f64]) {
        let m = self.per_box;
        // In batches: the products of all blocks at once would be much larger than the sum.
        for blocks in blocks.chunks(32) {
            let products: Vec<Mat<f64>> = blocks.par_iter().map(|b| b.j.transpose() * &b.j).collect();
            for (block, product) in blocks.iter().zip(&products) {
                for (b, k) in block.boxes.iter().enumerate() {
                    let list = &self.beside[*k];
                    for (c, l) in block.boxes.iter().enumerate() {
                        let at = list.binary_search(l).unwrap_or(0);
                        for i in 0..m {
                            let to = self.starts[*k] + (i * list.len() + at) * m;
                            for j in 0..m {
                                let [row, column] = [k * m + i, l * m + j];
                                // The same bits on both sides of the diagonal.
                                let (p, q) =
                                    if row <= column { (b * m + i, c * m + j) } else { (c * m + j, b * m + i) };
                                self.values[to + j] += scale[row] * scale[column] * product[(p, q)];
                            }
                        }
                    }
                }
            }
        }
    }

    /// The factor of D JᵀJ D + ε I with the smallest ε that there is one for.
    fn factor(&self) -> Result<Cholesky> {
        let (m, n) = (self.per_box, self.beside.len() * self.per_box);
        let mut indptr = vec![0];
        let (mut indices, mut diagonal) = (Vec::with_capacity(self.values.len()), Vec::with_capacity(n));
        for (k, list) in self.beside.iter().enumerate() {
            for i in 0..m {
                diagonal.push(indices.len() + list.binary_search(&k).unwrap_or(0) * m + i);
                indices.extend(list.iter().flat_map(|l| (l * m..(l + 1) * m).map(|c| c as u32)));
                indptr.push(indices.len());
            }
        }
        let mut epsilon = DAMPING[0];
        loop {
            let mut values = self.values.clone();
            diagonal.iter().for_each(|d| values[*d] += epsilon.max(if values[*d] == 0.0 { 1.0 } else { 0.0 }));
            match Cholesky::new(&Csr::new(n, n, indptr.clone(), indices.clone(), values)) {
                Err(_) if epsilon < DAMPING[1] => epsilon *= 10.0,
                done => return done,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_residual_is_orthogonal_to_the_columns() {
        // Without the last term the columns of a block depend on two of them.
        for (cross, bound) in [(29, 1e-10), (0, 1e-5)] {
            orthogonal(cross, bound);
        }
    }

    fn orthogonal(cross: usize, bound: f64) {
        let entry =
            |block: usize, i: usize, k: usize| ((131 * block + 37 * i + 17 * k + cross * i * k) as f64 * 0.37).sin();
        let block = |(b, boxes): (usize, &[usize])| Block {
            boxes: boxes.to_vec(),
            j: Mat::from_fn(9, 2 * boxes.len(), |i, k| entry(b, i, k)),
            right: (0..9).map(|i| (i as f64).cos()).collect(),
        };
        let blocks: Vec<Block> = [(0, &[0, 1][..]), (1, &[1, 2]), (2, &[0, 2, 3])].map(block).into();
        let (c, half) = least_squares(&blocks, 8, 2).unwrap();
        let (mut gradient, mut sum) = (vec![0.0; 8], 0.0);
        for block in &blocks {
            let columns: Vec<usize> = block.boxes.iter().flat_map(|b| [2 * b, 2 * b + 1]).collect();
            for i in 0..9 {
                let r = block.right[i]
                    - columns.iter().enumerate().map(|(k, c_at)| block.j[(i, k)] * c[*c_at]).sum::<f64>();
                sum += 0.5 * r * r;
                columns.iter().enumerate().for_each(|(k, c_at)| gradient[*c_at] += block.j[(i, k)] * r);
            }
        }
        assert!(gradient.iter().all(|g| g.abs() < bound), "{gradient:?}");
        assert!((sum - half).abs() < 1e-10 * sum, "{sum} {half}");
    }
}
