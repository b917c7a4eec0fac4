//! A function of the plane known at the nodes of a lattice, by cubic interpolation between them.

use crate::lagrange::cubic;

/// Values at (cells + 1)² nodes over a rectangle.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    /// The rectangle.
    pub bounds: [[f64; 2]; 2],
    /// Cells in each direction, at least 3.
    pub cells: [usize; 2],
    /// The second coordinate's number slowest.
    pub values: Vec<f64>,
}

impl Grid {
    /// The value at x.
    pub fn at(&self, x: &[f64]) -> f64 {
        let place = |i: usize| {
            let [low, high] = self.bounds[i];
            cubic((x[i] - low) / (high - low) * self.cells[i] as f64, self.cells[i] + 1)
        };
        let [(i, across), (j, along)] = [place(0), place(1)];
        let row = |j: usize| (0..4).map(|a| across[a] * self.values[j * (self.cells[0] + 1) + i + a]).sum::<f64>();
        (0..4).map(|b| along[b] * row(j + b)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cubic_polynomials_are_interpolated_exactly() {
        let f = |x: f64, y: f64| x * x * x - 2.0 * x * y * y + y * y * y - 1.0;
        let values = (0..30).map(|k| f(-1.0 + 2.0 * (k % 6) as f64 / 5.0, 0.5 * (k / 6) as f64 / 4.0)).collect();
        let grid = Grid { bounds: [[-1.0, 1.0], [0.0, 0.5]], cells: [5, 4], values };
        for [x, y] in [[-1.0, 0.0], [0.93, 0.49], [0.1, 0.2], [1.0, 0.5]] {
            assert!((grid.at(&[x, y]) - f(x, y)).abs() < 1e-13, "{x} {y}");
        }
    }
}
