//! Residual against time for every problem, time against unknowns for every family with several sizes: one panel each.

use super::row::Row;
use crate::error::Result;
use crate::report::format::counted;
use crate::report::plot::{Chart, Curve, CurvesPlot, charts};
use std::path::Path;

pub(super) fn draw(path: &Path, rows: &[Row]) -> Result<()> {
    let problems = distinct(rows.iter().map(|r| r.problem.as_str()));
    let families = distinct(rows.iter().map(|r| family(&r.problem)));
    let mut panels: Vec<Chart> = problems.iter().map(|p| residuals(rows, p)).collect();
    panels.extend(families.iter().filter_map(|f| sizes(rows, f)));
    // What has one name looks alike in all panels.
    let all = panels.iter().flat_map(|p| &p.curves).map(|c| c.name.clone()).collect::<Vec<_>>();
    let names = distinct(all.iter().map(String::as_str));
    let curves = panels.iter_mut().flat_map(|p| &mut p.curves);
    curves.for_each(|c| c.style = names.iter().position(|n| *n == c.name));
    charts(path, &panels)
}

/// What generated problems of several sizes have in common: `smoke` of `smoke:64`.
fn family(problem: &str) -> &str {
    problem.split_once(':').map_or(problem, |(family, _)| family)
}

/// Relative residuals over the seconds since set-up began.
fn residuals(rows: &[Row], problem: &str) -> Chart {
    let here: Vec<&Row> = rows.iter().filter(|r| r.problem == problem).collect();
    // A tighter tolerance runs through the others: one curve is enough.
    let tightest = here.iter().map(|r| r.rtol).fold(f64::INFINITY, f64::min);
    let shown: Vec<&Row> = here.iter().copied().filter(|r| r.rtol == tightest).collect();
    let curve = |r: &&Row| Curve::new(name(r, &shown), r.times.clone(), r.residuals.clone());
    Chart {
        curves: shown.iter().map(curve).collect(),
        plot: CurvesPlot {
            title: problem.into(),
            x_label: "seconds since set-up began".into(),
            y_label: "relative residual".into(),
            log_x: true,
            ..Default::default()
        },
    }
}

/// Set-up and solve over the unknowns, where there are several sizes.
fn sizes(rows: &[Row], of: &str) -> Option<Chart> {
    let here: Vec<&Row> = rows.iter().filter(|r| family(&r.problem) == of && r.outcome == "converged").collect();
    let tightest = here.iter().map(|r| r.rtol).fold(f64::INFINITY, f64::min);
    let shown: Vec<&Row> = here.into_iter().filter(|r| r.rtol == tightest).collect();
    if distinct(shown.iter().map(|r| r.problem.as_str())).len() < 2 {
        return None;
    }
    let names: Vec<String> = shown.iter().map(|r| name(r, &shown)).collect();
    let curve = |wanted: &str| {
        let mut points: Vec<[f64; 2]> = shown
            .iter()
            .zip(&names)
            .filter(|(_, n)| *n == wanted)
            .map(|(r, _)| [r.unknowns as f64, r.total.median])
            .collect();
        points.sort_by(|a, b| a[0].total_cmp(&b[0]));
        Curve::new(wanted, points.iter().map(|p| p[0]).collect(), points.iter().map(|p| p[1]).collect())
    };
    Some(Chart {
        curves: distinct(names.iter().map(String::as_str)).into_iter().map(curve).collect(),
        plot: CurvesPlot {
            title: format!("{of}: set-up and solve to {tightest:e}"),
            x_label: "unknowns".into(),
            y_label: "seconds".into(),
            log_x: true,
            slopes: vec![1.0],
            ..Default::default()
        },
    })
}

/// The method, with the number of threads where that differs.
fn name(row: &Row, among: &[&Row]) -> String {
    match among.iter().all(|r| r.threads == row.threads) {
        true => row.method.clone(),
        false => format!("{}, {}", row.method, counted(row.threads as u64, "thread")),
    }
}

/// Each once, in order of appearance.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    names.for_each(|n| {
        if !seen.contains(&n) {
            seen.push(n);
        }
    });
    seen
}
