//! Scenes made from a seed: families of what pressure solvers meet, easy and hard.
//!
//! The first direction points up. The same family, shape and seed give the same scene on every machine (the generator is
//! PCG XSL 128/64: M. E. O'Neill, HMC-CS-2014-0905).

use super::{AIR, FLUID, SOLID, Scene, VoxelGrid};
use crate::error::{Error, Result};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use std::f64::consts::TAU;

/// A family of scenes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Fluid around balls, boxes and cylinders, open to air above.
    Smoke,
    /// A column of liquid between walls and a few obstacles, air above and beside it.
    Dam,
    /// A pool under drops and blobs in the air.
    Splash,
    /// Fluid divided by walls of one cell with holes, open above.
    Walls,
    /// Obstacles, and hollow boxes whose inside touches no air.
    Pockets,
    /// Channels of one to three cells through a solid.
    Channels,
    /// A closed box of fluid: pure Neumann.
    Box,
    /// A box of fluid open to air above.
    Empty,
}

impl Family {
    /// All of them.
    pub const ALL: [Family; 8] = [
        Family::Smoke,
        Family::Dam,
        Family::Splash,
        Family::Walls,
        Family::Pockets,
        Family::Channels,
        Family::Box,
        Family::Empty,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Family::Smoke => "smoke",
            Family::Dam => "dam",
            Family::Splash => "splash",
            Family::Walls => "walls",
            Family::Pockets => "pockets",
            Family::Channels => "channels",
            Family::Box => "box",
            Family::Empty => "empty",
        }
    }
}

/// The scene a name stands for: a family and its sides, `smoke:128` (128 in all three directions), `dam:64x128x64`,
/// `splash:256x256` (in the plane). `None` where the name is no family's.
pub fn built_in(name: &str, seed: u64) -> Option<Result<Scene>> {
    let (family, sides) = name.split_once(':')?;
    let family = Family::ALL.into_iter().find(|f| f.name() == family)?;
    Some(parse_sides(name, sides).and_then(|sides| generate(family, &sides, seed)))
}

fn parse_sides(name: &str, text: &str) -> Result<Vec<usize>> {
    let sides: Option<Vec<usize>> = text.split('x').map(|n| n.parse().ok().filter(|n| *n > 0)).collect();
    match sides {
        Some(n) if n.len() == 1 => Ok(vec![n[0]; 3]),
        Some(n) if n.len() == 2 || n.len() == 3 => Ok(n),
        _ => Err(Error::Problem {
            what: format!("the scene {name}: {text:?} is not a shape"),
            help: "write one, two or three positive side lengths: smoke:128, smoke:256x256, smoke:64x128x64".into(),
        }),
    }
}

/// A scene of the family with these side lengths, two or three. Its right-hand side is − h ∇·u of a velocity with smooth and
/// random parts that is 0 on walls, so it has a solution in closed pockets, too.
///
/// Errors: side lengths that are no grid's; so few cells that none is fluid.
pub fn generate(family: Family, sides: &[usize], seed: u64) -> Result<Scene> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let cells = sides.iter().try_fold(1usize, |n, s| n.checked_mul(*s)).filter(|n| *n < u32::MAX as usize);
    let mut grid = VoxelGrid::new(sides, vec![FLUID; cells.unwrap_or(0)])?;
    let d = sides.len();
    match family {
        Family::Box => {}
        Family::Empty => open_above(&mut grid),
        Family::Smoke => {
            let count = rng.random_range(3..7);
            let bodies: Vec<Body> = (0..count).map(|_| Body::random(&mut rng, d, 0.06, 0.16)).collect();
            fill(&mut grid, SOLID, &bodies);
            open_above(&mut grid);
        }
        Family::Dam => {
            let (width, height) = (rng.random_range(0.3..0.7), rng.random_range(0.4..0.9));
            grid.flags.fill(AIR);
            fill(&mut grid, FLUID, &[Body::Box { low: [-1.0; 3], high: [height, width, 2.0] }]);
            let bodies: Vec<Body> = (0..3).map(|_| Body::random(&mut rng, d, 0.04, 0.1)).collect();
            fill(&mut grid, SOLID, &bodies);
            wall_around(&mut grid);
        }
        Family::Splash => {
            grid.flags.fill(AIR);
            fill(&mut grid, FLUID, &[Body::Box { low: [-1.0; 3], high: [rng.random_range(0.2..0.45), 2.0, 2.0] }]);
            let count = rng.random_range(10..30);
            let drops: Vec<Body> = (0..count).map(|_| Body::ball(&mut rng, d, 0.01, 0.12)).collect();
            fill(&mut grid, FLUID, &drops);
            wall_around(&mut grid);
        }
        Family::Walls => {
            (0..rng.random_range(4..9)).for_each(|_| wall_with_holes(&mut grid, &mut rng));
            open_above(&mut grid);
        }
        Family::Pockets => {
            let bodies: Vec<Body> = (0..2).map(|_| Body::random(&mut rng, d, 0.05, 0.12)).collect();
            fill(&mut grid, SOLID, &bodies);
            (0..4).for_each(|_| hollow_box(&mut grid, &mut rng));
            open_above(&mut grid);
        }
        Family::Channels => {
            grid.flags.fill(SOLID);
            let section: usize = grid.cells() / grid.shape.iter().max().unwrap_or(&1);
            (0..(section / 12).max(2)).for_each(|_| channel(&mut grid, &mut rng));
            open_above(&mut grid);
        }
    }
    let rhs = divergence(&grid, &mut rng);
    Scene::new(grid, rhs)
}

/// A body in coordinates where the box's longest side is 1.
enum Body {
    Ball { centre: [f64; 3], radius: f64 },
    Box { low: [f64; 3], high: [f64; 3] },
    Cylinder { axis: usize, centre: [f64; 3], radius: f64 },
}

impl Body {
    fn ball(rng: &mut Pcg64, dimension: usize, low: f64, high: f64) -> Self {
        let centre = std::array::from_fn(|e| if e < dimension { rng.random_range(0.05..0.95) } else { 0.0 });
        Body::Ball { centre, radius: rng.random_range(low..high) }
    }

    fn random(rng: &mut Pcg64, dimension: usize, low: f64, high: f64) -> Self {
        let Body::Ball { centre, radius } = Body::ball(rng, dimension, low, high) else { unreachable!("a ball") };
        match rng.random_range(0..3) {
            0 => Body::Ball { centre, radius },
            1 => {
                let half: [f64; 3] = std::array::from_fn(|_| rng.random_range(low..high));
                let side = |sign: f64| std::array::from_fn(|e| centre[e] + sign * half[e]);
                Body::Box { low: side(-1.0), high: side(1.0) }
            }
            _ => Body::Cylinder { axis: rng.random_range(0..3), centre, radius },
        }
    }

    fn holds(&self, x: [f64; 3]) -> bool {
        let within = |centre: &[f64; 3], radius: f64, axis: usize| {
            (0..3).filter(|e| *e != axis).map(|e| (x[e] - centre[e]).powi(2)).sum::<f64>() < radius * radius
        };
        match self {
            Body::Ball { centre, radius } => within(centre, *radius, 3),
            Body::Box { low, high } => (0..3).all(|e| low[e] <= x[e] && x[e] < high[e]),
            Body::Cylinder { axis, centre, radius } => within(centre, *radius, *axis),
        }
    }
}

/// Direction `e` of the scene is this one of the grid's three.
fn direction(grid: &VoxelGrid, e: usize) -> usize {
    e + 3 - grid.dimension
}

fn fill(grid: &mut VoxelGrid, kind: u8, bodies: &[Body]) {
    let longest = grid.shape.iter().copied().max().unwrap_or(1) as f64;
    let [n0, n1, n2] = grid.shape;
    let shift = 3 - grid.dimension;
    for (i, j) in (0..n0).flat_map(|i| (0..n1).map(move |j| (i, j))) {
        for k in 0..n2 {
            let place = [i, j, k];
            let x = std::array::from_fn(|e| place.get(e + shift).map_or(0.0, |i| (*i as f64 + 0.5) / longest));
            if bodies.iter().any(|body| body.holds(x)) {
                let c = grid.index(i, j, k);
                grid.flags[c] = kind;
            }
        }
    }
}

/// Sets the cells with low[d] ≤ place[d] < high[d] in the grid's three directions.
fn set(grid: &mut VoxelGrid, low: [usize; 3], high: [usize; 3], kind: u8) {
    for (i, j) in (low[0]..high[0]).flat_map(|i| (low[1]..high[1]).map(move |j| (i, j))) {
        let row = grid.index(i, j, low[2])..grid.index(i, j, high[2].max(low[2]));
        grid.flags[row].fill(kind);
    }
}

/// The uppermost layer's fluid becomes air.
fn open_above(grid: &mut VoxelGrid) {
    let up = direction(grid, 0);
    let layer = grid.cells() / grid.shape[up];
    let top = grid.cells() - layer;
    grid.flags[top..].iter_mut().filter(|f| **f == FLUID).for_each(|f| *f = AIR);
}

/// A layer of solid around the box but not above it.
fn wall_around(grid: &mut VoxelGrid) {
    let shape = grid.shape;
    for e in 0..grid.dimension {
        let d = direction(grid, e);
        let mut high = shape;
        high[d] = 1;
        set(grid, [0; 3], high, SOLID);
        if e > 0 {
            let mut low = [0; 3];
            low[d] = shape[d] - 1;
            set(grid, low, shape, SOLID);
        }
    }
}

fn wall_with_holes(grid: &mut VoxelGrid, rng: &mut Pcg64) {
    let shape = grid.shape;
    let d = direction(grid, rng.random_range(0..grid.dimension));
    if shape[d] < 5 {
        return;
    }
    let at = rng.random_range(2..shape[d] - 2);
    let before = grid.flags.clone();
    let (mut low, mut high) = ([0; 3], shape);
    (low[d], high[d]) = (at, at + 1);
    set(grid, low, high, SOLID);
    for _ in 0..3 {
        let (mut from, mut to) = (low, high);
        for e in (0..3).filter(|e| *e != d && shape[*e] > 1) {
            from[e] = rng.random_range(0..shape[e]);
            to[e] = (from[e] + rng.random_range(1..=shape[e].div_ceil(6))).min(shape[e]);
        }
        for (i, j) in (from[0]..to[0]).flat_map(|i| (from[1]..to[1]).map(move |j| (i, j))) {
            let row = grid.index(i, j, from[2])..grid.index(i, j, to[2]);
            grid.flags[row.clone()].copy_from_slice(&before[row]);
        }
    }
}

fn hollow_box(grid: &mut VoxelGrid, rng: &mut Pcg64) {
    let shape = grid.shape;
    let directions = 3 - grid.dimension..3;
    if directions.clone().any(|d| shape[d] < 6) {
        return;
    }
    let (mut low, mut high) = ([0; 3], shape);
    for d in directions.clone() {
        let side = rng.random_range(3..=(shape[d] / 4).max(3)) + 2;
        low[d] = rng.random_range(0..shape[d] - side);
        high[d] = low[d] + side;
    }
    set(grid, low, high, SOLID);
    for d in directions {
        (low[d], high[d]) = (low[d] + 1, high[d] - 1);
    }
    set(grid, low, high, FLUID);
}

fn channel(grid: &mut VoxelGrid, rng: &mut Pcg64) {
    let shape = grid.shape;
    let along = direction(grid, rng.random_range(0..grid.dimension));
    let width = rng.random_range(1..=3);
    let (mut low, mut high) = ([0; 3], shape);
    for d in 3 - grid.dimension..3 {
        let length = if d == along { rng.random_range(shape[d] / 2..=shape[d]) } else { width }.clamp(1, shape[d]);
        low[d] = rng.random_range(0..=shape[d] - length);
        high[d] = low[d] + length;
    }
    set(grid, low, high, FLUID);
}

/// − ∇·u with u on the faces between cells that are not solid: a wave in each direction and noise.
fn divergence(grid: &VoxelGrid, rng: &mut Pcg64) -> Vec<f64> {
    let mut b = vec![0.0; grid.cells()];
    let shape = grid.shape;
    for d in 3 - grid.dimension..3 {
        let wave: [f64; 3] = std::array::from_fn(|e| f64::from(rng.random_range(1..3)) * TAU / shape[e] as f64);
        let phase = rng.random_range(0.0..TAU);
        let step = shape[d + 1..].iter().product::<usize>();
        for c in 0..grid.cells() {
            let noise: f64 = rng.random_range(-0.5..0.5);
            let place = [c / (shape[1] * shape[2]), c / shape[2] % shape[1], c % shape[2]];
            if place[d] + 1 == shape[d] || grid.flags[c] == SOLID || grid.flags[c + step] == SOLID {
                continue;
            }
            let smooth = (0..3).map(|e| wave[e] * place[e] as f64).sum::<f64>() + phase;
            let u = smooth.sin() + noise;
            b[c] -= u;
            b[c + step] += u;
        }
    }
    b.iter_mut().zip(&grid.flags).filter(|(_, f)| **f != FLUID).for_each(|(b, _)| *b = 0.0);
    b
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voxel::Components;

    #[test]
    fn every_family_makes_scenes_with_solutions_in_plane_and_space() {
        for family in Family::ALL {
            for (seed, sides) in [&[24usize, 20, 28][..], &[40, 33], &[17, 16, 9], &[64, 64]].into_iter().enumerate() {
                let scene = generate(family, sides, seed as u64).unwrap();
                assert_eq!(scene, generate(family, sides, seed as u64).unwrap(), "the same seed");
                let components = Components::of(&scene.grid);
                components.check(&scene.rhs).unwrap();
                assert!(components.norm(&scene.rhs) > 0.0);
                match family {
                    Family::Box | Family::Pockets => assert!(components.closed().count() > 0, "{family:?}"),
                    Family::Empty | Family::Smoke => assert!(components.list().iter().any(|c| c.touches_air)),
                    _ => {}
                }
                let open = scene.grid.flags().contains(&AIR);
                assert!(open == (family != Family::Box) || family == Family::Channels, "{family:?}");
            }
        }
    }

    #[test]
    fn names_are_read_and_faults_named() {
        assert_eq!(built_in("smoke:16", 1).unwrap().unwrap().grid.sides(), [16, 16, 16]);
        assert_eq!(built_in("splash:16x20", 1).unwrap().unwrap().grid.sides(), [16, 20]);
        assert!(built_in("square:16", 1).is_none() && built_in("smoke", 1).is_none());
        for bad in ["smoke:", "smoke:0", "smoke:4x4x4x4", "smoke:-3", "box:99999999999", "box:2000"] {
            assert!(built_in(bad, 1).unwrap().is_err(), "{bad}");
        }
    }
}
