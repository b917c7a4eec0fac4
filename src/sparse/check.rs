//! Checks that a matrix is what a symmetric method needs, with the row where it is not.

use super::Csr;
use crate::error::{Error, Result};
use rayon::prelude::*;

/// Largest |aᵢⱼ − aⱼᵢ| / √(aᵢᵢ aⱼⱼ) that passes as rounding.
const TOLERANCE: f64 = 1e-10;

/// The entry (i, j), zero where nothing is stored.
pub fn entry(a: &Csr, i: usize, j: usize) -> f64 {
    let (columns, values) = a.row(i);
    columns.binary_search(&(j as u32)).map_or(0.0, |at| values[at])
}

/// The diagonal of a square matrix; an error that names the row where it is not positive and finite.
pub fn positive_diagonal(a: &Csr) -> Result<Vec<f64>> {
    check_square(a)?;
    let diagonal: Vec<f64> = (0..a.nrows()).map(|i| entry(a, i, i)).collect();
    match diagonal.iter().position(|d| !(*d > 0.0 && d.is_finite())) {
        None => Ok(diagonal),
        Some(row) => Err(Error::Matrix {
            what: format!("the diagonal entry of row {row} is {}, not positive", diagonal[row]),
            help: "a symmetric positive definite matrix is needed; an empty row is an unknown that no equation holds"
                .into(),
        }),
    }
}

/// The first entry with |aᵢⱼ − aⱼᵢ| > `tolerance` √|aᵢᵢ aⱼⱼ|, or one that is not finite.
pub fn asymmetric_entry(a: &Csr, tolerance: f64) -> Option<(usize, usize)> {
    (0..a.nrows()).into_par_iter().find_map_first(|i| {
        let (columns, values) = a.row(i);
        let bad = columns.iter().zip(values).find(|&(&j, v)| {
            let j = j as usize;
            let size = if tolerance > 0.0 { (entry(a, i, i) * entry(a, j, j)).abs().sqrt() } else { 0.0 };
            let difference = (v - entry(a, j, i)).abs();
            !v.is_finite() || difference > tolerance * size
        });
        bad.map(|(&j, _)| (i, j as usize))
    })
}

/// An error unless `a` is square, finite and symmetric up to rounding.
pub fn check_symmetric(a: &Csr) -> Result<()> {
    check_square(a)?;
    match asymmetric_entry(a, TOLERANCE) {
        None => Ok(()),
        Some((i, j)) => {
            let (value, mirrored) = (entry(a, i, j), entry(a, j, i));
            let what = match value.is_finite() {
                true => format!("not symmetric: entry ({i}, {j}) is {value} and entry ({j}, {i}) is {mirrored}"),
                false => format!("entry ({i}, {j}) is {value}"),
            };
            Err(Error::Matrix { what, help: "a symmetric matrix of finite numbers is needed".into() })
        }
    }
}

fn check_square(a: &Csr) -> Result<()> {
    if a.nrows() == a.ncols() {
        return Ok(());
    }
    Err(Error::Matrix {
        what: format!("{} rows and {} columns", a.nrows(), a.ncols()),
        help: "a square matrix is needed".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sparse::gallery::poisson_2d;

    fn pair(above: f64, below: f64) -> Csr {
        Csr::new(2, 2, vec![0, 2, 4], vec![0, 1, 0, 1], vec![2.0, above, below, 2.0])
    }

    #[test]
    fn symmetric_matrices_pass_and_others_are_named() {
        assert!(check_symmetric(&poisson_2d(5)).is_ok());
        assert!(check_symmetric(&pair(1e-17, -1e-17)).is_ok(), "rounding errors around zero are not asymmetry");
        assert_eq!(asymmetric_entry(&pair(1e-17, -1e-17), 0.0), Some((0, 1)));
        let error = check_symmetric(&pair(-1.0, -1.5)).unwrap_err().to_string();
        assert_eq!(error, "matrix: not symmetric: entry (0, 1) is -1 and entry (1, 0) is -1.5");
        assert!(check_symmetric(&pair(f64::NAN, f64::NAN)).is_err());
        let one_sided = Csr::new(2, 2, vec![0, 2, 3], vec![0, 1, 1], vec![1.0; 3]);
        assert!(check_symmetric(&one_sided).is_err());
        assert!(check_symmetric(&Csr::new(1, 2, vec![0, 1], vec![0], vec![1.0])).is_err());
    }

    #[test]
    fn an_empty_row_has_no_positive_diagonal() {
        let a = Csr::new(2, 2, vec![0, 1, 1], vec![0], vec![1.0]);
        assert_eq!(
            positive_diagonal(&a).unwrap_err().to_string(),
            "matrix: the diagonal entry of row 1 is 0, not positive"
        );
    }
}
