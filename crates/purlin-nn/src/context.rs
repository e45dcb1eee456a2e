//! What a forward pass is told besides its input.

use crate::Module;
use purlin_core::rng::Stream;
use purlin_core::{Real, Shape};

/// Training or evaluation, and where random draws come from.
///
/// Layers hold no random state. Each stochastic layer takes the next stream of the context, so a
/// pass is a function of (weights, input, seed, step): the same on any number of threads, and the
/// same after a restart that begins at the same step.
///
/// # Examples
///
/// ```
/// use purlin_nn::Context;
///
/// let mut ctx = Context::train(7).at_step(100);
/// let first = ctx.stream();
/// assert_ne!(first, ctx.stream()); // the second layer that draws gets its own stream
/// assert_eq!(first, Context::train(7).at_step(100).stream());
/// assert!(!Context::eval().is_training());
/// ```
#[derive(Debug)]
pub struct Context {
    training: bool,
    root: Stream,
    step: u64,
    n_streams: u64,
    trace: Option<Vec<TraceRow>>,
}

/// A layer's call, as `summary` sees it.
#[derive(Debug, Clone)]
pub(crate) struct TraceRow {
    pub(crate) address: usize,
    pub(crate) kind: &'static str,
    pub(crate) output: Shape,
}

impl Context {
    /// Training mode: dropout drops, batch norm uses and updates the batch's statistics.
    pub fn train(seed: u64) -> Self {
        Self::new(true, Stream::new(seed, "forward"))
    }

    /// Evaluation mode: no randomness, running statistics.
    pub fn eval() -> Self {
        Self::new(false, Stream::new(0, "forward"))
    }

    fn new(training: bool, root: Stream) -> Self {
        Self { training, root, step: 0, n_streams: 0, trace: None }
    }

    /// The context of optimisation step `step` under the same seed: draws of different steps are
    /// independent, and those of one step can be repeated.
    #[must_use]
    pub fn at_step(mut self, step: u64) -> Self {
        self.step = step;
        self.n_streams = 0;
        self
    }

    /// Whether layers behave as in training.
    pub fn is_training(&self) -> bool {
        self.training
    }

    /// The next stream of this pass. Calls are counted, so the order of calls matters and their
    /// timing does not.
    pub fn stream(&mut self) -> Stream {
        let stream = self.root.child_at(self.step).child_at(self.n_streams);
        self.n_streams += 1;
        stream
    }

    /// Notes a layer's output shape for [`summary`](crate::summary); costs nothing otherwise.
    /// The layers of this crate call it; a layer written by hand that is to have a row of its
    /// own calls it, too.
    pub fn record<T: Real>(&mut self, layer: &dyn Module<T>, output: &Shape) {
        if let Some(rows) = &mut self.trace {
            rows.push(TraceRow { address: address_of(layer), kind: layer.kind(), output: *output });
        }
    }

    /// Starts noting calls.
    pub(crate) fn tracing(mut self) -> Self {
        self.trace = Some(Vec::new());
        self
    }

    /// The calls noted so far.
    pub(crate) fn into_trace(self) -> Vec<TraceRow> {
        self.trace.unwrap_or_default()
    }
}

/// Where a module lies in memory: tells two layers of one kind apart.
pub(crate) fn address_of<T: Real>(module: &dyn Module<T>) -> usize {
    std::ptr::from_ref(module).cast::<()>() as usize
}
