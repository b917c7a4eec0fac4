//! The kernels' text, and what it says of them.

/// A translation unit: one family of kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source {
    /// Name of the file in `kernels/`.
    pub name: &'static str,
    /// Its text, after that of the files it uses.
    pub text: &'static str,
    /// The compute capability from which on it can be compiled, such as 80 for 8.0.
    pub since: i32,
}

macro_rules! source {
    ($($file:literal),* ; $name:literal) => {
        Source {
            name: $name,
            text: concat!(
                include_str!("../../../kernels/common.cuh"),
                $(include_str!(concat!("../../../kernels/", $file)),)*
                include_str!(concat!("../../../kernels/", $name))
            ),
            since: 0,
        }
    };
}

/// Numbers of Krylov methods and vector updates.
pub const KRYLOV: Source = source!("slots.cuh"; "krylov.cu");
/// The voxel operator, fused with the updates around it.
pub const VOXEL: Source = source!("slots.cuh"; "voxel.cu");
/// The sweeps of multigrid.
pub const MULTIGRID: Source = source!(; "multigrid.cu");
/// The cycle of gmg and dcdm.
pub const CYCLE: Source = source!(; "cycle.cu");
/// Algebraic multigrid.
pub const AMG: Source = source!(; "amg.cu");
/// Sparse rows.
pub const CSR: Source = source!(; "csr.cu");
/// Convolutions and their gradients.
pub const CONVOLUTION: Source = source!(; "convolution.cu");
/// Convolutions on tensor cores.
pub const TENSOR: Source = Source { since: 80, ..source!("mma.cuh"; "tensor.cu") };
/// Convolutions of any channels, kernels and strides.
pub const LATTICE: Source = source!("lattice.cuh"; "lattice.cu");
/// The same on tensor cores.
pub const LATTICE_TENSOR: Source = Source { since: 80, ..source!("lattice.cuh", "mma.cuh"; "lattice_tensor.cu") };
/// Images besides convolutions.
pub const IMAGE: Source = source!("slots.cuh"; "image.cu");
/// Functions number by number.
pub const POINTWISE: Source = source!(; "pointwise.cu");
/// Sums, and what is made with them.
pub const REDUCE: Source = source!(; "reduce.cu");
/// The equation of the learned mover.
pub const MOVER: Source = source!(; "mover.cu");
/// Adam's step.
pub const ADAM: Source = source!(; "adam.cu");

/// All of them.
pub const SOURCES: [Source; 15] = [
    KRYLOV,
    VOXEL,
    MULTIGRID,
    CYCLE,
    AMG,
    CSR,
    CONVOLUTION,
    TENSOR,
    LATTICE,
    LATTICE_TENSOR,
    IMAGE,
    POINTWISE,
    REDUCE,
    MOVER,
    ADAM,
];

/// A kernel's name and its parameters' types, such as `const float*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// The entry point.
    pub name: String,
    /// Types in order, without spaces before `*`.
    pub parameters: Vec<String>,
}

impl Source {
    /// The kernels of this text, as far as they are declared `extern "C" __global__ void name(..)`.
    pub fn signatures(&self) -> Vec<Signature> {
        let declarations = self.text.split("extern \"C\" __global__ void ").skip(1);
        let parse = |text: &str| {
            let (name, rest) = text.split_once('(')?;
            let (list, _) = rest.split_once(')')?;
            let parameters = list.split(',').map(|p| {
                // The type is all before the parameter's name.
                let words: Vec<&str> = p.split_whitespace().collect();
                let (last, before) = words.split_last().expect("a parameter");
                let stars = if last.starts_with('*') { "*" } else { "" };
                format!("{}{stars}", before.join(" "))
            });
            Some(Signature { name: name.trim().into(), parameters: parameters.collect() })
        };
        declarations.filter_map(parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_read_from_the_text() {
        let all = CSR.signatures();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].name, "multiply_rows");
        let expected = ["double*", "const double*", "const int*", "const int*", "const double*", "double*", "int"];
        assert_eq!(all[0].parameters, expected);
    }
}
