//! The cubic through the four values around a place, of values at 0, 1, 2, ...

/// The first of the values around `at`, and Lagrange's weights of the four from there; of fewer than four `values` in all, the polynomial
/// through them, and weights of 0.
pub(crate) fn cubic(at: f64, values: usize) -> (usize, [f64; 4]) {
    let count = values.min(4);
    let first = (at.floor() as isize - 1).clamp(0, (values - count) as isize) as usize;
    let s = at - first as f64;
    let weight = |i: usize| {
        let others = (0..count).filter(|j| *j != i);
        others.map(|j| (s - j as f64) / (i as f64 - j as f64)).product()
    };
    (first, std::array::from_fn(|i| if i < count { weight(i) } else { 0.0 }))
}
