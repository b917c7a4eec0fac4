//! Settings of algebraic multigrid: [`AmgConfig`].

use crate::error::{Error, Result};

/// Precision the hierarchy is stored and applied in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Half the memory and traffic; the matrix is scaled to unit diagonal first, so its range is no limit.
    F32,
    /// For comparison.
    F64,
}

/// Settings of smoothed-aggregation multigrid.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AmgConfig {
    /// Strength threshold θ in [0, 1): i and j are strongly coupled where −aᵢⱼ ≥ θ min(maxₖ −aᵢₖ, maxₖ −aⱼₖ).
    pub theta: f64,
    /// θ is multiplied by this from level to level.
    pub theta_decay: f64,
    /// Steps of Chebyshev smoothing before and after each coarse-level correction.
    pub degree: usize,
    /// Prolongation damping: ω = damping / λ_max(D⁻¹A).
    pub damping: f64,
    /// Precision of the hierarchy.
    pub precision: Precision,
    /// A level of at most this many unknowns is solved directly.
    pub coarsest_size: usize,
    /// Greatest number of levels.
    pub max_levels: usize,
}

/// Greatest [`AmgConfig::coarsest_size`]: the level is inverted as a dense matrix.
const MOST_COARSEST: usize = 4000;

impl AmgConfig {
    /// Finds a setting out of its range.
    pub(super) fn check(&self) -> Result<()> {
        let is_factor = |x: f64| x.is_finite() && x >= 0.0;
        let faults = [
            ("theta", self.theta, !(0.0..1.0).contains(&self.theta), "it lies in [0, 1)".to_string()),
            ("theta_decay", self.theta_decay, !is_factor(self.theta_decay), "give a number from 0".into()),
            ("damping", self.damping, !is_factor(self.damping), "give a number from 0".into()),
            ("degree", self.degree as f64, !(1..=100).contains(&self.degree), "give a number from 1 to 100".into()),
            (
                "coarsest_size",
                self.coarsest_size as f64,
                self.coarsest_size > MOST_COARSEST,
                format!("{MOST_COARSEST} at most"),
            ),
        ];
        match faults.into_iter().find(|(_, _, is_fault, _)| *is_fault) {
            None => Ok(()),
            Some((field, value, _, what)) => {
                Err(Error::Option { option: format!("precond.amg.{field}"), value: value.to_string(), what })
            }
        }
    }
}

impl Default for AmgConfig {
    fn default() -> Self {
        AmgConfig {
            theta: 0.25,
            theta_decay: 1.0,
            degree: 1,
            damping: 4.0 / 3.0,
            precision: Precision::F32,
            coarsest_size: 300,
            max_levels: 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_named() {
        let usual = AmgConfig::default;
        assert!(usual().check().is_ok());
        for (field, config) in [
            ("theta", AmgConfig { theta: 1.0, ..usual() }),
            ("theta", AmgConfig { theta: f64::NAN, ..usual() }),
            ("theta_decay", AmgConfig { theta_decay: -1.0, ..usual() }),
            ("damping", AmgConfig { damping: f64::INFINITY, ..usual() }),
            ("degree", AmgConfig { degree: 0, ..usual() }),
            ("coarsest_size", AmgConfig { coarsest_size: 1 << 20, ..usual() }),
        ] {
            let error = config.check().unwrap_err().to_string();
            assert!(error.starts_with(&format!("precond.amg.{field} ")), "{error}");
        }
    }
}
