//! The timing protocol: warm-up, blocks of at least 20 ms, the median of the repeats.

use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

static QUICK: AtomicBool = AtomicBool::new(false);
static BRIEF: AtomicBool = AtomicBool::new(false);

/// Three repeats instead of five.
pub(crate) fn set_quick(quick: bool) {
    QUICK.store(quick, Ordering::Relaxed);
}

/// For curves of many points: see `time`.
pub(crate) fn set_brief(brief: bool) {
    BRIEF.store(brief, Ordering::Relaxed);
}

/// Seconds of one call.
pub(crate) struct Timing {
    pub(crate) median_s: f64,
    min_s: f64,
    reps: usize,
}

/// A call that lasts longer is measured once more after its first and no oftener.
const LONG_S: f64 = 20.0;

/// Warms up with 2 calls and 0.2 s, then takes the median of at least 5 blocks of at least 20 ms
/// (3 when a block lasts over 5 s, 1 without a second warm-up when a call lasts over 20 s).
///
/// When brief, the caller has warmed up, and the median is of 3 blocks, or of 1 call over 5 s.
pub(crate) fn time(mut call: impl FnMut()) -> Timing {
    if BRIEF.load(Ordering::Relaxed) {
        return time_briefly(call);
    }
    let start = Instant::now();
    let mut calls = 0;
    while calls < 2 || start.elapsed().as_secs_f64() < 0.2 {
        call();
        calls += 1;
        if start.elapsed().as_secs_f64() > LONG_S {
            break;
        }
    }
    let each = start.elapsed().as_secs_f64() / f64::from(calls);
    let per_block = (0.02 / each).ceil().max(1.0);
    let reps = match each * per_block {
        LONG_S.. => 1,
        5.0.. => 3,
        _ if QUICK.load(Ordering::Relaxed) => 3,
        _ => 5,
    };
    middle((0..reps).map(|_| block(&mut call, per_block)).collect())
}

fn time_briefly(mut call: impl FnMut()) -> Timing {
    let once = block(&mut call, 1.0);
    if once > 5.0 {
        return middle(vec![once]);
    }
    let per_block = (0.02 / once).ceil();
    middle((0..3).map(|_| block(&mut call, per_block)).collect())
}

/// Seconds of one of `n` calls.
fn block(call: &mut impl FnMut(), n: f64) -> f64 {
    let start = Instant::now();
    for _ in 0..n as usize {
        call();
    }
    start.elapsed().as_secs_f64() / n
}

fn middle(mut times: Vec<f64>) -> Timing {
    times.sort_by(f64::total_cmp);
    Timing { median_s: times[times.len() / 2], min_s: times[0], reps: times.len() }
}

/// What the first call of a piece of work took.
pub(crate) struct FirstCall {
    pub(crate) seconds: f64,
    /// Peak resident memory above what was resident before the call, in MB.
    pub(crate) extra_peak_mb: f64,
}

/// Runs `call` once, with its memory.
pub(crate) fn first_call<R>(call: impl FnOnce() -> R) -> FirstCall {
    // Sets the peak to what is resident now; where the system refuses, the peak so far stays.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = peak_rss_mb();
    let start = Instant::now();
    let result = call();
    let seconds = start.elapsed().as_secs_f64();
    drop(result);
    FirstCall { seconds, extra_peak_mb: peak_rss_mb() - before }
}

/// What one task found.
pub(crate) struct Row {
    pub(crate) value: f64,
    unit: &'static str,
    higher_is_better: bool,
    extra: Value,
}

impl Row {
    fn new(timing: &Timing, value: f64, unit: &'static str, higher_is_better: bool) -> Self {
        let extra =
            json!({"median_s": timing.median_s, "min_s": timing.min_s, "reps": timing.reps});
        Self { value, unit, higher_is_better, extra }
    }

    /// `amount` of work per second.
    pub(crate) fn rate(timing: &Timing, amount: f64, unit: &'static str) -> Self {
        Self::new(timing, amount / timing.median_s, unit, true)
    }

    /// The time itself, times `scale`.
    pub(crate) fn duration(timing: &Timing, scale: f64, unit: &'static str) -> Self {
        Self::new(timing, timing.median_s * scale, unit, false)
    }

    /// Adds what shows that the work was done.
    #[must_use]
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.extra[key] = value.into();
        self
    }

    /// The line to print.
    pub(crate) fn line(&self, task: &str, peer: &str, threads: usize) -> Value {
        json!({
            "task": task, "peer": peer, "threads": threads, "value": self.value,
            "unit": self.unit, "higher_is_better": self.higher_is_better, "extra": self.extra,
        })
    }
}

/// Peak resident memory of this process in MB; 0 where the system does not tell.
pub(crate) fn peak_rss_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| {
        line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse::<f64>().ok()
    });
    kib.unwrap_or(0.0) / 1024.0
}
