//! What `filet solve` writes: the solution as VTU or XDMF, pictures, the system as Matrix Market files.

use super::outputs::{check_ending, check_folder};
use super::problem::Given;
use crate::assembly::{System, cell_fluxes, cell_gradients};
use crate::error::Result;
use crate::report::plot::{self, Curve, CurvesPlot, SolutionPlot};
use crate::report::solution_file;
use crate::solver::{Report, Solver};
use crate::sparse::{Csr, matrix_market};
use clap::Args;
use std::path::{Path, PathBuf};

/// Files to write.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct Outputs {
    /// Write u, |grad u|, grad u and the flux -k grad u to FILE (.vtu, or .xdmf with .h5 beside it); a scene's pressure (.h5)
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Draw the solution (.png)
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,

    /// Draw the residual history (.png, .svg)
    #[arg(long, value_name = "FILE")]
    plot_residuals: Option<PathBuf>,

    /// Write A, b and x as PREFIX_A.mtx, PREFIX_b.mtx (Matrix Market)
    #[arg(long, value_name = "PREFIX")]
    pub matrix_market: Option<String>,
}

/// A solved problem.
pub(super) struct Solved<'a> {
    pub given: &'a Given,
    pub system: &'a System<'a>,
    /// Values at all degrees of freedom.
    pub u: &'a [f64],
    pub report: &'a Report,
    pub solver: &'a Solver,
}

impl Outputs {
    /// Finds what can be wrong with the names before anything is computed.
    pub fn check(&self, endings: &[&str]) -> Result<()> {
        check_ending(self.output.as_deref(), "--output", endings)?;
        check_ending(self.plot.as_deref(), "--plot", &["png"])?;
        check_ending(self.plot_residuals.as_deref(), "--plot-residuals", &["png", "svg"])?;
        self.matrix_market.as_deref().map(Path::new).map_or(Ok(()), check_folder)
    }

    /// Writes the system, where it was asked for; gives the names.
    pub fn write_system(&self, a: &Csr, b: &[f64]) -> Result<Vec<String>> {
        let Some(prefix) = &self.matrix_market else { return Ok(Vec::new()) };
        let names = ["A", "b"].map(|name| format!("{prefix}_{name}.mtx"));
        matrix_market::write_matrix(&names[0], a)?;
        matrix_market::write_vector(&names[1], b)?;
        Ok(names.to_vec())
    }

    /// Writes everything asked for but the system; adds the names to `written`.
    pub fn write(&self, solved: &Solved, mut written: Vec<String>) -> Result<Vec<String>> {
        if let Some(path) = &self.output {
            let gradients = cell_gradients(&solved.system.space, solved.u);
            let fluxes = cell_fluxes(&solved.system.space, &solved.given.problem, &gradients)?;
            let files = solution_file::write(path, &solved.system.space, solved.u, &gradients, &fluxes)?;
            written.extend(files.iter().map(|f| f.display().to_string()));
        }
        if let Some(path) = &self.plot {
            let space = &solved.system.space;
            plot::solution(path, space.mesh, &solved.u[..space.mesh.points.len()], &SolutionPlot::default())?;
            written.push(path.display().to_string());
        }
        self.write_residuals(solved.solver.method.name(), solved.report, &mut written)?;
        Ok(written)
    }

    /// Writes the picture of the residuals, where it was asked for.
    pub fn write_residuals(&self, method: &str, report: &Report, written: &mut Vec<String>) -> Result<()> {
        if let Some(path) = &self.plot_residuals {
            let history = Curve::history(method, report.residuals.clone());
            plot::curves(path, &[history], &residual_axes())?;
            written.push(path.display().to_string());
        }
        Ok(())
    }
}

/// Axes of residual histories.
pub(super) fn residual_axes() -> CurvesPlot {
    CurvesPlot {
        log_y: true,
        title: "Convergence".into(),
        x_label: "iteration".into(),
        y_label: "relative residual ‖b − A x‖ / ‖b‖".into(),
        ..Default::default()
    }
}
