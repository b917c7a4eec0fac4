//! A work space allocates once: the second solve with it allocates nothing.

mod common;

use filet::precond::{IcConfig, Jacobi, MeanFree, Preconditioner};
use filet::solver::{Cg, Outcome, StopRule, unobserved};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counting on each thread what that thread asks for.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator unchanged; the counter is a thread-local Cell without a
// destructor, so counting neither allocates nor fails.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `alloc` above, that is from the system's allocator, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations() -> usize {
    ALLOCATIONS.with(Cell::get)
}

#[test]
fn a_second_solve_allocates_nothing() {
    let problem = common::laplacian_2d();
    let n = problem.n();
    let preconditioners: [Box<dyn Preconditioner>; 3] = [
        Box::new(Jacobi::new(&problem.a).unwrap()),
        Box::new(IcConfig::default().build(&problem.a).unwrap()),
        Box::new(MeanFree::new(Jacobi::new(&problem.a).unwrap(), n)),
    ];
    for mut m in preconditioners {
        let mut workspace = Cg::new(n);
        let stop = StopRule::default();
        let mut x = vec![0.0; n];
        workspace.solve(&problem.a, &mut m, &problem.b, &mut x, &stop, &mut unobserved).unwrap();

        x.fill(0.0);
        let before = allocations();
        let report = workspace.solve(&problem.a, &mut m, &problem.b, &mut x, &stop, &mut unobserved).unwrap();
        assert_eq!(allocations() - before, 0);
        assert_ne!(report.iterations, 0);
        assert!(matches!(report.outcome, Outcome::Converged | Outcome::Breakdown { .. } | Outcome::MaxIterations));
    }
    assert_ne!(allocations(), 0, "the counter counts");
}
