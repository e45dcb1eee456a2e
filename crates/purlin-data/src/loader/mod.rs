//! Batches, the same with any number of workers.

mod batch;
mod crew;
mod epoch;
mod plan;
#[cfg(test)]
mod tests;

pub use batch::{Batch, Targets};
pub use epoch::Epoch;

use crate::Dataset;
use plan::Plan;
use purlin_core::{Error, Result};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Cuts a data set into batches, epoch by epoch.
///
/// The order of an epoch is drawn from (seed, epoch), the randomness of a sample from (seed,
/// epoch, sample index). So an epoch is the same on any number of workers, every epoch differs
/// from the others, and [`Loader::epoch_from`] goes on in the middle of one exactly where a
/// killed run stopped.
///
/// | setting | default |
/// |---|---|
/// | `batch_size` | 32 |
/// | `shuffle` | off: samples in their order |
/// | `drop_last` | off: the last batch may be smaller |
/// | `workers` | 0: batches are made when asked for, on the calling thread |
/// | `prefetch` | twice the workers; without workers it means nothing |
///
/// [`Loader::weighted`] and [`Loader::balanced`] draw samples with replacement instead of visiting
/// each once.
///
/// # Examples
///
/// ```
/// use purlin_data::{Loader, MemoryDataset};
/// use purlin_core::Matrix;
///
/// let x = Matrix::from_rows(&[[0.0f32, 1.0], [2.0, 3.0], [4.0, 5.0]]);
/// let dataset = MemoryDataset::classes(x.view(), &[0, 1, 0], 2)?;
/// let loader = Loader::new(dataset).batch_size(2).shuffle(42).workers(2);
///
/// assert_eq!(loader.n_batches(), 2);
/// for batch in loader.epoch(0) {
///     let batch = batch?;
///     assert_eq!(batch.x.dims()[1], 2);
///     assert_eq!(batch.y.classes().unwrap().len(), batch.len());
/// }
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing is read until `epoch` is called"]
pub struct Loader {
    dataset: Arc<dyn Dataset>,
    batch_size: usize,
    seed: u64,
    sampling: Sampling,
    drop_last: bool,
    workers: usize,
    prefetch: Option<usize>,
}

/// How the samples of an epoch are chosen.
#[derive(Clone)]
enum Sampling {
    /// Each once, in their order.
    InOrder,
    /// Each once, in a drawn order.
    Shuffled,
    /// Drawn with replacement: running sums of the weights, the last one above 0.
    Weighted(Arc<[f64]>),
}

impl Loader {
    /// A loader of `dataset`; share one data set among several loaders through an [`Arc`].
    pub fn new(dataset: impl Dataset + 'static) -> Self {
        Self {
            dataset: Arc::new(dataset),
            batch_size: 32,
            seed: 0,
            sampling: Sampling::InOrder,
            drop_last: false,
            workers: 0,
            prefetch: None,
        }
    }

    /// Samples per batch.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// A new order each epoch, drawn from `seed`, which also seeds the samples' randomness.
    pub fn shuffle(mut self, seed: u64) -> Self {
        self.sampling = Sampling::Shuffled;
        self.seed(seed)
    }

    /// Draws each sample of an epoch at random with replacement, sample `i` with a probability in
    /// proportion to `weights[i]`. An epoch has as many samples as the data set; one that is drawn
    /// twice is augmented twice, differently.
    ///
    /// # Errors
    ///
    /// - [`Error::Shape`]: not one weight per sample.
    /// - [`Error::InvalidParam`]: a weight that is negative or not finite, weights whose sum is 0
    ///   or overflows.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_core::Matrix;
    /// use purlin_data::{Loader, MemoryDataset};
    ///
    /// let x = Matrix::from_rows(&[[0.0f32], [1.0], [2.0]]);
    /// let dataset = MemoryDataset::classes(x.view(), &[0, 0, 1], 2)?;
    /// let loader = Loader::new(dataset).weighted(&[1.0, 0.0, 0.0], 7)?;
    /// assert_eq!(loader.order(0), [0, 0, 0]);
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn weighted(mut self, weights: &[f64], seed: u64) -> Result<Self> {
        let n = self.dataset.len();
        if weights.len() != n {
            let got = format!("{} weights", weights.len());
            return Err(Error::shape("loader", format!("{n} weights"), got));
        }
        let mut sum = 0.0;
        let mut sums = Vec::with_capacity(n);
        for (i, &weight) in weights.iter().enumerate() {
            if !(weight >= 0.0 && weight.is_finite()) {
                let value = format!("{weight} at sample {i}");
                return Err(Error::param("loader", "weights", "at least 0 and finite", value));
            }
            sum += weight;
            sums.push(sum);
        }
        if !(sum.is_finite() && (sum > 0.0 || n == 0)) {
            let rule = "of a positive, finite sum";
            return Err(Error::param("loader", "weights", rule, format!("sum {sum}")));
        }
        self.sampling = Sampling::Weighted(sums.into());
        Ok(self.seed(seed))
    }

    /// Draws samples with replacement such that every class that occurs is equally likely: a weight
    /// of one over the size of its class for each sample.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`]: the data set does not know its labels without reading its samples.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_core::Matrix;
    /// use purlin_data::{Loader, MemoryDataset};
    ///
    /// // One sample of class 1 among 99 of class 0.
    /// let x = Matrix::from_fn(100, 1, |i, _| i as f32);
    /// let labels: Vec<usize> = (0..100).map(|i| usize::from(i == 99)).collect();
    /// let loader = Loader::new(MemoryDataset::classes(x.view(), &labels, 2)?).balanced(7)?;
    /// let rare = (0..10).flat_map(|epoch| loader.order(epoch)).filter(|&i| i == 99).count();
    /// assert!((400..600).contains(&rare)); // 500 expected
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn balanced(self, seed: u64) -> Result<Self> {
        let Some(labels) = self.dataset.labels() else {
            return Err(Error::shape("loader", "a data set with known labels", "one without"));
        };
        let n_classes = labels.iter().max().map_or(0, |&most| most + 1);
        let mut counts = vec![0u64; n_classes];
        for &label in &labels {
            counts[label] += 1;
        }
        let weights: Vec<f64> = labels.iter().map(|&label| 1.0 / counts[label] as f64).collect();
        self.weighted(&weights, seed)
    }

    /// Seeds the samples' randomness (augmentation) and leaves the order alone.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether a last batch that is not full is left out.
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.drop_last = drop_last;
        self
    }

    /// Threads that make batches ahead of time; 0 makes them on the calling thread.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// The most batches that workers have finished or in the making at any time: at least as many
    /// as there are workers, which [`Loader::epoch`] insists on.
    pub fn prefetch(mut self, prefetch: usize) -> Self {
        self.prefetch = Some(prefetch);
        self
    }

    /// The data set.
    pub fn dataset(&self) -> &Arc<dyn Dataset> {
        &self.dataset
    }

    /// Batches per epoch; 0 when `batch_size` is 0, which [`Loader::epoch`] reports.
    pub fn n_batches(&self) -> usize {
        let (n, size) = (self.dataset.len(), self.batch_size);
        match (size, self.drop_last) {
            (0, _) => 0,
            (_, true) => n / size,
            (_, false) => n.div_ceil(size),
        }
    }

    /// Samples per epoch: all, or those of the full batches where a last one is left out.
    ///
    /// ```
    /// use purlin_core::Matrix;
    /// use purlin_data::{Loader, MemoryDataset};
    ///
    /// let x = Matrix::from_rows(&[[0.0f32], [1.0], [2.0]]);
    /// let loader = Loader::new(MemoryDataset::classes(x.view(), &[0, 1, 0], 2)?).batch_size(2);
    /// assert_eq!((loader.n_samples(), loader.n_batches(), loader.n_per_batch()), (3, 2, 2));
    /// assert_eq!(loader.drop_last(true).n_samples(), 2);
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn n_samples(&self) -> usize {
        self.dataset.len().min(self.n_batches().saturating_mul(self.batch_size))
    }

    /// Samples per full batch, as [`Loader::batch_size`] set it.
    pub fn n_per_batch(&self) -> usize {
        self.batch_size
    }

    /// What the bits of an epoch depend on, the data set's contents apart: sizes, order and seed.
    /// A training that is resumed compares it; workers and prefetch are not part of it.
    ///
    /// ```
    /// use purlin_core::Matrix;
    /// use purlin_data::{Loader, MemoryDataset};
    ///
    /// let x = Matrix::from_rows(&[[0.0f32], [1.0], [2.0]]);
    /// let loader = Loader::new(MemoryDataset::classes(x.view(), &[0, 1, 0], 2)?).batch_size(2);
    /// assert_eq!(loader.describe(), loader.clone().workers(3).describe());
    /// assert_ne!(loader.describe(), loader.clone().shuffle(1).describe());
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn describe(&self) -> String {
        // FNV-1a over the orders of two epochs: whatever decides them is in it.
        let orders = (0..2).flat_map(|epoch| self.order(epoch));
        let hash = orders.fold(0xcbf2_9ce4_8422_2325u64, |hash, index| {
            (hash ^ index as u64).wrapping_mul(0x0100_0000_01b3)
        });
        format!(
            "{} samples {}, batch_size {}, seed {}, drop_last {}, order {hash:016x}",
            self.dataset.len(),
            self.dataset.sample_shape(),
            self.batch_size,
            self.seed,
            self.drop_last
        )
    }

    /// The batches of an epoch, in order.
    ///
    /// Dropping the iterator early stops the workers, each within the sample at hand. After an
    /// error the iterator goes on with the next batch.
    ///
    /// # Errors
    ///
    /// Items are errors where a sample cannot be read; a panic in [`Dataset::read`] comes as an
    /// error too, after the program's panic hook has seen it (the standard one prints). A
    /// `batch_size` of 0 gives one error, so does a `prefetch` below the workers.
    pub fn epoch(&self, epoch: u64) -> Epoch {
        self.epoch_from(epoch, 0)
    }

    /// The batches of an epoch from `first_batch` on, the same that [`Loader::epoch`] gives.
    ///
    /// # Errors
    ///
    /// As [`Loader::epoch`].
    pub fn epoch_from(&self, epoch: u64, first_batch: usize) -> Epoch {
        if self.batch_size == 0 {
            return Epoch::failed(Error::param("loader", "batch_size", "at least 1", 0));
        }
        let in_flight = self.prefetch.unwrap_or(self.workers.saturating_mul(2));
        if in_flight < self.workers {
            let rule = format!("at least the number of workers ({})", self.workers);
            return Epoch::failed(Error::param("loader", "prefetch", rule, in_flight));
        }
        let plan = Plan::new(self, epoch);
        Epoch::new(Arc::new(plan), first_batch, self.n_batches(), self.workers, in_flight)
    }

    /// The order in which an epoch visits the samples.
    pub fn order(&self, epoch: u64) -> Vec<usize> {
        plan::order(self, epoch)
    }

    /// All samples in their order as one batch, with the randomness of epoch 0.
    ///
    /// # Errors
    ///
    /// A sample cannot be read.
    pub fn all(&self) -> Result<Batch> {
        let mut all = self.clone();
        all.batch_size = self.dataset.len();
        all.sampling = Sampling::InOrder;
        Plan::new(&all, 0).batch(0, &AtomicBool::new(false))
    }
}

impl Sampling {
    fn name(&self) -> &'static str {
        match self {
            Self::InOrder => "in order",
            Self::Shuffled => "shuffled",
            Self::Weighted(_) => "weighted",
        }
    }
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader")
            .field("n_samples", &self.dataset.len())
            .field("batch_size", &self.batch_size)
            .field("sampling", &self.sampling.name())
            .field("seed", &self.seed)
            .field("drop_last", &self.drop_last)
            .field("workers", &self.workers)
            .field("prefetch", &self.prefetch)
            .finish()
    }
}
