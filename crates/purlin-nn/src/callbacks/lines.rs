//! One line per epoch, for people and log files.

use super::{BatchEnd, Callback, Flow, RunInfo};
use crate::Module;
use crate::trainer::{EpochRecord, History};
use purlin_core::{Error, Real, Result};
use std::fmt;
use std::fmt::Write as _;
use std::io::Write;
use std::time::Instant;

/// Writes a line per epoch: number, step, values, learning rate, samples per second.
///
/// # Examples
///
/// ```
/// use purlin_nn::callbacks::Lines;
/// use purlin_nn::trainer::EpochRecord;
///
/// let mut lines = Lines::stderr();
/// let values = vec![("loss".to_owned(), 0.25), ("val_accuracy".to_owned(), 0.975)];
/// let record = EpochRecord { epoch: 3, step: 60, lr: 0.001, values };
/// assert_eq!(lines.text(&record), "epoch 3  step 60  loss 0.2500  val_accuracy 0.9750  lr 1e-3");
/// lines.epoch(&record)?;
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub struct Lines {
    out: Box<dyn Write + Send>,
    n_epochs: Option<u64>,
    started: Option<Instant>,
    /// Samples and seconds of the epoch up to its last batch: validation does not count.
    n_samples: u64,
    seconds: f64,
}

impl Lines {
    /// Writes to any writer.
    pub fn to(out: impl Write + Send + 'static) -> Self {
        Self { out: Box::new(out), n_epochs: None, started: None, n_samples: 0, seconds: 0.0 }
    }

    /// Writes to standard error.
    pub fn stderr() -> Self {
        Self::to(std::io::stderr())
    }

    /// The line of an epoch, without the rate of samples.
    pub fn text(&self, record: &EpochRecord) -> String {
        let of = self.n_epochs.map_or(String::new(), |n| format!("/{n}"));
        let mut text = format!("epoch {}{of}  step {}", record.epoch, record.step);
        text.push_str(&values_text(&record.values));
        let _ = write!(text, "  lr {}", rate_text(record.lr)); // writing to a String cannot fail
        text
    }

    /// Writes the line of an epoch.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the writer refuses.
    pub fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        let mut text = self.text(record);
        if self.n_samples > 0 {
            let rate = self.n_samples as f64 / self.seconds.max(1e-9);
            let _ = write!(text, "  {rate:.0} samples/s");
        }
        (self.started, self.n_samples) = (None, 0);
        self.write(&text)
    }

    pub(super) fn write(&mut self, text: &str) -> Result<()> {
        writeln!(self.out, "{text}").map_err(|e| Error::io("progress", "output", e))
    }

    pub(super) fn begin(&mut self, n_epochs: u64) {
        self.n_epochs = Some(n_epochs);
    }

    pub(super) fn count(&mut self, n_samples: u64) {
        self.n_samples += n_samples;
        self.seconds = self.started.get_or_insert_with(Instant::now).elapsed().as_secs_f64();
    }
}

/// `  loss 0.1234  accuracy 0.9876`.
pub(super) fn values_text(values: &[(String, f64)]) -> String {
    let mut text = String::new();
    for (name, value) in values {
        let is_plain = *value == 0.0 || (1e-3..1e5).contains(&value.abs());
        // Writing to a String cannot fail.
        let _ = if is_plain || !value.is_finite() {
            write!(text, "  {name} {value:.4}")
        } else {
            write!(text, "  {name} {value:.3e}")
        };
    }
    text
}

/// A learning rate with four digits: `1e-3`, `2.5e-4`.
pub(super) fn rate_text(lr: f64) -> String {
    let text = format!("{lr:.3e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("n_epochs", &self.n_epochs).finish_non_exhaustive()
    }
}

impl<T: Real> Callback<T> for Lines {
    fn name(&self) -> String {
        "lines".to_owned()
    }

    fn on_train_begin(&mut self, run: &RunInfo) -> Result<()> {
        self.begin(run.n_epochs);
        self.started = Some(Instant::now());
        Ok(())
    }

    fn on_batch_end(&mut self, end: &BatchEnd<'_>) -> Result<()> {
        self.count(end.n_samples);
        Ok(())
    }

    fn on_epoch_end(&mut self, record: &EpochRecord, _: &dyn Module<T>) -> Result<Flow> {
        self.epoch(record)?;
        self.started = Some(Instant::now());
        Ok(Flow::Continue)
    }

    fn on_train_end(&mut self, history: &History, _: &mut dyn Module<T>) -> Result<()> {
        match history.stopped() {
            Some(reason) => self.write(&format!("stopped: {reason}")),
            None => Ok(()),
        }
    }
}
