//! Timings of repeated runs: the median, and how far they spread.

use std::time::Instant;

/// Median and quartiles of repeated measurements, so that one disturbed run shows in neither.
///
/// ```
/// let spread = filet::report::statistics::Spread::of(&[4.0, 1.0, 2.0, 3.0, 50.0]);
/// assert_eq!((spread.low, spread.median, spread.high), (2.0, 3.0, 4.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Spread {
    /// First quartile.
    pub low: f64,
    /// Median.
    pub median: f64,
    /// Third quartile.
    pub high: f64,
}

impl Spread {
    /// Of these values; between two of them by linear interpolation (R. J. Hyndman and Y. Fan, *Sample quantiles in statistical
    /// packages*, Amer. Statist. 50 (1996), definition 7, doi:10.1080/00031305.1996.10473566). NaN of none.
    pub fn of(values: &[f64]) -> Spread {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let quantile = |q: f64| {
            let at = q * sorted.len().saturating_sub(1) as f64;
            let (below, above) = (at.floor() as usize, at.ceil() as usize);
            match (sorted.get(below), sorted.get(above)) {
                (Some(a), Some(b)) => a + (at - at.floor()) * (b - a),
                _ => f64::NAN,
            }
        };
        Spread { low: quantile(0.25), median: quantile(0.5), high: quantile(0.75) }
    }

    /// Half the distance of the quartiles over the median.
    pub fn relative(&self) -> f64 {
        0.5 * (self.high - self.low) / self.median
    }
}

/// The result, and the wall-clock seconds it took.
pub fn timed<T>(run: impl FnOnce() -> T) -> (T, f64) {
    let clock = Instant::now();
    let result = run();
    (result, clock.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_of_few_values() {
        assert_eq!(Spread::of(&[2.0]), Spread { low: 2.0, median: 2.0, high: 2.0 });
        assert_eq!(Spread::of(&[3.0, 1.0]), Spread { low: 1.5, median: 2.0, high: 2.5 });
        assert_eq!(Spread::of(&[3.0, 1.0]).relative(), 0.25);
        assert!(Spread::of(&[]).median.is_nan());
    }
}
