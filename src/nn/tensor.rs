//! Numbers of a shape, here or on a GPU.

#[cfg(feature = "cuda")]
use super::ops::cuda::{Gpu, OnGpu};
use crate::error::Result;
use rand::Rng;

#[cfg(feature = "cuda")]
const ELSEWHERE: &str = "these numbers are on a GPU, and this has no kernel for it";

/// Single-precision numbers, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    numbers: Numbers,
}

#[derive(Debug, Clone, PartialEq)]
enum Numbers {
    Here(Vec<f32>),
    #[cfg(feature = "cuda")]
    OnGpu(OnGpu),
}

impl Default for Tensor {
    /// No numbers.
    fn default() -> Self {
        Tensor::zeros(&[0])
    }
}

impl Tensor {
    /// Puts a shape on numbers.
    ///
    /// # Panics
    ///
    /// Where there are more or fewer numbers than the shape has places.
    pub fn new(shape: &[usize], data: Vec<f32>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), data.len(), "numbers for the shape {shape:?}");
        Tensor { shape: shape.to_vec(), numbers: Numbers::Here(data) }
    }

    /// Zeros.
    pub fn zeros(shape: &[usize]) -> Self {
        Tensor::new(shape, vec![0.0; shape.iter().product()])
    }

    /// One number.
    pub fn scalar(value: f32) -> Self {
        Tensor::new(&[], vec![value])
    }

    #[cfg(feature = "cuda")]
    pub(super) fn of_gpu(shape: &[usize], numbers: OnGpu) -> Self {
        Tensor { shape: shape.to_vec(), numbers: Numbers::OnGpu(numbers) }
    }

    #[cfg(feature = "cuda")]
    pub(super) fn on_gpu(&self) -> Option<&OnGpu> {
        match &self.numbers {
            Numbers::OnGpu(numbers) => Some(numbers),
            Numbers::Here(_) => None,
        }
    }

    /// The GPU that has the numbers.
    #[cfg(feature = "cuda")]
    pub fn gpu(&self) -> Option<&Gpu> {
        self.on_gpu().map(OnGpu::gpu)
    }

    /// The same numbers here, once all work asked for is done where they are on a GPU.
    ///
    /// Errors: a fault of the GPU, of this or of anything before.
    pub fn here(&self) -> Result<Tensor> {
        match &self.numbers {
            Numbers::Here(_) => Ok(self.clone()),
            #[cfg(feature = "cuda")]
            Numbers::OnGpu(numbers) => Ok(Tensor::new(&self.shape, numbers.download()?)),
        }
    }

    /// Numbers from −`bound` to `bound`, evenly distributed.
    pub fn uniform(shape: &[usize], bound: f32, rng: &mut impl Rng) -> Self {
        let count = shape.iter().product();
        Tensor::new(shape, (0..count).map(|_| rng.random_range(-bound..=bound)).collect())
    }

    /// Numbers of mean 0 and variance 1, normally distributed (Box & Muller 1958).
    pub fn normal(shape: &[usize], rng: &mut impl Rng) -> Self {
        let count: usize = shape.iter().product();
        let mut data = Vec::with_capacity(count + 1);
        while data.len() < count {
            let (radius, angle) =
                ((-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt(), std::f64::consts::TAU * rng.random::<f64>());
            data.extend([(radius * angle.cos()) as f32, (radius * angle.sin()) as f32]);
        }
        data.truncate(count);
        Tensor::new(shape, data)
    }

    /// The shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The numbers.
    ///
    /// # Panics
    ///
    /// Where they are on a GPU: [`Tensor::here`] fetches them.
    pub fn data(&self) -> &[f32] {
        match &self.numbers {
            Numbers::Here(data) => data,
            #[cfg(feature = "cuda")]
            Numbers::OnGpu(_) => panic!("{ELSEWHERE}"),
        }
    }

    /// The numbers, to change.
    ///
    /// # Panics
    ///
    /// As [`Tensor::data`].
    pub fn data_mut(&mut self) -> &mut [f32] {
        match &mut self.numbers {
            Numbers::Here(data) => data,
            #[cfg(feature = "cuda")]
            Numbers::OnGpu(_) => panic!("{ELSEWHERE}"),
        }
    }

    /// Gives the numbers away.
    ///
    /// # Panics
    ///
    /// As [`Tensor::data`].
    pub fn into_data(self) -> Vec<f32> {
        match self.numbers {
            Numbers::Here(data) => data,
            #[cfg(feature = "cuda")]
            Numbers::OnGpu(_) => panic!("{ELSEWHERE}"),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The only number of a tensor of one.
    ///
    /// # Panics
    ///
    /// Where there are more, and as [`Tensor::data`].
    pub fn item(&self) -> f32 {
        assert_eq!(self.len(), 1, "one number in the shape {:?}", self.shape);
        self.data()[0]
    }

    /// The same numbers in another shape.
    pub fn reshaped(self, shape: &[usize]) -> Self {
        assert_eq!(shape.iter().product::<usize>(), self.len(), "numbers for the shape {shape:?}");
        Tensor { shape: shape.to_vec(), ..self }
    }

    /// The shape of an image: batch, sides, channels.
    pub(crate) fn image(&self) -> (usize, [usize; 3], usize) {
        match self.shape[..] {
            [batch, n0, n1, n2, channels] => (batch, [n0, n1, n2], channels),
            _ => panic!("an image has the shape [batch, n0, n1, n2, channels], not {:?}", self.shape),
        }
    }

    /// self += other.
    pub(crate) fn accumulate(&mut self, other: &Tensor) {
        assert_eq!(self.shape, other.shape, "gradients of one variable");
        #[cfg(feature = "cuda")]
        if let Some(gpu) = self.gpu() {
            *self = gpu.add(self, other);
            return;
        }
        self.data_mut().iter_mut().zip(other.data()).for_each(|(a, b)| *a += b);
    }
}
