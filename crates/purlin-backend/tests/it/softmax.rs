//! Softmax, its logarithm, its gradients, cross-entropy.

use crate::common::{assert_close, eps, numbers, same_everywhere, to_f64, wild};
use purlin_backend::softmax::{
    CrossEntropy, IGNORE, log_softmax, log_softmax_grad, log_sum_exp, softmax, softmax_grad,
};
use purlin_core::Real;

const SHAPES: [(usize, usize); 13] = [
    (0, 3),
    (3, 0),
    (1, 1),
    (4, 1),
    (5, 3),
    (300, 10),
    (7, 16),
    (7, 17),
    (20, 64),
    (3, 100),
    (2000, 101),
    (2, 20_000),
    (40, 1000),
];

fn naive_softmax(row: &[f64]) -> Vec<f64> {
    let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let e: Vec<f64> = row.iter().map(|v| (v - max).exp()).collect();
    let sum: f64 = e.iter().sum();
    e.iter().map(|v| v / sum).collect()
}

type RowKernel<T> = fn(&[T], usize, usize, &mut [T]);
type GradKernel<T> = fn(&[T], &[T], usize, usize, &mut [T]);

fn run<T: Real>(kernel: RowKernel<T>, x: &[T], rows: usize, cols: usize) -> Vec<T> {
    same_everywhere(|| {
        let mut out = vec![T::from_f64(77.0); rows * cols];
        kernel(x, rows, cols, &mut out);
        out
    })
}

fn check<T: Real>() {
    for (rows, cols) in SHAPES {
        let x: Vec<T> =
            numbers::<T>(1, rows * cols).iter().map(|&v| v * T::from_f64(5.0)).collect();
        let all = to_f64(&x);
        let by_row = |f: &dyn Fn(&[f64]) -> Vec<f64>| -> Vec<f64> {
            all.chunks(cols.max(1)).flat_map(f).collect()
        };
        let tol = eps::<T>(16.0);
        let probs = run(softmax::<T>, &x, rows, cols);
        assert_close(&probs, &by_row(&naive_softmax), tol);
        let logs = run(log_softmax::<T>, &x, rows, cols);
        let expected = by_row(&|r| naive_softmax(r).iter().map(|p| p.ln()).collect());
        assert_close(&logs, &expected, tol);
        let totals = same_everywhere(|| {
            let mut out = vec![T::ZERO; rows];
            log_sum_exp(&x, rows, cols, &mut out);
            out
        });
        let expected: Vec<f64> = if cols == 0 {
            vec![f64::NEG_INFINITY; rows]
        } else {
            by_row(&|r| vec![r.iter().map(|v| v.exp()).sum::<f64>().ln()])
        };
        assert_close(&totals, &expected, tol);

        let grad = numbers::<T>(2, rows * cols);
        let run_grad = |kernel: GradKernel<T>, y: &[T]| {
            same_everywhere(|| {
                let mut out = vec![T::ZERO; rows * cols];
                kernel(y, &grad, rows, cols, &mut out);
                out
            })
        };
        let of_softmax = run_grad(softmax_grad::<T>, &probs);
        let of_log = run_grad(log_softmax_grad::<T>, &logs);
        let (p, g) = (to_f64(&probs), to_f64(&grad));
        for r in 0..rows {
            let (p, g) = (&p[r * cols..][..cols], &g[r * cols..][..cols]);
            let inner: f64 = p.iter().zip(g).map(|(p, g)| p * g).sum();
            let total: f64 = g.iter().sum();
            let expected: Vec<f64> = p.iter().zip(g).map(|(p, g)| p * (g - inner)).collect();
            assert_close(&of_softmax[r * cols..][..cols], &expected, eps::<T>(64.0));
            let expected: Vec<f64> = p.iter().zip(g).map(|(p, g)| g - p * total).collect();
            let tol = eps::<T>(64.0) * total.abs().max(1.0);
            assert_close(&of_log[r * cols..][..cols], &expected, tol);
        }
        let wild = wild::<T>(3, rows * cols);
        run(softmax::<T>, &wild, rows, cols);
        run(log_softmax::<T>, &wild, rows, cols);
    }
}

#[test]
fn rows_equal_their_definitions_f32() {
    check::<f32>();
}

#[test]
fn rows_equal_their_definitions_f64() {
    check::<f64>();
}

#[test]
fn huge_logits_and_masked_ones_stay_finite() {
    let x = [1e38f32, -1e38, f32::NEG_INFINITY, 0.0, 0.0, f32::NEG_INFINITY];
    let mut out = [0.0; 6];
    softmax(&x, 2, 3, &mut out);
    assert_eq!(out, [1.0, 0.0, 0.0, 0.5, 0.5, 0.0]);
    log_softmax(&x, 2, 3, &mut out);
    assert_eq!(out[2], f32::NEG_INFINITY);
    assert_eq!(out[0], 0.0);
    let mut total = [0.0f32; 1];
    log_sum_exp(&[f32::NEG_INFINITY; 4], 1, 4, &mut total);
    assert_eq!(total[0], f32::NEG_INFINITY);
    softmax(&[0.0, f32::NAN, 1.0], 1, 3, &mut out[..3]);
    assert!(out[..3].iter().all(|v| v.is_nan()));
}

fn naive_loss(row: &[f64], target: usize, weight: Option<&[f64]>, smoothing: f64) -> f64 {
    let logs: Vec<f64> = naive_softmax(row).iter().map(|p| p.ln()).collect();
    let w = |c: usize| weight.map_or(1.0, |w| w[c]);
    let even: f64 = (0..row.len()).map(|c| -w(c) * logs[c]).sum();
    (1.0 - smoothing) * -w(target) * logs[target] + smoothing / row.len() as f64 * even
}

#[test]
fn cross_entropy_and_its_gradient_equal_their_definitions() {
    for (rows, cols) in SHAPES.into_iter().filter(|s| s.1 > 0) {
        let x = numbers::<f64>(1, rows * cols);
        let mut targets: Vec<u32> = (0..rows).map(|r| (r * 7 % cols) as u32).collect();
        if rows > 2 {
            targets[1] = IGNORE;
        }
        let weight: Vec<f64> = (0..cols).map(|c| 0.5 + c as f64 / cols as f64).collect();
        let upstream = numbers::<f64>(5, rows);
        for (weight, smoothing) in
            [(None, 0.0), (None, 0.1), (Some(&weight[..]), 0.0), (Some(&weight[..]), 0.2)]
        {
            let spec = CrossEntropy { weight, smoothing };
            let all = same_everywhere(|| {
                let (mut loss, mut probs) = (vec![77.0; rows], vec![77.0; rows * cols]);
                spec.forward(&x, rows, cols, &targets, &mut loss, &mut probs);
                let mut grad = vec![77.0; rows * cols];
                spec.grad(&probs, rows, cols, &targets, &upstream, &mut grad);
                [loss, grad].concat()
            });
            for (r, &target) in targets.iter().enumerate() {
                let row = &x[r * cols..][..cols];
                let grad = &all[rows + r * cols..][..cols];
                if target == IGNORE {
                    assert_eq!(all[r], 0.0);
                    assert!(grad.iter().all(|&g| g == 0.0));
                    continue;
                }
                let t = target as usize;
                assert_close(&all[r..=r], &[naive_loss(row, t, weight, smoothing)], 1e-13);
                // The definition's derivative: sum over c of a[c] (p[j] - [c == j]).
                let p = naive_softmax(row);
                let w = |c: usize| weight.map_or(1.0, |w| w[c]);
                let a = |c: usize| {
                    let hit = if c == t { (1.0 - smoothing) * w(t) } else { 0.0 };
                    hit + smoothing / cols as f64 * w(c)
                };
                let total: f64 = (0..cols).map(a).sum();
                let expected: Vec<f64> =
                    (0..cols).map(|j| upstream[r] * (total * p[j] - a(j))).collect();
                assert_close(grad, &expected, 1e-13);
            }
        }
    }
}

#[test]
#[should_panic(expected = "cross_entropy: targets must be below 2, got 2")]
fn a_target_out_of_range_is_refused() {
    let spec = CrossEntropy::<f32>::default();
    spec.forward(&[0.0; 2], 1, 2, &[2], &mut [0.0], &mut [0.0; 2]);
}
