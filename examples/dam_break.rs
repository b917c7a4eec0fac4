//! A column of water collapses: `cargo run --release --example dam_break -- [CELLS] [STEPS] [FOLDER] [--3d]`.
//!
//! Water is a set of particles (FLIP: Y. Zhu and R. Bridson 2005, doi:10.1145/1073204.1073298). Every step makes new flags
//! from them, which the pressure solver follows. Frames and the last step's scene are written to FOLDER.

mod mac;

use filet::error::Result;
use filet::voxel::Scene;
use mac::water::Water;
use mac::{Samples, frame};
use std::path::Path;

fn main() -> Result<()> {
    let (flags, plain): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|a| a.starts_with("--"));
    let number = |i: usize, default: usize| plain.get(i).and_then(|a| a.parse().ok()).unwrap_or(default);
    let (cells, steps) = (number(0, 32), number(1, 20));
    let folder = plain.get(2).map_or("target/dam_break", String::as_str);
    let in_space = flags.iter().any(|f| f == "--3d");
    std::fs::create_dir_all(folder).map_err(|e| filet::error::Error::io(folder, "create", e))?;

    let n = [cells, if in_space { cells } else { 1 }, 2 * cells];
    let (height, width) = (0.7 * cells as f64, 0.6 * cells as f64);
    let mut water = Water::filling(n, |x| x[0] < height && x[2] < width)?;
    for step in 1..=steps {
        let clock = std::time::Instant::now();
        let done = water.step(0.01 * cells as f64, 1e-5)?;
        if step % 10 == 0 || step == steps {
            let mut picture = Samples::cells(n);
            for (value, flag) in picture.values.iter_mut().zip(water.flow.grid.flags()) {
                *value = if *flag == filet::voxel::FLUID { 0.75 } else { 0.0 };
            }
            frame(&Path::new(folder).join(format!("dam_{step:04}.png")), &picture, &water.flow.grid, 4)?;
            println!(
                "step {step}: front at {:.2}, {} iterations, set-up {:.1} ms, solve {:.1} ms of {:.1} ms, largest divergence {:.1e}",
                water.front() / cells as f64,
                done.report.iterations,
                1e3 * done.setup_seconds,
                1e3 * done.report.seconds,
                1e3 * clock.elapsed().as_secs_f64(),
                done.divergence
            );
        }
    }
    water.fall(0.5);
    Scene::new(water.flow.grid.clone(), water.flow.sources())?.write(Path::new(folder).join("scene.h5"))
}
