//! Sobol's digital sequence with a random digital shift.
//!
//! x_i = i₁ v₁ ⊕ i₂ v₂ ⊕ … by Gray code; direction numbers v from primitive polynomials (s, a) and first m, those of S. Joe
//! and F. Y. Kuo, *SIAM J. Sci. Comput.* 30 (2008) 2635, `new-joe-kuo-6`. The shift is one random word a coordinate, ⊕ed to
//! every point, so that another seed gives other points. Above 16 dimensions the rest is random.

use super::{Domain, within};
use rand::Rng;
use rand_pcg::Pcg64;

/// s, a and m₁ … m_s of dimensions 2 to 16.
const POLYNOMIALS: [(u32, u32, &[u32]); 15] = [
    (1, 0, &[1]),
    (2, 1, &[1, 3]),
    (3, 1, &[1, 3, 1]),
    (3, 2, &[1, 1, 1]),
    (4, 1, &[1, 1, 3, 3]),
    (4, 4, &[1, 3, 5, 13]),
    (5, 2, &[1, 1, 5, 5, 17]),
    (5, 4, &[1, 1, 5, 5, 5]),
    (5, 7, &[1, 1, 7, 11, 19]),
    (5, 11, &[1, 1, 5, 1, 1]),
    (5, 13, &[1, 1, 1, 3, 11]),
    (5, 14, &[1, 3, 5, 5, 31]),
    (6, 1, &[1, 3, 3, 9, 7, 49]),
    (6, 13, &[1, 1, 1, 15, 21, 21]),
    (6, 16, &[1, 3, 1, 13, 27, 49]),
];

/// The 32 direction numbers of a dimension, counted from 0.
fn directions(dimension: usize) -> [u32; 32] {
    let mut v = std::array::from_fn(|k| 1 << (31 - k));
    if dimension == 0 {
        return v;
    }
    let (s, a, m) = POLYNOMIALS[dimension - 1];
    let s = s as usize;
    for k in 0..32 {
        v[k] = if k < s {
            m[k] << (31 - k)
        } else {
            let taps = (1..s).filter(|j| a >> (s - 1 - j) & 1 == 1).map(|j| v[k - j]);
            taps.fold(v[k - s] ^ v[k - s] >> s, |x, tap| x ^ tap)
        };
    }
    v
}

/// The sequence in the unit cube.
#[derive(Debug, Clone)]
pub struct Sobol {
    directions: Vec<[u32; 32]>,
    state: Vec<u32>,
    index: u32,
}

impl Sobol {
    /// From its first point, each coordinate shifted by its word; at most 16 dimensions count.
    pub fn new(shifts: &[u32]) -> Self {
        let d = shifts.len().min(POLYNOMIALS.len() + 1);
        Sobol { directions: (0..d).map(directions).collect(), state: shifts[..d].to_vec(), index: 0 }
    }

    /// The next point.
    pub fn next_into(&mut self, x: &mut Vec<f64>) {
        x.extend(self.state.iter().map(|s| (f64::from(*s) + 0.5) / 4_294_967_296.0));
        let bit = self.index.trailing_ones() as usize % 32;
        self.index = self.index.wrapping_add(1);
        self.state.iter_mut().zip(&self.directions).for_each(|(s, v)| *s ^= v[bit]);
    }
}

/// `n` points of the domain.
pub fn shifted(domain: &Domain, n: usize, rng: &mut Pcg64) -> Vec<f64> {
    let d = domain.dimension();
    let shifts: Vec<u32> = (0..d).map(|_| rng.random()).collect();
    let mut sequence = Sobol::new(&shifts);
    within(domain, n, |x| {
        sequence.next_into(x);
        (x.len()..d).for_each(|_| x.push(rng.random()));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dyadic_box_of_the_first_dimensions_has_its_share() {
        let mut sequence = Sobol::new(&[0; 16]);
        let points: Vec<Vec<f64>> = (0..256)
            .map(|_| {
                let mut x = Vec::new();
                sequence.next_into(&mut x);
                x
            })
            .collect();
        // One point in each of 256 slices of every coordinate, and in each of 16 x 16 boxes of the first two.
        for i in 0..16 {
            let mut slices: Vec<usize> = points.iter().map(|x| (x[i] * 256.0) as usize).collect();
            slices.sort_unstable();
            assert!(slices.iter().enumerate().all(|(k, s)| k == *s), "coordinate {i}");
        }
        let mut boxes: Vec<usize> =
            points.iter().map(|x| (x[0] * 16.0) as usize * 16 + (x[1] * 16.0) as usize).collect();
        boxes.sort_unstable();
        assert!(boxes.iter().enumerate().all(|(k, b)| k == *b));
    }
}
