//! Sums, extremes, moments and their places.

use crate::common::{assert_close, eps, numbers, same_everywhere, to_f64, wild};
use purlin_backend::reduce::{
    argmax_axis, argmin_axis, dot, max_axis, mean_var_axis, min_axis, prod_axis, sum, sum_axis,
    sum_to,
};
use purlin_core::{Real, Shape};

/// `(outer, size, inner)`: narrow, wide, long, short, empty.
const SHAPES: [[usize; 3]; 28] = [
    [1, 1, 1],
    [1, 5, 1],
    [3, 16, 1],
    [5, 100, 1],
    [2, 20_000, 1],
    [7, 1, 9],
    [1, 4, 3],
    [2, 33, 2],
    [2, 40_000, 2],
    [1, 20_000, 3],
    [3, 700, 7],
    [1, 300, 15],
    [1, 300, 16],
    [1, 3000, 17],
    [2, 90, 32],
    [1, 5000, 64],
    [1, 70, 130],
    [2, 129, 257],
    [1, 200, 1000],
    [3, 5, 5000],
    [1, 65, 5000],
    [1, 1, 5000],
    [1, 3, 8],
    [4, 9, 8],
    [0, 3, 2],
    [2, 0, 3],
    [2, 3, 0],
    [0, 0, 1],
];

fn gather(x: &[f64], [outer, size, inner]: [usize; 3]) -> Vec<Vec<f64>> {
    let mut all = Vec::new();
    for o in 0..outer {
        for j in 0..inner {
            all.push((0..size).map(|i| x[(o * size + i) * inner + j]).collect());
        }
    }
    all
}

/// Neumaier's compensated sum: the reference must be better than what it judges.
fn exact_sum(x: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0f64, 0.0);
    for v in x {
        let next = sum + v;
        lost += if sum.abs() >= v.abs() { (sum - next) + v } else { (v - next) + sum };
        sum = next;
    }
    sum + lost
}

type AxisKernel<T> = fn(&[T], usize, usize, usize, &mut [T]);

fn run<T: Real>(kernel: AxisKernel<T>, x: &[T], [outer, size, inner]: [usize; 3]) -> Vec<T> {
    same_everywhere(|| {
        let mut out = vec![T::from_f64(77.0); outer * inner];
        kernel(x, outer, size, inner, &mut out);
        out
    })
}

fn check<T: Real>() {
    for shape in SHAPES {
        let n = shape.iter().product();
        let x = numbers::<T>(n as u64, n);
        let lists = gather(&to_f64(&x), shape);
        let fold = |f: &dyn Fn(&[f64]) -> f64| lists.iter().map(|l| f(l)).collect::<Vec<_>>();
        // Lanes and blocks keep chains short: a few hundred additions of numbers below 2.
        let tol = eps::<T>(8.0) * (shape[1] as f64).sqrt().max(1.0);
        assert_close(&run(sum_axis::<T>, &x, shape), &fold(&|l| exact_sum(l.iter().copied())), tol);
        let max = fold(&|l| l.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        assert_close(&run(max_axis::<T>, &x, shape), &max, 0.0);
        let min = fold(&|l| l.iter().copied().fold(f64::INFINITY, f64::min));
        assert_close(&run(min_axis::<T>, &x, shape), &min, 0.0);
        if shape[1] < 20 {
            let product = fold(&|l| l.iter().product());
            assert_close(&run(prod_axis::<T>, &x, shape), &product, eps::<T>(40.0) * 64.0);
        }
        let wild = wild::<T>(3, n);
        run(sum_axis::<T>, &wild, shape);
        run(max_axis::<T>, &wild, shape);
        run(min_axis::<T>, &wild, shape);
    }
}

#[test]
fn folds_along_an_axis_equal_their_definitions_f32() {
    check::<f32>();
}

#[test]
fn folds_along_an_axis_equal_their_definitions_f64() {
    check::<f64>();
}

#[test]
fn a_nan_anywhere_is_the_maximum_and_the_minimum() {
    for (size, inner) in [(1, 1), (40, 1), (300, 1), (20, 3), (20, 16), (20, 300)] {
        for at in 0..size * inner {
            let mut x = vec![1.0f32; size * inner];
            x[at] = f32::NAN;
            let mut out = vec![0.0; inner];
            max_axis(&x, 1, size, inner, &mut out);
            for (j, v) in out.iter().enumerate() {
                assert_eq!(v.is_nan(), j == at % inner, "{size} x {inner}, NaN at {at}");
            }
            min_axis(&x, 1, size, inner, &mut out);
            assert!(out[at % inner].is_nan());
        }
    }
}

#[test]
fn sums_of_everything() {
    for n in [0, 1, 15, 16, 17, 64, 1000, 16_384, 16_385, 300_000] {
        let (x, y) = (numbers::<f32>(1, n), numbers::<f32>(2, n));
        let got = same_everywhere(|| vec![sum(&x), dot(&x, &y)]);
        let expected_sum: f64 = exact_sum(to_f64(&x));
        let expected_dot: f64 = to_f64(&x).iter().zip(to_f64(&y)).map(|(a, b)| a * b).sum();
        let tol = eps::<f32>(4.0) * (n as f64).sqrt().max(1.0);
        assert_close(&got, &[expected_sum, expected_dot], tol);
    }
}

fn naive_arg(list: &[f64], better: impl Fn(f64, f64) -> bool) -> u32 {
    let mut best = 0;
    for i in 1..list.len() {
        let (x, b) = (list[i], list[best]);
        if !b.is_nan() && (x.is_nan() || better(x, b)) {
            best = i;
        }
    }
    best as u32
}

#[test]
fn the_place_of_an_extreme_is_the_smallest_one() {
    for shape in SHAPES.into_iter().filter(|s| s[1] > 0) {
        let n = shape.iter().product();
        // Few distinct values: ties everywhere.
        let ties: Vec<f32> = numbers::<f32>(9, n).iter().map(|v| (v * 2.0).round()).collect();
        for x in [ties, wild::<f32>(4, n), vec![f32::NEG_INFINITY; n], vec![f32::NAN; n]] {
            let lists = gather(&to_f64(&x), shape);
            let run = |kernel: fn(&[f32], usize, usize, usize, &mut [u32])| {
                same_everywhere(|| {
                    let mut out = vec![77; shape[0] * shape[2]];
                    kernel(&x, shape[0], shape[1], shape[2], &mut out);
                    out.iter().map(|&i| f64::from(i)).collect()
                })
            };
            let max: Vec<f64> =
                lists.iter().map(|l| f64::from(naive_arg(l, |x, b| x > b))).collect();
            assert_eq!(run(argmax_axis::<f32>), max, "{shape:?}");
            let min: Vec<f64> =
                lists.iter().map(|l| f64::from(naive_arg(l, |x, b| x < b))).collect();
            assert_eq!(run(argmin_axis::<f32>), min, "{shape:?}");
        }
    }
}

#[test]
fn places_beyond_what_a_float_counts_are_exact() {
    let n = (1 << 24) + 5;
    let mut x = vec![0.0f32; n];
    x[n - 2] = 1.0;
    x[n - 1] = 1.0;
    let mut out = [0];
    argmax_axis(&x, 1, n, 1, &mut out);
    assert_eq!(out[0] as usize, n - 2);
}

#[test]
#[should_panic(expected = "argmax_axis: size must be at least 1, got 0")]
fn nothing_has_no_maximum() {
    argmax_axis::<f32>(&[], 2, 0, 1, &mut [0; 2]);
}

fn check_moments<T: Real>(offset: f64, tol: f64) {
    for shape @ [outer, size, inner] in SHAPES {
        let n = shape.iter().product();
        let x: Vec<T> =
            numbers::<f64>(n as u64, n).iter().map(|v| T::from_f64(v + offset)).collect();
        let got = same_everywhere(|| {
            let (mut mean, mut var) = (vec![T::ZERO; outer * inner], vec![T::ZERO; outer * inner]);
            mean_var_axis(&x, outer, size, inner, &mut mean, &mut var);
            [mean, var].concat()
        });
        let lists = gather(&to_f64(&x), shape);
        let means: Vec<f64> =
            lists.iter().map(|l| exact_sum(l.iter().copied()) / l.len() as f64).collect();
        let vars: Vec<f64> = lists
            .iter()
            .zip(&means)
            .map(|(l, m)| exact_sum(l.iter().map(|v| (v - m).powi(2))) / l.len() as f64)
            .collect();
        assert_close(&got[..outer * inner], &means, tol);
        assert_close(&got[outer * inner..], &vars, tol);
    }
}

#[test]
fn moments_equal_their_definitions() {
    check_moments::<f32>(0.0, eps::<f32>(16.0));
    check_moments::<f64>(0.0, eps::<f64>(16.0));
}

#[test]
fn a_large_mean_does_not_cancel_the_variance() {
    // The mean of f32 at 1000 is rounded by 2^-15, whose square is lost in a variance of 1.3.
    check_moments::<f32>(1000.0, 1e-5);
    check_moments::<f64>(1e6, 1e-9);
}

#[test]
fn sums_undo_broadcasting() {
    let cases: [(&[usize], &[usize]); 12] = [
        (&[], &[]),
        (&[5], &[]),
        (&[5], &[1]),
        (&[4, 3], &[3]),
        (&[4, 3], &[4, 1]),
        (&[2, 3, 4, 5], &[3, 1, 5]),
        (&[2, 3, 4, 5], &[2, 1, 4, 1]),
        (&[2, 3, 4, 5], &[2, 3, 4, 5]),
        (&[100, 30, 7], &[7]),
        (&[100, 30, 7], &[1, 30, 1]),
        (&[0, 3], &[3]),
        (&[0, 3], &[0, 1]),
    ];
    for (from, to) in cases {
        let (from, to) = (Shape::new(from), Shape::new(to));
        let x = numbers::<f64>(8, from.numel());
        let got = same_everywhere(|| {
            let mut out = vec![77.0; to.numel()];
            sum_to(&x, &from, &mut out, &to);
            out
        });
        let mut expected = vec![0.0; to.numel()];
        let (strides, own) = (from.strides(), to.strides());
        let skipped = from.rank() - to.rank();
        for (index, v) in x.iter().enumerate() {
            let mut at = 0;
            for axis in skipped..from.rank() {
                if to[axis - skipped] > 1 {
                    at += index / strides[axis] % from[axis] * own[axis - skipped];
                }
            }
            expected[at] += v;
        }
        assert_close(&got, &expected, 1e-12);
    }
}
