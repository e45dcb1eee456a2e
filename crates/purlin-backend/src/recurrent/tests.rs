//! Recurrence has the bits of its definition, on every instruction set and any number of threads,
//! and the gradients of difference quotients.

use super::{Backward, Cell, Forward, Kept, Recurrence, backward, forward, naive};
use crate::gemm::Activation;
use crate::gemm::testing::{bits, numbers, on_threads};
use crate::isa::{IsaKind, pin};
use proptest::prelude::*;
use purlin_core::Real;

/// A recurrence with its numbers.
#[derive(Debug, Clone)]
struct Case {
    cell: Cell,
    n: usize,
    steps: usize,
    hidden: usize,
    outputs: Option<usize>,
    lengths: Option<Vec<usize>>,
    is_reverse: bool,
}

struct Numbers<T> {
    weight: Vec<T>,
    bias: Option<Vec<T>>,
    projection: Option<Vec<T>>,
    x: Vec<T>,
    h: Vec<T>,
    c: Vec<T>,
}

impl Case {
    fn outputs(&self) -> usize {
        self.outputs.unwrap_or(self.hidden)
    }

    fn width(&self) -> usize {
        self.cell.gates() * self.hidden
    }

    fn numbers<T: Real>(&self) -> Numbers<T> {
        let (outputs, is_lstm) = (self.outputs(), self.cell == Cell::Lstm);
        let weight = numbers(outputs * self.width(), 1);
        Numbers {
            weight,
            bias: (self.cell == Cell::Gru).then(|| numbers(self.hidden, 2)),
            projection: self.outputs.map(|outputs| numbers(self.hidden * outputs, 3)),
            x: numbers(self.n * self.steps * self.width(), 4),
            h: numbers(self.n * outputs, 5),
            c: numbers(if is_lstm { self.n * self.hidden } else { 0 }, 6),
        }
    }

    fn spec<'a, T: Real>(&'a self, numbers: &'a Numbers<T>) -> Recurrence<'a, T> {
        Recurrence {
            cell: self.cell,
            n: self.n,
            steps: self.steps,
            hidden: self.hidden,
            weight: &numbers.weight,
            bias: numbers.bias.as_deref(),
            projection: numbers.projection.as_deref(),
            lengths: self.lengths.as_deref(),
            is_reverse: self.is_reverse,
        }
    }
}

/// What the way forwards leaves.
struct Trace<T> {
    gates: Vec<T>,
    h: Vec<T>,
    c: Vec<T>,
    y: Vec<T>,
    before: Vec<T>,
    other: Vec<T>,
    unprojected: Vec<T>,
}

fn fast<T: Real>(case: &Case, numbers: &Numbers<T>) -> Trace<T> {
    let rows = case.n * case.steps;
    let nan = |len: usize| vec![T::NAN; len];
    let has_other = matches!(case.cell, Cell::Gru | Cell::Lstm);
    let mut trace = Trace {
        gates: numbers.x.clone(),
        h: numbers.h.clone(),
        c: numbers.c.clone(),
        y: nan(rows * case.outputs()),
        before: nan(rows * case.outputs()),
        other: nan(if has_other { rows * case.hidden } else { 0 }),
        unprojected: nan(if case.outputs.is_some() { rows * case.hidden } else { 0 }),
    };
    let Trace { gates, h, c, y, before, other, unprojected } = &mut trace;
    let kept = Some(Kept { before, other, unprojected });
    forward(&case.spec(numbers), Forward { gates, h, c, y, kept });
    trace
}

/// Gradients of the gates, the product, the projected, and of state and cell at the start; of the
/// sum of outputs, states and cells, each with a weight.
fn grads<T: Real>(case: &Case, of: &Numbers<T>, trace: &Trace<T>) -> [Vec<T>; 5] {
    let rows = case.n * case.steps;
    let nan = |is_there: bool, len: usize| vec![T::NAN; if is_there { len } else { 0 }];
    let mut grad_gates = nan(true, rows * case.width());
    let mut grad_product = nan(case.cell == Cell::Gru, rows * case.width());
    let mut grad_projected = nan(case.outputs.is_some(), rows * case.outputs());
    let (mut grad_h, mut grad_c) = (numbers(trace.h.len(), 8), numbers(trace.c.len(), 9));
    backward(
        &case.spec(of),
        Backward {
            gates: &trace.gates,
            before: &trace.before,
            other: &trace.other,
            grad_y: &numbers(trace.y.len(), 7),
            grad_h: &mut grad_h,
            grad_c: &mut grad_c,
            grad_gates: &mut grad_gates,
            grad_product: &mut grad_product,
            grad_projected: &mut grad_projected,
        },
    );
    [grad_gates, grad_product, grad_projected, grad_h, grad_c]
}

fn check<T: Real>(case: &Case) {
    let numbers = case.numbers::<T>();
    let (mut h, mut c) = (numbers.h.clone(), numbers.c.clone());
    let y = naive::forward(&case.spec(&numbers), &numbers.x, &mut h, &mut c);
    let mut first = None;
    for kind in IsaKind::available() {
        let _pin = pin(kind);
        for threads in [1, 3] {
            let trace = on_threads(threads, || fast(case, &numbers));
            assert_eq!(bits(&trace.y), bits(&y), "outputs {kind:?} {case:?}");
            assert_eq!(bits(&trace.h), bits(&h), "states {kind:?} {case:?}");
            assert_eq!(bits(&trace.c), bits(&c), "cells {kind:?} {case:?}");
            let grads = on_threads(threads, || grads(case, &numbers, &trace));
            let grads = grads.map(|grad| bits(&grad));
            let first = first.get_or_insert_with(|| grads.clone());
            assert_eq!(*first, grads, "gradients {kind:?} {threads} {case:?}");
        }
        // Without what the way back needs.
        let (mut gates, mut h_only) = (numbers.x.clone(), numbers.h.clone());
        let (mut c_only, mut y_only) = (numbers.c.clone(), vec![T::NAN; y.len()]);
        let (h, c) = (&mut h_only, &mut c_only);
        let arrays = Forward { gates: &mut gates, h, c, y: &mut y_only, kept: None };
        forward(&case.spec(&numbers), arrays);
        assert_eq!(bits(&y_only), bits(&y), "outputs alone {kind:?} {case:?}");
    }
}

fn cells() -> impl Strategy<Value = Cell> {
    prop_oneof![
        Just(Cell::Elman(Activation::Tanh)),
        Just(Cell::Elman(Activation::Relu)),
        Just(Cell::Gru),
        Just(Cell::Lstm),
    ]
}

prop_compose! {
    fn cases(max_n: usize)(
        cell in cells(),
        n in 1..=max_n,
        steps in 1usize..6,
        hidden in 1usize..40,
        outputs in proptest::option::of(1usize..20),
        is_reverse: bool,
        has_lengths: bool,
        raw in proptest::collection::vec(0usize..100, max_n),
    ) -> Case {
        let outputs = outputs.filter(|_| cell == Cell::Lstm);
        let lengths = has_lengths.then(|| raw[..n].iter().map(|raw| raw % (steps + 1)).collect());
        Case { cell, n, steps, hidden, outputs, lengths, is_reverse }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn equals_its_definition(case in cases(20)) {
        check::<f32>(&case);
        check::<f64>(&case);
    }

    #[test]
    fn gradients_are_difference_quotients(case in cases(3)) {
        let of = case.numbers::<f64>();
        let trace = fast(&case, &of);
        let [grad_gates, grad_product, grad_projected, grad_h, grad_c] = grads(&case, &of, &trace);
        let weights = [trace.y.len(), trace.h.len(), trace.c.len()];
        let weights = [7, 8, 9].map(|seed| numbers::<f64>(weights[seed as usize - 7], seed));
        let loss = |numbers: &Numbers<f64>| {
            let (mut h, mut c) = (numbers.h.clone(), numbers.c.clone());
            let y = naive::forward(&case.spec(numbers), &numbers.x, &mut h, &mut c);
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            dot(&y, &weights[0]) + dot(&h, &weights[1]) + dot(&c, &weights[2])
        };
        let quotient = |change: &dyn Fn(&mut Numbers<f64>, f64)| {
            let at = |by: f64| {
                let mut numbers = case.numbers::<f64>();
                change(&mut numbers, by);
                loss(&numbers)
            };
            let step = 1e-5;
            (8.0 * (at(step) - at(-step)) - (at(2.0 * step) - at(-2.0 * step))) / (12.0 * step)
        };
        let is_smooth = case.cell != Cell::Elman(Activation::Relu);
        let near = |name: &str, i: usize, got: f64, expected: f64| {
            let apart = (got - expected).abs();
            prop_assert!(
                !is_smooth || apart <= 1e-7 * (1.0 + expected.abs()),
                "{name} {i}: {got} against {expected}"
            );
            Ok(())
        };
        for i in (0..of.x.len()).step_by(7) {
            near("x", i, grad_gates[i], quotient(&|of, by| of.x[i] += by))?;
        }
        for (i, &got) in grad_h.iter().enumerate() {
            near("h", i, got, quotient(&|of, by| of.h[i] += by))?;
        }
        for (i, &got) in grad_c.iter().enumerate() {
            near("c", i, got, quotient(&|of, by| of.c[i] += by))?;
        }
        // The sums over all steps that are left to the caller.
        let product = if grad_product.is_empty() { &grad_gates } else { &grad_product };
        let (outputs, width) = (case.outputs(), case.width());
        let sum = |a: &[f64], columns: usize, p: usize, b: &[f64], width: usize, j: usize| {
            (0..case.n * case.steps).map(|row| a[row * columns + p] * b[row * width + j]).sum()
        };
        for i in (0..of.weight.len()).step_by(11) {
            let got = sum(&trace.before, outputs, i / width, product, width, i % width);
            near("weight", i, got, quotient(&|of, by| of.weight[i] += by))?;
        }
        for i in 0..of.projection.as_ref().map_or(0, Vec::len) {
            let (p, j) = (i / outputs, i % outputs);
            let got = sum(&trace.unprojected, case.hidden, p, &grad_projected, outputs, j);
            near("projection", i, got, quotient(&|of, by| {
                of.projection.as_mut().unwrap()[i] += by;
            }))?;
        }
        if of.bias.is_some() {
            for j in 0..case.hidden {
                let at = 2 * case.hidden + j;
                let got = (0..case.n * case.steps).map(|row| product[row * width + at]).sum();
                near("bias", j, got, quotient(&|of, by| of.bias.as_mut().unwrap()[j] += by))?;
            }
        }
    }

    /// Numbers beyond the end of a sequence change nothing, whatever they are.
    #[test]
    fn padding_is_not_read(case in cases(8)) {
        let lengths = case.lengths.clone();
        prop_assume!(lengths.is_some());
        let lengths = lengths.unwrap();
        let clean = case.numbers::<f32>();
        let mut dirty = case.numbers::<f32>();
        for (row, length) in lengths.iter().enumerate() {
            for t in *length..case.steps {
                let at = (row * case.steps + t) * case.width();
                dirty.x[at..at + case.width()].fill(f32::NAN);
            }
        }
        let (a, b) = (fast(&case, &clean), fast(&case, &dirty));
        prop_assert_eq!(bits(&a.y), bits(&b.y));
        prop_assert_eq!(bits(&a.h), bits(&b.h));
        let grads = [&a, &b].map(|trace| grads(&case, &clean, trace).map(|grad| bits(&grad)));
        prop_assert_eq!(&grads[0], &grads[1]);
    }
}

/// As large as several threads and blocks of terms need.
#[test]
fn a_large_batch_has_the_same_bits_on_any_number_of_threads() {
    for cell in [Cell::Elman(Activation::Tanh), Cell::Gru, Cell::Lstm] {
        let (lengths, outputs) = (Some((0..50).map(|i| i % 8).collect()), None);
        let case = Case { cell, n: 50, steps: 7, hidden: 300, outputs, lengths, is_reverse: false };
        let numbers = case.numbers::<f32>();
        let one = |threads| {
            on_threads(threads, || {
                let trace = fast(&case, &numbers);
                let grads = grads(&case, &numbers, &trace);
                (bits(&trace.y), grads.map(|grad| bits(&grad)))
            })
        };
        let expected = one(1);
        for threads in [2, 8] {
            assert!(one(threads) == expected, "{cell:?} on {threads} threads");
        }
    }
}

#[test]
fn no_step_leaves_the_state() {
    let case = Case {
        cell: Cell::Lstm,
        n: 2,
        steps: 0,
        hidden: 3,
        outputs: None,
        lengths: None,
        is_reverse: false,
    };
    let numbers = case.numbers::<f64>();
    let trace = fast(&case, &numbers);
    assert_eq!((trace.h, trace.c), (numbers.h, numbers.c));
}

#[test]
#[should_panic(expected = "recurrent: expected weight with 16 items, got 15")]
fn sizes_must_fit() {
    let spec = Recurrence {
        cell: Cell::Lstm,
        n: 1,
        steps: 1,
        hidden: 2,
        weight: &[0.0f32; 15],
        bias: None,
        projection: None,
        lengths: None,
        is_reverse: false,
    };
    let (gates, h, c, y) = (&mut [0.0; 8], &mut [0.0; 2], &mut [0.0; 2], &mut [0.0; 2]);
    forward(&spec, Forward { gates, h, c, y, kept: None });
}
