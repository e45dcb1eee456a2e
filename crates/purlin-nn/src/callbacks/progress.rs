//! A live bar on a terminal, lines elsewhere.

use super::lines::{rate_text, values_text};
use super::{BatchEnd, Callback, Flow, Lines, RunInfo};
use crate::Module;
use crate::trainer::{EpochRecord, History};
use indicatif::{ProgressBar as Bar, ProgressDrawTarget, ProgressStyle};
use purlin_core::{Error, Real, Result};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// At most ten redraws a second: more cannot be read, and each costs time of the training.
const REDRAW: Duration = Duration::from_millis(100);

/// Shows epoch, step, loss, metrics, samples per second and the time left of the epoch, live where
/// standard error is a terminal, as one line per epoch where it is not.
///
/// # Examples
///
/// ```no_run
/// use purlin_nn::callbacks::ProgressBar;
/// use purlin_nn::losses::CrossEntropy;
/// use purlin_nn::optim::Adam;
/// use purlin_nn::trainer::Trainer;
///
/// let trainer = Trainer::new(CrossEntropy::new(), Adam::new(1e-3)).callback(ProgressBar::new());
/// # drop(trainer);
/// ```
#[derive(Debug)]
pub struct ProgressBar {
    bar: Option<Bar>,
    lines: Lines,
    run: RunInfo,
    started: Instant,
    drawn: Option<Instant>,
    /// Samples and seconds of the epoch up to its last batch: validation does not count.
    n_samples: u64,
    seconds: f64,
}

impl Default for ProgressBar {
    fn default() -> Self {
        Self::new()
    }
}

impl ProgressBar {
    /// A bar if standard error is a terminal, lines if not.
    pub fn new() -> Self {
        Self::with(std::io::stderr().is_terminal())
    }

    /// One line per epoch, wherever it goes.
    pub fn plain() -> Self {
        Self::with(false)
    }

    fn with(is_live: bool) -> Self {
        let run =
            RunInfo { n_epochs: 0, n_batches: 0, n_samples: 0, first_epoch: 0, first_batch: 0 };
        Self {
            bar: is_live.then(|| Bar::with_draw_target(None, ProgressDrawTarget::stderr())),
            lines: Lines::stderr(),
            run,
            started: Instant::now(),
            drawn: None,
            n_samples: 0,
            seconds: 0.0,
        }
    }

    /// Before the first step.
    pub fn begin(&mut self, run: RunInfo) {
        self.run = run;
        self.lines.begin(run.n_epochs);
        if let Some(bar) = &self.bar {
            let template = "{prefix} {bar:24} {pos}/{len} {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_length(run.n_batches);
            bar.set_position(run.first_batch);
        }
        self.next_epoch();
    }

    fn next_epoch(&mut self) {
        (self.started, self.drawn, self.n_samples) = (Instant::now(), None, 0);
    }

    /// After each batch.
    pub fn batch(&mut self, end: &BatchEnd<'_>) {
        self.n_samples += end.n_samples;
        self.seconds = self.started.elapsed().as_secs_f64();
        self.lines.count(end.n_samples);
        let is_last = end.batch == self.run.n_batches;
        if self.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW) && !is_last {
            return;
        }
        if let Some(bar) = &self.bar {
            let message = self.message(end, self.seconds);
            self.drawn = Some(Instant::now());
            bar.set_prefix(format!("epoch {}/{}", end.epoch, self.run.n_epochs));
            bar.set_message(message);
            bar.set_position(end.batch);
        }
    }

    /// What stands behind the bar after `seconds` of this epoch.
    fn message(&self, end: &BatchEnd<'_>, seconds: f64) -> String {
        let rate = self.n_samples as f64 / seconds.max(1e-9);
        let left = self.run.n_batches.saturating_sub(end.batch) as f64;
        // A resumed epoch did not do its first batches in this time.
        let before = if end.epoch == self.run.first_epoch + 1 { self.run.first_batch } else { 0 };
        let done = end.batch.saturating_sub(before).max(1) as f64;
        let eta = left * seconds / done;
        format!(
            "{}  step {}  lr {}  {rate:.0} samples/s  {}",
            values_text(&(end.values)()).trim_start(),
            end.step,
            rate_text(end.lr),
            eta_text(eta),
        )
    }

    /// Takes the bar off the screen; the lines of the epochs stay. A loop written by hand calls it
    /// when it ends before its last epoch.
    pub fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// After each epoch: a line that stays.
    ///
    /// # Errors
    ///
    /// [`purlin_core::Error::Io`] when standard error refuses.
    pub fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        let result = match &self.bar {
            Some(bar) => {
                let rate = self.n_samples as f64 / self.seconds.max(1e-9);
                bar.println(format!("{}  {rate:.0} samples/s", self.lines.text(record)));
                bar.set_position(0);
                Ok(())
            }
            None => self.lines.epoch(record),
        };
        self.next_epoch();
        result
    }
}

/// `eta 1:05`, `eta 2:00:00`.
fn eta_text(seconds: f64) -> String {
    let seconds = if seconds.is_finite() { seconds.round() as u64 } else { 0 };
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, m, s) => format!("eta {m}:{s:02}"),
        (h, m, s) => format!("eta {h}:{m:02}:{s:02}"),
    }
}

impl<T: Real> Callback<T> for ProgressBar {
    fn name(&self) -> String {
        "progress".to_owned()
    }

    fn on_train_begin(&mut self, run: &RunInfo) -> Result<()> {
        self.begin(*run);
        Ok(())
    }

    fn on_batch_end(&mut self, end: &BatchEnd<'_>) -> Result<()> {
        self.batch(end);
        Ok(())
    }

    fn on_epoch_end(&mut self, record: &EpochRecord, _: &dyn Module<T>) -> Result<Flow> {
        self.epoch(record)?;
        Ok(Flow::Continue)
    }

    fn on_error(&mut self, _: &Error) {
        self.clear();
    }

    fn on_train_end(&mut self, history: &History, _: &mut dyn Module<T>) -> Result<()> {
        let reason = history.stopped().map(|reason| format!("stopped: {reason}"));
        match (&self.bar, reason) {
            (Some(bar), reason) => {
                if let Some(reason) = reason {
                    bar.println(reason);
                }
                bar.finish_and_clear();
                Ok(())
            }
            (None, Some(reason)) => self.lines.write(&reason),
            (None, None) => Ok(()),
        }
    }
}

/// A loop written by hand may leave by `?`: no half-drawn bar stays on the screen.
impl Drop for ProgressBar {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_what_a_person_wants_to_know() {
        let mut bar = ProgressBar::plain();
        bar.begin(RunInfo {
            n_epochs: 3,
            n_batches: 10,
            n_samples: 320,
            first_epoch: 0,
            first_batch: 0,
        });
        let values = || vec![("loss".to_owned(), 0.5), ("accuracy".to_owned(), 0.875)];
        let end = BatchEnd {
            epoch: 1,
            batch: 4,
            n_samples: 32,
            step: 4,
            is_step: true,
            lr: 1e-3,
            values: &values,
        };
        bar.n_samples = 128;
        assert_eq!(
            bar.message(&end, 2.0),
            "loss 0.5000  accuracy 0.8750  step 4  lr 1e-3  64 samples/s  eta 0:03"
        );
    }

    #[test]
    fn an_error_takes_the_bar_off_the_screen() {
        let mut bar = ProgressBar::with(true);
        bar.bar = Some(Bar::hidden());
        let error = Error::param("fit", "run", "whole", "an error");
        assert!(!bar.bar.as_ref().unwrap().is_finished());
        Callback::<f32>::on_error(&mut bar, &error);
        assert!(bar.bar.as_ref().unwrap().is_finished());
    }

    #[test]
    fn times_are_written_as_clocks_write_them() {
        assert_eq!(
            [3.4, 65.0, 7200.0, f64::NAN].map(eta_text),
            ["eta 0:03", "eta 1:05", "eta 2:00:00", "eta 0:00"]
        );
    }
}
