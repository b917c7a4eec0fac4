//! The memory this process has used, and the bandwidth of the machine's.

use rayon::prelude::*;
use std::time::Instant;

/// Peak resident memory in bytes, where the system tells (Linux: VmHWM).
pub fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Words of each of the triad's three arrays: far more than a cache holds.
const TRIAD: usize = 1 << 23;

/// Memory bandwidth on all threads: a <- b + s c, three words counted, the median of eleven (McCalpin's STREAM triad).
pub fn triad_bytes_per_second() -> f64 {
    let (mut a, b, c) = (vec![0.0f64; TRIAD], vec![1.0f64; TRIAD], vec![2.0f64; TRIAD]);
    let mut rates: Vec<f64> = (0..11)
        .map(|round| {
            let s = f64::from(round);
            let clock = Instant::now();
            a.par_chunks_mut(1 << 14).zip(b.par_chunks(1 << 14)).zip(c.par_chunks(1 << 14)).for_each(|((a, b), c)| {
                for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
                    *a = b + s * c;
                }
            });
            std::hint::black_box(&a);
            3.0 * size_of_val(&a[..]) as f64 / clock.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
