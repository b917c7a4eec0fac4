//! One entry to all methods: [`SolverConfig::build`] sets up, [`Solver::solve`] solves, as often as there are right-hand
//! sides.

use super::auxiliary::Guarded;
#[cfg(feature = "cuda")]
use super::cuda::{CudaMethod, CudaRows};
use super::{Cg, Observer, Report, StopRule, direct};
use crate::assembly::System;
#[cfg(feature = "cuda")]
use crate::device::cuda::Cuda;
use crate::error::{Error, Result};
use crate::precond::amg::{Amg, AmgConfig};
use crate::precond::auxiliary::{AuxiliaryGrid, Background};
use crate::precond::voxel::CycleParameters;
use crate::precond::{Deflation, DeflationConfig, Ic, IcConfig, Identity, Jacobi, Preconditioner};
use crate::sparse::{Cholesky, Csr};
use crate::words::{count, counted};
#[cfg(feature = "cuda")]
use std::sync::Arc;

/// How A x = b is solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// `direct` or `pcg-amg` by size: see [`Method::choose`].
    #[default]
    Auto,
    /// Conjugate gradients without preconditioner.
    Cg,
    /// Conjugate gradients with the diagonal.
    PcgJacobi,
    /// Conjugate gradients with incomplete Cholesky, IC(0).
    PcgIc,
    /// Conjugate gradients with the diagonal and subdomain deflation.
    PcgDeflation,
    /// Conjugate gradients with smoothed-aggregation multigrid.
    PcgAmg,
    /// Sparse Cholesky factorization.
    Direct,
    /// Conjugate gradients with geometric multigrid, on voxel scenes: [`VoxelSolver`](super::VoxelSolver).
    Gmg,
    /// Conjugate gradients with textbook multigrid on rediscretised grids, on voxel scenes: a yardstick.
    GmgPlain,
    /// Conjugate gradients with geometric multigrid that has learned numbers: [`LearnedSolver`](super::LearnedSolver) on voxel
    /// scenes, [`AuxiliaryGrid`] behind a mesh.
    Dcdm,
    /// Conjugate directions from a convolutional net, on voxel scenes: [`SceneSolver::with_directions`](super::SceneSolver::with_directions).
    DcdmNet,
}

impl Method {
    /// Every method but `auto`.
    pub const ALL: [Method; 10] = [
        Method::Cg,
        Method::PcgJacobi,
        Method::PcgIc,
        Method::PcgDeflation,
        Method::PcgAmg,
        Method::Direct,
        Method::Gmg,
        Method::GmgPlain,
        Method::Dcdm,
        Method::DcdmNet,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Method::Auto => "auto",
            Method::Cg => "cg",
            Method::PcgJacobi => "pcg-jacobi",
            Method::PcgIc => "pcg-ic",
            Method::PcgDeflation => "pcg-deflation",
            Method::PcgAmg => "pcg-amg",
            Method::Direct => "direct",
            Method::Gmg => "gmg",
            Method::GmgPlain => "gmg-plain",
            Method::Dcdm => "dcdm",
            Method::DcdmNet => "dcdm-net",
        }
    }

    /// Its preconditioner's name.
    pub fn preconditioner(self) -> &'static str {
        match self {
            Method::Auto | Method::Cg | Method::Direct => "none",
            Method::PcgJacobi => "jacobi",
            Method::PcgIc => "ic",
            Method::PcgDeflation => "deflation",
            Method::PcgAmg => "amg",
            Method::Gmg => "gmg",
            Method::GmgPlain => "gmg-plain",
            Method::Dcdm => "dcdm",
            Method::DcdmNet => "dcdm-net",
        }
    }

    /// What `auto` takes for `n` unknowns in a mesh of that dimension, and why. A factorization is faster while its fill
    /// is small: O(n log n) in the plane, O(n^{4/3}) in space (George 1973; Lipton, Rose & Tarjan 1979).
    pub fn choose(n: usize, dimension: usize) -> (Method, String) {
        let limit = match dimension {
            0 | 1 => usize::MAX,
            2 => 10_000,
            _ => 2_000,
        };
        let (method, why) = match n <= limit {
            true => (Method::Direct, "small enough to factor at once"),
            false => (Method::PcgAmg, "too large to factor cheaply; multigrid's work grows as n"),
        };
        (method, format!("{} unknowns in {dimension}-D: {why}", count(n as u64)))
    }
}

/// Settings of [`Solver`].
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SolverConfig {
    /// The method (default auto).
    pub method: Method,
    /// When to stop.
    pub stop: StopRule,
    /// Settings of the preconditioners.
    pub precond: PrecondConfig,
}

/// Settings of the preconditioners, used by the methods of their name.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrecondConfig {
    /// Incomplete Cholesky.
    pub ic: IcConfig,
    /// Subdomain deflation.
    pub deflation: DeflationConfig,
    /// Algebraic multigrid.
    pub amg: AmgConfig,
}

impl SolverConfig {
    /// Sets up for the matrix `a` of a problem on a mesh of that dimension: hierarchy or factor, and work space.
    ///
    /// Errors: a matrix the method cannot take, with the row; a method for voxel scenes.
    pub fn build(&self, a: &Csr, dimension: usize) -> Result<Solver> {
        let (method, why) = match self.method {
            Method::Auto => Method::choose(a.nrows(), dimension),
            given => (given, String::new()),
        };
        let engine = match method {
            Method::Direct => Engine::Direct(Box::new(Cholesky::new(a)?)),
            Method::PcgJacobi => Engine::Jacobi(Jacobi::new(a)?),
            Method::PcgIc => Engine::Ic(self.precond.ic.build(a)?),
            Method::PcgDeflation => Engine::Deflation(Box::new(self.precond.deflation.build(a)?)),
            Method::PcgAmg => Engine::Amg(self.precond.amg.build(a)?),
            Method::Auto | Method::Cg => Engine::Identity(Identity),
            Method::Dcdm => {
                return Err(Error::Option {
                    option: "method".into(),
                    value: method.name().into(),
                    what: "needs the places of the unknowns, and weights: take SolverConfig::build_on".into(),
                });
            }
            Method::Gmg | Method::GmgPlain | Method::DcdmNet => {
                return Err(Error::Option {
                    option: "method".into(),
                    value: method.name().into(),
                    what: "is for voxel scenes; on meshes take pcg-amg or dcdm".into(),
                });
            }
        };
        Ok(self.solver(method, why, engine, a.nrows()))
    }

    /// As [`Self::build`], for an assembled system: `dcdm`, too, with these numbers in its cycle. Where no grid suits the mesh
    /// that is `pcg-amg`, and [`Solver::why`] says so.
    ///
    /// Errors: as [`build`](Self::build).
    pub fn build_on(&self, system: &System, parameters: &CycleParameters) -> Result<Solver> {
        let dimension = system.space.mesh.dimension();
        if self.method != Method::Dcdm {
            return self.build(&system.a, dimension);
        }
        let points = system.points();
        match Background::of(&system.a, points, dimension) {
            Ok(background) => {
                let grid = AuxiliaryGrid::new(&system.a, &background, parameters)?;
                let engine = Engine::Auxiliary(Box::new(Guarded::new(grid, &self.precond.amg)));
                Ok(self.solver(Method::Dcdm, String::new(), engine, system.a.nrows()))
            }
            Err(why) => {
                let engine = Engine::Amg(self.precond.amg.build(&system.a)?);
                Ok(self.solver(Method::PcgAmg, format!("for dcdm: {why}"), engine, system.a.nrows()))
            }
        }
    }

    fn solver(&self, method: Method, why: String, engine: Engine, n: usize) -> Solver {
        let n = if method == Method::Direct { 0 } else { n };
        Solver { method, why, engine, workspace: Cg::new(n), stop: self.stop.clone() }
    }

    /// As [`Self::build`], on a GPU: `cg`, `pcg-jacobi`, or `pcg-amg`, which `auto` is there.
    ///
    /// Errors: another method; those of the hierarchy; no memory left on the device.
    #[cfg(feature = "cuda")]
    pub fn build_on_cuda(&self, a: &Csr, cuda: &Arc<Cuda>) -> Result<Solver> {
        self.check_cuda()?;
        let method = if self.method == Method::Auto { Method::PcgAmg } else { self.method };
        let engine = Engine::Cuda(Box::new(CudaRows::new(cuda, a, method, &self.precond.amg)?));
        Ok(Solver { method, why: String::new(), engine, workspace: Cg::new(0), stop: self.stop.clone() })
    }

    /// Whether the method runs on sparse rows on a GPU.
    ///
    /// Errors: where it does not.
    #[cfg(feature = "cuda")]
    pub(super) fn check_cuda(&self) -> Result<()> {
        match self.method {
            Method::Auto | Method::Cg | Method::PcgJacobi | Method::PcgAmg => Ok(()),
            other => Err(Error::Option {
                option: "--method".into(),
                value: other.name().into(),
                what: "does not run on a GPU; cg, pcg-jacobi and pcg-amg do, and gmg, dcdm, gmg-plain and dcdm-net on voxel scenes"
                    .into(),
            }),
        }
    }
}

/// A method set up for one matrix.
pub struct Solver {
    /// The method in use, never `auto`.
    pub method: Method,
    /// Why `auto` took it; empty where it was asked for.
    pub why: String,
    /// When to stop.
    pub stop: StopRule,
    engine: Engine,
    workspace: Cg,
}

enum Engine {
    Identity(Identity),
    Jacobi(Jacobi),
    Ic(Ic),
    Deflation(Box<Deflation>),
    Amg(Amg),
    Auxiliary(Box<Guarded>),
    Direct(Box<Cholesky>),
    #[cfg(feature = "cuda")]
    Cuda(Box<CudaRows>),
}

impl Solver {
    /// Solves A x = b from the guess in `x`, with the matrix the solver was set up for (or one near it: then the iterative
    /// methods only take longer). `watch` sees the iterations of the iterative methods.
    ///
    /// Errors: a tolerance that makes no sense; vectors of another length than the matrix.
    pub fn solve(&mut self, a: &Csr, b: &[f64], x: &mut [f64], watch: &mut Observer) -> Result<Report> {
        let m: &mut dyn Preconditioner = match &mut self.engine {
            Engine::Direct(factor) => return direct(a, factor, b, x, &self.stop),
            Engine::Auxiliary(m) => return m.solve(&mut self.workspace, a, b, x, &self.stop, watch),
            #[cfg(feature = "cuda")]
            Engine::Cuda(rows) => return rows.solve(a, b, x, &self.stop, watch),
            Engine::Identity(m) => m,
            Engine::Jacobi(m) => m,
            Engine::Ic(m) => m,
            Engine::Deflation(m) => &mut **m,
            Engine::Amg(m) => m,
        };
        self.workspace.solve(a, m, b, x, &self.stop, watch).cloned()
    }

    /// Bytes of preconditioner or factor.
    pub fn bytes(&self) -> usize {
        match &self.engine {
            Engine::Direct(factor) => factor.bytes(),
            Engine::Identity(m) => m.bytes(),
            Engine::Jacobi(m) => m.bytes(),
            Engine::Ic(m) => m.bytes(),
            Engine::Deflation(m) => m.bytes(),
            Engine::Amg(m) => m.bytes(),
            Engine::Auxiliary(m) => m.bytes(),
            #[cfg(feature = "cuda")]
            Engine::Cuda(rows) => rows.bytes(),
        }
    }

    /// Bytes that an iteration with the matrix `a` reads and writes, counted from its arrays; of a direct solver, a solve with the
    /// factor and the residual.
    pub fn traffic(&self, a: &Csr) -> f64 {
        let m = match &self.engine {
            Engine::Direct(factor) => {
                return (2 * factor.bytes() + a.bytes() + 6 * size_of::<f64>() * a.nrows()) as f64;
            }
            Engine::Identity(m) => m.traffic(),
            Engine::Jacobi(m) => m.traffic(),
            Engine::Ic(m) => m.traffic(),
            Engine::Deflation(m) => m.traffic(),
            Engine::Amg(m) => m.traffic(),
            Engine::Auxiliary(m) => m.traffic(),
            #[cfg(feature = "cuda")]
            Engine::Cuda(rows) => rows.bytes(),
        };
        (a.bytes() + m + Cg::TRAFFIC * a.nrows()) as f64
    }

    /// One line about the preconditioner or factor: levels, shift, fill.
    pub fn summary(&self) -> String {
        match &self.engine {
            Engine::Direct(factor) => {
                format!("sparse Cholesky: {} entries in the factor", count(factor.factor_nonzeros() as u64))
            }
            #[cfg(feature = "cuda")]
            Engine::Cuda(rows) => rows.summary.clone(),
            Engine::Identity(_) => "none".into(),
            Engine::Jacobi(_) => "jacobi: the diagonal".into(),
            Engine::Ic(ic) if ic.shift() > 0.0 => format!("ic: IC(0), diagonal shifted by {:.1e}", ic.shift()),
            Engine::Ic(_) => "ic: IC(0)".into(),
            Engine::Deflation(m) => format!("deflation: {}", counted(m.parts() as u64, "part")),
            Engine::Amg(amg) => levels(amg),
            Engine::Auxiliary(m) => m.summary(),
        }
    }

    /// Whether the grid of `dcdm` did not serve and algebraic multigrid took over.
    pub fn fell_back(&self) -> bool {
        matches!(&self.engine, Engine::Auxiliary(m) if m.fell_back())
    }
}

pub(super) fn levels(amg: &Amg) -> String {
    format!(
        "amg: {}, operator complexity {:.2}, grid complexity {:.2}",
        counted(amg.levels().len() as u64, "level"),
        amg.operator_complexity(),
        amg.grid_complexity()
    )
}
