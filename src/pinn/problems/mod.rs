//! The built-in problems.
//!
//! | name | equation | solution | source |
//! |---|---|---|---|
//! | `poisson` | −Δu = 2π² u* on `[−1, 1]²` | sin πx sin πy | |
//! | `one-peak` | −Δu = f on `[−1, 1]²` | exp(−1000 \|x − (½, ½)\|²) | AAS |
//! | `two-peak` | −∇·(u ∇v) + Δu = f, v = x² + y² | peaks at ±(½, ½) | AAS |
//! | `ten` | −Δu + u − u³ = f on `[−1, 1]¹⁰` | exp(−10 \|x\|²) | AAS |
//! | `parametric` | −Δu = f(·; a, b) on `[−1, 1]²`, for all a, b in `[−½, ½]²` | exp(−40 \|x − (a, b)\|²) | after DAS² |
//! | `helmholtz` | Δu + u = f on `[−1, 1]²` | sin πx sin 4πy | |
//! | `l-shape` | Δu = 0, soft Dirichlet | r^⅔ sin ⅔φ | |
//! | `diffusion` | u_t = u_xx + f | sin πx e^−t | RAD |
//! | `burgers` | u_t + u u_x = 0.01/π u_xx | Cole and Hopf | RAD |
//! | `allen-cahn` | u_t = 0.001 u_xx + 5 (u − u³) | finite differences | RAD |
//! | `wave` | u_tt = 4 u_xx | two standing waves | RAD |
//! | `diffusivity` | k Δu = f, k to be found from 9 values of u | sin πx sin πy, k = 2 | |
//!
//! DAS²: X. Wang, K. Tang, J. Zhai, X. Wan and C. Yang, arXiv:2402.11283 (2024): parameters are coordinates of the network, and points are
//! drawn in both; its own problems (operators, control, a cavity) have several outputs, this one has one.
//! AAS: K. Tang et al., ICLR 2024, §4. RAD: C. Wu et al., Comput. Methods Appl. Mech. Eng. 403 (2023) 115671, §3, with its hard
//! conditions.

mod allen_cahn;
mod burgers;
mod peaks;

use super::{Problem, parse_problem};
use crate::error::{Error, Result};
use crate::words::meant;
use std::path::Path;

/// Problems that are files.
const FILES: [(&str, &str); 8] = [
    ("poisson", include_str!("poisson.toml")),
    ("helmholtz", include_str!("helmholtz.toml")),
    ("l-shape", include_str!("l_shape.toml")),
    ("diffusion", include_str!("diffusion.toml")),
    ("burgers", include_str!("burgers.toml")),
    ("allen-cahn", include_str!("allen_cahn.toml")),
    ("wave", include_str!("wave.toml")),
    ("diffusivity", include_str!("diffusivity.toml")),
];

/// The names of all built-in problems.
pub fn names() -> Vec<&'static str> {
    ["one-peak", "two-peak", "ten", "parametric"].into_iter().chain(FILES.iter().map(|(name, _)| *name)).collect()
}

/// A built-in problem by its name.
///
/// Errors: no such name, with those there are.
pub fn builtin(name: &str) -> Result<Problem> {
    match name {
        "one-peak" => return Ok(peaks::one_peak()),
        "two-peak" => return Ok(peaks::two_peak()),
        "ten" => return Ok(peaks::ten()),
        "parametric" => return Ok(peaks::parametric()),
        _ => {}
    }
    let (_, text) = FILES.iter().find(|(n, _)| *n == name).ok_or_else(|| {
        let near = meant(name, names());
        let what =
            format!("is no problem file (.toml) and no built-in problem; these are {}{near}", names().join(", "));
        Error::Option { option: "PROBLEM".into(), value: name.into(), what }
    })?;
    let mut problem = parse_problem(name, Path::new(name), text)?;
    match name {
        "burgers" => problem.exact = Some(Box::new(burgers::solution)),
        "allen-cahn" => problem.exact = Some(Box::new(allen_cahn::solution)),
        _ => {}
    }
    Ok(problem)
}
