//! Cubic interpolation between the moved nodes of a lattice.
//!
//! The nodes of `square:N` keep their numbers (i, j) wherever they move, so the mesh is an image x(ξ) at the whole ξ, and so is u. Both
//! are interpolated by the cubics through four by four nodes around a point p, those of
//!
//! x(ξ) = p,   u(p) = u(ξ),   each f(ξ) = Σ_ij l_i(ξ₁) l_j(ξ₂) f_ij
//!
//! l Lagrange's polynomials, ξ by Newton's method from the triangle p lies in. The same weights give x and u, so Σ w = 1, Σ w x = p, and
//! linear functions are exact; the error for smooth u and x(ξ) is of fourth order. Beside the boundary the four nodes are one-sided,
//! and points on a side take values from that side alone.

/// Steps of Newton's method at most: from the triangle's guess three or four do.
const STEPS: usize = 12;
/// |x(ξ) − p| at its end, in units of the spacing at rest.
const TOLERANCE: f64 = 1e-9;

/// Lagrange's polynomials of the nodes 0, 1, 2 and 3 at `t`, and their derivatives.
fn lagrange(t: f64) -> ([f64; 4], [f64; 4]) {
    let node = |k: usize| k as f64;
    let product = |i: usize, but: usize| -> f64 {
        (0..4).filter(|k| *k != i && *k != but).map(|k| (t - node(k)) / (node(i) - node(k))).product()
    };
    let value = std::array::from_fn(|i| product(i, i));
    let slope = |i: usize| (0..4).filter(|k| *k != i).map(|k| product(i, k) / (node(i) - node(k))).sum();
    (value, std::array::from_fn(slope))
}

/// The sixteen nodes whose values give that at `p`, and their weights; `guess` is about where p is on the lattice of `side` nodes along
/// a side. None where Newton's method does not end: on a lattice folded over.
pub(super) fn weights(
    nodes: &[[f64; 3]],
    side: usize,
    p: [f64; 3],
    guess: [f64; 2],
) -> Option<([usize; 16], [f64; 16])> {
    let first = guess.map(|t| (t.floor() as usize).saturating_sub(1).min(side - 4));
    let places: [usize; 16] = std::array::from_fn(|k| (first[1] + k / 4) * side + first[0] + k % 4);
    let spacing = 1.0 / (side - 1) as f64;
    let mut at = [guess[0] - first[0] as f64, guess[1] - first[1] as f64];
    for _ in 0..STEPS {
        let [(a, da), (b, db)] = at.map(lagrange);
        let product = |x: &[f64; 4], y: &[f64; 4]| std::array::from_fn::<f64, 16, _>(|k| x[k % 4] * y[k / 4]);
        let w = product(&a, &b);
        let sum = |w: &[f64; 16], d: usize| w.iter().zip(places).map(|(w, v)| w * nodes[v][d]).sum::<f64>();
        let off = [0, 1].map(|d| p[d] - sum(&w, d));
        if off[0].abs().max(off[1].abs()) < TOLERANCE * spacing {
            return Some((places, w));
        }
        let [along, across] = [product(&da, &b), product(&a, &db)].map(|w| [sum(&w, 0), sum(&w, 1)]);
        let det = along[0] * across[1] - across[0] * along[1];
        at[0] += (off[0] * across[1] - across[0] * off[1]) / det;
        at[1] += (along[0] * off[1] - off[0] * along[1]) / det;
        if at.iter().any(|t| !(-1.0..=4.0).contains(t)) {
            return None;
        }
    }
    None
}
