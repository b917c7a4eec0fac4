//! Voxel multigrid and its solver against independent methods, on grids of all kinds.

mod common;

use common::noise;
use filet::assembly::VoxelSystem;
use filet::dcdm::shipped_cycle;
use filet::operator::LinearOperator;
use filet::operator::voxel::{FaceWeights, VoxelOperator};
use filet::precond::Preconditioner;
use filet::precond::voxel::{CycleParameters, RediscretisedMultigrid, VoxelMultigrid};
use filet::solver::{Outcome, Report, StopRule, VoxelSolver, cg, unobserved};
use filet::sparse::Cholesky;
use filet::voxel::{AIR, Components, FLUID, SOLID, VoxelGrid};

/// Every cell solid, fluid or air by chance: pockets, single cells and channels of every kind.
fn random_grid(sides: &[usize], seed: u64) -> VoxelGrid {
    let mut next = noise(seed);
    let kinds = [SOLID, FLUID, FLUID, FLUID, FLUID, FLUID, FLUID, AIR];
    VoxelGrid::new(sides, (0..sides.iter().product()).map(|_| kinds[(next() * 8.0) as usize]).collect()).unwrap()
}

/// A box of fluid, open to air on one side or not at all, with balls of solid.
fn obstacles(sides: &[usize], open: bool, seed: u64) -> VoxelGrid {
    let mut next = noise(seed);
    let balls: Vec<([f64; 3], f64)> = (0..4).map(|_| ([next(), next(), next()], 0.05 + 0.1 * next())).collect();
    let empty = VoxelGrid::new(sides, vec![FLUID; sides.iter().product()]).unwrap();
    let flags = (0..empty.cells()).map(|c| {
        let place = empty.place(c);
        let at = |d: usize| place.get(d).map_or(0.5, |i| (*i as f64 + 0.5) / sides[d] as f64);
        let within = |(centre, radius): &([f64; 3], f64)| {
            (0..sides.len()).map(|d| (at(d) - centre[d]).powi(2)).sum::<f64>() < radius * radius
        };
        match () {
            _ if balls.iter().any(within) => SOLID,
            _ if open && place[sides.len() - 1] + 1 == sides[sides.len() - 1] => AIR,
            _ => FLUID,
        }
    });
    VoxelGrid::new(sides, flags.collect()).unwrap()
}

/// A right-hand side in the range of the operator.
fn right_hand_side(grid: &VoxelGrid, operator: &VoxelOperator, seed: u64) -> Vec<f64> {
    let mut next = noise(seed);
    let mut b = vec![0.0; grid.cells()];
    operator.apply(&(0..grid.cells()).map(|_| next() - 0.5).collect::<Vec<_>>(), &mut b);
    b
}

/// Weights over three orders of magnitude, some of them 0.
fn random_weights(grid: &VoxelGrid, seed: u64) -> FaceWeights {
    let (mut weights, mut next) = (FaceWeights::ones(grid), noise(seed));
    for d in 3 - grid.dimension()..3 {
        weights.faces_mut(d).iter_mut().for_each(|w| *w = 10f32.powf(3.0 * next() as f32 - 2.0));
    }
    weights
}

fn solve(solver: &mut VoxelSolver, b: &[f64], rtol: f64) -> (Vec<f64>, Report) {
    let mut x = vec![0.0; b.len()];
    let stop = StopRule { rtol, max_iterations: 200, ..StopRule::default() };
    let report = solver.solve(b, &mut x, &stop, &mut unobserved).unwrap();
    (x, report)
}

const SHAPES: [&[usize]; 8] =
    [&[12, 9, 17], &[16, 16, 16], &[7, 30, 5], &[1, 20, 20], &[20, 1, 13], &[40, 33], &[3, 64], &[2, 2, 2]];

/// Grids of every shape and kind, with their names.
fn grids() -> Vec<(String, VoxelGrid)> {
    let mut grids = Vec::new();
    for (seed, sides) in SHAPES.into_iter().enumerate() {
        grids.push((format!("random {sides:?}"), random_grid(sides, seed as u64 + 1)));
        grids.push((format!("closed {sides:?}"), obstacles(sides, false, seed as u64)));
        grids.push((format!("open {sides:?}"), obstacles(sides, true, seed as u64)));
    }
    grids
}

#[test]
fn the_solver_agrees_with_cholesky_to_1e_9() {
    for (name, grid) in grids() {
        for weighted in [false, true] {
            let weights = random_weights(&grid, 5);
            let mut solver =
                if weighted { VoxelSolver::weighted(&grid, &weights) } else { VoxelSolver::new(&grid) }.unwrap();
            let system = VoxelSystem::new(&grid, solver.operator()).unwrap();
            let b = right_hand_side(&grid, solver.operator(), 3);
            let (x, report) = solve(&mut solver, &b, 1e-12);
            assert_eq!(report.outcome, Outcome::Converged, "{name}, weights {weighted}: {report:?}");
            let mut exact = system.right_hand_side(&b).unwrap();
            Cholesky::new(&system.a).unwrap().solve_in_place(&mut exact);
            let exact = system.pressure(&exact);
            let scale = exact.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            let off = x.iter().zip(&exact).map(|(x, e)| (x - e).abs()).fold(0.0, f64::max);
            assert!(off <= 1e-9 * scale, "{name}, weights {weighted}: off by {off:.1e} of {scale:.1e}");
        }
    }
}

#[test]
fn the_operator_is_symmetric_and_is_its_matrix() {
    for (name, grid) in grids() {
        for operator in [VoxelOperator::new(&grid), VoxelOperator::weighted(&grid, &random_weights(&grid, 7)).unwrap()]
        {
            let mut next = noise(11);
            let mut vector = || (0..grid.cells()).map(|_| next() - 0.5).collect::<Vec<f64>>();
            let (x, y) = (vector(), vector());
            let (mut ax, mut ay) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            let xax = operator.apply_dot(&x, &mut ax);
            operator.apply(&y, &mut ay);
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            assert!((dot(&ax, &y) - dot(&x, &ay)).abs() <= 1e-12 * dot(&ax, &ax), "{name}");
            assert!((dot(&ax, &x) - xax).abs() <= 1e-12 * xax && xax >= 0.0, "{name}");
            for c in 0..grid.cells() {
                let fluid = |v: f64| if grid.flags()[c] == FLUID { v } else { 0.0 };
                let row =
                    operator.diagonal(c) * fluid(x[c]) - operator.neighbours(c).map(|(n, w)| w * x[n]).sum::<f64>();
                assert!((row - ax[c]).abs() < 1e-5 * (1.0 + operator.diagonal(c)), "{name}: cell {c}: {row} {}", ax[c]);
            }
        }
    }
}

/// The smallest and largest Ritz values of B A after `steps` steps of preconditioned Lanczos, from CG's coefficients.
fn ritz_values(grid: &VoxelGrid, multigrid: &mut VoxelMultigrid, steps: usize) -> (f64, f64) {
    let operator = multigrid.operator().clone();
    let n = grid.cells();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut r = right_hand_side(grid, &operator, 17);
    let (mut z, mut p, mut q) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    let (mut alphas, mut betas, mut rz) = (Vec::new(), Vec::new(), 0.0);
    let first = dot(&r, &r);
    for step in 0..steps {
        multigrid.apply(&r, &mut z);
        let new = dot(&r, &z);
        assert!(new > 0.0, "r·Br = {new}");
        let beta = if step == 0 { 0.0 } else { new / rz };
        rz = new;
        p.iter_mut().zip(&z).for_each(|(p, z)| *p = z + beta * *p);
        let alpha = rz / operator.apply_dot(&p, &mut q);
        r.iter_mut().zip(&q).for_each(|(r, q)| *r -= alpha * q);
        alphas.push(alpha);
        betas.push(beta);
        if dot(&r, &r) < 1e-8 * first {
            break;
        }
    }
    let m = alphas.len();
    let t = nalgebra::DMatrix::from_fn(m, m, |i, j| match i.abs_diff(j) {
        0 => 1.0 / alphas[i] + if i > 0 { betas[i] / alphas[i - 1] } else { 0.0 },
        1 => betas[i.max(j)].sqrt() / alphas[i.min(j)],
        _ => 0.0,
    });
    let values = t.symmetric_eigenvalues();
    (values.min(), values.max())
}

#[test]
fn the_cycle_is_symmetric_positive_definite() {
    for (name, grid) in grids() {
        for weighted in [false, true] {
            let weights = random_weights(&grid, 5);
            let mut multigrid =
                if weighted { VoxelMultigrid::weighted(&grid, &weights) } else { VoxelMultigrid::new(&grid) }.unwrap();
            let (x, y) =
                (right_hand_side(&grid, multigrid.operator(), 1), right_hand_side(&grid, multigrid.operator(), 2));
            let (mut bx, mut by) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            multigrid.apply(&x, &mut bx);
            multigrid.apply(&y, &mut by);
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let size = (dot(&x, &bx) * dot(&y, &by)).sqrt();
            assert!((dot(&bx, &y) - dot(&x, &by)).abs() <= 1e-5 * size, "{name}, weights {weighted}");
            let (low, high) = ritz_values(&grid, &mut multigrid, 30);
            println!("{name}, weights {weighted}: {low:.3} {high:.3}");
            assert!(low > 0.0 && high.is_finite(), "{name}, weights {weighted}: {low} {high}");
        }
    }
}

#[test]
fn rediscretised_multigrid_is_symmetric_positive_definite() {
    for (name, grid) in grids().into_iter().filter(|(name, _)| name.starts_with("open")) {
        let (operator, mut m) = (VoxelOperator::new(&grid), RediscretisedMultigrid::new(&grid).unwrap());
        let (x, y) = (right_hand_side(&grid, &operator, 1), right_hand_side(&grid, &operator, 2));
        let (mut bx, mut by) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        m.apply(&x, &mut bx);
        m.apply(&y, &mut by);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let size = (dot(&x, &bx) * dot(&y, &by)).sqrt();
        assert!((dot(&bx, &y) - dot(&x, &by)).abs() <= 1e-13 * size, "{name}");
        assert!(dot(&x, &bx) > 0.0 && dot(&y, &by) > 0.0, "{name}");
    }
}

#[test]
fn plain_conjugate_gradients_take_the_cycle_too() {
    let grid = obstacles(&[24, 24, 24], true, 3);
    let mut multigrid = VoxelMultigrid::new(&grid).unwrap();
    let operator = multigrid.operator().clone();
    let b = right_hand_side(&grid, &operator, 4);
    let (x, fast) = solve(&mut VoxelSolver::new(&grid).unwrap(), &b, 1e-10);
    let mut y = vec![0.0; b.len()];
    let stop = StopRule { rtol: 1e-10, ..StopRule::default() };
    let plain = cg(&operator, &mut multigrid, &b, &mut y, &stop, &mut unobserved).unwrap();
    assert!(x.iter().zip(&y).all(|(x, y)| (x - y).abs() < 1e-8), "the two solvers agree");
    assert!(fast.iterations <= plain.iterations + 1, "{} {}", fast.iterations, plain.iterations);
}

#[test]
fn iterations_do_not_grow_with_the_grid() {
    for open in [true, false] {
        for dimension in [2, 3] {
            let count = |n: usize| {
                let grid = obstacles(&vec![n; dimension], open, 6);
                let mut solver = VoxelSolver::new(&grid).unwrap();
                let b = right_hand_side(&grid, solver.operator(), 8);
                solve(&mut solver, &b, 1e-8).1.iterations
            };
            let (small, large) = (count(16), count(64));
            assert!(large <= small + 3 && large <= 12, "{dimension}-D, open {open}: {small} at 16, {large} at 64");
        }
    }
}

#[test]
fn levels_of_instructions_and_numbers_of_threads_give_the_same_bits() {
    use filet::simd::{Level, level, limit};
    let grid = random_grid(&[33, 20, 50], 2);
    let weights = random_weights(&grid, 5);
    let run = || {
        let mut both = Vec::new();
        for mut solver in [VoxelSolver::new(&grid).unwrap(), VoxelSolver::weighted(&grid, &weights).unwrap()] {
            let b = right_hand_side(&grid, solver.operator(), 1);
            both.push(solve(&mut solver, &b, 1e-9).0);
        }
        both
    };
    let best = level();
    let reference = run();
    for lower in [Level::Baseline, Level::Avx2] {
        limit(lower);
        assert!(run() == reference, "{lower:?}");
    }
    limit(best);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert!(pool.install(run) == reference, "{threads} threads");
    }
}

#[test]
fn components_are_found_counted_and_checked() {
    // Two closed pockets of 2 cells and one that touches air, in the plane.
    let flags = vec![1, 1, 0, 1, 0, 1, /**/ 0, 0, 0, 1, 0, 2];
    let grid = VoxelGrid::new(&[2, 6], flags).unwrap();
    let components = Components::of(&grid);
    let found: Vec<_> = components.list().iter().map(|c| (c.cells, c.first, c.touches_air)).collect();
    assert_eq!(found, [(2, 0, false), (2, 3, false), (1, 5, true)]);
    let mut b = vec![0.0; 12];
    (b[0], b[1], b[5]) = (1.0, -1.0, 7.0);
    assert!(components.check(&b).is_ok());
    b[9] = 0.5;
    let fault = components.check(&b).unwrap_err().to_string();
    assert!(fault.contains("2 cells around cell [0, 3]") && fault.contains("5.000e-1"), "{fault}");
    b[3] = f64::NAN;
    assert!(components.check(&b).unwrap_err().to_string().contains("NaN in fluid cell [0, 3]"));
    let mut x = vec![1.0, 3.0, 9.0, 2.0, 9.0, 5.0, 9.0, 9.0, 9.0, 4.0, 9.0, 9.0];
    components.clear_outside(&mut x);
    components.remove_mean(&mut x);
    assert_eq!(x, [-1.0, 1.0, 0.0, -1.0, 0.0, 5.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn what_cannot_be_solved_is_refused() {
    let dry = VoxelGrid::new(&[2, 2, 2], vec![AIR; 8]).unwrap();
    assert!(VoxelSolver::new(&dry).err().unwrap().to_string().contains("without fluid"));
    let grid = VoxelGrid::new(&[4, 4, 4], vec![FLUID; 64]).unwrap();
    let mut weights = FaceWeights::ones(&grid);
    weights.faces_mut(1)[3] = -1.0;
    assert!(VoxelSolver::weighted(&grid, &weights).err().unwrap().to_string().contains("face 3 across direction 1"));
    let other = VoxelGrid::new(&[4, 4, 5], vec![FLUID; 80]).unwrap();
    assert!(VoxelSolver::weighted(&other, &FaceWeights::ones(&grid)).is_err());
    let mut solver = VoxelSolver::new(&grid).unwrap();
    let refused = |solver: &mut VoxelSolver, b: &[f64], x: &mut [f64]| {
        solver.solve(b, x, &StopRule::default(), &mut unobserved).unwrap_err().to_string()
    };
    assert!(refused(&mut solver, &[0.0; 5], &mut [0.0; 64]).contains("5 entries"));
    assert!(refused(&mut solver, &[1.0; 64], &mut [0.0; 64]).contains("64 cells around cell [0, 0, 0]"));
    assert!(refused(&mut solver, &[f64::INFINITY; 64], &mut [0.0; 64]).contains("inf in fluid cell"));
    let mut x = vec![3.0; 64];
    let report = solver.solve(&[0.0; 64], &mut x, &StopRule::default(), &mut unobserved).unwrap();
    assert!(report.outcome == Outcome::Converged && x == [0.0; 64]);
}

/// Three steps of CG on noise: the iterate and the residuals tell two cycles apart.
fn trace(solver: &mut VoxelSolver, grid: &VoxelGrid) -> (Vec<f64>, Vec<f64>) {
    let b = right_hand_side(grid, solver.operator(), 5);
    let mut x = vec![0.0; grid.cells()];
    let stop = StopRule { rtol: 1e-14, max_iterations: 3, ..StopRule::default() };
    let report = solver.solve(&b, &mut x, &stop, &mut unobserved).unwrap();
    (x, report.residuals)
}

#[test]
fn an_updated_solver_is_that_of_a_new_setup_to_the_bit() {
    let cases = [&[40usize, 36, 44][..], &[35, 41, 39], &[300, 301], &[8, 9, 7], &[11, 1, 30]];
    for (case, (sides, parameters)) in
        cases.iter().flat_map(|s| [(*s, CycleParameters::default()), (*s, shipped_cycle())]).enumerate()
    {
        let start = obstacles(sides, true, case as u64);
        let mut solver = VoxelSolver::tuned(&start, &parameters).unwrap();
        trace(&mut solver, &start);
        let mut next = noise(case as u64 + 40);
        let mut cell = || (next() * start.cells() as f64) as usize;
        let mut few = start.flags().to_vec();
        (0..5).for_each(|k| few[cell()] = [SOLID, FLUID, AIR][k % 3]);
        // A wall thinner than a block, with one hole: grids end where blocks have cells on both sides.
        let mut wall = few.clone();
        let middle = sides[0] / 2;
        let in_wall = |c: usize| start.place(c)[0] == middle - middle % 2 && start.place(c)[sides.len() - 1] != 3;
        (0..wall.len()).filter(|c| in_wall(*c)).for_each(|c| wall[c] = SOLID);
        let noisy = random_grid(sides, case as u64).flags().to_vec();
        let steps = [few.clone(), few.clone(), wall.clone(), few, noisy, wall, start.flags().to_vec()];
        for (step, flags) in steps.into_iter().enumerate() {
            let grid = VoxelGrid::new(sides, flags).unwrap();
            assert_eq!(solver.update(&grid).unwrap(), step != 1);
            let mut new = VoxelSolver::tuned(&grid, &parameters).unwrap();
            assert_eq!(solver.multigrid().summary(), new.multigrid().summary(), "{sides:?}, step {step}");
            assert!(trace(&mut solver, &grid) == trace(&mut new, &grid), "{sides:?}, step {step}");
            assert_eq!((solver.bytes(), solver.components().list()), (new.bytes(), new.components().list()));
        }
    }
}

#[test]
fn flags_that_do_not_fit_change_nothing() {
    let grid = obstacles(&[9, 10, 12], true, 3);
    let mut solver = VoxelSolver::new(&grid).unwrap();
    let before = trace(&mut solver, &grid);
    let dry = VoxelGrid::new(&[9, 10, 12], vec![AIR; grid.cells()]).unwrap();
    let other = VoxelGrid::new(&[9, 10, 11], vec![FLUID; 990]).unwrap();
    for (wrong, words) in [(dry, "without fluid"), (other, "[9, 10, 11] for one of shape [9, 10, 12]")] {
        let fault = solver.update(&wrong).unwrap_err().to_string();
        assert!(fault.contains(words), "{fault}");
    }
    assert!(trace(&mut solver, &grid) == before);
    let mut weighted = VoxelSolver::weighted(&grid, &FaceWeights::ones(&grid)).unwrap();
    assert!(weighted.update(&grid).unwrap_err().to_string().contains("weights on the faces"));
}
