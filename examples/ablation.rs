//! What each group of the learned cycle's numbers is worth: groups are set back to what analysis gives, one at a time and all
//! but one, and measured beside the cycle of analysis. Prints a table of iterations and of total time (set-up and solve), both
//! over those of analysis: medians over seeds and rounds, methods in turn.
//!
//! `cargo run --release --example ablation -- 64,96 3 5`: sides, seeds of every family, rounds; default `24 1 1`.

use filet::dcdm::shipped_cycle;
use filet::precond::voxel::CycleParameters;
use filet::solver::{StopRule, VoxelSolver, unobserved};
use filet::voxel::{Family, Scene, generate};
use std::time::Instant;

type Group = (&'static str, fn(&str) -> bool);

/// Groups of numbers, by the ends and beginnings of their names.
const GROUPS: [Group; 3] = [
    ("constants (kernels)", |name| name.ends_with(".kernel")),
    ("bands (scalings)", |name| name.ends_with(".scale")),
    ("coarse couplings", |name| name.contains(".coupling")),
];

const FAMILIES: [Family; 4] = [Family::Smoke, Family::Dam, Family::Channels, Family::Walls];

/// First seed: none of the training's.
const SEED: u64 = 5000;

/// The numbers of analysis, with the learned ones where `learned` says so of the name.
fn mixed(learned: impl Fn(&str) -> bool) -> CycleParameters {
    let (mut parameters, mut from) = (CycleParameters::default(), shipped_cycle());
    for ((name, to), (_, from)) in parameters.named().into_iter().zip(from.named()) {
        if learned(&name) {
            to.copy_from_slice(from);
        }
    }
    parameters
}

/// Iterations to 1e-6, and seconds of set-up and solve.
fn measure(scene: &Scene, parameters: &CycleParameters) -> filet::Result<(f64, f64)> {
    let clock = Instant::now();
    let mut solver = VoxelSolver::tuned(&scene.grid, parameters)?;
    let mut p = vec![0.0; scene.rhs.len()];
    let stop = StopRule { rtol: 1e-6, max_iterations: 200, ..StopRule::default() };
    let report = solver.solve(&scene.rhs, &mut p, &stop, &mut unobserved)?;
    Ok((report.iterations as f64, clock.elapsed().as_secs_f64()))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> filet::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize| arguments.get(i).and_then(|n| n.parse().ok()).unwrap_or(1);
    let (sizes, seeds, rounds) = (arguments.first().map_or("24", String::as_str), number(1), number(2));

    let mut cycles = vec![("analysis".to_string(), mixed(|_| false)), ("learned".to_string(), mixed(|_| true))];
    for (name, holds) in GROUPS {
        cycles.push((format!("without {name}"), mixed(|n| !holds(n))));
    }
    for (name, holds) in GROUPS {
        cycles.push((format!("only {name}"), mixed(holds)));
    }

    let cases: Vec<(Family, usize)> =
        sizes.split(',').flat_map(|n| FAMILIES.map(|f| (f, n.parse().unwrap_or(24)))).collect();
    let mut columns: Vec<Vec<String>> = vec![Vec::new(); cycles.len()];
    for &(family, side) in &cases {
        // Ratios by cycle: of iterations, and of times.
        let mut ratios = vec![(Vec::new(), Vec::new(), Vec::new()); cycles.len()];
        for seed in 0..seeds {
            let scene = generate(family, &[side; 3], SEED + seed)?;
            for _ in 0..rounds {
                let measured =
                    cycles.iter().map(|(_, p)| measure(&scene, p)).collect::<filet::Result<Vec<(f64, f64)>>>()?;
                for (ratio, (iterations, time)) in ratios.iter_mut().zip(&measured) {
                    ratio.0.push(*iterations);
                    ratio.1.push(measured[0].0 / iterations);
                    ratio.2.push(measured[0].1 / time);
                }
            }
        }
        for (column, (iterations, fewer, faster)) in columns.iter_mut().zip(ratios) {
            column.push(format!("{:.0}, {:.2}, {:.2}", median(iterations), median(fewer), median(faster)));
        }
    }

    let heads: Vec<String> = cases.iter().map(|(family, side)| format!("{} {side}³", family.name())).collect();
    println!("| cycle | {} |", heads.join(" | "));
    println!("|---|{}", "---|".repeat(heads.len()));
    for ((name, _), column) in cycles.iter().zip(columns) {
        println!("| {name} | {} |", column.join(" | "));
    }
    println!("\nmedian iterations, those of analysis over them, and the same of the total times");
    Ok(())
}
