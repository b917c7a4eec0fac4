//! Quadrature on the reference simplex in barycentric coordinates: ∫_K f dx ≈ |K| Σ_q w_q f(x_q), Σ_q w_q = 1.
//!
//! Intervals: Gauss. Triangles: Dunavant 1985 (doi:10.1002/nme.1620210612), 3, 6 and 12 points. Tetrahedra: 4 points;
//! Walkington's 14 points (degree 5); Keast 1986 (doi:10.1016/0045-7825(86)90059-9), 24 points. All weights positive.

/// Points and weights on a simplex with V vertices.
#[derive(Debug, Clone)]
pub struct Rule<const V: usize> {
    /// Barycentric coordinates.
    pub points: Vec<[f64; V]>,
    /// Weights; they sum to 1.
    pub weights: Vec<f64>,
}

/// One orbit of the simplex's symmetry group: a weight and the barycentric coordinates that are permuted.
type Orbit<'a> = (f64, &'a [f64]);

/// The smallest rule here that is exact for polynomials of `degree` (at most 6).
pub fn rule<const V: usize>(degree: usize) -> Rule<V> {
    let orbits: &[Orbit] = match (V, degree) {
        (1, _) => &[(1.0, &[1.0])],
        (2, 0..=3) => &[(0.5, &[0.2113248654051871, 0.7886751345948129])],
        (2, 4..=5) => &[(5.0 / 18.0, &[0.1127016653792583, 0.8872983346207417]), (8.0 / 18.0, &[0.5, 0.5])],
        (2, 6) => &[
            (0.1739274225687269, &[0.0694318442029737, 0.9305681557970263]),
            (0.3260725774312731, &[0.3300094782075719, 0.6699905217924281]),
        ],
        (3, 0..=2) => &[(1.0 / 3.0, &[1.0 / 6.0, 1.0 / 6.0, 2.0 / 3.0])],
        (3, 3..=4) => &[
            (0.22338158967801147, &[0.445_948_490_915_964_9, 0.445_948_490_915_964_9, 0.10810301816807023]),
            (0.10995174365532187, &[0.09157621350977073, 0.09157621350977073, 0.816_847_572_980_458_5]),
        ],
        (3, 5..=6) => &[
            (0.11678627572637937, &[0.24928674517091042, 0.24928674517091042, 0.501_426_509_658_179_1]),
            (0.05084490637020682, &[0.06308901449150223, 0.06308901449150223, 0.873_821_971_016_995_5]),
            (0.08285107561837358, &[0.05314504984481695, 0.310_352_451_033_784_4, 0.636_502_499_121_398_7]),
        ],
        (4, 0..=2) => &[(0.25, &[0.1381966011250105, 0.1381966011250105, 0.1381966011250105, 0.5854101966249685])],
        (4, 3..=5) => &[
            (0.1126879257180158, &[0.3108859192633006, 0.3108859192633006, 0.3108859192633006, 0.0673422422100982]),
            (0.0734930431163620, &[0.0927352503108912, 0.0927352503108912, 0.0927352503108912, 0.7217942490673264]),
            (0.0425460207770815, &[0.0455037041256497, 0.0455037041256497, 0.4544962958743504, 0.4544962958743504]),
        ],
        (4, 6) => &[
            (
                0.0399227502581675,
                &[0.214_602_871_259_152, 0.214_602_871_259_152, 0.214_602_871_259_152, 0.3561913862225439],
            ),
            (0.0100772110553206, &[0.0406739585346114, 0.0406739585346114, 0.0406739585346114, 0.877_978_124_396_166]),
            (0.0553571815436547, &[0.3223378901422755, 0.3223378901422755, 0.3223378901422755, 0.0329863295731735]),
            (27.0 / 560.0, &[0.0636610018750175, 0.0636610018750175, 0.2696723314583159, 0.6030056647916491]),
        ],
        _ => unreachable!("no rule of degree {degree} on a simplex with {V} vertices"),
    };
    let mut rule = Rule { points: Vec::new(), weights: Vec::new() };
    for (weight, coordinates) in orbits {
        let mut point = [0.0; V];
        point.copy_from_slice(coordinates);
        point.sort_by(f64::total_cmp);
        loop {
            rule.points.push(point);
            rule.weights.push(*weight);
            if !next_permutation(&mut point) {
                break;
            }
        }
    }
    rule
}

/// The next distinct arrangement in lexicographic order (Knuth 7.2.1.2, Algorithm L); false after the last.
fn next_permutation<const V: usize>(a: &mut [f64; V]) -> bool {
    let Some(i) = (1..V).rev().find(|&i| a[i - 1] < a[i]) else { return false };
    let j = (i..V).rev().find(|&j| a[i - 1] < a[j]).unwrap_or(i);
    a.swap(i - 1, j);
    a[i..].reverse();
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factorial(n: usize) -> f64 {
        (1..=n).map(|i| i as f64).product()
    }

    /// (1/|K|) ∫_K Π λ_i^{a_i} = (d)! Π a_i! / (d + Σ a_i)!.
    fn check<const V: usize>() {
        for degree in [2, 4, 6] {
            let rule = rule::<V>(degree);
            for code in 0..(degree + 1).pow(V as u32) {
                let powers: [usize; V] = std::array::from_fn(|i| code / (degree + 1).pow(i as u32) % (degree + 1));
                let sum: usize = powers.iter().sum();
                if sum > degree {
                    continue;
                }
                let exact =
                    factorial(V - 1) * powers.iter().map(|&p| factorial(p)).product::<f64>() / factorial(V - 1 + sum);
                let value: f64 = (rule.points.iter().zip(&rule.weights))
                    .map(|(p, w)| w * (0..V).map(|i| p[i].powi(powers[i] as i32)).product::<f64>())
                    .sum();
                assert!((value - exact).abs() < 1e-14, "V = {V}, degree {degree}, {powers:?}: {value} {exact}");
            }
        }
    }

    #[test]
    fn rules_are_exact_to_their_degree() {
        check::<2>();
        check::<3>();
        check::<4>();
    }
}
