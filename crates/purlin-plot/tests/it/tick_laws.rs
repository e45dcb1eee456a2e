//! Laws of the marks on axes.

use proptest::prelude::*;
use purlin_plot::ticks::{Tick, linear, logarithmic};
use purlin_plot::{LinePlot, Style};

/// Any finite number, of any size, either sign.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        -1e3..1e3,
        (-300.0..300.0f64).prop_map(|e| 10f64.powf(e)),
        (-300.0..300.0f64).prop_map(|e| -(10f64.powf(e))),
        Just(0.0),
        any::<f64>().prop_filter("finite", |x| x.is_finite()),
    ]
}

fn read(label: &str) -> f64 {
    label.replace('−', "-").parse().expect("labels are numbers")
}

fn check_marks(ticks: &[Tick], lo: f64, hi: f64, max: usize) -> Result<(), TestCaseError> {
    prop_assert!(ticks.len() <= max);
    for tick in ticks {
        prop_assert!((lo..=hi).contains(&tick.value), "{} in {lo}..={hi}", tick.value);
        // The label says exactly where the mark is (a zero has no sign).
        prop_assert_eq!(read(&tick.label), tick.value, "{}", tick.label);
    }
    for pair in ticks.windows(2) {
        prop_assert!(pair[0].value < pair[1].value);
        prop_assert_ne!(&pair[0].label, &pair[1].label);
    }
    Ok(())
}

proptest! {
    #[test]
    fn linear_marks_lie_inside_rise_and_say_where_they_are(
        a in number(), b in number(), max in 1usize..30, integers: bool,
    ) {
        let (lo, hi) = (a.min(b), a.max(b));
        let ticks = linear(lo, hi, max, integers);
        check_marks(&ticks, lo, hi, max)?;
        if integers {
            prop_assert!(ticks.iter().all(|tick| tick.value == tick.value.floor()));
        }
    }

    #[test]
    fn linear_steps_are_one_two_or_five_times_a_power_of_ten(
        lo in -1e4..1e4f64, span in 1e-3..1e5f64, max in 2usize..30,
    ) {
        let ticks = linear(lo, lo + span, max, false);
        // Steps grow by at most 2.5, so at least about two fifths of the marks are used.
        prop_assert!(ticks.len() as f64 >= (max as f64 / 2.5 - 1.0).max(1.0) || max < 4);
        if let [first, second, ..] = ticks.as_slice() {
            let step = second.value - first.value;
            let mantissa = step / 10f64.powf(step.log10().floor());
            let nice = [1.0, 2.0, 5.0, 10.0].iter().any(|m| (mantissa - m).abs() < 1e-6 * m);
            prop_assert!(nice, "{step}");
            for pair in ticks.windows(2) {
                let gap = pair[1].value - pair[0].value;
                prop_assert!((gap - step).abs() <= 1e-9 * step.abs().max(lo.abs()).max(span));
            }
            // No mark is missing at either end.
            prop_assert!(first.value - step < lo + 1e-9 * span);
            prop_assert!(ticks[ticks.len() - 1].value + step > lo + span - 1e-9 * span);
        }
    }

    #[test]
    fn logarithmic_marks_lie_inside_rise_and_say_where_they_are(
        e in -290.0..290.0f64, span in 1e-6..500.0f64, max in 2usize..20,
    ) {
        let lo = 10f64.powf(e);
        let hi = 10f64.powf((e + span).min(300.0));
        prop_assume!(lo < hi);
        check_marks(&logarithmic(lo, hi, max), lo, hi, max)?;
    }

    #[test]
    fn whatever_is_finite_is_drawn_or_refused_but_never_panics(
        x in prop::collection::vec(number(), 1..8),
        y in prop::collection::vec(any::<f64>(), 8),
        log: bool,
    ) {
        let plot = LinePlot::new().line("a", &x, &y[..x.len()]).style(Style::new().size(160, 120));
        let plot = if log { plot.log_y() } else { plot };
        if let Ok(figure) = plot.draw() {
            let svg = figure.to_svg();
            prop_assert!(!svg.contains("NaN") && !svg.contains("\"inf"));
            prop_assert_eq!(&figure.to_png()[1..4], b"PNG");
        }
    }
}
