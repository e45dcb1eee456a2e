//! What an epoch does: which samples go into which batch, with which randomness.

use super::batch::Collector;
use super::{Batch, Loader};
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
    if loader.is_shuffled {
        Stream::new(loader.seed, "loader order").rng(epoch).permutation(n)
    } else {
        (0..n).collect()
    }
}

pub(super) struct Plan {
    dataset: Arc<dyn Dataset>,
    order: Vec<usize>,
    batch_size: usize,
    /// One generator per sample index, different in each epoch.
    stream: Stream,
}

impl Plan {
    pub(super) fn new(loader: &Loader, epoch: u64) -> Self {
        Self {
            dataset: Arc::clone(&loader.dataset),
            order: order(loader, epoch),
            batch_size: loader.batch_size,
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
        for &index in &indices {
            if is_stopped.load(Ordering::Relaxed) {
                break;
            }
            let (out, more) = rest.split_at_mut(sample.numel());
            rest = more;
            let label = self.dataset.read(index, &mut self.stream.rng(index as u64), out)?;
            y.push(index, label)?;
        }
        let y = y.finish(indices.len())?;
        Ok(Batch { x: Tensor::from_buffer(x, shape)?, y, indices })
    }
}
