//! Pictures of a PINN in the plane.

use crate::error::{Error, Result};
use crate::mesh::{CellKind, Mesh};
use crate::pinn::{Approximation, Problem};
use crate::report::plot::{self, Curve, CurvesPlot, Panel, SolutionPlot};
use std::path::{Path, PathBuf};

/// Cells along a side of the grid that fields are drawn on.
const CELLS: usize = 200;
/// Cells along a side of the lattice that points are counted on.
const CROWD: usize = 50;

/// Where |r| is a smaller part of its maximum, it is drawn as this part: zeros would leave no colours for the rest.
const DEPTH: f64 = 1e-5;

/// PREFIX_what.png
pub(super) fn named(prefix: &Path, what: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(format!("_{what}.png"));
    name.into()
}

/// Refuses pictures of what cannot be drawn, before the work.
pub(super) fn check(prefix: Option<&Path>, problem: &Problem) -> Result<()> {
    match prefix {
        Some(prefix) if problem.dimension() != 2 => Err(Error::Option {
            option: "--plots".into(),
            value: prefix.display().to_string(),
            what: format!("draws problems in the plane; this one has {} dimensions", problem.dimension()),
        }),
        _ => Ok(()),
    }
}

/// Triangles over the domain's bounding box, those with a corner outside left out.
fn grid(problem: &Problem) -> Mesh {
    let bounds = problem.domain.bounds();
    let at = |i: usize, k: usize| bounds[i][0] + k as f64 / CELLS as f64 * (bounds[i][1] - bounds[i][0]);
    let points: Vec<[f64; 3]> =
        (0..(CELLS + 1).pow(2)).map(|p| [at(0, p % (CELLS + 1)), at(1, p / (CELLS + 1)), 0.0]).collect();
    // Drawn in a little, so that the edges of a region count.
    let inside: Vec<bool> = points
        .iter()
        .map(|p| {
            let middle = |i: usize| 0.5 * (bounds[i][0] + bounds[i][1]);
            let x = [0, 1].map(|i| p[i] + 1e-9 * (middle(i) - p[i]));
            problem.domain.contains(&x)
        })
        .collect();
    let corner = |i: usize, j: usize| (j * (CELLS + 1) + i) as u32;
    let both = |c: usize| {
        let (i, j) = (c % CELLS, c / CELLS);
        let [a, b, c, d] = [corner(i, j), corner(i + 1, j), corner(i + 1, j + 1), corner(i, j + 1)];
        [[a, b, c], [a, c, d]]
    };
    let cells = (0..CELLS * CELLS).flat_map(both).filter(|t| t.iter().all(|v| inside[*v as usize])).flatten();
    Mesh { points, kind: CellKind::Triangle, cells: cells.collect(), groups: Vec::new() }
}

/// Points in every cell of a lattice, as lg(1 + their number).
pub(super) fn crowd(run: &dyn Approximation) -> Panel {
    let bounds = run.problem().domain.bounds();
    let mut counts = vec![0.0f64; CROWD * CROWD];
    for x in run.cloud().points.chunks_exact(2) {
        let cell = |i: usize| {
            let [low, high] = bounds[i];
            (((x[i] - low) / (high - low) * CROWD as f64) as usize).min(CROWD - 1)
        };
        counts[cell(1) * CROWD + cell(0)] += 1.0;
    }
    Panel::new(format!("step {}", run.step()), counts.iter().map(|n| n.ln_1p() / std::f64::consts::LN_10).collect())
}

/// Draws all there is to see; gives the files' names.
pub(super) fn write(
    prefix: &Path,
    run: &dyn Approximation,
    errors: &[[f64; 2]],
    moments: &[Panel],
) -> Result<Vec<String>> {
    let problem = run.problem();
    let mesh = grid(problem);
    let places: Vec<f64> = mesh.points.iter().flat_map(|p| [p[0], p[1]]).collect();
    let mut written = Vec::new();
    let axes = [0, 1].map(|i| problem.coordinates[i].clone());
    let mut field = |what: &str, label: &str, values: &[f64]| -> Result<()> {
        let path = named(prefix, what);
        let title = format!("{}: {what}", problem.name);
        let (label, axes) = (label.into(), axes.clone());
        let look = SolutionPlot { title, label, axes, mesh_lines: false, width: 900, ..SolutionPlot::default() };
        plot::solution(&path, &mesh, values, &look)?;
        written.push(path.display().to_string());
        Ok(())
    };
    let u = run.solution(&places);
    field("solution", "u", &u)?;
    if let Some(exact) = &problem.exact {
        let error: Vec<f64> = places.chunks_exact(2).zip(&u).map(|(x, u)| u - exact(x)).collect();
        field("error", "u - u*", &error)?;
    }
    let mut residual = run.residual(&places);
    let most = residual.iter().fold(f64::MIN_POSITIVE, |most, r| most.max(r.abs()));
    residual.iter_mut().for_each(|r| *r = r.abs().max(DEPTH * most).log10());
    field("residual", "lg |r|", &residual)?;
    if let Some(density) = run.density(&places) {
        field("density", "p", &density)?;
    }
    let points: Vec<[f64; 2]> = run.cloud().points.chunks_exact(2).map(|x| [x[0], x[1]]).collect();
    let bounds = problem.domain.bounds();
    let names = [problem.coordinates[0].as_str(), &problem.coordinates[1]];
    let path = named(prefix, "points");
    plot::scatter(&path, &points, [bounds[0], bounds[1]], names, &format!("{}: points", problem.name))?;
    written.push(path.display().to_string());
    if !moments.is_empty() {
        let path = named(prefix, "strip");
        let most = moments.iter().fold(0.0, |most: f64, m| most.max(m.bounds()[1]));
        let alike: Vec<Panel> = moments.iter().map(|m| Panel { range: Some([0.0, most]), ..m.clone() }).collect();
        plot::panels(&path, &alike, [CROWD; 2], &format!("{}: lg(1 + points in a cell)", problem.name))?;
        written.push(path.display().to_string());
    }
    let steps = (1..=run.step()).map(|k| k as f64).collect();
    let mut curves = vec![Curve::new("loss", steps, run.losses().to_vec())];
    let (x, y) = errors.iter().map(|[x, y]| (*x, *y)).unzip();
    curves.push(Curve::new("relative L2 error", x, y));
    let path = named(prefix, "convergence");
    let title = format!("{}: convergence", problem.name);
    let axes = CurvesPlot { x_label: "step".into(), y_label: String::new(), title, ..CurvesPlot::default() };
    plot::curves(&path, &curves, &axes)?;
    written.push(path.display().to_string());
    Ok(written)
}
