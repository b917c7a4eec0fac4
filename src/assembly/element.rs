//! Lagrange elements of degree 1 and 2 on simplices, in barycentric coordinates λ.
//!
//! Degree 1: φ_a = λ_a. Degree 2: φ_a = λ_a (2 λ_a − 1) at vertices, φ_ij = 4 λ_i λ_j at the middle of edge (i, j), edges in
//! the order of [`local_edges`], which is VTK's. V is the number of vertices, N the number of local degrees of freedom.

use super::quadrature::{Rule, rule};

/// Calls a function generic over V and N for the element on that kind of cell.
macro_rules! with_element {
    ($kind:expr, $degree:expr, $f:ident($($argument:expr),*)) => {
        match ($kind, $degree) {
            (crate::mesh::CellKind::Interval, 1) => $f::<2, 2>($($argument),*),
            (crate::mesh::CellKind::Interval, _) => $f::<2, 3>($($argument),*),
            (crate::mesh::CellKind::Triangle, 1) => $f::<3, 3>($($argument),*),
            (crate::mesh::CellKind::Triangle, _) => $f::<3, 6>($($argument),*),
            (crate::mesh::CellKind::Tetrahedron, 1) => $f::<4, 4>($($argument),*),
            (crate::mesh::CellKind::Tetrahedron, _) => $f::<4, 10>($($argument),*),
        }
    };
}
pub(super) use with_element;

/// The vertices of each edge of a simplex with `vertices` vertices.
pub(super) fn local_edges(vertices: usize) -> &'static [[usize; 2]] {
    const EDGES: [[usize; 2]; 6] = [[0, 1], [1, 2], [2, 0], [0, 3], [1, 3], [2, 3]];
    match vertices {
        2 => &EDGES[..1],
        3 => &EDGES[..3],
        4 => &EDGES,
        _ => &[],
    }
}

/// The values and barycentric derivatives of all basis functions at the points of a quadrature rule.
pub(super) struct Table<const V: usize, const N: usize> {
    pub rule: Rule<V>,
    /// φ_a(x_q)
    pub value: Vec<[f64; N]>,
    /// ∂φ_a/∂λ_b (x_q)
    pub slope: Vec<[[f64; V]; N]>,
}

impl<const V: usize, const N: usize> Table<V, N> {
    pub fn new(quadrature_degree: usize) -> Self {
        let rule = rule::<V>(quadrature_degree);
        let value = rule.points.iter().map(values).collect();
        let slope = rule.points.iter().map(slopes).collect();
        Table { rule, value, slope }
    }
}

/// φ_a(λ).
pub(super) fn values<const V: usize, const N: usize>(l: &[f64; V]) -> [f64; N] {
    let mut phi = [0.0; N];
    if N == V {
        phi.copy_from_slice(l);
        return phi;
    }
    for a in 0..V {
        phi[a] = l[a] * (2.0 * l[a] - 1.0);
    }
    for (e, &[i, j]) in local_edges(V).iter().enumerate() {
        phi[V + e] = 4.0 * l[i] * l[j];
    }
    phi
}

/// ∂φ_a/∂λ_b (λ).
pub(super) fn slopes<const V: usize, const N: usize>(l: &[f64; V]) -> [[f64; V]; N] {
    let mut slope = [[0.0; V]; N];
    for a in 0..V {
        slope[a][a] = if N == V { 1.0 } else { 4.0 * l[a] - 1.0 };
    }
    if N > V {
        for (e, &[i, j]) in local_edges(V).iter().enumerate() {
            slope[V + e][i] = 4.0 * l[j];
            slope[V + e][j] = 4.0 * l[i];
        }
    }
    slope
}

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// a · b
#[inline]
pub(super) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn scaled(a: [f64; 3], s: f64) -> [f64; 3] {
    a.map(|v| v * s)
}

/// The size |K| of a simplex and the gradients ∇λ_a, tangential where the simplex lies in a space of more dimensions.
#[derive(Clone, Copy)]
pub(crate) struct Geometry<const V: usize> {
    pub measure: f64,
    pub gradient: [[f64; 3]; V],
}

impl<const V: usize> Geometry<V> {
    #[inline]
    pub fn new(p: &[[f64; 3]; V]) -> Self {
        let mut gradient = [[0.0; 3]; V];
        let measure = match V {
            2 => {
                let e = minus(p[1], p[0]);
                gradient[1] = scaled(e, 1.0 / dot(e, e));
                dot(e, e).sqrt()
            }
            3 => {
                let (e1, e2) = (minus(p[1], p[0]), minus(p[2], p[0]));
                let n = cross(e1, e2);
                let nn = dot(n, n);
                gradient[1] = scaled(cross(e2, n), 1.0 / nn);
                gradient[2] = scaled(cross(n, e1), 1.0 / nn);
                0.5 * nn.sqrt()
            }
            4 => {
                let (e1, e2, e3) = (minus(p[1], p[0]), minus(p[2], p[0]), minus(p[3], p[0]));
                let det = dot(e1, cross(e2, e3));
                gradient[1] = scaled(cross(e2, e3), 1.0 / det);
                gradient[2] = scaled(cross(e3, e1), 1.0 / det);
                gradient[3] = scaled(cross(e1, e2), 1.0 / det);
                det.abs() / 6.0
            }
            _ => 1.0,
        };
        for i in 0..3 {
            gradient[0][i] = -(1..V).map(|a| gradient[a][i]).sum::<f64>();
        }
        Geometry { measure, gradient }
    }
}

/// Σ_a λ_a p_a.
pub(super) fn place<const V: usize>(p: &[[f64; 3]; V], l: &[f64; V]) -> [f64; 3] {
    std::array::from_fn(|i| (0..V).map(|a| l[a] * p[a][i]).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every basis function is 1 at its own node, 0 at the others; derivatives equal differences.
    fn check<const V: usize, const N: usize>() {
        let mut nodes = vec![];
        for a in 0..V {
            nodes.push(std::array::from_fn::<f64, V, _>(|b| f64::from(u8::from(a == b))));
        }
        if N > V {
            for &[i, j] in local_edges(V) {
                nodes.push(std::array::from_fn(|b| if b == i || b == j { 0.5 } else { 0.0 }));
            }
        }
        assert_eq!(nodes.len(), N);
        for (i, node) in nodes.iter().enumerate() {
            let phi = values::<V, N>(node);
            for (a, v) in phi.iter().enumerate() {
                assert!((v - f64::from(u8::from(a == i))).abs() < 1e-15);
            }
        }
        let at: [f64; V] = std::array::from_fn(|a| (a + 1) as f64 / 10.0);
        let slope = slopes::<V, N>(&at);
        for b in 0..V {
            let (mut plus, mut minus) = (at, at);
            plus[b] += 1e-5;
            minus[b] -= 1e-5;
            let (p, m) = (values::<V, N>(&plus), values::<V, N>(&minus));
            for a in 0..N {
                assert!(((p[a] - m[a]) / 2e-5 - slope[a][b]).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn bases_are_nodal() {
        check::<2, 2>();
        check::<2, 3>();
        check::<3, 3>();
        check::<3, 6>();
        check::<4, 4>();
        check::<4, 10>();
    }

    #[test]
    fn gradients_are_dual_to_edges_in_any_embedding() {
        let p = [[0.1, 0.2, 0.3], [1.2, -0.1, 0.4], [0.3, 1.1, -0.5], [0.2, 0.4, 1.7]];
        let tetrahedron = Geometry::<4>::new(&p);
        let triangle = Geometry::<3>::new(&[p[0], p[1], p[2]]);
        for a in 0..4 {
            for b in 0..4 {
                let d = dot(tetrahedron.gradient[a], minus(p[b], p[0]));
                let expected = f64::from(u8::from(a == b)) - f64::from(u8::from(a == 0));
                assert!((d - expected).abs() < 1e-14, "{a} {b}: {d}");
                if a < 3 && b < 3 {
                    assert!((dot(triangle.gradient[a], minus(p[b], p[0])) - expected).abs() < 1e-14);
                }
            }
        }
    }
}
