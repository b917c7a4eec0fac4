//! Message passing on the edges of a mesh: from u at the nodes to a change of u.
//!
//! ```text
//! h <- W₀ (u, ν, boundary, log d)
//! m_i = mean over neighbours j of gelu(A h_i + B h_j + E f_ij)          f_ij = (x_j − x_i, |x_j − x_i|, u_j − u_i, slope)
//! h <- h + W₂ gelu(W₁ h + M m)                                          for each of the layers
//! δ = D h
//! ```
//!
//! | symbol | what |
//! |---|---|
//! | x | places of the nodes in units of h, the root of the area a node has on the fixed mesh |
//! | d | mean length of the edges at a node, in the same units |
//! | slope | (u_j − u_i) / \|x_j − x_i\| |
//!
//! Only differences of places enter: a branch does not know where it is. Reference: J. Brandstetter, D. Worrall and M. Welling,
//! *Message passing neural PDE solvers*, ICLR 2022, arXiv:2202.03376, §3.2.
//!
//! Departures from the branches of Hu, Wang and Ma (ICLR 2024), who use that net with 128 channels, 6 layers and 35 nearest neighbours:
//! edges of the mesh in place of nearest neighbours; the last layer of the messages' perceptron behind the mean, which changes nothing;
//! GELU for ReLU; no batch normalisation; no convolution at the end.

use crate::nn::ops::{Neighbours, add, gather, gelu, join, linear, mean_messages, scale_samples, sub};
use crate::nn::{Param, Tape, Tensor, Var};
use rand::Rng;
use std::sync::Arc;

/// Numbers of an edge.
const EDGE: usize = 5;
/// Numbers of a node: u, log ν, boundary, log d.
const NODE: usize = 4;

/// The geometry of a batch of equal meshes with their nodes where they are now.
pub(super) struct Places {
    neighbours: Arc<Neighbours>,
    receivers: Arc<[u32]>,
    senders: Arc<[u32]>,
    /// `[edges, 3]`: x_j − x_i and its length.
    offsets: Tensor,
    /// 1 / |x_j − x_i|.
    inverse: Tensor,
    /// `[nodes, 1]`: log d.
    spacing: Tensor,
}

impl Places {
    /// Of the nodes `points` of `batch` meshes, lengths in the unit `h`.
    pub fn new(neighbours: &Arc<Neighbours>, batch: usize, points: &[[f32; 2]], h: f64) -> Self {
        let [receivers, senders] = neighbours.ends(batch);
        let (mut offsets, mut inverse) = (Vec::with_capacity(3 * senders.len()), Vec::with_capacity(senders.len()));
        let mut spacing = vec![0.0f32; points.len()];
        for (&i, &j) in receivers.iter().zip(&*senders) {
            let [x, y] = std::array::from_fn(|k| f64::from(points[j as usize][k] - points[i as usize][k]) / h);
            let length = x.hypot(y);
            offsets.extend([x as f32, y as f32, length as f32]);
            inverse.push((1.0 / length) as f32);
            spacing[i as usize] += length as f32 / neighbours.of(i as usize % neighbours.nodes()).len() as f32;
        }
        spacing.iter_mut().for_each(|d| *d = d.ln());
        Places {
            offsets: Tensor::new(&[senders.len(), 3], offsets),
            inverse: Tensor::new(&[senders.len()], inverse),
            spacing: Tensor::new(&[points.len(), 1], spacing),
            neighbours: neighbours.clone(),
            receivers,
            senders,
        }
    }
}

/// x W + b.
#[derive(Debug, Clone)]
struct Dense([Param; 2]);

impl Dense {
    /// Weights evenly distributed within ±√(6 / (from + to)) times `scale`, biases 0.
    fn new(name: &str, [from, to]: [usize; 2], scale: f32, rng: &mut impl Rng) -> Self {
        let bound = scale * (6.0 / (from + to) as f32).sqrt();
        let param = |part: &str, value| Param { name: format!("{name}.{part}"), value };
        Dense([param("weight", Tensor::uniform(&[from, to], bound, rng)), param("bias", Tensor::zeros(&[to]))])
    }

    fn apply(&self, tape: &Tape, x: &Var) -> Var {
        linear(x, &tape.parameter(&self.0[0]), &tape.parameter(&self.0[1]))
    }
}

/// A layer of message passing.
#[derive(Debug, Clone)]
struct Passing {
    receive: Dense,
    send: Dense,
    edge: Dense,
    node: Dense,
    message: Dense,
    update: Dense,
}

/// The net of one branch.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    encoder: Dense,
    layers: Vec<Passing>,
    decoder: Dense,
}

impl Branch {
    pub fn new(name: &str, width: usize, layers: usize, rng: &mut impl Rng) -> Self {
        let mut dense = |part: String, shape, scale| Dense::new(&format!("{name}.{part}"), shape, scale, rng);
        let square = [width, width];
        let encoder = dense("encoder".into(), [NODE, width], 1.0);
        let layer = |k: usize| Passing {
            receive: dense(format!("{k}.receive"), square, 1.0),
            send: dense(format!("{k}.send"), square, 1.0),
            edge: dense(format!("{k}.edge"), [EDGE, width], 1.0),
            node: dense(format!("{k}.node"), square, 1.0),
            message: dense(format!("{k}.message"), square, 1.0),
            update: dense(format!("{k}.update"), square, 1.0),
        };
        let layers = (0..layers).map(layer).collect();
        // Small changes at first.
        let decoder = Dense::new(&format!("{name}.decoder"), [width, 1], 0.01, rng);
        Branch { encoder, layers, decoder }
    }

    /// δ `[nodes, 1]` from u `[nodes, 1]` and log ν and boundary `[nodes, 2]`.
    pub fn forward(&self, tape: &Tape, u: &Var, known: &Var, places: &Places) -> Var {
        let spacing = Var::constant(places.spacing.clone());
        let mut h = self.encoder.apply(tape, &join(&[u, known, &spacing]));
        let rise = sub(&gather(u, &places.senders), &gather(u, &places.receivers));
        let slope = scale_samples(&rise, &Var::constant(places.inverse.clone()));
        let edges = join(&[&Var::constant(places.offsets.clone()), &rise, &slope]);
        for layer in &self.layers {
            let [a, b] = [&layer.receive, &layer.send].map(|part| part.apply(tape, &h));
            let m = mean_messages(&a, &b, &layer.edge.apply(tape, &edges), &places.neighbours);
            let inner = gelu(&add(&layer.node.apply(tape, &h), &layer.message.apply(tape, &m)));
            h = add(&h, &layer.update.apply(tape, &inner));
        }
        self.decoder.apply(tape, &h)
    }

    pub fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        let mut dense = |d: &mut Dense| d.0.iter_mut().for_each(&mut *see);
        dense(&mut self.encoder);
        for layer in &mut self.layers {
            let Passing { receive, send, edge, node, message, update } = layer;
            [receive, send, edge, node, message, update].into_iter().for_each(&mut dense);
        }
        dense(&mut self.decoder);
    }
}
