//! Reverse-mode differentiation: variables remember how they came about, as far as a parameter is behind them.

#[cfg(feature = "cuda")]
use super::ops::cuda::CudaOp;
use super::{Backend, Tensor};
use crate::error::Result;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// How a variable came about: the backward half of an operation.
pub trait Op {
    /// The gradients for the inputs, from the gradient for the output; `wanted` says which are used.
    fn backward(&self, inputs: &[&Tensor], output: &Tensor, gradient: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>>;

    /// The operation on a GPU, if there are kernels for it.
    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        None
    }
}

#[cfg(feature = "cuda")]
fn kernels(op: &dyn Op) -> &dyn CudaOp {
    op.on_cuda().expect("an operation that has kernels for a GPU")
}

/// The gradients for the inputs, where the output is.
fn backward(op: &dyn Op, inputs: &[Var], output: &Tensor, gradient: &Tensor) -> Vec<Option<Tensor>> {
    let wanted: Vec<bool> = inputs.iter().map(Var::tracked).collect();
    let values: Vec<&Tensor> = inputs.iter().map(Var::value).collect();
    #[cfg(feature = "cuda")]
    if let Some(gpu) = gradient.gpu() {
        let there: Vec<Tensor> = values.into_iter().map(|v| gpu.put(v)).collect();
        return kernels(op).backward(gpu, &there.iter().collect::<Vec<_>>(), output, gradient, &wanted);
    }
    op.backward(&values, output, gradient, &wanted)
}

/// A value in a computation. Cheap to clone.
#[derive(Clone)]
pub struct Var(Rc<Node>);

struct Node {
    /// Later nodes have larger numbers.
    number: u64,
    value: Tensor,
    kind: Kind,
}

enum Kind {
    /// No parameter is behind it.
    Constant,
    /// A parameter.
    Leaf,
    Result {
        op: Box<dyn Op>,
        inputs: Vec<Var>,
    },
}

thread_local! {
    static NUMBER: Cell<u64> = const { Cell::new(0) };
}

impl Var {
    fn with(value: Tensor, kind: Kind) -> Self {
        let number = NUMBER.replace(NUMBER.get() + 1);
        Var(Rc::new(Node { number, value, kind }))
    }

    /// A value without gradient.
    pub fn constant(value: Tensor) -> Self {
        Var::with(value, Kind::Constant)
    }

    /// A value whose gradient is wanted.
    pub fn leaf(value: Tensor) -> Self {
        Var::with(value, Kind::Leaf)
    }

    /// The result of an operation on `inputs`. Without a parameter behind them nothing is kept but the value.
    pub fn result(inputs: &[&Var], value: Tensor, op: impl Op + 'static) -> Self {
        match inputs.iter().any(|v| v.tracked()) {
            false => Var::constant(value),
            true => {
                let inputs = inputs.iter().map(|v| (*v).clone()).collect();
                Var::with(value, Kind::Result { op: Box::new(op), inputs })
            }
        }
    }

    /// The result of an operation on `inputs`: on the processors `here`, or on the GPU that has one of them, where what is still here
    /// is copied.
    ///
    /// # Panics
    ///
    /// Where an input is on a GPU and the operation has no kernels for it.
    pub fn apply<O: Op + 'static>(inputs: &[&Var], op: O, here: impl FnOnce(&O) -> Tensor) -> Self {
        #[cfg(feature = "cuda")]
        if let Some(gpu) = inputs.iter().find_map(|v| v.value().gpu()) {
            let there: Vec<Tensor> = inputs.iter().map(|v| gpu.put(v.value())).collect();
            let value = kernels(&op).forward(gpu, &there.iter().collect::<Vec<_>>());
            return Var::result(inputs, value, op);
        }
        let value = here(&op);
        Var::result(inputs, value, op)
    }

    /// The value.
    pub fn value(&self) -> &Tensor {
        &self.0.value
    }

    /// The shape of the value.
    pub fn shape(&self) -> &[usize] {
        self.0.value.shape()
    }

    /// Whether a parameter is behind it.
    pub fn tracked(&self) -> bool {
        !matches!(self.0.kind, Kind::Constant)
    }

    /// The gradients of this single number for all leaves behind it.
    ///
    /// # Panics
    ///
    /// Where the value is not a single number.
    pub fn backward(&self) -> Gradients {
        assert_eq!(self.value().len(), 1, "gradients of a single number, not of the shape {:?}", self.shape());
        // All nodes behind this one, the latest first.
        let (mut nodes, mut stack) = (BTreeMap::new(), vec![self.clone()]);
        let mut seen = BTreeSet::new();
        while let Some(var) = stack.pop() {
            if !var.tracked() || !seen.insert(var.0.number) {
                continue;
            }
            if let Kind::Result { inputs, .. } = &var.0.kind {
                stack.extend(inputs.iter().cloned());
            }
            nodes.insert(var.0.number, var);
        }
        let mut open: HashMap<u64, Tensor> = HashMap::new();
        open.insert(self.0.number, self.value().backend().put(Tensor::new(self.shape(), vec![1.0])));
        let mut leaves = HashMap::new();
        for (number, var) in nodes.into_iter().rev() {
            let Some(gradient) = open.remove(&number) else { continue };
            match &var.0.kind {
                Kind::Constant => {}
                Kind::Leaf => {
                    leaves.insert(number, gradient);
                }
                Kind::Result { op, inputs } => {
                    let found = backward(&**op, inputs, var.value(), &gradient);
                    assert_eq!(found.len(), inputs.len(), "one gradient an input");
                    for (input, gradient) in inputs.iter().zip(found) {
                        let Some(gradient) = gradient.filter(|_| input.tracked()) else { continue };
                        assert_eq!(gradient.shape(), input.shape(), "the gradient has its variable's shape");
                        match open.entry(input.0.number) {
                            std::collections::hash_map::Entry::Occupied(mut sum) => sum.get_mut().accumulate(&gradient),
                            std::collections::hash_map::Entry::Vacant(place) => {
                                place.insert(gradient);
                            }
                        }
                    }
                }
            }
        }
        Gradients { leaves }
    }
}

/// What [`Var::backward`] finds.
pub struct Gradients {
    leaves: HashMap<u64, Tensor>,
}

impl Gradients {
    /// The gradient for a leaf; `None` where it had no part in the result.
    pub fn of(&self, leaf: &Var) -> Option<&Tensor> {
        self.leaves.get(&leaf.0.number)
    }
}

/// A named tensor that is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Its name in weight files, such as `fine.0.weight`; different from the others' of its net.
    pub name: String,
    /// Its value.
    pub value: Tensor,
}

/// A part of a net with parameters.
pub trait Layer {
    /// The output for `x`.
    fn forward(&self, tape: &Tape, x: &Var) -> Var;

    /// Shows every parameter to `see`, always in the same order.
    fn visit(&mut self, see: &mut dyn FnMut(&mut Param));

    /// Number of trained numbers.
    fn parameters(&mut self) -> usize {
        let mut count = 0;
        self.visit(&mut |p| count += p.value.len());
        count
    }

    /// Where the parameters are.
    fn backend(&mut self) -> Backend {
        let mut found = None;
        self.visit(&mut |p| {
            found.get_or_insert_with(|| p.value.backend());
        });
        found.unwrap_or_default()
    }

    /// Moves the parameters.
    ///
    /// Errors: a fault of the GPU they come from or go to.
    fn move_to(&mut self, backend: &Backend) -> Result<()> {
        move_parameters(self, backend)
    }
}

/// Moves the parameters alone, for layers that hold more than these.
///
/// Errors: a fault of the GPU they come from or go to.
pub fn move_parameters<L: Layer + ?Sized>(layer: &mut L, backend: &Backend) -> Result<()> {
    let mut fault = Ok(());
    layer.visit(&mut |p| {
        if fault.is_ok() {
            fault = p.value.here().map(|value| p.value = backend.put(value));
        }
    });
    fault.and_then(|()| backend.check())
}

/// Hands out parameters as variables, once each, and takes in data.
pub struct Tape {
    training: bool,
    backend: Backend,
    leaves: RefCell<BTreeMap<String, Var>>,
}

impl Tape {
    /// Gradients are wanted.
    pub fn training() -> Self {
        Tape { training: true, backend: Backend::Cpu, leaves: RefCell::default() }
    }

    /// Only values are wanted: no intermediate one is kept.
    pub fn inference() -> Self {
        Tape { training: false, ..Tape::training() }
    }

    /// Where data goes: where the net's parameters are.
    pub fn on(self, backend: Backend) -> Self {
        Tape { backend, ..self }
    }

    /// Where data goes.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Data: a value without gradient.
    pub fn constant(&self, value: Tensor) -> Var {
        Var::constant(self.backend.put(value))
    }

    /// The variable of a parameter.
    pub fn parameter(&self, param: &Param) -> Var {
        let make = || if self.training { Var::leaf(param.value.clone()) } else { Var::constant(param.value.clone()) };
        self.leaves.borrow_mut().entry(param.name.clone()).or_insert_with(make).clone()
    }

    /// The gradients of `loss` by the parameters' names.
    pub fn gradients(&self, loss: &Var) -> BTreeMap<String, Tensor> {
        let mut all = loss.backward().leaves;
        let leaves = self.leaves.borrow();
        leaves.iter().filter_map(|(name, var)| Some((name.clone(), all.remove(&var.0.number)?))).collect()
    }
}
