//! Layer, batch and group normalisation against one naive routine over index sets.

use crate::common::{assert_close, numbers, same_everywhere};
use purlin_backend::norm::{BatchNorm, GroupNorm, batch_norm_stats, layer_norm, layer_norm_grad};

const EPS: f64 = 1e-3;
const TOL: f64 = 1e-11; // double precision, sums of some thousand terms

/// The output and gradients of normalising each set of indices; `channel(i)` names its affine.
struct Naive {
    y: Vec<f64>,
    grad_x: Vec<f64>,
    grad_gamma: Vec<f64>,
    grad_beta: Vec<f64>,
}

fn naive(
    x: &[f64],
    grad: &[f64],
    sets: &[Vec<usize>],
    channel: impl Fn(usize) -> usize,
    gamma: &[f64],
    beta: &[f64],
) -> Naive {
    let mut out = Naive {
        y: vec![0.0; x.len()],
        grad_x: vec![0.0; x.len()],
        grad_gamma: vec![0.0; gamma.len()],
        grad_beta: vec![0.0; gamma.len()],
    };
    for set in sets {
        let n = set.len() as f64;
        let mean = set.iter().map(|&i| x[i]).sum::<f64>() / n;
        let var = set.iter().map(|&i| (x[i] - mean).powi(2)).sum::<f64>() / n;
        let r = 1.0 / (var + EPS).sqrt();
        let h = |i: usize| (x[i] - mean) * r;
        let g = |i: usize| grad[i] * gamma[channel(i)];
        let mean_g = set.iter().map(|&i| g(i)).sum::<f64>() / n;
        let mean_gh = set.iter().map(|&i| g(i) * h(i)).sum::<f64>() / n;
        for &i in set {
            out.y[i] = h(i) * gamma[channel(i)] + beta[channel(i)];
            out.grad_x[i] = r * (g(i) - mean_g - h(i) * mean_gh);
            out.grad_gamma[channel(i)] += grad[i] * h(i);
            out.grad_beta[channel(i)] += grad[i];
        }
    }
    out
}

fn affine(n: usize) -> (Vec<f64>, Vec<f64>) {
    (numbers(11, n), numbers(12, n))
}

#[test]
fn layer_norm_and_its_gradients_equal_their_definitions() {
    for (rows, cols) in [(1, 1), (1, 7), (5, 16), (40, 33), (3, 200), (700, 100), (2, 9000)] {
        let (x, grad) = (numbers::<f64>(1, rows * cols), numbers::<f64>(2, rows * cols));
        let (gamma, beta) = affine(cols);
        let all = same_everywhere(|| {
            let (mut y, mut mean, mut r) = (vec![0.0; x.len()], vec![0.0; rows], vec![0.0; rows]);
            let (g, b) = (Some(&gamma[..]), Some(&beta[..]));
            layer_norm(&x, rows, cols, EPS, g, b, &mut y, &mut mean, &mut r);
            let mut grad_x = vec![77.0; x.len()];
            let (mut dg, mut db) = (vec![77.0; cols], vec![77.0; cols]);
            let (to_g, to_b) = (Some(&mut dg[..]), Some(&mut db[..]));
            layer_norm_grad(&x, rows, cols, g, &mean, &r, &grad, &mut grad_x, to_g, to_b);
            [y, grad_x, dg, db].concat()
        });
        let sets: Vec<Vec<usize>> =
            (0..rows).map(|r| (r * cols..(r + 1) * cols).collect()).collect();
        let e = naive(&x, &grad, &sets, |i| i % cols, &gamma, &beta);
        assert_close(&all, &[e.y, e.grad_x, e.grad_gamma, e.grad_beta].concat(), TOL);
    }
}

#[test]
fn layer_norm_without_affine_is_that_with_ones_and_zeros() {
    let (rows, cols) = (6, 21);
    let (x, grad) = (numbers::<f32>(1, rows * cols), numbers::<f32>(2, rows * cols));
    let run = |gamma: Option<&[f32]>, beta: Option<&[f32]>| {
        let (mut y, mut mean, mut r) = (vec![0.0; x.len()], vec![0.0; rows], vec![0.0; rows]);
        layer_norm(&x, rows, cols, EPS, gamma, beta, &mut y, &mut mean, &mut r);
        let mut grad_x = vec![0.0; x.len()];
        layer_norm_grad(&x, rows, cols, gamma, &mean, &r, &grad, &mut grad_x, None, None);
        [y, grad_x].concat()
    };
    assert_eq!(run(None, None), run(Some(&[1.0; 21]), Some(&[0.0; 21])));
}

#[test]
fn batch_norm_and_its_gradients_equal_their_definitions() {
    for (rows, channels) in [(1, 1), (4, 1), (50, 3), (7, 16), (3000, 5), (900, 64), (20, 130)] {
        let n = rows * channels;
        let (x, grad) = (numbers::<f64>(1, n), numbers::<f64>(2, n));
        let (gamma, beta) = affine(channels);
        for of_batch in [true, false] {
            let all = same_everywhere(|| {
                let (mut mean, mut var) = (vec![0.0; channels], vec![0.0; channels]);
                batch_norm_stats(&x, rows, channels, &mut mean, &mut var);
                let (gamma, beta) = (Some(&gamma[..]), Some(&beta[..]));
                let norm = BatchNorm { mean: &mean, var: &var, eps: EPS, gamma, beta };
                let (mut y, mut grad_x) = (vec![77.0; n], vec![77.0; n]);
                norm.forward(&x, rows, &mut y);
                let (mut dg, mut db) = (vec![77.0; channels], vec![77.0; channels]);
                norm.grad(&x, rows, &grad, of_batch, &mut grad_x, &mut dg, &mut db);
                [y, grad_x, dg, db].concat()
            });
            let sets: Vec<Vec<usize>> =
                (0..channels).map(|c| (c..n).step_by(channels).collect()).collect();
            let mut e = naive(&x, &grad, &sets, |i| i % channels, &gamma, &beta);
            if !of_batch {
                for (c, set) in sets.iter().enumerate() {
                    let mean = set.iter().map(|&i| x[i]).sum::<f64>() / rows as f64;
                    let var = set.iter().map(|&i| (x[i] - mean).powi(2)).sum::<f64>() / rows as f64;
                    for &i in set {
                        e.grad_x[i] = grad[i] * gamma[c] / (var + EPS).sqrt();
                    }
                }
            }
            assert_close(&all, &[e.y, e.grad_x, e.grad_gamma, e.grad_beta].concat(), TOL);
        }
    }
}

#[test]
fn group_norm_and_its_gradients_equal_their_definitions() {
    for (batch, spatial, channels, groups) in [
        (1, 1, 1, 1),
        (2, 5, 6, 3),
        (3, 49, 8, 1),
        (2, 9, 4, 4),
        (4, 900, 12, 2),
        (2, 700, 128, 32),
    ] {
        let spec = GroupNorm { batch, spatial, channels, groups, eps: EPS };
        let n = batch * spatial * channels;
        let (x, grad) = (numbers::<f64>(1, n), numbers::<f64>(2, n));
        let (gamma, beta) = affine(channels);
        let all = same_everywhere(|| {
            let (mut mean, mut r) = (vec![0.0; batch * groups], vec![0.0; batch * groups]);
            let (mut y, mut grad_x) = (vec![77.0; n], vec![77.0; n]);
            spec.forward(&x, Some(&gamma), Some(&beta), &mut y, &mut mean, &mut r);
            let (mut dg, mut db) = (vec![77.0; channels], vec![77.0; channels]);
            spec.grad(&x, Some(&gamma), &mean, &r, &grad, &mut grad_x, &mut dg, &mut db);
            [y, grad_x, dg, db].concat()
        });
        let per_group = channels / groups;
        let mut sets = vec![Vec::new(); batch * groups];
        for i in 0..n {
            sets[i / (spatial * channels) * groups + i % channels / per_group].push(i);
        }
        let e = naive(&x, &grad, &sets, |i| i % channels, &gamma, &beta);
        assert_close(&all, &[e.y, e.grad_x, e.grad_gamma, e.grad_beta].concat(), TOL);
    }
}

#[test]
fn no_rows_give_no_gradient() {
    let (mean, var) = ([0.0f32; 2], [1.0f32; 2]);
    let norm = BatchNorm { mean: &mean, var: &var, eps: EPS, gamma: None, beta: None };
    let (mut dg, mut db) = ([7.0; 2], [7.0; 2]);
    norm.grad(&[], 0, &[], true, &mut [], &mut dg, &mut db);
    assert_eq!((dg, db), ([0.0; 2], [0.0; 2]));
}

#[test]
#[should_panic(expected = "group_norm: groups must divide 5 channels, got 2")]
fn groups_must_divide_channels() {
    let spec = GroupNorm { batch: 1, spatial: 1, channels: 5, groups: 2, eps: EPS };
    let (mut mean, mut r) = ([0.0f32; 2], [0.0; 2]);
    spec.forward(&[0.0; 5], None, None, &mut [0.0; 5], &mut mean, &mut r);
}
