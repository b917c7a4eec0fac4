//! The movers: reference results, invariants, independence of mesh and threads, meshes that never tangle.

use filet::mesh::topology::boundary_facets;
use filet::mesh::{CellKind, Mesh, shapes::built_in, simplex_measure};
use filet::mover::{
    BoundaryConfig, FieldMonitor, Form, MongeAmpere, MongeAmpereConfig, Monitor, MoveConfig, MoveMethod, Moved, Mover,
    Ring, VariationalConfig,
};
use filet::solver::Outcome;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

fn mesh(name: &str) -> Mesh {
    built_in(name).unwrap().unwrap()
}

fn moved(name: &str, config: &MongeAmpereConfig, monitor: &dyn Monitor) -> Moved {
    MongeAmpere::new(&mesh(name), config).unwrap().solve(monitor).unwrap()
}

fn ring(amplitude: f64, radius_squared: f64) -> Ring {
    Ring { amplitude, sharpness: 200.0, radius_squared, centre: [0.5, 0.5, 0.0] }
}

/// 1 + 5 ‖D²u‖ / max over the nodes, u = exp(−r²/0.1²) around (0.51, 0.65).
struct Peak;

impl Monitor for Peak {
    fn eval(&self, points: &[[f64; 3]], m: &mut [f64]) -> filet::Result<()> {
        let w = 0.01;
        for (m, p) in m.iter_mut().zip(points) {
            let (x, y) = (p[0] - 0.51, p[1] - 0.65);
            let u = (-(x * x + y * y) / w).exp();
            let [xx, yy, xy] = [4.0 * x * x / w - 2.0, 4.0 * y * y / w - 2.0, 4.0 * x * y / w].map(|h| h / w * u);
            *m = (xx * xx + yy * yy + 2.0 * xy * xy).sqrt();
        }
        let largest = m.iter().fold(0.0, |a: f64, b| a.max(*b));
        m.iter_mut().for_each(|m| *m = 1.0 + 5.0 * *m / largest);
        Ok(())
    }
}

fn length_of_boundary(mesh: &Mesh) -> f64 {
    let d = mesh.dimension();
    let corners = |f: &[u32]| f.iter().map(|&v| mesh.points[v as usize]).collect::<Vec<_>>();
    boundary_facets(mesh).chunks(d).map(|f| simplex_measure(&corners(f))).sum()
}

fn signed_volume(mesh: &Mesh) -> f64 {
    (0..mesh.cell_count()).map(|c| mesh.signed_volume(c)).sum()
}

/// Every cell of positive size, the boundary where it was.
fn assert_sound(before: &Mesh, after: &Mesh, what: &str) {
    assert!((0..after.cell_count()).all(|c| after.signed_volume(c) > 0.0), "{what}: tangled");
    let [a, b] = [before, after].map(|m| (length_of_boundary(m), signed_volume(m)));
    assert!((a.0 - b.0).abs() < 1e-12 * a.0, "{what}: boundary {} {}", a.0, b.0);
    assert!((a.1 - b.1).abs() < 1e-12 * a.1, "{what}: volume {} {}", a.1, b.1);
}

/// McRae, Cotter and Budd's ring and the Helmholtz peak, as published with the movement package (its demos, n = 20): volume
/// ratio, variation and residual before, volume ratio and variation after.
#[test]
fn published_volume_ratios_and_variations_to_three_digits() {
    let plain = MongeAmpereConfig::default();
    let periodic = BoundaryConfig { periodic: [true, true, false], ..BoundaryConfig::default() };
    let periodic = MongeAmpereConfig { boundary: periodic, ..plain.clone() };
    let cases: [(&str, &MongeAmpereConfig, &dyn Monitor, [f64; 5]); 5] = [
        ("peak", &plain, &Peak, [4.93, 0.473, 0.477, 1.15, 0.0257]),
        ("ring", &plain, &ring(20.0, 0.16), [12.91, 1.21, 1.16, 9.19, 0.349]),
        ("smaller ring", &plain, &ring(20.0, 0.15), [11.49, 0.971, 0.939, 8.84, 0.348]),
        ("weaker ring", &plain, &ring(10.0, 0.15), [6.24, 0.586, 0.566, 2.96, 0.167]),
        ("periodic ring", &periodic, &ring(20.0, 0.15), [11.49, 0.971, 0.919, 8.81, 0.349]),
    ];
    for (name, config, monitor, expected) in cases {
        let r = moved("square:20", config, monitor).report;
        assert_eq!(r.outcome, Outcome::Converged, "{name}");
        let found =
            [r.before.volume_ratio, r.before.variation, r.residuals[0], r.after.volume_ratio, r.after.variation];
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 0.0055 * e, "{name}: {found:?} for {expected:?}");
        }
        assert!(r.iterations <= 38, "{name}: {} steps", r.iterations);
    }
}

/// The variation is the truncation error of linear elements: it halves with the mesh width, and steps do not become more.
#[test]
fn the_variation_falls_with_the_mesh_and_steps_do_not_grow() {
    let reports: Vec<_> =
        [10, 20, 40].map(|n| moved(&format!("square:{n}"), &MongeAmpereConfig::default(), &Peak).report).into();
    for pair in reports.windows(2) {
        assert!(pair[1].after.variation < 0.56 * pair[0].after.variation, "{pair:?}");
    }
    assert!(reports.iter().all(|r| r.iterations <= 12 && r.outcome == Outcome::Converged));
}

#[test]
fn a_constant_monitor_moves_nothing() {
    for name in ["interval:9", "square:6", "cube:3", "l_shape:3", "disc:3"] {
        for method in [MoveMethod::Auto, MoveMethod::Relaxation, MoveMethod::Variational] {
            let mut config = MoveConfig { method, ..MoveConfig::default() };
            let out = config.move_mesh(&mesh(name), &|_: [f64; 3]| 3.0).unwrap();
            assert_eq!((out.report.iterations, &out.report.outcome), (0, &Outcome::Converged), "{name} {method:?}");
            assert_eq!(out.mesh, mesh(name));
        }
    }
}

/// On an interval equidistribution fixes the mesh: the nodes are quantiles of m.
#[test]
fn intervals_are_cut_at_quantiles() {
    let out = moved("interval:64", &MongeAmpereConfig::default(), &|p: [f64; 3]| 1.0 + 2.0 * p[0]);
    // ∫₀ˣ m = x + x² = 2 ξ
    for (p, q) in out.mesh.points.iter().zip(&mesh("interval:64").points) {
        assert!((p[0] + p[0] * p[0] - 2.0 * q[0]).abs() < 2e-4, "{p:?} {q:?}");
    }
}

#[test]
fn domains_keep_their_boundary_whatever_may_move() {
    let turned = {
        let mut mesh = mesh("square:12");
        let (s, c) = 0.7f64.sin_cos();
        mesh.points.iter_mut().for_each(|p| *p = [c * p[0] - s * p[1], s * p[0] + c * p[1], 0.0]);
        mesh
    };
    let fixed = |groups: &[&str]| BoundaryConfig {
        fixed: groups.iter().map(|g| g.to_string()).collect(),
        ..BoundaryConfig::default()
    };
    let bump = |p: [f64; 3]| 1.0 + 5.0 * (-20.0 * ((p[0] - 0.2).powi(2) + (p[1] - 0.5).powi(2) + p[2] * p[2])).exp();
    let cases = [
        ("interval", mesh("interval:12"), fixed(&[])),
        ("square", mesh("square:12"), fixed(&[])),
        ("one side fixed", mesh("square:12"), fixed(&["left"])),
        ("all fixed", mesh("square:12"), fixed(&["left", "right", "bottom", "top"])),
        ("turned square", turned, fixed(&[])),
        ("cube", mesh("cube:5"), fixed(&[])),
        ("L", mesh("l_shape:6"), fixed(&[])),
        ("disc", mesh("disc:6"), fixed(&[])),
    ];
    for (name, before, boundary) in cases {
        let mut config = MoveConfig { rtol: 1e-6, boundary, ..MoveConfig::default() };
        let out = config.move_mesh(&before, &bump).unwrap();
        assert_sound(&before, &out.mesh, name);
        assert!(out.report.after.variation < 0.8 * out.report.before.variation, "{name}: {:?}", out.report);
    }
}

/// The same monitor on a square and on the square turned give meshes that are turned.
#[test]
fn turning_the_square_turns_the_mesh() {
    let (s, c) = 0.6f64.sin_cos();
    let turn = |p: [f64; 3]| [c * p[0] - s * p[1], s * p[0] + c * p[1], 0.0];
    let back = |p: [f64; 3]| [c * p[0] + s * p[1], -s * p[0] + c * p[1], 0.0];
    let bump = |p: [f64; 3]| 1.0 + 6.0 * (-30.0 * ((p[0] - 0.3).powi(2) + (p[1] - 0.6).powi(2))).exp();
    let straight = moved("square:10", &MongeAmpereConfig::default(), &bump);
    let mut turned = mesh("square:10");
    turned.points.iter_mut().for_each(|p| *p = turn(*p));
    let config = MongeAmpereConfig::default();
    let out = MongeAmpere::new(&turned, &config).unwrap().solve(&move |p: [f64; 3]| bump(back(p))).unwrap();
    for (p, q) in out.mesh.points.iter().zip(&straight.mesh.points) {
        let q = turn(*q);
        assert!((0..2).all(|k| (p[k] - q[k]).abs() < 1e-5), "{p:?} {q:?}");
    }
}

#[test]
fn nodes_go_around_a_curved_boundary() {
    let before = mesh("disc:8");
    let boundary = BoundaryConfig { curved: vec!["boundary".into()], ..BoundaryConfig::default() };
    let mut config = MoveConfig { rtol: 1e-4, boundary, ..MoveConfig::default() };
    let bump = |p: [f64; 3]| 1.0 + 4.0 * (-8.0 * ((p[0] - 0.8).powi(2) + p[1] * p[1])).exp();
    let out = config.move_mesh(&before, &bump).unwrap();
    assert_eq!(out.report.after.tangled, 0);
    assert!(out.report.after.variation < 0.5 * out.report.before.variation, "{:?}", out.report);
    let outer = boundary_facets(&before);
    let slid = outer.iter().filter(|&&v| out.mesh.points[v as usize] != before.points[v as usize]).count();
    assert!(2 * slid > outer.len(), "{slid} of {}", outer.len());
    // Between a side of the polygon and its circle.
    let radius = |v: u32| out.mesh.points[v as usize][0].hypot(out.mesh.points[v as usize][1]);
    let inner = (std::f64::consts::PI / 48.0).cos();
    assert!(outer.iter().all(|&v| radius(v) > inner - 1e-9 && radius(v) < 1.0 + 1e-9));
}

#[test]
fn solves_go_on_from_where_the_last_one_was() {
    let square = mesh("square:20");
    let at = |rtol: f64| MongeAmpereConfig { rtol, ..MongeAmpereConfig::default() };
    let monitor = ring(10.0, 0.15);
    let mut first = MongeAmpere::new(&square, &at(0.1)).unwrap();
    let begun = first.solve(&monitor).unwrap();
    let mut second = MongeAmpere::new(&square, &at(1e-3)).unwrap();
    second.set_potential(first.potential());
    let ended = second.solve(&monitor).unwrap();
    // The mixing of steps begins anew, so sums of steps are not compared: only where the second solve begins.
    let left_at = begun.report.residuals.last().unwrap();
    assert!(begun.report.iterations > 0 && (ended.report.residuals[0] - left_at).abs() < 1e-6);
    assert_eq!(second.solve(&monitor).unwrap().report.iterations, 0);
    // And back: the constant monitor undoes the ring.
    let mut mover = MongeAmpere::new(&square, &at(1e-6)).unwrap();
    mover.solve(&monitor).unwrap();
    let back = mover.solve(&|_: [f64; 3]| 1.0).unwrap();
    let far = |(p, q): (&[f64; 3], &[f64; 3])| (p[0] - q[0]).hypot(p[1] - q[1]);
    assert!(back.mesh.points.iter().zip(&square.points).map(far).fold(0.0, f64::max) < 1e-3);
}

#[test]
fn one_and_many_threads_give_the_same_bits() {
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let newton = moved("square:50", &MongeAmpereConfig { rtol: 1e-3, ..Default::default() }, &Peak).mesh;
            let mut variational = VariationalConfig { max_iterations: 3, ..VariationalConfig::default() };
            (newton, variational.move_mesh(&mesh("l_shape:30"), &ring(5.0, 0.1)).unwrap().mesh)
        })
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn the_step_limit_is_kept_and_the_mesh_sound() {
    let before = mesh("square:12");
    for method in [MoveMethod::Auto, MoveMethod::Relaxation, MoveMethod::Variational] {
        let mut config = MoveConfig { method, max_iterations: 1, ..MoveConfig::default() };
        let out = config.move_mesh(&before, &ring(20.0, 0.16)).unwrap();
        assert_eq!((out.report.iterations, &out.report.outcome), (1, &Outcome::MaxIterations), "{method:?}");
        assert_sound(&before, &out.mesh, "one step");
    }
}

#[test]
fn tangled_cells_are_counted_and_refused() {
    let config = MongeAmpereConfig::default();
    let refused = |mesh: &Mesh| MongeAmpere::new(mesh, &config).err().map(|e| e.to_string()).unwrap_or_default();
    let change = |name: &str, point: usize, by: [f64; 3]| {
        let mut mesh = mesh(name);
        (0..3).for_each(|k| mesh.points[point][k] += by[k]);
        mesh
    };
    // Point 5 of the 4 x 4 points of square:3 is (1/3, 1/3).
    assert!(refused(&change("square:3", 5, [0.5, 0.0, 0.0])).contains("2 tangled cells"));
    assert!(refused(&change("square:3", 5, [0.5, 0.5, 0.0])).contains("tangled cells"));
    assert!(refused(&change("square:3", 5, [0.1, 0.1, 0.0])).is_empty());
    let mut mirrored = mesh("cube:2");
    mirrored.points.iter_mut().for_each(|p| p[0] = 1.0 - p[0]);
    assert!(refused(&mirrored).contains("48 tangled cells"));
    mirrored.points.iter_mut().for_each(|p| p[1] = 1.0 - p[1]);
    assert!(refused(&mirrored).is_empty());
}

/// A polygon around the origin, by its corners' directions and distances, as a fan of triangles refined.
fn polygon(rng: &mut Pcg64, convex: bool, refinements: usize) -> Mesh {
    let corners = rng.random_range(5..=9);
    let distance = |rng: &mut Pcg64| if convex { 1.0 } else { rng.random_range(0.55..1.0) };
    let turn =
        |i: usize, rng: &mut Pcg64| (i as f64 + rng.random_range(-0.3..0.3)) * std::f64::consts::TAU / corners as f64;
    let mut points = vec![[0.0; 3]];
    for i in 0..corners {
        let (angle, r) = (turn(i, rng), distance(rng));
        points.push([r * angle.cos(), r * angle.sin(), 0.0]);
    }
    let cells = (0..corners).flat_map(|i| [0, i as u32 + 1, (i as u32 + 1) % corners as u32 + 1]).collect();
    let mut mesh = Mesh { points, kind: CellKind::Triangle, cells, groups: vec![] };
    for _ in 0..refinements {
        mesh = filet::mesh::refine(&mesh).unwrap();
    }
    mesh
}

/// One to three peaks of random place, width and height.
fn peaks(rng: &mut Pcg64, size: f64, dimension: usize) -> impl Fn([f64; 3]) -> f64 + Sync + use<> {
    let count = rng.random_range(1..=3);
    let all: Vec<([f64; 3], f64, f64)> = (0..count)
        .map(|_| {
            let mut centre = [0.0; 3];
            (0..dimension).for_each(|k| centre[k] = rng.random_range(-0.5..0.5) * size);
            (centre, rng.random_range(0.15..0.5) * size, rng.random_range(0.0..3.0f64).exp())
        })
        .collect();
    move |p: [f64; 3]| {
        let peak = |(c, w, a): &([f64; 3], f64, f64)| {
            a * (-(0..3).map(|k| (p[k] - c[k]).powi(2)).sum::<f64>() / (w * w)).exp()
        };
        1.0 + all.iter().map(peak).sum::<f64>()
    }
}

/// Moves `count` random polygons; gives how many became more even.
fn random_polygons(count: u64) -> u64 {
    let better = |seed: u64| {
        let mut rng = Pcg64::seed_from_u64(seed);
        let before = polygon(&mut rng, seed.is_multiple_of(2), 3);
        let monitor = peaks(&mut rng, 1.0, 2);
        let mut config = MoveConfig { rtol: 1e-4, ..MoveConfig::default() };
        let out = config.move_mesh(&before, &monitor).unwrap();
        assert_sound(&before, &out.mesh, &format!("polygon {seed}"));
        u64::from(out.report.after.variation < out.report.before.variation)
    };
    (0..count).map(better).sum()
}

/// Moves `count` random boxes; gives how many became more even.
fn random_boxes(count: u64) -> u64 {
    let better = |seed: u64| {
        let mut rng = Pcg64::seed_from_u64(1000 + seed);
        let mut before = mesh("cube:5");
        let sides = [0; 3].map(|_| rng.random_range(0.5..2.0));
        before.points.iter_mut().for_each(|p| *p = [0, 1, 2].map(|k| sides[k] * (p[k] - 0.5)));
        let monitor = peaks(&mut rng, 1.0, 3);
        let mut config = MoveConfig { rtol: 1e-3, ..MoveConfig::default() };
        let out = config.move_mesh(&before, &monitor).unwrap();
        assert_sound(&before, &out.mesh, &format!("box {seed}"));
        u64::from(out.report.after.variation < out.report.before.variation)
    };
    (0..count).map(better).sum()
}

#[test]
fn random_domains_never_tangle_and_become_more_even() {
    assert!(random_polygons(8) >= 8);
    assert!(random_boxes(2) >= 2);
}

/// The long run behind `data/golden/mover.csv`: prints what it found.
#[test]
#[ignore = "minutes"]
fn five_hundred_random_domains() {
    let [polygons, boxes] = [random_polygons(500), random_boxes(50)];
    println!("polygons {polygons}/500, boxes {boxes}/50");
    assert!(polygons >= 475 && boxes >= 48);
}

#[test]
fn a_field_on_another_mesh_is_a_monitor() {
    let source = mesh("disc:10");
    let u: Vec<f64> = source.points.iter().map(|p| (-10.0 * (p[0] * p[0] + p[1] * p[1])).exp()).collect();
    let monitor = FieldMonitor::of_function(&source, &u, Form::Optimal, 1.0).unwrap();
    let mut config = MoveConfig { rtol: 1e-3, smoothing: 4.0, ..MoveConfig::default() };
    let mut before = mesh("square:14");
    before.points.iter_mut().for_each(|p| *p = [p[0] - 0.5, p[1] - 0.5, 0.0]);
    let out = config.move_mesh(&before, &monitor).unwrap();
    assert_sound(&before, &out.mesh, "field");
    assert!(out.report.after.variation < 0.6 * out.report.before.variation);
}
