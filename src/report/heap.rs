//! How much memory a piece of work takes: a global allocator that counts.
//!
//! A program that wants figures sets it up, as `filet` itself does:
//!
//! ```
//! use filet::report::heap::{Counting, peak_during};
//!
//! #[global_allocator]
//! static HEAP: Counting = Counting;
//!
//! let (sum, bytes) = peak_during(|| vec![1u8; 1 << 20].iter().map(|v| u64::from(*v)).sum::<u64>());
//! assert_eq!((sum, bytes), (1 << 20, Some(1 << 20)));
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// Smaller blocks are not counted, so that they cost nothing more: vectors of unknowns are far larger.
const LEAST: usize = 4096;

static USED: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, with a count of the bytes in blocks of 4 kB and more.
#[derive(Debug)]
pub struct Counting;

/// The result, and the most bytes that were held at a time beyond those held before; `None` where [`Counting`] is not the
/// program's allocator. Blocks of less than 4 kB do not count, other threads' blocks do.
pub fn peak_during<T>(run: impl FnOnce() -> T) -> (T, Option<usize>) {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = run();
    let most = PEAK.load(Relaxed).saturating_sub(before);
    (result, USED.load(Relaxed).then_some(most))
}

fn grow(size: usize) {
    if size >= LEAST {
        USED.store(true, Relaxed);
        let live = LIVE.fetch_add(size, Relaxed) + size;
        PEAK.fetch_max(live, Relaxed);
    }
}

fn shrink(size: usize) {
    if size >= LEAST {
        LIVE.fetch_sub(size, Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator as it came; the counts beside it are atomic and touch no block.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: what the caller promises of `layout` is what the system asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: as for `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        shrink(layout.size());
        // SAFETY: `block` came from the system's allocator with this layout.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grow(size);
        shrink(layout.size());
        // SAFETY: `block` came from the system's allocator with this layout, and the caller promises a valid size.
        unsafe { System.realloc(block, layout, size) }
    }
}
