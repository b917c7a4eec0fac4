//! One entry to all methods on voxel scenes: geometric multigrid on the grid, the others on its matrix.

use super::{Cg, Method, Observer, Report, Solver, SolverConfig, StopRule, VoxelSolver};
use crate::assembly::VoxelSystem;
use crate::error::Result;
use crate::operator::voxel::VoxelOperator;
use crate::precond::Preconditioner;
use crate::precond::voxel::RediscretisedMultigrid;
use crate::voxel::{Components, VoxelGrid};

/// A method set up for one voxel grid.
pub struct SceneSolver {
    method: Method,
    stop: StopRule,
    engine: Engine,
}

enum Engine {
    Voxel(Box<VoxelSolver>),
    Rediscretised(Box<Rediscretised>),
    Matrix(Box<(VoxelSystem, Solver)>),
}

struct Rediscretised {
    operator: VoxelOperator,
    m: RediscretisedMultigrid,
    components: Components,
    cg: Cg,
}

impl SceneSolver {
    /// Sets up as `config` says; `auto` is `gmg`.
    ///
    /// Errors: no fluid cell; what [`SolverConfig::build`] refuses.
    pub fn new(config: &SolverConfig, grid: &VoxelGrid) -> Result<Self> {
        let engine = match config.method {
            Method::Auto | Method::Gmg => Engine::Voxel(Box::new(VoxelSolver::new(grid)?)),
            Method::GmgPlain => Engine::Rediscretised(Box::new(Rediscretised {
                m: RediscretisedMultigrid::new(grid)?,
                operator: VoxelOperator::new(grid),
                components: Components::of(grid),
                cg: Cg::new(grid.cells()),
            })),
            _ => {
                let system = VoxelSystem::new(grid, &VoxelOperator::new(grid))?;
                let solver = config.build(&system.a, grid.dimension())?;
                Engine::Matrix(Box::new((system, solver)))
            }
        };
        let method = if config.method == Method::Auto { Method::Gmg } else { config.method };
        Ok(SceneSolver { method, stop: config.stop.clone(), engine })
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
            Engine::Rediscretised(this) => {
                let Rediscretised { operator, m, components, cg } = &mut **this;
                components.check(b)?;
                components.clear_outside(x);
                let inside: Vec<f64> = match components.compatible(b) {
                    Some(projected) => projected,
                    None => {
                        b.iter().zip(components.labels()).map(|(b, l)| if l.is_some() { *b } else { 0.0 }).collect()
                    }
                };
                let report = cg.solve(operator, m, &inside, x, &self.stop, watch)?.clone();
                components.remove_mean(x);
                Ok(report)
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
            Engine::Rediscretised(this) => this.operator.bytes() + this.m.bytes(),
            Engine::Matrix(both) => both.1.bytes(),
        }
    }

    /// One line about what was set up: levels, or the preconditioner.
    pub fn summary(&self) -> String {
        match &self.engine {
            Engine::Voxel(solver) => {
                let m = solver.multigrid();
                format!("{} grid levels, {} sparse unknowns below", m.grid_levels(), m.sparse_unknowns())
            }
            Engine::Rediscretised(this) => format!("{} grid levels", this.m.grid_levels()),
            Engine::Matrix(both) => both.1.summary(),
        }
    }
}
