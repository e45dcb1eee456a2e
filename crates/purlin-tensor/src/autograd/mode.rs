//! Whether operations are recorded: one flag per thread.

use std::cell::Cell;

thread_local! {
    static RECORDING: Cell<bool> = const { Cell::new(true) };
    static ANOMALY: Cell<bool> = const { Cell::new(false) };
}

/// Sets a flag and puts the old value back when dropped, also while a panic unwinds.
pub(crate) struct Restore {
    flag: &'static std::thread::LocalKey<Cell<bool>>,
    before: bool,
}

impl Restore {
    fn set(flag: &'static std::thread::LocalKey<Cell<bool>>, value: bool) -> Self {
        Self { flag, before: flag.replace(value) }
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        self.flag.set(self.before);
    }
}

/// Stops recording on this thread until the guard is dropped.
pub(crate) fn pause() -> Restore {
    Restore::set(&RECORDING, false)
}

/// Whether operations on this thread are recorded.
#[inline]
pub fn is_recording() -> bool {
    RECORDING.get()
}

#[inline]
pub(crate) fn is_anomaly_mode() -> bool {
    ANOMALY.get()
}

/// Runs `f` without recording: results are not tracked, whatever they are made from, and
/// nothing is kept for a backward pass. For evaluation and for updates of parameters.
///
/// The flag belongs to the thread, nests, and is put back when `f` panics.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{Tensor, no_grad};
///
/// let x = Tensor::from([1.0f32, 2.0]).requires_grad();
/// assert!((&x * 2.0).is_tracked());
/// assert!(!no_grad(|| &x * 2.0).is_tracked());
/// ```
pub fn no_grad<R>(f: impl FnOnce() -> R) -> R {
    let _restore = pause();
    f()
}

/// Runs `f` and panics at the first operation that produces NaN or an infinity, naming it: in
/// the forward pass at the operation itself, in the backward pass at the derivative.
///
/// Every result is read once more, so use it to look for an error, not to train.
///
/// # Examples
///
/// ```should_panic
/// use purlin_tensor::{Tensor, detect_anomaly};
///
/// let x = Tensor::from([1.0f32, -1.0]).requires_grad();
/// detect_anomaly(|| x.sqrt()); // sqrt: result must be finite, got NaN at element 1
/// ```
pub fn detect_anomaly<R>(f: impl FnOnce() -> R) -> R {
    let _restore = Restore::set(&ANOMALY, true);
    f()
}
