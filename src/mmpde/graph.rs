//! Message passing on the edges of a mesh.
//!
//! ```text
//! m_i = mean over neighbours j of gelu(A h_i + B h_j + E f_ij)          f_ij = (x_j − x_i, |x_j − x_i|, u_j − u_i, slope)
//! h <- h + W₂ gelu(W₁ h + M m)                                          for each of the layers
//! ```
//!
//! x are places of the nodes in units of h, the root of the area a node has on the fixed mesh; the slope is (u_j − u_i) / |x_j − x_i|. Only differences of
//! places enter: a branch does not know where it is. Reference: J. Brandstetter, D. Worrall and M. Welling, *Message passing neural PDE
//! solvers*, ICLR 2022, arXiv:2202.03376, §3.2.
//!
//! Departures from the branches of Hu, Wang and Ma (ICLR 2024), who use that net with 128 channels, 6 layers and 35 nearest neighbours:
//! edges of the mesh in place of nearest neighbours; the last layer of the messages' perceptron behind the mean, which changes nothing;
//! GELU for ReLU; no batch normalisation; no convolution at the end.

use super::branch::{Dense, Places};
use crate::nn::ops::{add, gather, gelu, join, mean_messages, scale_samples, sub};
use crate::nn::{Param, Tape, Var};
use rand::Rng;

/// Numbers of an edge.
const EDGE: usize = 5;

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

/// Some layers.
#[derive(Debug, Clone)]
pub(super) struct MessagePassing(Vec<Passing>);

impl MessagePassing {
    pub fn new(name: &str, width: usize, layers: usize, rng: &mut impl Rng) -> Self {
        let mut dense = |part: String, shape| Dense::new(&format!("{name}.{part}"), shape, 1.0, rng);
        let square = [width, width];
        let layer = |k: usize| Passing {
            receive: dense(format!("{k}.receive"), square),
            send: dense(format!("{k}.send"), square),
            edge: dense(format!("{k}.edge"), [EDGE, width]),
            node: dense(format!("{k}.node"), square),
            message: dense(format!("{k}.message"), square),
            update: dense(format!("{k}.update"), square),
        };
        MessagePassing((0..layers).map(layer).collect())
    }

    /// From h `[nodes, C]` and u `[nodes, 1]`.
    pub fn forward(&self, tape: &Tape, mut h: Var, u: &Var, places: &Places) -> Var {
        let rise = sub(&gather(u, &places.senders), &gather(u, &places.receivers));
        let slope = scale_samples(&rise, &Var::constant(places.inverse.clone()));
        let edges = join(&[&Var::constant(places.offsets.clone()), &rise, &slope]);
        for layer in &self.0 {
            let [a, b] = [&layer.receive, &layer.send].map(|part| part.apply(tape, &h));
            let m = mean_messages(&a, &b, &layer.edge.apply(tape, &edges), &places.neighbours);
            let inner = gelu(&add(&layer.node.apply(tape, &h), &layer.message.apply(tape, &m)));
            h = add(&h, &layer.update.apply(tape, &inner));
        }
        h
    }

    pub fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        for layer in &mut self.0 {
            let Passing { receive, send, edge, node, message, update } = layer;
            [receive, send, edge, node, message, update].into_iter().for_each(|d| d.visit(see));
        }
    }
}
