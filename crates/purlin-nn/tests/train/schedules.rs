//! Schedules: the laws, the doors that stay shut, the ends of the curves, the scripted plateau.
use proptest::prelude::*;
use purlin_nn::metrics::Goal;
use purlin_nn::schedule::{
    Anneal, Constant, Cosine, CosineRestarts, Cyclic, CyclicMode, ExponentialDecay, FnSchedule,
    Linear, MultiStepDecay, Noam, OneCycle, Polynomial, ReduceOnPlateau, Schedule, Sequence,
    StepDecay, Threshold, WarmupCosine,
};
use purlin_testkit::check_schedule;

fn refused(schedule: &dyn Schedule) -> String {
    schedule.check().unwrap_err().to_string()
}

#[test]
fn parameters_that_break_their_rules_are_named_with_their_value() {
    assert_eq!(refused(&Constant::new(-1.0)), "constant: lr must be finite and at least 0, got -1");
    assert_eq!(
        refused(&StepDecay::new(0.1, 0, 0.5)),
        "step decay: step_size must be at least 1, got 0"
    );
    assert!(refused(&MultiStepDecay::new(0.1, &[], f64::NAN)).contains("gamma"));
    assert!(refused(&ExponentialDecay::new(f64::INFINITY, 0.5)).contains("got inf"));
    assert!(refused(&Linear::new(0.1, 0.0, 1.0, 0)).contains("n_steps"));
    assert!(refused(&Polynomial::new(0.1, 5, 0.0)).contains("power"));
    assert!(refused(&Noam::new(1.0, 0, 10)).contains("d_model"));
    assert!(refused(&Cosine::new(0.1, 10).floor(-0.1)).contains("floor"));
    assert!(refused(&CosineRestarts::new(0.1, 10).factor(0)).contains("factor"));
    assert_eq!(
        refused(&WarmupCosine::new(0.1, 10, 10)),
        "warm-up cosine: total must be greater than warmup (10), got 10"
    );
    assert!(refused(&OneCycle::new(0.1, 2)).contains("total_steps"));
    assert!(refused(&OneCycle::new(0.1, 100).three_phase().pct_start(0.5)).contains("pct_start"));
    assert!(refused(&OneCycle::new(0.1, 100).momentum_range(0.8, 1.0)).contains("max_momentum"));
    assert!(refused(&Cyclic::new(0.1, 0.2, 0, 1)).contains("up"));
    let range = CyclicMode::ExpRange(-1.0);
    assert!(refused(&Cyclic::new(0.1, 0.2, 1, 1).mode(range)).contains("gamma"));
    assert!(refused(&FnSchedule::new(|_| f64::NAN)).contains("lr at step 0"));
    let backwards =
        Sequence::new(Constant::new(0.1)).then(5, Constant::new(0.1)).then(5, Constant::new(0.1));
    assert!(refused(&backwards).contains("greater than the one before (5)"));
    let inner = Sequence::new(Constant::new(0.1)).then(5, Constant::new(-0.1));
    assert!(refused(&inner).contains("constant: lr"));
    assert!(ReduceOnPlateau::new(Goal::Minimize).factor(1.0).check().is_err());
    assert!(
        ReduceOnPlateau::new(Goal::Minimize).threshold(Threshold::Absolute(-1.0)).check().is_err()
    );
}

#[test]
fn every_schedule_obeys_the_laws() {
    let all: [&dyn Schedule; 23] = [
        &Constant::new(0.1).held_down(0.5, 3),
        &StepDecay::new(0.1, 7, 0.5),
        &MultiStepDecay::new(0.1, &[40, 3, 40], 0.5),
        &ExponentialDecay::new(0.1, 0.9),
        &Linear::warm_up(0.1, 10),
        &Linear::decay(0.1, 30),
        &Polynomial::new(0.1, 50, 0.9),
        &Noam::new(1.0, 64, 10),
        &Cosine::new(0.1, 50),
        &Cosine::new(0.1, 20).floor(0.2).periodic(),
        &CosineRestarts::new(0.1, 7).factor(2).floor(0.01),
        &CosineRestarts::new(0.1, 9),
        &WarmupCosine::new(0.1, 0, 50),
        &WarmupCosine::new(0.1, 10, 50).floor(0.1),
        &OneCycle::new(0.1, 60),
        &OneCycle::new(0.1, 60).three_phase().anneal(Anneal::Linear),
        &OneCycle::new(0.1, 4).pct_start(0.9).momentum_range(0.0, 0.5),
        &Cyclic::new(0.1, 0.2, 3, 11),
        &Cyclic::new(0.2, 0.0, 5, 5).mode(CyclicMode::Triangular2),
        &Cyclic::new(0.1, 0.2, 5, 5).mode(CyclicMode::ExpRange(0.99)),
        &Sequence::new(Linear::warm_up(0.1, 10)).then(10, Cosine::new(0.1, 50)),
        &Sequence::new(OneCycle::new(0.1, 20)).then(20, Constant::new(0.01)),
        &FnSchedule::new(|step| 1.0 / (step as f64 + 1.0)),
    ];
    for schedule in all {
        check_schedule(schedule, 0..200);
    }
}

#[test]
fn a_schedule_with_zero_steps_answers_nan_and_does_not_panic() {
    assert!(StepDecay::new(0.1, 0, 0.5).lr(3).is_nan());
    assert!(Cosine::new(0.1, 0).lr(3).is_nan());
    assert!(Cosine::new(0.1, 0).periodic().lr(3).is_nan());
    assert!(CosineRestarts::new(0.1, 0).lr(3).is_nan());
    assert!(Linear::new(0.1, 0.0, 1.0, 0).lr(3).is_nan());
    assert!(Cyclic::new(0.1, 0.2, 0, 0).lr(3).is_nan());
}

#[test]
fn the_last_step_there_is_has_a_rate() {
    let all: [&dyn Schedule; 9] = [
        &StepDecay::new(0.1, 3, 0.5),
        &Cosine::new(0.1, 10),
        &Cosine::new(0.1, 10).periodic(),
        &CosineRestarts::new(0.1, 3).factor(2),
        &CosineRestarts::new(0.1, 3),
        &Linear::decay(0.1, 10),
        &Noam::new(0.1, 8, 10),
        &OneCycle::new(0.1, 10),
        &Cyclic::new(0.1, 0.2, 3, 4),
    ];
    for schedule in all {
        let lr = schedule.lr(u64::MAX);
        assert!((0.0..=0.2).contains(&lr), "got {lr}");
    }
}

#[test]
fn the_momentum_of_one_cycle_mirrors_its_rate() {
    let schedule =
        OneCycle::new(1.0, 101).anneal(Anneal::Linear).div_factors(10.0, 1.0).pct_start(0.5);
    schedule.check().unwrap();
    for step in 0..101 {
        let up = (schedule.lr(step) - 0.1) / 0.9;
        let down = (0.95 - schedule.momentum(step).unwrap()) / 0.1;
        assert!((up - down).abs() < 1e-12, "step {step}: {up} {down}");
    }
}

#[test]
fn a_sequence_passes_on_the_momentum_of_the_part_in_charge() {
    let schedule = Sequence::new(OneCycle::new(0.1, 20)).then(20, Constant::new(0.01));
    assert_eq!(schedule.momentum(0), Some(0.95));
    assert_eq!(schedule.momentum(20), None);
}

#[test]
fn nan_and_infinities_count_as_no_improvement() {
    let mut plateau = ReduceOnPlateau::new(Goal::Minimize).factor(0.5).patience(1);
    let rates: Vec<f64> = [f64::NAN, f64::INFINITY, 1.0, f64::NAN, f64::NAN]
        .iter()
        .scan(1.0, |lr, &value| {
            *lr = plateau.observe(value, *lr);
            Some(*lr)
        })
        .collect();
    assert_eq!(rates, [1.0, 0.5, 0.5, 0.5, 0.25]);
    assert_eq!(plateau.state().best, Some(1.0));
}

#[test]
fn a_plateau_goes_on_from_its_saved_state() {
    let losses = [3.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0];
    let run = |cut: usize| {
        let fresh = || ReduceOnPlateau::new(Goal::Minimize).factor(0.5).patience(1).cooldown(1);
        let (mut plateau, mut lr) = (fresh(), 1.0);
        let mut rates = Vec::new();
        for (i, &loss) in losses.iter().enumerate() {
            if i == cut {
                let text = serde_json::to_string(plateau.state()).unwrap();
                plateau = fresh();
                plateau.set_state(serde_json::from_str(&text).unwrap());
            }
            lr = plateau.observe(loss, lr);
            rates.push(lr);
        }
        rates
    };
    let whole = run(usize::MAX);
    assert!(whole.last().unwrap() < &1.0);
    for cut in 0..losses.len() {
        assert_eq!(run(cut), whole, "cut before observation {cut}");
    }
}

proptest! {
    #[test]
    fn a_cosine_stays_between_its_ends_and_falls(
        lr in 0.0..10.0f64, share in 0.0..1.0f64, n in 1..1000u64, step in 0..2000u64,
    ) {
        let floor = lr * share;
        let schedule = Cosine::new(lr, n).floor(floor);
        let (now, next) = (schedule.lr(step), schedule.lr(step + 1));
        let slack = 1e-12 * lr;
        prop_assert!(now >= floor - slack && now <= lr + slack);
        prop_assert!(next <= now + slack);
        prop_assert_eq!(schedule.lr(n), floor);
    }

    #[test]
    fn a_wave_repeats(up in 1..50u64, down in 1..50u64, step in 0..500u64) {
        let schedule = Cyclic::new(0.1, 0.5, up, down);
        prop_assert_eq!(schedule.lr(step), schedule.lr(step + up + down));
        let restarts = CosineRestarts::new(0.5, up);
        prop_assert_eq!(restarts.lr(step), restarts.lr(step + up));
    }
}
