//! Settings of algebraic multigrid: [`AmgConfig`].

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
