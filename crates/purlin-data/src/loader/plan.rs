//! What an epoch does: which samples go into which batch, with which randomness.

use super::batch::Collector;
use super::{Batch, Loader, Sampling};
use crate::Dataset;
use purlin_backend::Buffer;
use purlin_core::rng::Stream;
use purlin_core::{Error, Result, Shape};
use purlin_tensor::Tensor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The order in which an epoch visits the samples.
pub(super) fn order(loader: &Loader, epoch: u64) -> Vec<usize> {
    let n = loader.dataset.len();
    match &loader.sampling {
        Sampling::InOrder => (0..n).collect(),
        Sampling::Shuffled => Stream::new(loader.seed, "loader order").rng(epoch).permutation(n),
        Sampling::Weighted(sums) => {
            let mut rng = Stream::new(loader.seed, "loader draws").rng(epoch);
            let total = sums.last().copied().unwrap_or(0.0);
            // The first sample whose running sum exceeds the draw, so one of weight 0 never; the
            // last of a positive weight where the product was rounded up to the total.
            let end = sums.partition_point(|&sum| sum < total);
            let draw = |x: f64| sums.partition_point(|&sum| sum <= x).min(end);
            (0..n).map(|_| draw(rng.uniform() * total)).collect()
        }
    }
}

pub(super) struct Plan {
    dataset: Arc<dyn Dataset>,
    order: Vec<usize>,
    batch_size: usize,
    /// One generator per sample index, different in each epoch; per place in the epoch where a
    /// sample may come twice.
    stream: Stream,
    may_repeat: bool,
}

impl Plan {
    pub(super) fn new(loader: &Loader, epoch: u64) -> Self {
        Self {
            dataset: Arc::clone(&loader.dataset),
            order: order(loader, epoch),
            batch_size: loader.batch_size,
            may_repeat: matches!(loader.sampling, Sampling::Weighted(_)),
            stream: Stream::new(loader.seed, "loader samples").child(&format!("epoch {epoch}")),
        }
    }

    /// Makes a batch; a panic of the data set becomes an error. Once `is_stopped`, it breaks off
    /// between two samples, and what it returns is worth nothing.
    pub(super) fn batch(&self, i: usize, is_stopped: &AtomicBool) -> Result<Batch> {
        // A panic leaves nothing half-done behind: the batch at hand is lost, the rest is shared
        // and only read.
        catch_unwind(AssertUnwindSafe(|| self.make(i, is_stopped))).unwrap_or_else(|payload| {
            let message = match payload.downcast::<String>() {
                Ok(text) => *text,
                Err(payload) => payload.downcast_ref::<&str>().unwrap_or(&"no message").to_string(),
            };
            Err(Error::Panicked { op: "loader", what: format!("batch {i}"), message })
        })
    }

    fn make(&self, i: usize, is_stopped: &AtomicBool) -> Result<Batch> {
        let from = i * self.batch_size;
        let to = (from + self.batch_size).min(self.order.len());
        let indices = self.order[from..to].to_vec();
        let sample = self.dataset.sample_shape();
        let mut dims = vec![indices.len()];
        dims.extend(sample.iter());
        let mut y = Collector::new(self.dataset.target(), indices.len());
        let shape = Shape::new(&dims);
        let mut x = Buffer::scratch(shape.numel());
        let mut rest = &mut x[..];
        for (place, &index) in (from..).zip(&indices) {
            if is_stopped.load(Ordering::Relaxed) {
                break;
            }
            let (out, more) = rest.split_at_mut(sample.numel());
            rest = more;
            let key = if self.may_repeat { place } else { index };
            let label = self.dataset.read(index, &mut self.stream.rng(key as u64), out)?;
            y.push(index, label)?;
        }
        let y = y.finish(indices.len())?;
        Ok(Batch { x: Tensor::from_buffer(x, shape)?, y, indices })
    }
}
