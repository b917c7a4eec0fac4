//! Messages along the edges of a graph: the inner part of message passing (J. Gilmer et al., ICML 2017, arXiv:1704.01212, §2).
//!
//! y_i = 1/|N(i)| Σ_{j in N(i)} gelu(a_i + b_j + e_ij): with a = A h, b = B h and e = E f this is the hidden layer of a perceptron of
//! (h_i, h_j, f_ij), averaged over the neighbours; the layer behind it is linear and goes behind the mean. Nothing of the size of the
//! edges is kept but e.

use super::pointwise::{gelu_slope, gelu_value};
use crate::nn::{Op, Tensor, Var};
use rayon::prelude::*;
use std::sync::Arc;

/// Who gets messages from whom, in one graph of a batch of equal ones; every edge goes both ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbours {
    /// Messages to node i come from `senders[starts[i]..starts[i + 1]]`, ascending.
    starts: Vec<u32>,
    senders: Vec<u32>,
    /// The number of the edge that goes the other way.
    reverse: Vec<u32>,
}

impl Neighbours {
    /// Of edges between two nodes each, once.
    ///
    /// # Panics
    ///
    /// Where an edge is there twice, a node has none, or an edge names a node that is not there.
    pub fn new(nodes: usize, edges: &[[u32; 2]]) -> Self {
        let mut pairs: Vec<[u32; 2]> = edges.iter().flat_map(|&[a, b]| [[a, b], [b, a]]).collect();
        pairs.sort_unstable();
        let number = |pair: [u32; 2]| pairs.binary_search(&pair);
        let reverse = pairs.iter().filter_map(|&[i, j]| number([j, i]).ok()).map(|e| e as u32).collect();
        let mut starts = vec![0u32; nodes + 1];
        pairs.iter().for_each(|p| starts[p[0] as usize + 1] += 1);
        (0..nodes).for_each(|i| starts[i + 1] += starts[i]);
        assert!(pairs.windows(2).all(|p| p[0] != p[1]), "every edge once");
        assert!(starts.windows(2).all(|s| s[0] < s[1]), "a neighbour for every node");
        Neighbours { starts, senders: pairs.iter().map(|p| p[1]).collect(), reverse }
    }

    /// Nodes of the graph.
    pub fn nodes(&self) -> usize {
        self.starts.len() - 1
    }

    /// Directed edges of the graph.
    pub fn edges(&self) -> usize {
        self.senders.len()
    }

    /// The neighbours of a node.
    pub fn of(&self, node: usize) -> &[u32] {
        &self.senders[self.range(node)]
    }

    /// Receiver and sender of every edge in `batch` graphs one after the other.
    pub fn ends(&self, batch: usize) -> [Arc<[u32]>; 2] {
        let n = self.nodes();
        let in_graph = |g: usize| (0..n).flat_map(move |i| self.of(i).iter().map(move |_| (g * n + i) as u32));
        let receivers = (0..batch).flat_map(in_graph).collect();
        let senders = (0..batch).flat_map(|g| self.senders.iter().map(move |j| (g * n) as u32 + j)).collect();
        [receivers, senders]
    }

    fn range(&self, node: usize) -> std::ops::Range<usize> {
        self.starts[node] as usize..self.starts[node + 1] as usize
    }

    /// Edges of row `row`, and the rows they come from.
    fn row(&self, row: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let (graph, node) = (row / self.nodes(), row % self.nodes());
        let (edges, rows) = (graph * self.edges(), graph * self.nodes());
        self.range(node).map(move |e| (edges + e, rows + self.senders[e] as usize))
    }
}

struct MeanMessages(Arc<Neighbours>);

impl Op for MeanMessages {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        let [a, b, e] = [inputs[0], inputs[1], inputs[2]];
        let (graph, width) = (&*self.0, a.shape()[1]);
        let mut for_e = Tensor::zeros(e.shape());
        // All edges to the nodes of one graph lie together.
        let parts = for_e.data_mut().par_chunks_mut((graph.edges() * width).max(1)).enumerate();
        parts.for_each(|(k, for_e)| {
            for row in k * graph.nodes()..(k + 1) * graph.nodes() {
                let share = 1.0 / graph.of(row % graph.nodes()).len() as f32;
                for (edge, from) in graph.row(row) {
                    let out = &mut for_e[(edge - k * graph.edges()) * width..][..width];
                    let [a, g] = [a, g].map(|x| &x.data()[row * width..][..width]);
                    let (b, e) = (&b.data()[from * width..][..width], &e.data()[edge * width..][..width]);
                    for c in 0..width {
                        out[c] = share * g[c] * gelu_slope(a[c] + b[c] + e[c]);
                    }
                }
            }
        });
        let summed = |of: &(dyn Fn(usize) -> usize + Sync)| {
            let mut sums = Tensor::zeros(a.shape());
            sums.data_mut().par_chunks_mut(width).enumerate().with_min_len(64).for_each(|(row, sum)| {
                for (edge, _) in graph.row(row) {
                    let slope = &for_e.data()[of(edge) * width..][..width];
                    sum.iter_mut().zip(slope).for_each(|(s, x)| *s += x);
                }
            });
            sums
        };
        let for_a = summed(&|edge| edge);
        // What node j sent went along the reverses of the edges to it.
        let for_b = summed(&|edge| {
            let (k, e) = (edge / graph.edges(), edge % graph.edges());
            k * graph.edges() + graph.reverse[e] as usize
        });
        vec![Some(for_a), Some(for_b), Some(for_e)]
    }
}

/// y_i = the mean over neighbours j of gelu(a_i + b_j + e_ij): a and b `[batch nodes, C]`, e `[batch edges, C]`. The same bits for any
/// number of threads.
///
/// # Panics
///
/// Where the shapes are not those.
pub fn mean_messages(a: &Var, b: &Var, e: &Var, neighbours: &Arc<Neighbours>) -> Var {
    let graph = &**neighbours;
    let [rows, width] = a.shape()[..] else { panic!("one row a node, not {:?}", a.shape()) };
    assert_eq!((a.shape(), rows % graph.nodes()), (b.shape(), 0), "numbers of every node");
    assert_eq!(e.shape(), [rows / graph.nodes() * graph.edges(), width], "numbers of every edge");
    let mut y = Tensor::zeros(a.shape());
    let [a_data, b_data, e_data] = [a, b, e].map(|x| x.value().data());
    y.data_mut().par_chunks_mut(width).enumerate().with_min_len(64).for_each(|(row, y)| {
        let a = &a_data[row * width..][..width];
        for (edge, from) in graph.row(row) {
            let (b, e) = (&b_data[from * width..][..width], &e_data[edge * width..][..width]);
            for c in 0..width {
                y[c] += gelu_value(a[c] + b[c] + e[c]);
            }
        }
        let share = 1.0 / graph.of(row % graph.nodes()).len() as f32;
        y.iter_mut().for_each(|y| *y *= share);
    });
    Var::result(&[a, b, e], y, MeanMessages(neighbours.clone()))
}
