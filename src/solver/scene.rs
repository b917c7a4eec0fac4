//! One entry to all methods on voxel scenes: geometric multigrid on the grid, the others on its matrix.

#[cfg(feature = "cuda")]
use super::CudaDirectionModel;
use super::conjugate_direction::conjugate_direction;
#[cfg(feature = "cuda")]
use super::cuda::{CudaDirections, CudaLearned, CudaMethod, CudaVoxelCg, cycle_cg};
use super::{Cg, DirectionModel, LearnedSolver, Method, Observer, Report, Solver, SolverConfig, StopRule, VoxelSolver};
use crate::assembly::VoxelSystem;
#[cfg(feature = "cuda")]
use crate::device::cuda::Cuda;
use crate::error::{Error, Result};
use crate::operator::voxel::VoxelOperator;
use crate::precond::Preconditioner;
#[cfg(feature = "cuda")]
use crate::precond::voxel::CudaMultigrid;
use crate::precond::voxel::{CycleParameters, RediscretisedMultigrid};
use crate::voxel::{Components, VoxelGrid};
use crate::words::counted;
#[cfg(feature = "cuda")]
use std::sync::Arc;

/// A method set up for one voxel grid.
pub struct SceneSolver {
    method: Method,
    stop: StopRule,
    engine: Engine,
}

enum Engine {
    Voxel(Box<VoxelSolver>),
    Learned(Box<LearnedSolver>),
    Rediscretised(Box<OnGrid>, Box<(RediscretisedMultigrid, Cg)>),
    Directions(Box<OnGrid>, Box<dyn DirectionModel>),
    Matrix(Box<(VoxelSystem, Solver)>),
    #[cfg(feature = "cuda")]
    CudaVoxels(Box<OnGrid>, Box<CudaVoxelCg>),
    #[cfg(feature = "cuda")]
    CudaLearned(Box<OnGrid>, Box<CudaLearned>),
    #[cfg(feature = "cuda")]
    CudaDirections(Box<OnGrid>, Box<CudaDirections>),
}

/// The operator over all cells, and what makes its problem one that has a solution.
struct OnGrid {
    operator: VoxelOperator,
    components: Components,
}

impl OnGrid {
    fn new(grid: &VoxelGrid) -> Self {
        OnGrid { operator: VoxelOperator::new(grid), components: Components::of(grid) }
    }

    /// Solves with b in the operator's range, and takes the mean out of x where that is free.
    fn solve(
        &self,
        b: &[f64],
        x: &mut [f64],
        solve: impl FnOnce(&VoxelOperator, &[f64], &mut [f64]) -> Result<Report>,
    ) -> Result<Report> {
        self.components.check(b)?;
        self.components.clear_outside(x);
        let inside = match self.components.compatible(b) {
            Some(projected) => projected,
            None => {
                let labels = self.components.labels();
                b.iter().zip(labels).map(|(b, l)| if l.is_some() { *b } else { 0.0 }).collect()
            }
        };
        let report = solve(&self.operator, &inside, x)?;
        self.components.remove_mean(x);
        Ok(report)
    }
}

/// Directions kept by [`SceneSolver::with_directions`], as in the publication.
const MEMORY: usize = 2;

impl SceneSolver {
    /// Sets up as `config` says; `auto` is `gmg`.
    ///
    /// Errors: no fluid cell; what [`SolverConfig::build`] refuses.
    pub fn new(config: &SolverConfig, grid: &VoxelGrid) -> Result<Self> {
        let engine = match config.method {
            Method::Auto | Method::Gmg => Engine::Voxel(Box::new(VoxelSolver::new(grid)?)),
            Method::GmgPlain => {
                let both = (RediscretisedMultigrid::new(grid)?, Cg::new(grid.cells()));
                Engine::Rediscretised(Box::new(OnGrid::new(grid)), Box::new(both))
            }
            Method::Dcdm | Method::DcdmNet => {
                return Err(Error::Option {
                    option: "method".into(),
                    value: config.method.name().into(),
                    what: "needs weights: give them to SceneSolver::with_parameters or SceneSolver::with_directions"
                        .into(),
                });
            }
            _ => {
                let system = VoxelSystem::new(grid, &VoxelOperator::new(grid))?;
                let solver = config.build(&system.a, grid.dimension())?;
                Engine::Matrix(Box::new((system, solver)))
            }
        };
        let method = if config.method == Method::Auto { Method::Gmg } else { config.method };
        Ok(SceneSolver { method, stop: config.stop.clone(), engine })
    }

    /// Sets up conjugate directions from `model`, which works on all cells of the grid; the last two are kept. This is the method
    /// `dcdm-net`.
    ///
    /// Errors: no fluid cell.
    pub fn with_directions(stop: &StopRule, grid: &VoxelGrid, model: Box<dyn DirectionModel>) -> Result<Self> {
        grid.require_fluid()?;
        let engine = Engine::Directions(Box::new(OnGrid::new(grid)), model);
        Ok(SceneSolver { method: Method::DcdmNet, stop: stop.clone(), engine })
    }

    /// Sets up multigrid with learned numbers: the method `dcdm`.
    ///
    /// Errors: no fluid cell.
    pub fn with_parameters(stop: &StopRule, grid: &VoxelGrid, parameters: &CycleParameters) -> Result<Self> {
        let engine = Engine::Learned(Box::new(LearnedSolver::new(grid, parameters)?));
        Ok(SceneSolver { method: Method::Dcdm, stop: stop.clone(), engine })
    }

    /// Sets up on a GPU: `gmg` (which `auto` is there, too), `gmg-plain`, or `cg` and `pcg-jacobi` on the grid's matrix.
    ///
    /// Errors: another method; no fluid cell; no memory left on the device.
    #[cfg(feature = "cuda")]
    pub fn on_cuda(config: &SolverConfig, grid: &VoxelGrid, cuda: &Arc<Cuda>) -> Result<Self> {
        let method = if config.method == Method::Auto { Method::Gmg } else { config.method };
        let engine = match method {
            Method::Gmg => {
                let cg = cycle_cg(cuda, grid, &CycleParameters::default())?;
                Engine::CudaVoxels(Box::new(OnGrid::new(grid)), Box::new(cg))
            }
            Method::GmgPlain => {
                let host = RediscretisedMultigrid::new(grid)?;
                let (m, summary) = (CudaMultigrid::new(cuda, &host)?, counted(host.grid_levels() as u64, "grid level"));
                let cg = CudaVoxelCg::new(cuda, grid, Box::new(m), summary)?;
                Engine::CudaVoxels(Box::new(OnGrid::new(grid)), Box::new(cg))
            }
            _ => {
                let config = SolverConfig { method, ..config.clone() };
                config.check_cuda()?;
                let system = VoxelSystem::new(grid, &VoxelOperator::new(grid))?;
                let solver = config.build_on_cuda(&system.a, cuda)?;
                Engine::Matrix(Box::new((system, solver)))
            }
        };
        Ok(SceneSolver { method, stop: config.stop.clone(), engine })
    }

    /// As [`Self::with_parameters`], on a GPU.
    ///
    /// Errors: no fluid cell; no memory left on the device.
    #[cfg(feature = "cuda")]
    pub fn with_cuda_parameters(
        stop: &StopRule,
        grid: &VoxelGrid,
        cuda: &Arc<Cuda>,
        parameters: &CycleParameters,
    ) -> Result<Self> {
        let learned = CudaLearned::new(cuda, grid, parameters)?;
        let engine = Engine::CudaLearned(Box::new(OnGrid::new(grid)), Box::new(learned));
        Ok(SceneSolver { method: Method::Dcdm, stop: stop.clone(), engine })
    }

    /// As [`Self::with_directions`], on a GPU.
    ///
    /// Errors: no fluid cell; no memory left on the device.
    #[cfg(feature = "cuda")]
    pub fn with_cuda_directions(
        stop: &StopRule,
        grid: &VoxelGrid,
        cuda: &Arc<Cuda>,
        model: Box<dyn CudaDirectionModel>,
    ) -> Result<Self> {
        let directions = CudaDirections::new(cuda, grid, model)?;
        let engine = Engine::CudaDirections(Box::new(OnGrid::new(grid)), Box::new(directions));
        Ok(SceneSolver { method: Method::DcdmNet, stop: stop.clone(), engine })
    }

    /// The method in use, never `auto`.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The assembled system, where the method needs one.
    pub fn system(&self) -> Option<&VoxelSystem> {
        match &self.engine {
            Engine::Matrix(both) => Some(&both.0),
            _ => None,
        }
    }

    /// Solves A x = b from the guess in `x` (methods on the matrix start from 0); both are row-major over all cells. Outside
    /// the fluid x becomes 0, and where a component touches no air it gets mean 0.
    ///
    /// Errors: as [`VoxelSolver::solve`].
    pub fn solve(&mut self, b: &[f64], x: &mut [f64], watch: &mut Observer) -> Result<Report> {
        match &mut self.engine {
            Engine::Voxel(solver) => solver.solve(b, x, &self.stop, watch),
            Engine::Learned(solver) => solver.solve(b, x, &self.stop, watch),
            Engine::Rediscretised(on, both) => {
                let (m, cg) = &mut **both;
                on.solve(b, x, |a, b, x| cg.solve(a, m, b, x, &self.stop, watch).cloned())
            }
            Engine::Directions(on, model) => {
                on.solve(b, x, |a, b, x| conjugate_direction(a, &mut **model, MEMORY, b, x, &self.stop, watch))
            }
            #[cfg(feature = "cuda")]
            Engine::CudaVoxels(on, cg) => on.solve(b, x, |a, b, x| cg.solve(a, b, x, &self.stop, watch)),
            #[cfg(feature = "cuda")]
            Engine::CudaLearned(on, solver) => on.solve(b, x, |a, b, x| solver.solve(a, b, x, &self.stop, watch)),
            #[cfg(feature = "cuda")]
            Engine::CudaDirections(on, directions) => {
                on.solve(b, x, |a, b, x| directions.solve(a, b, x, &self.stop, watch))
            }
            Engine::Matrix(both) => {
                let (system, solver) = &mut **both;
                let b = system.right_hand_side(b)?;
                let mut unknowns = vec![0.0; b.len()];
                let report = solver.solve(&system.a, &b, &mut unknowns, watch)?;
                x.copy_from_slice(&system.pressure(&unknowns));
                Ok(report)
            }
        }
    }

    /// Bytes of what was set up.
    pub fn bytes(&self) -> usize {
        match &self.engine {
            Engine::Voxel(solver) => solver.bytes(),
            Engine::Learned(solver) => solver.bytes(),
            Engine::Rediscretised(on, both) => on.operator.bytes() + both.0.bytes(),
            Engine::Directions(on, _) => on.operator.bytes(),
            Engine::Matrix(both) => both.1.bytes(),
            #[cfg(feature = "cuda")]
            Engine::CudaVoxels(_, cg) => cg.bytes(),
            #[cfg(feature = "cuda")]
            Engine::CudaLearned(_, solver) => solver.bytes(),
            #[cfg(feature = "cuda")]
            Engine::CudaDirections(_, directions) => directions.bytes(),
        }
    }

    /// Bytes that an iteration reads and writes, counted from its arrays, where that says something: a net computes more than it
    /// moves.
    pub fn traffic(&self) -> Option<f64> {
        match &self.engine {
            Engine::Voxel(solver) => Some(solver.traffic()),
            Engine::Learned(solver) => Some(solver.traffic()),
            Engine::Rediscretised(on, both) => {
                let cells = on.operator.layout.cells();
                Some((on.operator.bytes() + both.0.traffic() + Cg::TRAFFIC * cells) as f64)
            }
            Engine::Matrix(both) => Some(both.1.traffic(&both.0.a)),
            Engine::Directions(..) => None,
            #[cfg(feature = "cuda")]
            Engine::CudaVoxels(..) | Engine::CudaLearned(..) | Engine::CudaDirections(..) => None,
        }
    }

    /// Whether learned numbers failed and the numbers of analysis took over.
    pub fn fell_back(&self) -> bool {
        match &self.engine {
            Engine::Learned(solver) => solver.fell_back(),
            #[cfg(feature = "cuda")]
            Engine::CudaLearned(_, solver) => solver.fell_back(),
            _ => false,
        }
    }

    /// One line about what was set up: levels, or the preconditioner.
    pub fn summary(&self) -> String {
        match &self.engine {
            Engine::Voxel(solver) => solver.multigrid().summary(),
            Engine::Learned(solver) => solver.learned().multigrid().summary() + "; learned numbers",
            Engine::Rediscretised(_, both) => counted(both.0.grid_levels() as u64, "grid level"),
            Engine::Directions(..) => format!("a net, {MEMORY} directions kept"),
            Engine::Matrix(both) => both.1.summary(),
            #[cfg(feature = "cuda")]
            Engine::CudaVoxels(_, cg) => format!("{}, on the GPU", cg.summary),
            #[cfg(feature = "cuda")]
            Engine::CudaLearned(_, solver) => format!("{}, on the GPU", solver.summary()),
            #[cfg(feature = "cuda")]
            Engine::CudaDirections(..) => format!("a net on the GPU, {MEMORY} directions kept"),
        }
    }
}
