//! The laws of schedules.

use crate::Bits;
use purlin_nn::schedule::Schedule;
use std::ops::Range;

/// Holds a schedule to its laws at `steps`.
///
/// 1. its parameters keep their rules;
/// 2. every learning rate is finite and at least 0, every momentum lies in `[0, 1)`;
/// 3. it is a pure function of the step: asked again, and backwards, it answers with the same bits.
///
/// # Panics
///
/// When a law is broken; the text names the law and the first step.
///
/// # Examples
///
/// ```
/// use purlin_nn::schedule::OneCycle;
/// use purlin_testkit::check_schedule;
///
/// check_schedule(&OneCycle::new(0.1, 100), 0..120);
/// ```
#[track_caller]
pub fn check_schedule(schedule: &dyn Schedule, steps: Range<u64>) {
    if let Err(err) = schedule.check() {
        panic!("law of schedules: the parameters keep their rules: {err}");
    }
    let at = |step: u64| (schedule.lr(step), schedule.momentum(step));
    let answers: Vec<_> = steps.map(|step| (step, at(step))).collect();
    for &(step, (lr, momentum)) in &answers {
        assert!(
            lr.is_finite() && lr >= 0.0,
            "law of schedules: a learning rate is finite and at least 0, got {lr} at step {step}"
        );
        assert!(
            momentum.is_none_or(|momentum| (0.0..1.0).contains(&momentum)),
            "law of schedules: a momentum is in [0, 1), got {momentum:?} at step {step}"
        );
    }
    for &(step, then) in answers.iter().rev() {
        let now = at(step);
        assert!(
            now.to_words() == then.to_words(),
            "law of schedules: a pure function of the step, got {now:?} after {then:?} at step \
             {step}"
        );
    }
}
