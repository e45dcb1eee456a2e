//! The parts together have the bits of whole operations, on every instruction set and any number of
//! threads, and those the gradients of difference quotients.

use super::{Backward, FeedForward, FeedForwardActivation, backward, forward, whole};
use crate::gemm::K_BLOCK;
use crate::gemm::testing::{bits, inner, numbers, on_threads};
use crate::isa::{IsaKind, pin};
use proptest::prelude::*;
use purlin_core::Real;

#[derive(Debug, Clone, Copy)]
struct Case {
    rows: usize,
    features: usize,
    hidden: usize,
    outputs: usize,
    activation: FeedForwardActivation,
    has_bias: bool,
    has_mask: bool,
}

struct Numbers<T> {
    x: Vec<T>,
    weight1: Vec<T>,
    bias1: Vec<T>,
    weight2: Vec<T>,
    bias2: Vec<T>,
    mask: Vec<T>,
    grad_y: Vec<T>,
}

impl Case {
    fn numbers<T: Real>(self) -> Numbers<T> {
        let Self { rows, features, hidden, outputs, .. } = self;
        let mut mask: Vec<T> = numbers(rows * hidden, 6);
        for keep in &mut mask {
            *keep = if keep.to_f64() < 0.4 { T::from_f64(1.25) } else { T::ZERO };
        }
        Numbers {
            x: numbers(rows * features, 1),
            weight1: numbers(features * hidden, 2),
            bias1: numbers(hidden, 3),
            weight2: numbers(hidden * outputs, 4),
            bias2: numbers(outputs, 5),
            mask,
            grad_y: numbers(rows * outputs, 7),
        }
    }

    fn spec<T: Real>(self, numbers: &Numbers<T>) -> FeedForward<'_, T> {
        let Self { rows, features, hidden, outputs, activation, has_bias, has_mask } = self;
        FeedForward {
            rows,
            features,
            hidden,
            outputs,
            weight1: &numbers.weight1,
            bias1: has_bias.then_some(&numbers.bias1),
            weight2: &numbers.weight2,
            bias2: has_bias.then_some(&numbers.bias2),
            activation,
            mask: has_mask.then_some(&numbers.mask),
        }
    }
}

/// Result, what was kept, and the gradients of `x`, first weight, first bias and second weight.
type Trace<T> = [Vec<T>; 6];

fn trace<T: Real>(
    case: Case,
    numbers: &Numbers<T>,
    forward: impl Fn(&FeedForward<'_, T>, &[T], Option<&mut [T]>, &mut [T]),
    backward: impl Fn(&FeedForward<'_, T>, Backward<'_, T>),
) -> Trace<T> {
    let Case { rows, features, hidden, outputs, .. } = case;
    let room = |n: usize| vec![T::NAN; n];
    let (mut y, mut kept) = (room(rows * outputs), room(rows * hidden));
    let spec = case.spec(numbers);
    forward(&spec, &numbers.x, Some(&mut kept), &mut y);
    let mut alone = room(rows * outputs);
    forward(&spec, &numbers.x, None, &mut alone);
    assert_eq!(bits(&alone), bits(&y), "nothing kept: {case:?}");
    let mut grads = [rows * features, features * hidden, hidden, hidden * outputs].map(room);
    let [grad_x, grad_weight1, grad_bias1, grad_weight2] =
        grads.each_mut().map(|x| Some(&mut x[..]));
    backward(
        &spec,
        Backward {
            x: &numbers.x,
            kept: &kept,
            grad_y: &numbers.grad_y,
            grad_x,
            grad_weight1,
            grad_bias1,
            grad_weight2,
        },
    );
    let [grad_x, grad_weight1, grad_bias1, grad_weight2] = grads;
    [y, kept, grad_x, grad_weight1, grad_bias1, grad_weight2]
}

fn fast<T: Real>(case: Case, numbers: &Numbers<T>) -> Trace<T> {
    trace(case, numbers, forward, backward)
}

fn whole<T: Real>(case: Case, numbers: &Numbers<T>) -> Trace<T> {
    trace(case, numbers, whole::forward, whole::backward)
}

fn same<T: Real>(case: Case) {
    let numbers = case.numbers::<T>();
    let expected = whole(case, &numbers);
    for threads in [1, 2, 3] {
        let got = on_threads(threads, || fast(case, &numbers));
        for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
            assert_eq!(bits(got), bits(expected), "array {i}, {threads} threads: {case:?}");
        }
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let rows = prop_oneof![1..5usize, 100..130usize, K_BLOCK - 1..K_BLOCK + 2, 500..600usize];
    let hidden = prop_oneof![1..40usize, 250..260usize, 500..530usize, Just(3 * K_BLOCK)];
    let width = || prop_oneof![1..40usize, 120..140usize, K_BLOCK - 1..K_BLOCK + 20];
    (rows, width(), hidden, width(), any::<[bool; 3]>()).prop_map(
        |(rows, features, hidden, outputs, [is_gelu, has_bias, has_mask])| {
            let activation =
                if is_gelu { FeedForwardActivation::Gelu } else { FeedForwardActivation::Relu };
            Case { rows, features, hidden, outputs, activation, has_bias, has_mask }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn parts_have_the_bits_of_whole_operations(case in cases()) {
        same::<f32>(case);
        same::<f64>(case);
    }
}

const WIDE: Case = Case {
    rows: 2 * K_BLOCK + 44,
    features: 40,
    hidden: K_BLOCK + 60,
    outputs: 30,
    activation: FeedForwardActivation::Gelu,
    has_bias: true,
    has_mask: true,
};

#[test]
fn every_instruction_set_has_the_same_bits() {
    fn one<T: Real>() {
        let numbers = WIDE.numbers::<T>();
        let expected = fast(WIDE, &numbers);
        for kind in IsaKind::available() {
            let _pin = pin(kind);
            for (got, expected) in fast(WIDE, &numbers).iter().zip(&expected) {
                assert_eq!(bits(got), bits(expected), "{kind:?}");
            }
        }
    }
    one::<f32>();
    one::<f64>();
}

#[test]
fn each_gradient_can_be_asked_for_alone() {
    let numbers = WIDE.numbers::<f64>();
    let [_, kept, grad_x, grad_weight1, grad_bias1, grad_weight2] = fast(WIDE, &numbers);
    let all = [grad_x, grad_weight1, grad_bias1, grad_weight2];
    for asked in 0..all.len() {
        let mut grads = all.each_ref().map(|grad| vec![f64::NAN; grad.len()]);
        let mut i = 0;
        let [grad_x, grad_weight1, grad_bias1, grad_weight2] = grads.each_mut().map(|grad| {
            i += 1;
            (i - 1 == asked).then_some(&mut grad[..])
        });
        let (x, grad_y) = (&numbers.x, &numbers.grad_y);
        let arrays =
            Backward { x, kept: &kept, grad_y, grad_x, grad_weight1, grad_bias1, grad_weight2 };
        backward(&WIDE.spec(&numbers), arrays);
        assert_eq!(bits(&grads[asked]), bits(&all[asked]), "gradient {asked}");
    }
}

type Field = fn(&mut Numbers<f64>) -> &mut Vec<f64>;

#[test]
fn gradients_are_those_of_difference_quotients() {
    let numbers = WIDE.numbers::<f64>();
    let [_, _, grad_x, grad_weight1, grad_bias1, grad_weight2] = fast(WIDE, &numbers);
    let loss = |numbers: &Numbers<f64>| {
        let mut y = vec![0.0; WIDE.rows * WIDE.outputs];
        forward(&WIDE.spec(numbers), &numbers.x, None, &mut y);
        inner(&y, &numbers.grad_y)
    };
    let fields: [(Field, &[f64]); 4] = [
        (|numbers| &mut numbers.x, &grad_x),
        (|numbers| &mut numbers.weight1, &grad_weight1),
        (|numbers| &mut numbers.bias1, &grad_bias1),
        (|numbers| &mut numbers.weight2, &grad_weight2),
    ];
    for (i, (field, grad)) in fields.into_iter().enumerate() {
        for at in [0, grad.len() / 2, grad.len() - 1] {
            let difference = [1e-5, -1e-5].map(|step| {
                let mut numbers = WIDE.numbers::<f64>();
                field(&mut numbers)[at] += step;
                loss(&numbers)
            });
            let quotient = (difference[0] - difference[1]) / 2e-5;
            let error = (quotient - grad[at]).abs();
            assert!(
                error < 1e-6 * (1.0 + quotient.abs()),
                "array {i} at {at}: {quotient}, {}",
                grad[at]
            );
        }
    }
}

#[test]
#[should_panic(expected = "feed_forward: sizes must fit in memory")]
fn sizes_beyond_memory_are_refused() {
    let case = Case { rows: 1 << 62, features: 4, hidden: 4, outputs: 4, ..WIDE };
    let numbers = Case { rows: 0, ..case }.numbers::<f32>();
    let spec = Case { has_mask: false, ..case }.spec(&numbers);
    forward(&spec, &[], None, &mut []);
}

#[test]
#[should_panic(expected = "feed_forward: expected weight2 with 6 items, got 5")]
fn arrays_that_do_not_fit_are_refused() {
    let spec = FeedForward {
        rows: 1,
        features: 2,
        hidden: 3,
        outputs: 2,
        weight1: &[0.0; 6],
        bias1: None,
        weight2: &[0.0; 5],
        bias2: None,
        activation: FeedForwardActivation::Relu,
        mask: None,
    };
    forward(&spec, &[0.0f32; 2], None, &mut [0.0; 2]);
}
