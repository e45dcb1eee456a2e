//! Attention has the bits of its definition, on every instruction set and any number of threads,
//! and the gradients of difference quotients.

use super::{Attention, Backward, Bias, Forward, Grads, Rows, backward, forward, naive};
use crate::gemm::testing::{bits, inner, numbers, on_threads};
use crate::isa::{IsaKind, pin};
use proptest::prelude::*;
use purlin_core::Real;

#[derive(Debug, Clone)]
struct Case {
    batch: usize,
    queries: usize,
    keys: usize,
    groups: [usize; 2],
    features: [usize; 2],
    is_causal: bool,
    lengths: Option<Vec<usize>>,
    /// Whether sequences and heads have a bias of their own.
    bias: Option<[bool; 2]>,
}

struct Numbers<T> {
    q: Vec<T>,
    k: Vec<T>,
    v: Vec<T>,
    bias: Vec<T>,
    grad: Vec<T>,
}

impl Case {
    fn heads(&self) -> usize {
        self.groups[0] * self.groups[1]
    }

    fn numbers<T: Real>(&self) -> Numbers<T> {
        let Self { batch, queries, keys, groups: [key_heads, _], features: [d, dv], .. } = *self;
        let heads = self.heads();
        let mut bias: Vec<T> = numbers(batch * heads * queries * keys, 4);
        for (i, bias) in bias.iter_mut().enumerate() {
            if i % 5 == 0 {
                *bias = T::NEG_INFINITY;
            }
        }
        Numbers {
            q: numbers(batch * queries * heads * d, 1),
            k: numbers(batch * keys * key_heads * d, 2),
            v: numbers(batch * keys * key_heads * dv, 3),
            bias,
            grad: numbers(batch * queries * heads * dv, 5),
        }
    }

    fn spec<'a, T: Real>(&'a self, numbers: &'a Numbers<T>) -> Attention<'a, T> {
        let table = self.queries * self.keys;
        let step = |is_own: bool, step: usize| if is_own { step } else { 0 };
        Attention {
            batch: self.batch,
            queries: self.queries,
            keys: self.keys,
            heads: self.heads(),
            key_heads: self.groups[0],
            features: self.features[0],
            value_features: self.features[1],
            scale: 0.7,
            is_causal: self.is_causal,
            lengths: self.lengths.as_deref(),
            bias: self.bias.map(|[of_batch, of_head]| Bias {
                items: &numbers.bias,
                batch_step: step(of_batch, table * self.heads()),
                head_step: step(of_head, table),
            }),
        }
    }

    fn rows<'a, T>(&self, numbers: &'a Numbers<T>) -> [Rows<'a, T>; 3] {
        let ([key_heads, _], [d, dv]) = (self.groups, self.features);
        [
            Rows { items: &numbers.q, step: self.heads() * d },
            Rows { items: &numbers.k, step: key_heads * d },
            Rows { items: &numbers.v, step: key_heads * dv },
        ]
    }
}

fn fast<T: Real>(case: &Case, numbers: &Numbers<T>) -> (Vec<T>, Vec<T>) {
    let [q, k, v] = case.rows(numbers);
    let mut out = vec![T::NAN; numbers.grad.len()];
    let mut norms = vec![T::NAN; 2 * case.batch * case.heads() * case.queries];
    let arrays = Forward { q, k, v, out: &mut out, norms: Some(&mut norms) };
    forward(&case.spec(numbers), arrays);
    (out, norms)
}

fn grads<T: Real>(case: &Case, numbers: &Numbers<T>, (_, norms): &(Vec<T>, Vec<T>)) -> [Vec<T>; 3] {
    let [q, k, v] = case.rows(numbers);
    let mut grads = [&numbers.q, &numbers.k, &numbers.v].map(|x| vec![T::NAN; x.len()]);
    let [grad_q, grad_k, grad_v] = &mut grads;
    let arrays = Backward {
        q,
        k,
        v,
        norms,
        grad_out: &numbers.grad,
        grads: Grads::Apart { q: grad_q, k: grad_k, v: grad_v },
    };
    backward(&case.spec(numbers), arrays);
    grads
}

fn check<T: Real>(case: &Case) {
    let numbers = case.numbers::<T>();
    let [q, k, v] = case.rows(&numbers);
    let expected = naive::forward(&case.spec(&numbers), q, k, v);
    let mut first = None;
    for kind in IsaKind::available() {
        let _pin = pin(kind);
        for threads in [1, 3] {
            let done = on_threads(threads, || fast(case, &numbers));
            assert_eq!(bits(&done.0), bits(&expected), "{kind:?} {threads} {case:?}");
            let grads = on_threads(threads, || grads(case, &numbers, &done)).map(|x| bits(&x));
            let first = first.get_or_insert_with(|| grads.clone());
            assert_eq!(*first, grads, "gradients {kind:?} {threads} {case:?}");
        }
    }
}

prop_compose! {
    fn cases(max: usize)(
        batch in 1usize..3,
        queries in 1..=max,
        keys in 1..=max,
        groups in [1usize..3, 1usize..3],
        features in [1usize..20, 1usize..20],
        is_causal: bool,
        has_lengths: bool,
        raw in [0usize..1000, 0usize..1000],
        bias in proptest::option::of([any::<bool>(), any::<bool>()]),
    ) -> Case {
        let lengths = has_lengths.then(|| raw[..batch].iter().map(|raw| raw % (keys + 1)).collect());
        Case { batch, queries, keys, groups, features, is_causal, lengths, bias }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn equals_its_definition(case in cases(150)) {
        check::<f32>(&case);
        check::<f64>(&case);
    }

    #[test]
    fn gradients_are_difference_quotients(case in cases(6)) {
        let of = case.numbers::<f64>();
        let [grad_q, grad_k, grad_v] = grads(&case, &of, &fast(&case, &of));
        let loss = |numbers: &Numbers<f64>| inner(&fast(&case, numbers).0, &of.grad);
        let quotient = |change: &dyn Fn(&mut Numbers<f64>, f64)| {
            let at = |by: f64| {
                let mut numbers = case.numbers::<f64>();
                change(&mut numbers, by);
                loss(&numbers)
            };
            let step = 1e-4;
            (8.0 * (at(step) - at(-step)) - (at(2.0 * step) - at(-2.0 * step))) / (12.0 * step)
        };
        let near = |name: &str, i: usize, got: f64, expected: f64| {
            let apart = (got - expected).abs();
            prop_assert!(apart <= 1e-7 * (1.0 + expected.abs()), "{name} {i}: {got} {expected}");
            Ok(())
        };
        for (i, &got) in grad_q.iter().enumerate() {
            near("q", i, got, quotient(&|of, by| of.q[i] += by))?;
        }
        for (i, &got) in grad_k.iter().enumerate() {
            near("k", i, got, quotient(&|of, by| of.k[i] += by))?;
        }
        for (i, &got) in grad_v.iter().enumerate() {
            near("v", i, got, quotient(&|of, by| of.v[i] += by))?;
        }
    }

    /// Numbers beyond the end of a sequence change nothing, whatever they are.
    #[test]
    fn padding_is_not_read(case in cases(70)) {
        prop_assume!(case.lengths.is_some());
        let clean = case.numbers::<f32>();
        let mut dirty = case.numbers::<f32>();
        for (b, &length) in case.lengths.iter().flatten().enumerate() {
            let [d, dv] = case.features.map(|features| features * case.groups[0]);
            dirty.k[(b * case.keys + length) * d..(b + 1) * case.keys * d].fill(f32::NAN);
            dirty.v[(b * case.keys + length) * dv..(b + 1) * case.keys * dv].fill(f32::NAN);
        }
        let (a, b) = (fast(&case, &clean), fast(&case, &dirty));
        prop_assert_eq!(bits(&a.0), bits(&b.0));
        let (a, b) = (grads(&case, &clean, &a), grads(&case, &dirty, &b));
        prop_assert_eq!(a.map(|x| bits(&x)), b.map(|x| bits(&x)));
    }
}

#[test]
fn many_heads_have_the_same_bits_on_any_number_of_threads() {
    let case = Case {
        batch: 3,
        queries: 200,
        keys: 300,
        groups: [2, 2],
        features: [33, 40],
        is_causal: true,
        lengths: Some(vec![300, 211, 0]),
        bias: None,
    };
    let numbers = case.numbers::<f32>();
    let one = |threads| {
        on_threads(threads, || {
            let done = fast(&case, &numbers);
            (bits(&done.0), grads(&case, &numbers, &done).map(|x| bits(&x)))
        })
    };
    let expected = one(1);
    assert!(expected.0[2 * 200 * 4 * 40..].iter().all(|&bits| bits == 0), "nothing is seen");
    for threads in [2, 8] {
        assert!(one(threads) == expected, "{threads} threads");
    }
}

/// Blocks of queries that are not whole, heads of more features than a vector has lanes.
#[test]
fn gradients_of_a_short_block_are_difference_quotients() {
    let case = Case {
        batch: 1,
        queries: 70,
        keys: 90,
        groups: [1, 2],
        features: [33, 20],
        is_causal: true,
        lengths: Some(vec![85]),
        bias: None,
    };
    let of = case.numbers::<f64>();
    let [grad_q, grad_k, grad_v] = grads(&case, &of, &fast(&case, &of));
    let single = case.numbers::<f32>();
    let singles = grads(&case, &single, &fast(&case, &single));
    for (single, double) in singles.iter().zip([&grad_q, &grad_k, &grad_v]) {
        for (a, b) in single.iter().zip(double) {
            assert!((f64::from(*a) - b).abs() <= 2e-5 * (1.0 + b.abs()), "{a} {b}");
        }
    }
    let quotient = |change: &dyn Fn(&mut Numbers<f64>, f64)| {
        let at = |by: f64| {
            let mut numbers = case.numbers::<f64>();
            change(&mut numbers, by);
            inner(&fast(&case, &numbers).0, &of.grad)
        };
        let step = 1e-4;
        (8.0 * (at(step) - at(-step)) - (at(2.0 * step) - at(-2.0 * step))) / (12.0 * step)
    };
    let near = |got: f64, expected: f64| {
        assert!((got - expected).abs() <= 1e-7 * (1.0 + expected.abs()), "{got} {expected}");
    };
    for i in (0..of.q.len()).step_by(211) {
        near(grad_q[i], quotient(&|of, by| of.q[i] += by));
    }
    for i in (0..of.k.len()).step_by(83) {
        near(grad_k[i], quotient(&|of, by| of.k[i] += by));
    }
    for i in (0..of.v.len()).step_by(59) {
        near(grad_v[i], quotient(&|of, by| of.v[i] += by));
    }
}

/// Scores so large that the logarithm of their sum would be lost beside them.
#[test]
fn large_scores_leave_the_gradient_right() {
    let case = Case {
        batch: 1,
        queries: 1,
        keys: 10,
        groups: [1, 1],
        features: [1, 1],
        is_causal: false,
        lengths: None,
        bias: Some([false, false]),
    };
    let mut of = case.numbers::<f32>();
    (of.q[0], of.bias, of.grad[0]) = (0.0, vec![-1e9; 10], 1.0);
    let [_, _, grad_v] = grads(&case, &of, &fast(&case, &of));
    assert!(grad_v.iter().all(|grad| (grad - 0.1).abs() < 1e-6), "{grad_v:?}");
}

#[test]
#[should_panic(expected = "attention: sizes must fit in memory")]
fn sizes_that_wrap_are_refused() {
    let case = Case {
        batch: 1,
        queries: 9,
        keys: 1,
        groups: [1, 1],
        features: [1, 1],
        is_causal: false,
        lengths: None,
        bias: None,
    };
    let numbers = case.numbers::<f32>();
    let [_, k, v] = case.rows(&numbers);
    let q = Rows { items: &numbers.q, step: (1 << 61) + 1 };
    forward(&case.spec(&numbers), Forward { q, k, v, out: &mut [0.0; 9], norms: None });
}

/// The three in one array, as one product makes them.
#[test]
fn packed_rows_are_rows_apart() {
    let case = Case {
        batch: 2,
        queries: 70,
        keys: 70,
        groups: [2, 1],
        features: [5, 5],
        is_causal: true,
        lengths: None,
        bias: None,
    };
    let apart = case.numbers::<f32>();
    let done = fast(&case, &apart);
    let packed: Vec<f32> = (0..140)
        .flat_map(|t| [&apart.q, &apart.k, &apart.v].map(|x| x[t * 10..(t + 1) * 10].to_vec()))
        .flatten()
        .collect();
    let rows = |i: usize| Rows { items: &packed[i * 10..], step: 30 };
    let (q, k, v) = (rows(0), rows(1), rows(2));
    let (mut out, mut norms) = (vec![f32::NAN; done.0.len()], vec![f32::NAN; done.1.len()]);
    let spec = case.spec(&apart);
    forward(&spec, Forward { q, k, v, out: &mut out, norms: Some(&mut norms) });
    assert_eq!(bits(&out), bits(&done.0));
    let mut all = vec![f32::NAN; packed.len()];
    let (grad_out, grads_to) = (&apart.grad, Grads::Packed(&mut all));
    backward(&spec, Backward { q, k, v, norms: &norms, grad_out, grads: grads_to });
    for (i, expected) in grads(&case, &apart, &done).into_iter().enumerate() {
        for t in 0..140 {
            let got = &all[t * 30 + i * 10..t * 30 + (i + 1) * 10];
            assert_eq!(bits(got), bits(&expected[t * 10..(t + 1) * 10]), "{i} at {t}");
        }
    }
}

#[test]
#[should_panic(expected = "attention: expected k with 12 items, got 11")]
fn sizes_must_fit() {
    let case = Case {
        batch: 2,
        queries: 1,
        keys: 3,
        groups: [1, 1],
        features: [2, 2],
        is_causal: false,
        lengths: None,
        bias: None,
    };
    let mut numbers = case.numbers::<f32>();
    numbers.k.pop();
    let _ = fast(&case, &numbers);
}
