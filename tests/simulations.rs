//! The simulations of `examples/` against what is known of flows.

#[path = "../examples/mac/mod.rs"]
mod mac;

use filet::voxel::{FLUID, SOLID, VoxelGrid};
use mac::Mac;
use mac::water::Water;
use std::f64::consts::PI;

/// Largest error of the projection of a Taylor-Green vortex plus the gradient of cos πx cos πy in a closed box of n × n.
fn projection_error(n: usize) -> f64 {
    let mut flow = Mac::new(VoxelGrid::new(&[n, 1, n], vec![FLUID; n * n]).unwrap());
    let exact = |d: usize, x: [f64; 3]| {
        let (x, y) = (PI * x[0] / n as f64, PI * x[2] / n as f64);
        [x.sin() * y.cos(), 0.0, -x.cos() * y.sin()][d]
    };
    let gradient = |d: usize, x: [f64; 3]| {
        let (x, y) = (PI * x[0] / n as f64, PI * x[2] / n as f64);
        [-x.sin() * y.cos(), 0.0, -x.cos() * y.sin()][d]
    };
    for d in [0, 2] {
        for at in 0..flow.u[d].values.len() {
            let x = flow.u[d].position(at);
            flow.u[d].values[at] = exact(d, x) + gradient(d, x);
        }
    }
    let done = flow.project(1e-10).unwrap();
    assert!(done.divergence < 1e-8, "{}", done.divergence);
    let error = |d: usize| {
        let u = &flow.u[d];
        (0..u.values.len()).map(|at| (u.values[at] - exact(d, u.position(at))).abs()).fold(0.0, f64::max)
    };
    error(0).max(error(2))
}

#[test]
fn projection_keeps_the_vortex_and_removes_the_gradient_at_second_order() {
    let errors = [16, 32, 64].map(projection_error);
    for pair in errors.windows(2) {
        // The vortex is divergence-free on the grid, too; the gradient is removed to rounding or at second order.
        assert!(pair[1] < 1e-8 || (pair[0] / pair[1]).log2() > 1.9, "{errors:?}");
    }
}

#[test]
fn an_obstacle_and_an_open_top_leave_no_divergence() {
    let n = [20, 12, 16];
    let mut flags = vec![FLUID; n.iter().product()];
    let cells = mac::Samples::cells(n);
    for (c, flag) in flags.iter_mut().enumerate() {
        let x = cells.position(c);
        let off: f64 = (0..3).map(|d| (x[d] - [9.0, 6.0, 7.0][d]).powi(2)).sum();
        *flag = if off < 9.0 {
            SOLID
        } else if cells.place(c)[0] == 19 {
            filet::voxel::AIR
        } else {
            FLUID
        };
    }
    let mut flow = Mac::new(VoxelGrid::new(&n, flags).unwrap());
    for d in 0..3 {
        for at in 0..flow.u[d].values.len() {
            let x = flow.u[d].position(at);
            flow.u[d].values[at] = (x[0] + 2.0 * x[1]).sin() + 0.3 * x[2].cos();
        }
    }
    assert!(flow.project(1e-9).unwrap().divergence < 1e-6);
}

#[test]
fn water_at_rest_stays_at_rest_under_a_linear_pressure() {
    let n = [16, 1, 20];
    let mut water = Water::filling(n, |x| x[0] < 10.0).unwrap();
    let count = water.particles.len();
    for _ in 0..20 {
        water.step(0.1, 1e-9).unwrap();
    }
    let fastest = water.particles.iter().flat_map(|p| p.u).fold(0.0f64, |m, u| m.max(u.abs()));
    assert!(fastest < 1e-6, "{fastest}");
    assert_eq!(water.particles.len(), count);
    // p = gravity · Δt · depth below the centre of the air cells above.
    let grid = &water.flow.grid;
    for i in 1..10 {
        let p = water.flow.pressure[grid.index(i, 0, 7)];
        assert!((p - 0.1 * 0.5 * (10 - i) as f64).abs() < 1e-6, "{i}: {p}");
    }
}

#[test]
fn a_dam_breaks_forwards_and_loses_no_water() {
    let n = [24, 1, 48];
    let mut water = Water::filling(n, |x| x[0] < 16.0 && x[2] < 14.0).unwrap();
    let count = water.particles.len();
    let energy =
        |w: &Water| w.particles.iter().map(|p| 0.24 * p.x[0] + 0.5 * (p.u[0].powi(2) + p.u[2].powi(2))).sum::<f64>();
    let (mut front, start) = (water.front(), energy(&water));
    for _ in 0..30 {
        water.step(0.24, 1e-6).unwrap();
        assert!(water.front() >= front - 1e-9);
        front = water.front();
    }
    assert!(front > 24.0 && water.particles.len() == count, "front at {front}");
    assert!(water.particles.iter().all(|p| p.x[0] >= 1.0 && p.x[2] >= 1.0 && p.x[2] <= 47.0));
    assert!(energy(&water) < 1.02 * start, "{} of {start}", energy(&water));
}
