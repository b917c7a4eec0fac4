//! Numbers of a shape.

use rand::Rng;

/// Single-precision numbers, row-major.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Tensor {
    /// Puts a shape on numbers.
    ///
    /// # Panics
    ///
    /// Where there are more or fewer numbers than the shape has places.
    pub fn new(shape: &[usize], data: Vec<f32>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), data.len(), "numbers for the shape {shape:?}");
        Tensor { shape: shape.to_vec(), data }
    }

    /// Zeros.
    pub fn zeros(shape: &[usize]) -> Self {
        Tensor { shape: shape.to_vec(), data: vec![0.0; shape.iter().product()] }
    }

    /// One number.
    pub fn scalar(value: f32) -> Self {
        Tensor { shape: Vec::new(), data: vec![value] }
    }

    /// Numbers from −`bound` to `bound`, evenly distributed.
    pub fn uniform(shape: &[usize], bound: f32, rng: &mut impl Rng) -> Self {
        let count = shape.iter().product();
        Tensor { shape: shape.to_vec(), data: (0..count).map(|_| rng.random_range(-bound..=bound)).collect() }
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
        Tensor { shape: shape.to_vec(), data }
    }

    /// The shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The numbers.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The numbers, to change.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// Gives the numbers away.
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The only number of a tensor of one.
    ///
    /// # Panics
    ///
    /// Where there are more.
    pub fn item(&self) -> f32 {
        assert_eq!(self.data.len(), 1, "one number in the shape {:?}", self.shape);
        self.data[0]
    }

    /// The same numbers in another shape.
    pub fn reshaped(self, shape: &[usize]) -> Self {
        Tensor::new(shape, self.data)
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
        self.data.iter_mut().zip(&other.data).for_each(|(a, b)| *a += b);
    }
}
