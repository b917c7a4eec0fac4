//! Smoke rises past a ball: `cargo run --release --example smoke_plume -- [CELLS] [STEPS] [FOLDER] [--3d]`.
//!
//! Buoyant smoke on a staggered grid in a box open at the top. The flags never change, so the pressure solver is set up
//! once, and every solve starts from the last pressure. Frames and the last step's scene are written to FOLDER.

mod mac;

use filet::error::Result;
use filet::voxel::{AIR, FLUID, SOLID, Scene, VoxelGrid};
use mac::{Mac, Samples, frame};
use std::path::Path;

fn main() -> Result<()> {
    let (flags, plain): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|a| a.starts_with("--"));
    let number = |i: usize, default: usize| plain.get(i).and_then(|a| a.parse().ok()).unwrap_or(default);
    let (cells, steps) = (number(0, 48), number(1, 20));
    let folder = plain.get(2).map_or("target/smoke_plume", String::as_str);
    let in_space = flags.iter().any(|f| f == "--3d");
    std::fs::create_dir_all(folder).map_err(|e| filet::error::Error::io(folder, "create", e))?;

    let n = [2 * cells, if in_space { cells } else { 1 }, cells];
    let mut flow = Mac::new(box_with_ball(n)?);
    let mut smoke = Samples::cells(n);
    for step in 1..=steps {
        let clock = std::time::Instant::now();
        let fastest = flow.u.iter().flat_map(|u| &u.values).fold(1.0f64, |m, u| m.max(u.abs()));
        let dt = (2.0 / fastest).min(0.5);
        emit(&mut smoke, dt);
        smoke = flow.advected(&smoke, dt);
        flow.advect(dt);
        lift(&mut flow, &smoke, dt * 0.02 * cells as f64);
        let done = flow.project(1e-5)?;
        if step % 10 == 0 || step == steps {
            frame(&Path::new(folder).join(format!("smoke_{step:04}.png")), &smoke, &flow.grid, 2)?;
            println!(
                "step {step}: {} iterations, pressure {:.1} ms of {:.1} ms, largest divergence {:.1e}",
                done.report.iterations,
                1e3 * (done.report.seconds + done.setup_seconds),
                1e3 * clock.elapsed().as_secs_f64(),
                done.divergence
            );
        }
    }
    flow.advect(0.5);
    flow.hold_walls();
    Scene::new(flow.grid.clone(), flow.sources())?.write(Path::new(folder).join("scene.h5"))
}

/// A box with air on top and a ball of a fifth of its width in the way.
fn box_with_ball(n: [usize; 3]) -> Result<VoxelGrid> {
    let empty = Samples::cells(n);
    let centre = [0.9 * n[2] as f64, 0.5 * n[1] as f64, 0.48 * n[2] as f64];
    let flag = |c: usize| {
        let x = empty.position(c);
        let distance: f64 = (0..3).map(|d| (x[d] - centre[d]).powi(2)).sum();
        match () {
            _ if distance < (0.14 * n[2] as f64).powi(2) => SOLID,
            _ if empty.place(c)[0] + 1 == n[0] => AIR,
            _ => FLUID,
        }
    };
    VoxelGrid::new(&n, (0..empty.values.len()).map(flag).collect())
}

/// Smoke comes from a disc near the floor.
fn emit(smoke: &mut Samples, dt: f64) {
    let [_, n1, n2] = smoke.n.map(|n| n as f64);
    for c in 0..smoke.values.len() {
        let x = smoke.position(c);
        let off = (x[1] - 0.5 * n1).powi(2) + (x[2] - 0.5 * n2).powi(2);
        if x[0] < 0.12 * n2 && x[0] > 0.04 * n2 && off < (0.1 * n2).powi(2) {
            smoke.values[c] = (smoke.values[c] + dt).min(1.0);
        }
    }
}

/// Smoke is light: u <- u + `lift` · smoke, upwards.
fn lift(flow: &mut Mac, smoke: &Samples, lift: f64) {
    for at in 0..flow.u[0].values.len() {
        let x = flow.u[0].position(at);
        flow.u[0].values[at] += lift * smoke.at(x);
    }
}
