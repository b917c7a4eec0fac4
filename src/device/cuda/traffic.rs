//! What launches move and compute, counted from their arguments: a lower bound on the time they take.

use super::Arg;

/// Of one kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Traffic {
    /// Launches.
    pub launches: usize,
    /// Bytes read and written, every number of every buffer once (twice where it is read and written).
    pub bytes: usize,
    /// Additions and multiplications of the kernel's formula.
    pub flops: f64,
}

impl Traffic {
    pub(super) fn add(&mut self, kernel: &str, args: &[Arg], parameters: &[String]) {
        self.launches += 1;
        self.bytes += args.iter().map(|a| a.bytes).sum::<usize>();
        // Every kernel's first parameter is what it is for.
        let width = if parameters[0].contains("double") { 8 } else { 4 };
        self.flops += flops(kernel) * args.first().map_or(0, |a| a.bytes / width) as f64;
    }
}

/// Products on tensor cores that a kernel takes for each multiplication of its formula; `None` where it does not run on them.
pub fn tensor_products(kernel: &str) -> Option<f64> {
    match kernel {
        _ if kernel.ends_with("_3tf32") => Some(3.0),
        _ if kernel.ends_with("_tf32") => Some(1.0),
        _ => None,
    }
}

/// Additions and multiplications of a kernel for each number it writes to its first parameter; 0 where that depends on more, and
/// whoever launches it tells (`Cuda::computed`).
fn flops(kernel: &str) -> f64 {
    match kernel {
        // Operator: six additions, a multiplication and a subtraction; then what the formula has.
        "residual" | "smooth" | "prolong_smooth" => 14.0,
        "direction" | "oriented_product" | "smooth_twice" => 16.0,
        // x is read and written, and counted twice.
        "advance" => 8.0,
        // K takes 18 additions and 4 multiplications, H two; P, its transpose and their divisions 18 and 22 at most; r.z two.
        "descend_flags" => 22.0 + 2.0 + 9.0 + 22.0,
        "ascend_flags" => 18.0 + 9.0 + 2.0 + 22.0 + 3.0,
        "descend_weights" => 22.0 + 2.0 + 14.0 + 22.0,
        "ascend_weights" => 18.0 + 14.0 + 2.0 + 22.0 + 3.0,
        // Seven entries a row, about.
        "smoother_step" | "first_step" | "restrict_rows" | "prolong_rows" => 20.0,
        "restrict_residual" => 8.0 * 9.0 + 64.0,
        "multiply_rows" => 14.0,
        // 27 taps and C channels, a multiplication and an addition each.
        "convolve_16" | "convolve_16_tf32" | "convolve_16_3tf32" => 2.0 * 27.0 * 16.0,
        "convolve_1" => 2.0 * 27.0,
        "pointwise" => 32.0,
        // Of those of any shape products are told; sums of partial sums are nothing beside them.
        "convolve_lattice" | "convolve_lattice_3tf32" | "transpose_lattice" | "transpose_lattice_3tf32" => 0.0,
        "weight_lattice" | "weight_lattice_3tf32" | "along" | "add_shares" | "sum_shares" | "dot_shares" => 0.0,
        "remainders" | "series_at" => 0.0,
        "weight_shares_1" | "weight_shares_16" | "weight_shares_16_tf32" | "weight_shares_16_3tf32" => 0.0,
        "map" | "map_gradient" => 12.0,
        "adam" => 14.0,
        _ => 4.0,
    }
}
