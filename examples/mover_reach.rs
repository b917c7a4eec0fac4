//! What the mesh movers reach, as tables on stdout; `docs/mover.md` has what they measured.
//!
//! `cargo run --release --example mover_reach -- steps`, or cost, large, gain, frames, learned [MONITORS [N [WEIGHTS]]].

use filet::assembly::{Errors, Poisson, Space};
use filet::expression::Expression;
use filet::mesh::{Mesh, shapes};
use filet::mover::{
    ExactMonitor, Form, LearnedMover, MongeAmpere, MongeAmpereConfig, Monitor, MoveConfig, MoveReport, Moved, Mover,
    Ring, Synthetic,
};
use filet::nn::read_weights;
use filet::solver::{Method, SolverConfig, StopRule, unobserved};
use std::time::Instant;

fn main() -> filet::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("steps") => steps(),
        Some("cost") => cost(),
        Some("large") => large(),
        Some("gain") => gain(),
        Some("learned") => learned(),
        Some("frames") => frames(),
        _ => {
            println!("say what to measure: steps, cost, large, gain, learned or frames");
            Ok(())
        }
    }
}

fn mesh(name: &str) -> filet::Result<Mesh> {
    shapes::built_in(name).expect("a built-in shape")
}

fn ring(amplitude: f64, sharpness: f64, radius_squared: f64) -> Ring {
    Ring { amplitude, sharpness, radius_squared, centre: [0.5; 3] }
}

fn in_plane(ring: Ring) -> Ring {
    Ring { centre: [0.5, 0.5, 0.0], ..ring }
}

/// 1 + 5 ‖D²u‖ / max, u the peak of the Helmholtz problem.
fn peak(mesh: &Mesh) -> filet::Result<ExactMonitor> {
    let u = Expression::parse("exp(-100*((x-0.51)^2+(y-0.65)^2))")?;
    ExactMonitor::new(&u, Form::Hessian, 5.0, mesh)
}

/// The monitors of the published tables.
fn monitors(mesh: &Mesh) -> filet::Result<[(&'static str, Box<dyn Monitor>); 3]> {
    Ok([
        ("peak", Box::new(peak(mesh)?)),
        ("ring a = 10", Box::new(in_plane(ring(10.0, 200.0, 0.15)))),
        ("ring a = 20", Box::new(in_plane(ring(20.0, 200.0, 0.16)))),
    ])
}

/// Set-up and move, and their seconds.
fn timed(mesh: &Mesh, rtol: f64, monitor: &dyn Monitor) -> filet::Result<(Moved, f64)> {
    let clock = Instant::now();
    let config = MongeAmpereConfig { rtol, ..MongeAmpereConfig::default() };
    let moved = MongeAmpere::new(mesh, &config)?.solve(monitor)?;
    Ok((moved, clock.elapsed().as_secs_f64()))
}

/// Seconds of set-up and solution of −Δu = 1, u = 0 around, by conjugate gradients with algebraic multigrid to 1e-8; the assembly is
/// not counted.
fn poisson(mesh: &Mesh) -> filet::Result<f64> {
    let problem = Poisson { source: 1.0.into(), ..Poisson::default() }.dirichlet(None, 0.0);
    let system = problem.assemble(mesh)?;
    let stop = StopRule { rtol: 1e-8, ..StopRule::default() };
    let config = SolverConfig { method: Method::PcgAmg, stop, ..SolverConfig::default() };
    let clock = Instant::now();
    let mut x = vec![0.0; system.unknowns()];
    let mut solver = config.build(&system.a, mesh.dimension())?;
    solver.solve(&system.a, &system.b, &mut x, &mut unobserved)?.require_converged()?;
    Ok(clock.elapsed().as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn steps() -> filet::Result<()> {
    println!(
        "| monitor | n | steps | linear iterations | variation | min det | outcome |\n|---|---|---|---|---|---|---|"
    );
    for n in [20, 40, 80, 160, 320] {
        let mesh = mesh(&format!("square:{n}"))?;
        for (name, monitor) in monitors(&mesh)? {
            let r = timed(&mesh, 1e-8, monitor.as_ref())?.0.report;
            let (steps, linear, s) = (r.iterations, r.linear_iterations, r.after);
            println!("| {name} | {n} | {steps} | {linear} | {:.4} | {:.3} | {} |", s.variation, s.min_det, r.outcome);
        }
    }
    Ok(())
}

fn cost() -> filet::Result<()> {
    println!("| mesh | monitor | Poisson | move | ratio | steps |\n|---|---|---|---|---|---|");
    let row = |name: &str, of: &str, mesh: &Mesh, rtol: f64, monitor: &dyn Monitor| -> filet::Result<()> {
        let (mut ratios, mut moves, mut solves, mut steps) = (vec![], vec![], vec![], 0);
        for _ in 0..if mesh.points.len() > 30_000 { 3 } else { 7 } {
            let before = poisson(mesh)?;
            let (moved, seconds) = timed(mesh, rtol, monitor)?;
            let solve = 0.5 * (before + poisson(mesh)?);
            ratios.push(seconds / solve);
            moves.push(seconds);
            solves.push(solve);
            steps = moved.report.iterations;
        }
        let [solve, seconds] = [solves, moves].map(|t| 1e3 * median(t));
        println!("| {name} | {of} | {solve:.1} ms | {seconds:.1} ms | {:.1} | {steps} |", median(ratios));
        Ok(())
    };
    for n in [20, 40, 80, 160, 320] {
        let (name, mesh) = (format!("square:{n}"), mesh(&format!("square:{n}"))?);
        for (of, monitor) in monitors(&mesh)? {
            row(&name, of, &mesh, 1e-8, monitor.as_ref())?;
        }
    }
    for n in [10, 20] {
        row(&format!("cube:{n}"), "ball a = 10", &mesh(&format!("cube:{n}"))?, 1e-8, &ring(10.0, 20.0, 0.0))?;
    }
    Ok(())
}

fn large() -> filet::Result<()> {
    println!("| mesh | nodes | move | steps | residual | variation |\n|---|---|---|---|---|---|");
    for (name, rtol) in [("square:316", 1e-8), ("cube:46", 1e-6), ("square:1000", 1e-8)] {
        let mesh = mesh(name)?;
        let monitor: Box<dyn Monitor> = match mesh.dimension() {
            2 => Box::new(peak(&mesh)?),
            _ => Box::new(ring(10.0, 20.0, 0.0)),
        };
        let (moved, seconds) = timed(&mesh, rtol, monitor.as_ref())?;
        let MoveReport { iterations, residuals, before, after, .. } = moved.report;
        let (nodes, residual) = (mesh.points.len(), residuals.last().copied().unwrap_or(0.0));
        let spread = format!("{:.4} -> {:.4}", before.variation, after.variation);
        println!("| {name} | {nodes} | {seconds:.2} s | {iterations} | {residual:.1e} | {spread} |");
    }
    Ok(())
}

/// The functions of the comparison at 1681 nodes.
const FUNCTIONS: [(&str, &str); 5] = [
    ("gauss", "exp(-((x-0.5)^2+(y-0.5)^2)/0.01)"),
    ("tanh(30(r - 0.3))", "tanh(30*(sqrt((x-0.5)^2+(y-0.5)^2+1e-12)-0.3))"),
    ("wavy front", "tanh(50*(y-0.5-0.1*sin(2*pi*x)))"),
    ("1/(1 + 1000 r^2)", "1/(1+1000*((x-0.5)^2+(y-0.5)^2))"),
    ("sin sin", "sin(pi*x)*sin(pi*y)"),
];

fn gain() -> filet::Result<()> {
    println!("| function | monitor | L2 | H1 | steps | outcome |\n|---|---|---|---|---|---|");
    let before = mesh("square:40")?;
    for (name, text) in FUNCTIONS {
        let u = Expression::parse(text)?;
        let errors = |mesh: &Mesh| {
            let values: Vec<f64> = mesh.points.iter().map(|&p| u.eval(p)).collect();
            Errors::of(&Space::new(mesh, 1), &values, &u)
        };
        let uniform = errors(&before);
        for (form, of) in Form::ALL {
            let monitor = ExactMonitor::new(&u, form, form.usual_amount(), &before)?;
            let moved = timed(&before, 1e-6, &monitor)?.0;
            let (e, r) = (errors(&moved.mesh), &moved.report);
            let gains = format!("{:.2} | {:.2}", uniform.l2 / e.l2, uniform.h1 / e.h1);
            println!("| {name} | {of} | {gains} | {} | {} |", r.iterations, r.outcome);
        }
    }
    Ok(())
}

/// Seed of monitors that no shipped weights were trained on.
const UNSEEN: u64 = 5000;

fn learned() -> filet::Result<()> {
    let argument = |k: usize, usual: u64| std::env::args().nth(k).and_then(|n| n.parse().ok()).unwrap_or(usual);
    let (count, n) = (argument(2, 1000), argument(3, 40));
    let before = mesh(&format!("square:{n}"))?;
    let config = |rtol: f64, max_iterations: usize| MoveConfig { rtol, max_iterations, ..MoveConfig::default() };
    let mut guess = match std::env::args().nth(4) {
        Some(path) => LearnedMover::new(&read_weights(path)?, &config(1e-8, 0))?,
        None => LearnedMover::shipped(&config(1e-8, 0)),
    };
    let mut polish = guess.clone();
    polish.polish = config(1e-8, 200);
    let (mut tangled, mut folded, mut ratios, mut unmoved, mut times) = (0, 0, vec![], vec![], vec![]);
    let tolerances = [1e-2, 1e-4, 1e-8];
    let (mut steps, mut seconds, mut polished) = ([[0; 2]; 3], [[0.0; 2]; 3], 0);
    for number in 0..count {
        let monitor = Synthetic::new(UNSEEN, number);
        let alone = guess.move_mesh(&before, &monitor)?.report;
        tangled += alone.after.tangled;
        folded += usize::from(!alone.notes.is_empty());
        let solved = config(1e-2, 200).move_mesh(&before, &monitor)?.report;
        ratios.push(alone.after.variation / solved.after.variation);
        unmoved.push(alone.before.variation / solved.after.variation);
        times.push(solved.seconds / alone.seconds);
        if number % 10 != 0 {
            continue;
        }
        polished += 1;
        for (k, rtol) in tolerances.into_iter().enumerate() {
            polish.polish.rtol = rtol;
            let reports = [config(rtol, 200).move_mesh(&before, &monitor)?, polish.move_mesh(&before, &monitor)?];
            for (i, report) in reports.into_iter().map(|moved| moved.report).enumerate() {
                tangled += report.after.tangled;
                steps[k][i] += report.iterations;
                seconds[k][i] += report.seconds;
            }
        }
    }
    let within = ratios.iter().filter(|r| **r <= 1.5).count();
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    println!("{count} monitors on square:{n}: {tangled} tangled cells, the net's potential refused {folded} times");
    println!(
        "variation of the net alone / the solver's: mean {mean:.3}, median {:.3}, <= 1.5 for {within}",
        median(ratios)
    );
    println!("of the mesh before / the solver's: median {:.3}", median(unmoved));
    println!("time of the solver to 1e-2 / of the net alone: median {:.1}", median(times));
    println!("{polished} of them polished:");
    println!("| tolerance | steps alone | steps from the net | time from the net / alone |\n|---|---|---|---|");
    for (k, rtol) in tolerances.into_iter().enumerate() {
        let [cold, warm] = steps[k].map(|s| f64::from(s as u32) / f64::from(polished));
        println!("| {rtol:e} | {cold:.1} | {warm:.1} | {:.2} |", seconds[k][1] / seconds[k][0]);
    }
    Ok(())
}

/// A ring that moves by 0.02 a frame: each solve begins with the potential of the last, or with none.
fn frames() -> filet::Result<()> {
    println!("| ring | steps cold | steps warm | time warm / cold |\n|---|---|---|---|");
    let mesh = mesh("square:80")?;
    for amplitude in [10.0, 20.0] {
        let at = |frame: usize| Ring {
            centre: [0.4 + 0.02 * frame as f64, 0.5, 0.0],
            ..in_plane(ring(amplitude, 200.0, 0.09))
        };
        let mut warm = MongeAmpere::new(&mesh, &MongeAmpereConfig::default())?;
        warm.solve(&at(0))?;
        let (mut steps, mut seconds) = ([0; 2], [0.0; 2]);
        for frame in 1..=10 {
            let mut cold = MongeAmpere::new(&mesh, &MongeAmpereConfig::default())?;
            for (i, mover) in [&mut cold, &mut warm].into_iter().enumerate() {
                let report = mover.solve(&at(frame))?.report;
                steps[i] += report.iterations;
                seconds[i] += report.seconds;
            }
        }
        println!("| a = {amplitude} | {} | {} | {:.2} |", steps[0] / 10, steps[1] / 10, seconds[1] / seconds[0]);
    }
    Ok(())
}
