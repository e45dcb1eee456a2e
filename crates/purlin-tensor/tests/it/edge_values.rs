//! Values and derivatives at 0, -0, infinities, NaN, subnormal numbers and ties, where they are
//! defined.

use purlin_tensor::{Pool2dOptions, Tensor, grad, max_pool2d, where_};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;
/// Below the normal range of f64.
const TINY: f64 = 1e-310;

/// Equal bits, any NaN being NaN; the sign of a zero counts.
#[track_caller]
fn assert_same(got: &[f64], expected: &[f64], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        let same = g.to_bits() == e.to_bits() || (g.is_nan() && e.is_nan());
        assert!(same, "{what}: element {i}: expected {e}, got {g} of {got:?}");
    }
}

/// Value and derivative, by the fused pass and by the recorded one.
#[track_caller]
fn check(name: &str, f: impl Fn(&Tensor<f64>) -> Tensor<f64>, cases: &[(f64, f64, f64)]) {
    let column = |k: usize| -> Vec<f64> { cases.iter().map(|&(x, y, dy)| [x, y, dy][k]).collect() };
    let x = Tensor::from_slice(&column(0)).requires_grad();
    let y = f(&x);
    assert_same(y.data(), &column(1), name);
    let ones = x.ones_like();
    let recorded = purlin_tensor::grad_with(&y, &ones, &[&x]).remove(0);
    let fused = y.backward_with(&ones);
    let abs = |x: &[f64]| x.iter().map(|v| v + 0.0).collect::<Vec<_>>(); // -0 becomes 0
    assert_same(
        &abs(fused.require(&x).unwrap().data()),
        &abs(&column(2)),
        &format!("{name}, derivative"),
    );
    assert_same(&abs(recorded.data()), &abs(&column(2)), &format!("{name}, recorded derivative"));
}

#[test]
fn piecewise_functions() {
    check(
        "relu",
        Tensor::relu,
        &[
            (0.0, 0.0, 0.0),
            (-0.0, -0.0, 0.0),
            (INF, INF, 1.0),
            (-INF, 0.0, 0.0),
            (TINY, TINY, 1.0),
            (-TINY, 0.0, 0.0),
        ],
    );
    check(
        "leaky_relu",
        |x| x.leaky_relu(0.5),
        &[
            (0.0, 0.0, 0.5),
            (-0.0, -0.0, 0.5),
            (INF, INF, 1.0),
            (-INF, -INF, 0.5),
            (4.0, 4.0, 1.0),
            (-4.0, -2.0, 0.5),
        ],
    );
    check(
        "elu",
        |x| x.elu(2.0),
        &[(0.0, 0.0, 2.0), (INF, INF, 1.0), (-INF, -2.0, 0.0), (1e6, 1e6, 1.0), (-1e6, -2.0, 0.0)],
    );
    check(
        "abs",
        Tensor::abs,
        &[
            (0.0, 0.0, 0.0),
            (-0.0, 0.0, 0.0),
            (INF, INF, 1.0),
            (-INF, INF, -1.0),
            (-TINY, TINY, -1.0),
        ],
    );
    check(
        "sign",
        Tensor::sign,
        &[(0.0, 0.0, 0.0), (-0.0, -0.0, 0.0), (-INF, -1.0, 0.0), (TINY, 1.0, 0.0), (NAN, NAN, 0.0)],
    );
    check("floor", Tensor::floor, &[(-0.5, -1.0, 0.0), (-0.0, -0.0, 0.0), (INF, INF, 0.0)]);
    check("round", Tensor::round, &[(2.5, 2.0, 0.0), (-0.5, -0.0, 0.0), (-INF, -INF, 0.0)]);
    check(
        "clamp",
        |x| x.clamp(-1.0, 2.0),
        &[
            (-1.0, -1.0, 1.0),
            (2.0, 2.0, 1.0),
            (INF, 2.0, 0.0),
            (-INF, -1.0, 0.0),
            (0.0, 0.0, 1.0),
            (NAN, NAN, 0.0),
        ],
    );
    check("clamp without bounds", |x| x.clamp(-INF, INF), &[(INF, INF, 1.0), (-INF, -INF, 1.0)]);
}

#[test]
fn smooth_functions_at_their_ends() {
    check(
        "exp",
        Tensor::exp,
        &[(0.0, 1.0, 1.0), (-0.0, 1.0, 1.0), (INF, INF, INF), (-INF, 0.0, 0.0), (TINY, 1.0, 1.0)],
    );
    check("ln", Tensor::ln, &[(1.0, 0.0, 1.0), (0.0, -INF, INF), (INF, INF, 0.0)]);
    check("sqrt", Tensor::sqrt, &[(0.0, 0.0, INF), (4.0, 2.0, 0.25), (INF, INF, 0.0)]);
    check("square", Tensor::square, &[(0.0, 0.0, 0.0), (-INF, INF, -INF), (-3.0, 9.0, -6.0)]);
    check("recip", Tensor::recip, &[(INF, 0.0, 0.0), (-INF, -0.0, 0.0), (2.0, 0.5, -0.25)]);
    check(
        "tanh",
        Tensor::tanh,
        &[(0.0, 0.0, 1.0), (-0.0, -0.0, 1.0), (INF, 1.0, 0.0), (-INF, -1.0, 0.0)],
    );
    check("sigmoid", Tensor::sigmoid, &[(0.0, 0.5, 0.25), (INF, 1.0, 0.0), (-INF, 0.0, 0.0)]);
    check("softplus", Tensor::softplus, &[(INF, INF, 1.0), (-INF, 0.0, 0.0), (1e4, 1e4, 1.0)]);
    check(
        "erf",
        Tensor::erf,
        &[(0.0, 0.0, std::f64::consts::FRAC_2_SQRT_PI), (INF, 1.0, 0.0), (-INF, -1.0, 0.0)],
    );
    check("powi 0", |x| x.powi(0), &[(0.0, 1.0, 0.0), (INF, 1.0, 0.0), (-2.0, 1.0, 0.0)]);
    check("powi 1", |x| x.powi(1), &[(0.0, 0.0, 1.0), (INF, INF, 1.0)]);
    check("powi 2 at zero", |x| x.powi(2), &[(0.0, 0.0, 0.0), (-0.0, 0.0, 0.0)]);
    check("powf 1", |x| x.powf(1.0), &[(0.0, 0.0, 1.0)]);
    check("powf 0", |x| x.powf(0.0), &[(0.0, 1.0, 0.0), (5.0, 1.0, 0.0)]);
}

#[test]
fn ties_give_the_whole_gradient_to_the_first() {
    let run = |f: fn(&Tensor<f64>, &Tensor<f64>) -> Tensor<f64>, a: f64, b: f64| {
        let (a, b) = (Tensor::from([a]).requires_grad(), Tensor::from([b]).requires_grad());
        let y = f(&a, &b);
        let recorded = grad(&y.sum(), &[&a, &b]);
        let grads = y.sum().backward();
        let (ga, gb) = (grads.require(&a).unwrap().item(), grads.require(&b).unwrap().item());
        assert_eq!((recorded[0].item(), recorded[1].item()), (ga, gb));
        (y.item(), ga, gb)
    };
    assert_eq!(run(Tensor::maximum, 2.0, 2.0), (2.0, 1.0, 0.0));
    assert_eq!(run(Tensor::minimum, 2.0, 2.0), (2.0, 1.0, 0.0));
    assert_eq!(run(Tensor::maximum, 0.0, -0.0), (0.0, 1.0, 0.0));
    assert_eq!(run(Tensor::maximum, INF, INF), (INF, 1.0, 0.0));
    assert_eq!(run(Tensor::minimum, 1.0, INF), (1.0, 1.0, 0.0));
    assert!(run(Tensor::maximum, NAN, 1.0).0.is_nan() && run(Tensor::maximum, 1.0, NAN).0.is_nan());
    assert_eq!((run(Tensor::maximum, 1.0, NAN).1, run(Tensor::maximum, 1.0, NAN).2), (0.0, 1.0));

    let x = Tensor::from([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]).requires_grad();
    let grads = x.max_axis(1, false).sum().backward();
    assert_eq!(grads.require(&x).unwrap().data(), [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(x.argmax_axis(1), [1, 0]);
    assert_eq!(x.argmin_axis(1), [0, 0]);
    let image = Tensor::<f64>::ones([1, 2, 2, 1]).requires_grad();
    let grads = max_pool2d(&image, &Pool2dOptions::new([2, 2])).sum().backward();
    assert_eq!(grads.require(&image).unwrap().data(), [1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn sorting_is_stable_and_puts_nan_last() {
    let x = Tensor::from([2.0, NAN, 1.0, 2.0, -0.0, 0.0]);
    let (sorted, from) = x.sort(0, false);
    assert_eq!(from, [4, 5, 2, 0, 3, 1]);
    assert_same(sorted.data(), &[-0.0, 0.0, 1.0, 2.0, 2.0, NAN], "sort");
    assert_eq!(x.topk(3, 0).1, [1, 0, 3]);
    assert_eq!(x.topk(0, 0).0.dims(), [0]);
}

#[test]
fn a_nan_that_is_not_chosen_leaves_no_trace() {
    let x = Tensor::from([4.0, -1.0]).requires_grad();
    // The usual trap: sqrt(-1) is NaN and its gradient too, but the mask drops both.
    let is_positive = x.gt(&Tensor::scalar(0.0));
    let safe = where_(&is_positive, &x, &Tensor::scalar(1.0));
    let y = where_(&is_positive, &safe.sqrt(), &Tensor::scalar(0.0));
    assert_eq!(y.data(), [2.0, 0.0]);
    assert_eq!(y.sum().backward().require(&x).unwrap().data(), [0.25, 0.0]);
    let mask = Tensor::from([1.0, 0.0]);
    assert_eq!(
        where_(&mask, &Tensor::from([1.0, NAN]), &Tensor::from([NAN, 2.0])).data(),
        [1.0, 2.0]
    );
}

#[test]
fn comparisons_follow_ieee() {
    let x = Tensor::from([1.0, 0.0, NAN, INF]);
    let y = Tensor::from([1.0, -0.0, NAN, -INF]);
    assert_eq!(x.eq_elem(&y).data(), [1.0, 1.0, 0.0, 0.0]);
    assert_eq!(x.ne_elem(&y).data(), [0.0, 0.0, 1.0, 1.0]);
    assert_eq!(x.le(&y).data(), [1.0, 1.0, 0.0, 0.0]);
    assert_eq!(x.ge(&y).data(), [1.0, 1.0, 0.0, 1.0]);
    assert_eq!(x.lt(&y).data(), [0.0; 4]);
    assert_eq!(x.gt(&y).data(), [0.0, 0.0, 0.0, 1.0]);
    assert!(!x.clone().requires_grad().gt(&y).is_tracked());
    assert_ne!(x, x.clone(), "NaN differs from itself");
}

#[test]
fn softmax_does_not_overflow() {
    let x = Tensor::from([[1e4, 1e4], [-1e4, 0.0], [-INF, 0.0]]).requires_grad();
    assert_eq!(x.softmax(-1).data(), [0.5, 0.5, 0.0, 1.0, 0.0, 1.0]);
    let y = x.log_sum_exp(-1);
    assert_eq!(y.data(), [1e4 + 2.0f64.ln(), 0.0, 0.0]);
    let grads = y.sum().backward();
    let grad = grads.require(&x).unwrap();
    // Row 0: e^(x - y) of numbers near 1e4 keeps 12 digits.
    assert!((grad.data()[0] - 0.5).abs() < 1e-11);
    assert_eq!(grad.data()[2..], [0.0, 1.0, 0.0, 1.0]);
}

#[test]
fn ignored_targets_and_batches_of_them() {
    use purlin_tensor::{CrossEntropyOptions, cross_entropy};
    let logits = Tensor::from([[1.0, 2.0], [INF, -INF]]).requires_grad();
    let options = CrossEntropyOptions { ignore_index: Some(99), ..Default::default() };
    let loss = cross_entropy(&logits, &[99, 99], &options);
    assert_eq!(loss.item(), 0.0);
    assert_eq!(loss.backward().require(&logits).unwrap().data(), [0.0; 4]);
}
