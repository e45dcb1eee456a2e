//! The fast product has the bits of the naive one: every shape, layout, instruction set, thread
//! count.

use super::testing::{bits, numbers, on_threads};
use super::{Activation, Epilogue, Gemm, K_BLOCK, gemm, gemm_batched, naive};
use crate::isa::{IsaKind, pin};
use proptest::prelude::*;
use purlin_core::Real;

/// Runs both and compares bits on every instruction set.
fn check<T: Real>(spec: Gemm, epilogue: Activation, with_bias: bool) {
    let Gemm { m, k, n, .. } = spec;
    let (a, b, c) = (numbers::<T>(m * k, 1), numbers::<T>(k * n, 2), numbers::<T>(m * n, 3));
    let bias = numbers::<T>(n, 4);
    let epilogue = Epilogue { bias: with_bias.then_some(&bias[..]), activation: epilogue };
    let mut expected = c.clone();
    naive::gemm(&spec, &a, &b, &mut expected, &epilogue);
    for kind in IsaKind::available() {
        let _pin = pin(kind);
        let mut got = c.clone();
        gemm(&spec, &a, &b, &mut got, &epilogue);
        assert_eq!(bits(&got), bits(&expected), "{spec:?} {epilogue:?} {kind:?}");
    }
}

const ACTIVATIONS: [Activation; 5] = [
    Activation::Identity,
    Activation::Relu,
    Activation::LeakyRelu(0.25),
    Activation::Sigmoid,
    Activation::Tanh,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn has_the_bits_of_the_loop(
        m in 0usize..40, k in 0usize..40, n in 0usize..70,
        trans_a: bool, trans_b: bool, accumulate: bool, with_bias: bool, act in 0usize..5,
    ) {
        let spec = Gemm { m, k, n, trans_a, trans_b, accumulate };
        check::<f32>(spec, ACTIVATIONS[act], with_bias);
        check::<f64>(spec, ACTIVATIONS[act], with_bias);
    }
}

#[test]
fn long_sums_and_large_blocks_have_the_bits_of_the_loop() {
    for (m, k, n) in [
        (3, 2 * K_BLOCK + 7, 33),
        (130, K_BLOCK + 1, 272),
        (225, 20, 320),
        (1, 600, 90),
        (200, 530, 3),
        (300, 20, 1),
    ] {
        for spec in [Gemm::new(m, k, n), Gemm::new(m, k, n).trans_a().trans_b().accumulate()] {
            check::<f32>(spec, Activation::Relu, true);
        }
    }
    check::<f64>(Gemm::new(29, K_BLOCK + 3, 264).trans_a(), Activation::Tanh, true);
}

#[test]
fn threads_do_not_change_a_bit() {
    let wide = [(300, 700, 300), (64, 300, 2000), (2000, 96, 64), (7, 4000, 640)];
    let gradients = [(300, 700, 200), (200, 700, 300), (128, 2000, 384)];
    for (m, k, n) in wide.into_iter().chain(gradients) {
        let (a, b) = (numbers::<f32>(m * k, 1), numbers::<f32>(k * n, 2));
        let run = |spec: &Gemm| {
            let mut c = vec![0.0; m * n];
            gemm(spec, &a, &b, &mut c, &Epilogue::none());
            bits(&c)
        };
        let spec = Gemm::new(m, k, n);
        for spec in [spec, spec.trans_b(), spec.trans_a()] {
            let expected = on_threads(1, || run(&spec));
            for threads in [2, 3, 8] {
                assert_eq!(on_threads(threads, || run(&spec)), expected, "{spec:?} {threads}");
            }
        }
    }
}

#[test]
fn a_row_does_not_depend_on_its_batch() {
    let (m, k, n) = (37, 600, 70);
    let (a, b) = (numbers::<f32>(m * k, 1), numbers::<f32>(k * n, 2));
    let mut all = vec![0.0; m * n];
    gemm(&Gemm::new(m, k, n), &a, &b, &mut all, &Epilogue::none());
    let mut one = vec![0.0; n];
    gemm(&Gemm::new(1, k, n), &a[20 * k..21 * k], &b, &mut one, &Epilogue::none());
    assert_eq!(bits(&one), bits(&all[20 * n..21 * n]));
}

#[test]
fn batches_are_the_single_products() {
    let (m, k, n, batch) = (5, 9, 20, 3);
    let (a, b) = (numbers::<f64>(batch * m * k, 1), numbers::<f64>(batch * k * n, 2));
    for (stride_a, stride_b) in [(m * k, k * n), (0, k * n), (m * k, 0), (0, 0)] {
        for spec in [Gemm::new(m, k, n), Gemm::new(m, k, n).trans_b(), Gemm::new(m, k, n).trans_a()]
        {
            let mut got = vec![0.0; batch * m * n];
            gemm_batched(
                &spec,
                batch,
                &a,
                stride_a,
                &b,
                stride_b,
                &mut got,
                m * n,
                &Epilogue::none(),
            );
            for i in 0..batch {
                let (a, b) = (&a[i * stride_a..][..m * k], &b[i * stride_b..][..k * n]);
                let mut expected = vec![0.0; m * n];
                naive::gemm(&spec, a, b, &mut expected, &Epilogue::none());
                assert_eq!(bits(&got[i * m * n..][..m * n]), bits(&expected));
            }
        }
    }
}

#[test]
fn nan_and_infinity_reach_exactly_their_row() {
    let (m, k, n) = (15, 4, 17);
    let mut a = vec![1.0f32; m * k];
    a[2 * k] = f32::NAN;
    a[9 * k + 1] = f32::INFINITY;
    let relu = Epilogue { bias: None, activation: Activation::Relu };
    for kind in IsaKind::available() {
        let _pin = pin(kind);
        let mut c = vec![0.0; m * n];
        gemm(&Gemm::new(m, k, n), &a, &vec![1.0; k * n], &mut c, &relu);
        for (i, row) in c.chunks(n).enumerate() {
            assert!(row.iter().all(|&c| match i {
                2 => c.is_nan(),
                9 => c == f32::INFINITY,
                _ => c == 4.0,
            }));
        }
    }
}

#[test]
#[should_panic(expected = "gemm: expected b with 6 items, got 5")]
fn a_short_operand_is_refused() {
    gemm(&Gemm::new(1, 2, 3), &[0.0; 2], &[0.0; 5], &mut [0.0; 3], &Epilogue::none());
}

#[test]
#[should_panic(expected = "gemm: stride_c must be at least 4, got 2")]
fn overlapping_results_are_refused() {
    let spec = Gemm::new(2, 1, 2);
    gemm_batched(&spec, 2, &[0.0; 4], 2, &[0.0; 2], 0, &mut [0.0; 8], 2, &Epilogue::none());
}

#[test]
#[should_panic(expected = "gemm: sizes must fit in memory")]
fn overflowing_sizes_are_refused() {
    gemm(&Gemm::new(usize::MAX, 2, 1), &[], &[0.0; 2], &mut [0.0; 0], &Epilogue::none());
}
