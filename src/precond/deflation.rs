//! Subdomain deflation: a coarse space of functions constant on connected parts of the unknowns, taken out of what the diagonal
//! has to deal with.
//!
//! B = Q + Pᵀ D⁻¹ P, P = I − A Q, Q = Z E⁻¹ Zᵀ, E = Zᵀ A Z, D = diag(A)
//!
//! | symbol | name here | what |
//! |---|---|---|
//! | Z | `part` | n x parts, 1 where an unknown belongs to a part |
//! | A Z | `couplings` | its entries that are not 0: where parts meet, and at Dirichlet boundaries |
//! | E | `coarse` | parts x parts, factored |
//!
//! In exact arithmetic conjugate gradients with B take the steps of deflated conjugate gradients from a start whose residual is
//! orthogonal to Z, but B is symmetric positive definite, so that any start and any Krylov method will do. An application costs
//! little more than the diagonal's.
//!
//! Reference: R. A. Nicolaides, SIAM J. Numer. Anal. 24 (1987), doi:10.1137/0724027; J. Frank and C. Vuik, SIAM J. Sci. Comput. 23
//! (2001), doi:10.1137/S1064827500373231; the balanced form: J. M. Tang, R. Nabben, C. Vuik and Y. A. Erlangga, J. Sci. Comput. 39
//! (2009), §2.3, doi:10.1007/s10915-009-9272-6.

use super::{Jacobi, Preconditioner};
use crate::error::Result;
use crate::sparse::{Cholesky, Csr};
use std::collections::{BTreeMap, VecDeque};

/// Entry of A Z smaller than this part of the row's largest is a sum that rounding kept from 0.
const ROUNDING: f64 = 1e-12;

/// Settings of [`Deflation`].
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeflationConfig {
    /// Parts the unknowns are split into (default 1000; at most n/8).
    pub parts: usize,
}

impl Default for DeflationConfig {
    fn default() -> Self {
        DeflationConfig { parts: 1000 }
    }
}

impl DeflationConfig {
    /// Splits the unknowns and factors E.
    ///
    /// Errors: `a` has a diagonal entry that is not positive, or E is not positive definite.
    pub fn build(&self, a: &Csr) -> Result<Deflation> {
        let diagonal = Jacobi::new(a)?;
        let n = a.nrows();
        let (part, count) = split(a, n.div_ceil(self.parts.clamp(1, (n / 8).max(1))));
        let mut couplings = Vec::new();
        let mut entries: Vec<BTreeMap<u32, f64>> = vec![BTreeMap::new(); count];
        for i in 0..n {
            let (columns, values) = a.row(i);
            let mut sums = BTreeMap::new();
            for (&j, v) in columns.iter().zip(values) {
                *sums.entry(part[j as usize]).or_insert(0.0) += v;
            }
            let largest = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            for (to, value) in sums {
                if value.abs() > ROUNDING * largest {
                    couplings.push(Coupling { unknown: i as u32, part: to, value });
                    *entries[part[i] as usize].entry(to).or_insert(0.0) += value;
                }
            }
        }
        let singular = entries.iter().all(|row| {
            let largest = row.values().fold(0.0, |m: f64, v| m.max(v.abs()));
            row.values().sum::<f64>().abs() <= 1e3 * ROUNDING * largest
        });
        let e = coarse_matrix(&entries);
        let coarse = match singular {
            _ if count == 1 && singular => None, // constants are all there is, and A maps them to 0
            true => Some(Cholesky::new_singular_constant(&e)?),
            false => Some(Cholesky::new(&e)?),
        };
        Ok(Deflation {
            part,
            couplings,
            coarse,
            singular,
            diagonal,
            y: vec![0.0; count],
            w: vec![0.0; count],
            t: vec![0.0; n],
        })
    }
}

/// A Z: `value` in the row of an unknown and the column of a part.
#[derive(Debug, Clone, Copy)]
struct Coupling {
    unknown: u32,
    part: u32,
    value: f64,
}

/// The preconditioner of this module.
pub struct Deflation {
    part: Vec<u32>,
    couplings: Vec<Coupling>,
    coarse: Option<Cholesky>,
    /// E maps constants to 0, as A does.
    singular: bool,
    diagonal: Jacobi,
    y: Vec<f64>,
    w: Vec<f64>,
    t: Vec<f64>,
}

impl Deflation {
    /// Number of parts.
    pub fn parts(&self) -> usize {
        self.y.len()
    }
}

/// y <- E⁻¹ y, its pseudo-inverse where E is singular.
fn solve(coarse: &mut Option<Cholesky>, singular: bool, y: &mut [f64]) {
    if singular {
        crate::sparse::vector::remove_mean(y);
    }
    match coarse {
        Some(factor) => factor.solve_in_place(y),
        None => y.fill(0.0),
    }
}

impl Preconditioner for Deflation {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        let Deflation { part, couplings, coarse, singular, diagonal, y, w, t, .. } = self;
        y.fill(0.0);
        for (r, part) in r.iter().zip(&*part) {
            y[*part as usize] += r;
        }
        solve(coarse, *singular, y); // y = E⁻¹ Zᵀ r
        t.copy_from_slice(r);
        for c in &*couplings {
            t[c.unknown as usize] -= c.value * y[c.part as usize];
        }
        diagonal.apply(t, z); // z = D⁻¹ P r
        w.fill(0.0);
        for c in &*couplings {
            w[c.part as usize] += c.value * z[c.unknown as usize];
        }
        solve(coarse, *singular, w); // w = E⁻¹ (A Z)ᵀ z
        for (z, part) in z.iter_mut().zip(&*part) {
            *z += y[*part as usize] - w[*part as usize];
        }
    }

    fn bytes(&self) -> usize {
        let coarse = self.coarse.as_ref().map_or(0, Cholesky::bytes);
        size_of_val(&self.couplings[..])
            + 4 * self.part.len()
            + 8 * (self.t.len() + 2 * self.y.len())
            + coarse
            + self.diagonal.bytes()
    }

    fn traffic(&self) -> usize {
        // Parts and couplings twice, E's factor there and back twice; t written, changed at the couplings and read.
        let coarse = self.coarse.as_ref().map_or(0, Cholesky::bytes);
        2 * (size_of_val(&self.couplings[..]) + size_of_val(&self.part[..]) + size_of_val(&self.t[..]))
            + 4 * coarse
            + self.diagonal.bytes()
    }
}

/// Connected parts of about `size` unknowns, grown breadth first, and their number. A part of less than a quarter of that joins a
/// neighbour.
fn split(a: &Csr, size: usize) -> (Vec<u32>, usize) {
    const NONE: u32 = u32::MAX;
    let mut part = vec![NONE; a.nrows()];
    let mut count = 0;
    let mut queue = VecDeque::new();
    let mut members = Vec::new();
    for seed in 0..a.nrows() {
        if part[seed] != NONE {
            continue;
        }
        queue.push_back(seed);
        // What the last part left in the queue lies beside it: the next one starts there and leaves no gaps.
        while let Some(start) = queue.pop_front() {
            if part[start] != NONE {
                continue;
            }
            members.clear();
            members.push(start);
            part[start] = count;
            let (mut next, mut beside) = (0, None);
            while next < members.len() && members.len() < size {
                for &j in a.row(members[next]).0 {
                    match part[j as usize] {
                        NONE if members.len() < size => {
                            part[j as usize] = count;
                            members.push(j as usize);
                        }
                        other if other != NONE && other != count => beside = Some(other),
                        _ => {}
                    }
                }
                next += 1;
            }
            for &i in &members {
                queue.extend(a.row(i).0.iter().map(|&j| j as usize).filter(|&j| part[j] == NONE));
            }
            match beside {
                Some(other) if members.len() < size / 4 => members.iter().for_each(|&i| part[i] = other),
                _ => count += 1,
            }
        }
    }
    (part, count as usize)
}

fn coarse_matrix(entries: &[BTreeMap<u32, f64>]) -> Csr {
    let mut indptr = vec![0];
    let (mut indices, mut values) = (Vec::new(), Vec::new());
    for row in entries {
        indices.extend(row.keys());
        values.extend(row.values());
        indptr.push(indices.len());
    }
    Csr::new(entries.len(), entries.len(), indptr, indices, values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::precond::Identity;
    use crate::solver::{StopRule, cg};
    use crate::sparse::gallery::poisson_2d;
    use std::ops::ControlFlow;

    #[test]
    fn parts_are_connected_and_of_like_size() {
        let a = poisson_2d(40);
        let (part, count) = split(&a, 32);
        let mut sizes = vec![0; count];
        part.iter().for_each(|p| sizes[*p as usize] += 1);
        assert!((40..=120).contains(&count), "{count} parts");
        assert!(sizes.iter().all(|s| (8..=64).contains(s)), "{sizes:?}");
        for p in 0..count as u32 {
            let members: Vec<usize> = (0..part.len()).filter(|i| part[*i] == p).collect();
            let mut reached = vec![members[0]];
            let mut next = 0;
            while next < reached.len() {
                for &j in a.row(reached[next]).0 {
                    if part[j as usize] == p && !reached.contains(&(j as usize)) {
                        reached.push(j as usize);
                    }
                }
                next += 1;
            }
            assert_eq!(reached.len(), members.len(), "part {p}");
        }
    }

    /// Orthogonality that defines deflation: Zᵀ A B r = Zᵀ r.
    #[test]
    fn what_is_constant_on_parts_is_solved_exactly() {
        let a = poisson_2d(24);
        let mut m = DeflationConfig { parts: 36 }.build(&a).unwrap();
        let r: Vec<f64> = (0..a.nrows()).map(|i| (i as f64 * 0.7).sin()).collect();
        let (mut z, mut az) = (vec![0.0; r.len()], vec![0.0; r.len()]);
        m.apply(&r, &mut z);
        crate::sparse::multiply(&a, &z, &mut az);
        let mut left = vec![0.0; m.parts()];
        for ((az, r), part) in az.iter().zip(&r).zip(&m.part) {
            left[*part as usize] += az - r;
        }
        assert!(left.iter().all(|l| l.abs() < 1e-12), "{left:?}");
    }

    #[test]
    fn iterations_depend_on_the_size_of_a_part_only() {
        let iterations = |side: usize, parts: usize| {
            let a = poisson_2d(side);
            let b = vec![1.0; a.nrows()];
            let run = |m: &mut dyn Preconditioner| {
                let mut x = vec![0.0; b.len()];
                cg(&a, m, &b, &mut x, &StopRule::default(), &mut |_| ControlFlow::Continue(())).unwrap().iterations
            };
            (run(&mut DeflationConfig { parts }.build(&a).unwrap()), run(&mut Identity))
        };
        let (coarse, plain) = iterations(64, 64);
        let (fine, plain_fine) = iterations(128, 256);
        assert!(plain_fine > plain * 3 / 2, "{plain}, {plain_fine}");
        assert!(fine <= coarse * 5 / 4 && fine * 2 < plain_fine, "{coarse} of {plain}, {fine} of {plain_fine}");
    }
}
