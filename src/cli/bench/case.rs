//! One linear system to compare methods on: of a mesh, of a voxel scene, or from Matrix Market files.

use crate::assembly::{Poisson, System, VoxelSystem};
use crate::cli::{input, interrupt};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::mesh::{Mesh, quality};
use crate::operator::LinearOperator;
use crate::operator::voxel::VoxelOperator;
use crate::report::heap::peak_during;
use crate::report::statistics::timed;
use crate::solver::{Iterate, Method, Observer, Report, Solver, SolverConfig};
use crate::sparse::vector::norm2;
use crate::sparse::{Csr, check_symmetric, matrix_market};
use crate::voxel::{Components, Scene};
use std::borrow::Cow;
use std::ops::ControlFlow;
use std::time::Instant;

/// Methods for meshes, for voxel scenes where none are named, for matrices.
const MESH: [Method; 7] =
    [Method::Cg, Method::PcgJacobi, Method::PcgIc, Method::PcgDeflation, Method::PcgAmg, Method::Dcdm, Method::Direct];
const SCENE: [Method; 7] =
    [Method::Cg, Method::PcgIc, Method::PcgDeflation, Method::PcgAmg, Method::GmgPlain, Method::Gmg, Method::Dcdm];
const MATRIX: [Method; 6] =
    [Method::Cg, Method::PcgJacobi, Method::PcgIc, Method::PcgDeflation, Method::PcgAmg, Method::Direct];

/// A system A x = b that solvers get as it is held here.
pub(super) enum Case<'a> {
    /// −Δu = 1, u = 0 on the boundary.
    Mesh(Box<System<'a>>),
    /// The pressure of a voxel scene, over all cells.
    Scene(Box<Pressure>),
    /// A matrix of a file.
    Matrix(Csr, Vec<f64>),
}

/// A scene's problem.
pub(super) struct Pressure {
    scene: Scene,
    operator: VoxelOperator,
    components: Components,
    /// b as solvers see it: 0 outside the fluid, projected to the range of A.
    rhs: Vec<f64>,
}

/// One solve.
pub(super) struct Measured {
    /// The method that ran.
    pub method: Method,
    /// Why not the one asked for.
    pub why: String,
    pub report: Report,
    /// Seconds since set-up began, one for each residual.
    pub times: Vec<f64>,
    pub x: Vec<f64>,
    pub setup: f64,
    pub solve: f64,
    /// Most bytes held at a time, system and solution not counted.
    pub peak: Option<usize>,
    /// Bytes an iteration reads and writes, where they can be counted.
    pub traffic: Option<f64>,
}

/// Reads or makes the problem and hands it to `run`. `rhs` is the right-hand side of a Matrix Market file; 1 everywhere without.
pub(super) fn with<T>(name: &str, rhs: Option<&str>, seed: u64, run: impl FnOnce(&Case) -> Result<T>) -> Result<T> {
    if is_matrix(name) {
        let (a, b) = read_matrix(name, rhs)?;
        return run(&Case::Matrix(a, b));
    }
    if input::is_scene(name) {
        return run(&Case::Scene(Box::new(Pressure::new(input::load_scene(name, seed)?)?)));
    }
    let mesh: Mesh = input::load(name, 0)?.mesh;
    quality::check(&mesh)?;
    let problem = Poisson { source: 1.0.into(), ..Default::default() }.dirichlet(None, 0.0);
    run(&Case::Mesh(Box::new(problem.assemble(&mesh)?)))
}

/// Refuses a name of nothing, before anything is measured.
pub(super) fn check_name(name: &str) -> Result<()> {
    input::check_name(name)?;
    match name.contains(':') {
        true => Ok(()),
        false => std::fs::metadata(name).map(drop).map_err(|e| Error::io(name, "read", e)),
    }
}

/// Whether the name is a Matrix Market file's.
pub(super) fn is_matrix(name: &str) -> bool {
    name.ends_with(".mtx")
}

fn read_matrix(name: &str, rhs: Option<&str>) -> Result<(Csr, Vec<f64>)> {
    let a = matrix_market::read_matrix(name)?;
    if a.nrows() == 0 {
        let what = format!("{name} has no rows");
        return Err(Error::Matrix { what, help: "there is nothing to solve: give another file".into() });
    }
    check_symmetric(&a)?;
    let b = rhs.map_or_else(|| Ok(vec![1.0; a.nrows()]), matrix_market::read_vector)?;
    if b.len() != a.nrows() {
        return Err(Error::Matrix {
            what: format!("{} has {} entries, {name} {} rows", rhs.unwrap_or_default(), b.len(), a.nrows()),
            help: "name the matrix first, then the right-hand side that belongs to it".into(),
        });
    }
    Ok((a, b))
}

impl Pressure {
    fn new(scene: Scene) -> Result<Self> {
        scene.grid.require_fluid()?;
        let components = Components::of(&scene.grid);
        components.check(&scene.rhs)?;
        let mut rhs = components.compatible(&scene.rhs).unwrap_or_else(|| scene.rhs.clone());
        components.clear_outside(&mut rhs);
        Ok(Pressure { operator: VoxelOperator::new(&scene.grid), components, rhs, scene })
    }
}

impl Case<'_> {
    /// The methods compared where none are named.
    pub fn methods(&self) -> &'static [Method] {
        match self {
            Case::Mesh(_) => &MESH,
            Case::Scene(_) => &SCENE,
            Case::Matrix(..) => &MATRIX,
        }
    }

    /// Whether the method can be tried.
    pub fn suits(&self, method: Method) -> bool {
        match self {
            Case::Scene(_) => true,
            _ => method == Method::Auto || self.methods().contains(&method),
        }
    }

    /// What it is, for a sentence.
    pub fn kind(&self) -> &'static str {
        match self {
            Case::Mesh(_) => "a mesh",
            Case::Scene(_) => "a voxel scene",
            Case::Matrix(..) => "a matrix",
        }
    }

    pub fn unknowns(&self) -> usize {
        match self {
            Case::Mesh(system) => system.unknowns(),
            Case::Scene(p) => p.scene.grid.fluid_cells(),
            Case::Matrix(a, _) => a.nrows(),
        }
    }

    /// Sets up and solves from x = 0.
    pub fn solve(&self, config: &SolverConfig) -> Result<Measured> {
        let (measured, peak) = peak_during(|| self.solve_here(config));
        let mut measured = measured?;
        measured.peak = peak.map(|bytes| bytes.saturating_sub(size_of_val(&measured.x[..])));
        Ok(measured)
    }

    fn solve_here(&self, config: &SolverConfig) -> Result<Measured> {
        let (clock, mut times) = (Instant::now(), Vec::new());
        let mut watch = |_: &Iterate<'_>| {
            times.push(clock.elapsed().as_secs_f64());
            if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut measured = match self {
            Case::Mesh(system) => {
                let build = || input::mesh_solver(config, system, None, Device::Cpu);
                on_rows(&system.a, &system.b, build, &mut watch)?
            }
            // Taken as from a problem in space: of the dimension a matrix says nothing.
            Case::Matrix(a, b) => on_rows(a, b, || config.build(a, 3), &mut watch)?,
            Case::Scene(p) => {
                let (solver, setup) = timed(|| input::scene_solver(config, &p.scene.grid, None, Device::Cpu));
                let (mut solver, mut x) = (solver?, vec![0.0; p.rhs.len()]);
                let (report, solve) = timed(|| solver.solve(&p.scene.rhs, &mut x, &mut watch));
                let (method, traffic) = (solver.method(), solver.traffic());
                Measured {
                    method,
                    why: String::new(),
                    report: report?,
                    times: vec![],
                    x,
                    setup,
                    solve,
                    peak: None,
                    traffic,
                }
            }
        };
        // The residual before the first iteration is known once set-up is done; a direct solver's last one at the end.
        times.insert(0, measured.setup);
        times.resize(measured.report.residuals.len(), measured.setup + measured.solve);
        measured.times = times;
        Ok(measured)
    }

    /// ‖b − A x‖₂ / ‖b‖₂ by the operator held here, over the rows that all methods solve.
    pub fn relative_residual(&self, x: &[f64]) -> f64 {
        let (a, b) = self.operator();
        let mut r = vec![0.0; b.len()];
        a.residual(b, x, &mut r);
        self.norm(&mut r) / norm2(b).max(f64::MIN_POSITIVE)
    }

    /// ‖A d‖₂ / ‖b‖₂ over the same rows.
    pub fn relative_image(&self, d: &[f64]) -> f64 {
        let (a, b) = self.operator();
        let mut image = vec![0.0; b.len()];
        a.apply(d, &mut image);
        self.norm(&mut image) / norm2(b).max(f64::MIN_POSITIVE)
    }

    /// What rounding may do to ‖b − A x‖₂ / ‖b‖₂: ε ‖|A|‖∞ ‖x‖₂ / ‖b‖₂, a few times.
    pub fn rounding(&self, x: &[f64]) -> f64 {
        let row = |a: &Csr| (0..a.nrows()).map(|i| a.row(i).1.iter().map(|v| v.abs()).sum()).fold(0.0, f64::max);
        let largest = match self {
            Case::Mesh(system) => row(&system.a),
            Case::Matrix(a, _) => row(a),
            Case::Scene(p) => 2.0 * (0..p.rhs.len()).map(|c| p.operator.diagonal(c)).fold(0.0, f64::max),
        };
        8.0 * f64::EPSILON * largest * norm2(x) / norm2(self.operator().1).max(f64::MIN_POSITIVE)
    }

    fn operator(&self) -> (&dyn LinearOperator, &[f64]) {
        match self {
            Case::Mesh(system) => (&system.a, &system.b),
            Case::Scene(p) => (&p.operator, &p.rhs),
            Case::Matrix(a, b) => (a, b),
        }
    }

    /// ‖r‖₂ without the row of the first cell of every pocket that touches no air: solvers on the matrix leave it out.
    fn norm(&self, r: &mut [f64]) -> f64 {
        if let Case::Scene(p) = self {
            p.components.clear_outside(r);
            p.components.closed().for_each(|pocket| r[pocket.first] = 0.0);
        }
        norm2(r)
    }

    /// The system as a matrix over the unknowns, for solvers that know nothing else.
    pub fn as_matrix(&self) -> Result<AsMatrix<'_>> {
        Ok(match self {
            Case::Mesh(system) => AsMatrix { a: Cow::Borrowed(&system.a), b: Cow::Borrowed(&system.b), voxels: None },
            Case::Matrix(a, b) => AsMatrix { a: Cow::Borrowed(a), b: Cow::Borrowed(b), voxels: None },
            Case::Scene(p) => {
                let system = VoxelSystem::new(&p.scene.grid, &p.operator)?;
                let b = Cow::Owned(system.right_hand_side(&p.scene.rhs)?);
                AsMatrix { a: Cow::Owned(system.a.clone()), b, voxels: Some(system) }
            }
        })
    }
}

/// A system as a matrix and a right-hand side.
pub(super) struct AsMatrix<'a> {
    pub a: Cow<'a, Csr>,
    pub b: Cow<'a, [f64]>,
    voxels: Option<VoxelSystem>,
}

impl AsMatrix<'_> {
    /// A solution in the case's own unknowns.
    pub fn solution(&self, x: Vec<f64>) -> Vec<f64> {
        match &self.voxels {
            Some(system) => system.pressure(&x),
            None => x,
        }
    }
}

fn on_rows(a: &Csr, b: &[f64], build: impl FnOnce() -> Result<Solver>, watch: &mut Observer) -> Result<Measured> {
    let (solver, setup) = timed(build);
    let (mut solver, mut x) = (solver?, vec![0.0; b.len()]);
    let (report, solve) = timed(|| solver.solve(a, b, &mut x, watch));
    let traffic = Some(solver.traffic(a));
    let (method, why) = (solver.method, solver.why.clone());
    Ok(Measured { method, why, report: report?, times: vec![], x, setup, solve, peak: None, traffic })
}
