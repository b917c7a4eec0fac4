//! The Monge-Ampère mover: reference results, invariants, independence of mesh and threads.

use filet::mesh::Mesh;
use filet::mesh::shapes::built_in;
use filet::mover::{BoundaryConfig, MongeAmpere, MongeAmpereConfig, Monitor, Moved, Ring};
use filet::solver::Outcome;
use std::sync::atomic::{AtomicUsize, Ordering};

fn mesh(name: &str) -> Mesh {
    built_in(name).unwrap().unwrap()
}

fn moved(name: &str, config: &MongeAmpereConfig, monitor: &dyn Monitor) -> Moved {
    MongeAmpere::new(&mesh(name), config).unwrap().solve(monitor).unwrap()
}

/// u = exp(−r²/0.1²) around (0.51, 0.65): 1 + 5 ‖H(u)‖ / max over the nodes.
struct Helmholtz;

fn peak_hessian(p: [f64; 3]) -> f64 {
    let (x, y, w) = (p[0] - 0.51, p[1] - 0.65, 0.01);
    let u = (-(x * x + y * y) / w).exp();
    let [xx, yy, xy] = [4.0 * x * x / w - 2.0, 4.0 * y * y / w - 2.0, 4.0 * x * y / w].map(|h| h / w * u);
    (xx * xx + yy * yy + 2.0 * xy * xy).sqrt()
}

impl Monitor for Helmholtz {
    fn eval(&self, points: &[[f64; 3]], m: &mut [f64]) -> filet::Result<()> {
        m.iter_mut().zip(points).for_each(|(m, p)| *m = peak_hessian(*p));
        let largest = m.iter().fold(0.0, |a: f64, b| a.max(*b));
        m.iter_mut().for_each(|m| *m = 1.0 + 5.0 * *m / largest);
        Ok(())
    }
}

#[test]
fn explore() {
    let ring = |a: f64, r2: f64| Ring { amplitude: a, sharpness: 200.0, radius_squared: r2, centre: [0.5, 0.5, 0.0] };
    let show = |name: &str, m: &Moved| {
        let r = &m.report;
        println!("{name}: {:?} its {} lin {} res0 {:.3e} res {:.2e}  before {:.4} {:.4}  after {:.4} {:.4} det {:.3} angle {:.1} t {} {:.3}s",
            r.outcome, r.iterations, r.linear_iterations, r.residuals[0], r.residuals.last().unwrap(), r.before.volume_ratio, r.before.variation,
            r.after.volume_ratio, r.after.variation, r.after.min_det, r.after.min_angle.unwrap_or(0.0), r.after.tangled, r.seconds);
    };
    let c = MongeAmpereConfig::default();
    for n in [20, 40, 80] {
        show(&format!("helmholtz {n}"), &moved(&format!("square:{n}"), &c, &Helmholtz));
        show(&format!("ring a20 .16 {n}"), &moved(&format!("square:{n}"), &c, &ring(20.0, 0.16)));
        show(&format!("ring a20 .15 {n}"), &moved(&format!("square:{n}"), &c, &ring(20.0, 0.15)));
        show(&format!("ring a10 .15 {n}"), &moved(&format!("square:{n}"), &c, &ring(10.0, 0.15)));
        show(&format!("ring a100 .16 {n}"), &moved(&format!("square:{n}"), &c, &ring(100.0, 0.16)));
        show(&format!("ring a100 filtered {n}"), &moved(&format!("square:{n}"), &MongeAmpereConfig { smoothing: 4.0, ..c.clone() }, &ring(100.0, 0.16)));
    }
    let periodic = BoundaryConfig { periodic: [true, true, false], ..Default::default() };
    show("periodic", &moved("square:20", &MongeAmpereConfig { boundary: periodic, ..c.clone() }, &ring(20.0, 0.15)));
    show("1d", &moved("interval:20", &c, &|p: [f64;3]| 1.0 + 10.0 / (200.0 * ((p[0]-0.5).powi(2) - 0.15)).cosh().powi(2)));
}
