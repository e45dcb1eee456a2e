//! Values and derivatives at 0, -0, infinities, NaN, subnormal numbers and ties, where they are
//! defined.

use purlin_tensor::{
    Activation, Norm, Pool2dOptions, Tensor, grad, grad_with, linear, max_pool2d, where_,
};

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
            (NAN, NAN, 1.0),
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
            (NAN, NAN, 1.0),
        ],
    );
    check(
        "elu",
        |x| x.elu(2.0),
        &[
            (0.0, 0.0, 2.0),
            (INF, INF, 1.0),
            (-INF, -2.0, 0.0),
            (1e6, 1e6, 1.0),
            (-1e6, -2.0, 0.0),
            (NAN, NAN, NAN),
        ],
    );
    for activation in [Activation::Relu, Activation::LeakyRelu(0.5)] {
        // The one pass of the layer agrees with the operation alone.
        let layer = |x: &Tensor<f64>| {
            let y = linear(&x.reshape([x.numel(), 1]), &Tensor::ones([1, 1]), None, activation);
            y.reshape([x.numel()])
        };
        check("linear", layer, &[(NAN, NAN, 1.0), (INF, INF, 1.0), (TINY, TINY, 1.0)]);
    }
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
fn bounded_slopes_reach_their_limits() {
    let cases = [
        (0.0, 0.0, 0.5),
        (-0.0, -0.0, 0.5),
        (INF, INF, 1.0),
        (-INF, -0.0, 0.0),
        (1e300, 1e300, 1.0),
        (-1e300, -0.0, 0.0),
        (NAN, NAN, NAN),
    ];
    check("silu", Tensor::silu, &cases);
    check("gelu", Tensor::gelu, &cases);
    check("gelu_tanh", Tensor::gelu_tanh, &cases);
    for f in [Tensor::silu, Tensor::gelu, Tensor::gelu_tanh] {
        let x = Tensor::from([TINY]);
        assert!((f(&x).item() - TINY / 2.0).abs() <= 5e-324, "one unit of the subnormals");
        assert_eq!(slope(&x, f), [0.5]);
    }
    check(
        "softplus",
        Tensor::softplus,
        &[
            (0.0, std::f64::consts::LN_2, 0.5),
            (1e300, 1e300, 1.0),
            (-1e300, 0.0, 0.0),
            (NAN, NAN, NAN),
        ],
    );
    let steep = [(INF, INF, 1.0), (-INF, 0.0, 0.0), (6.0, 6.0, 1.0), (1e308, 1e308, 1.0)];
    check("softplus 2 above 10", |x| x.softplus_with(2.0, 10.0), &steep);
    check("softplus 2", |x| x.softplus_with(2.0, INF), &[steep[0], steep[1], steep[3]]);
    let slope = std::f64::consts::FRAC_2_SQRT_PI;
    check(
        "erfc",
        Tensor::erfc,
        &[(0.0, 1.0, -slope), (INF, 0.0, 0.0), (-INF, 2.0, 0.0), (NAN, NAN, NAN)],
    );
}

/// The recorded derivative is rounded more often than the fused one.
const AGREEMENT: f32 = 8.0 * f32::EPSILON;

#[test]
fn recorded_and_fused_derivatives_agree_on_all_scales() {
    type Named = (&'static str, fn(&Tensor) -> Tensor);
    let functions: [Named; 4] = [
        ("silu", Tensor::silu),
        ("gelu", Tensor::gelu),
        ("gelu_tanh", Tensor::gelu_tanh),
        ("softplus", |x| x.softplus_with(3.0, 20.0)),
    ];
    let mut points: Vec<f32> = (-400i16..=400).map(|i| f32::from(i) * 0.05).collect();
    points.extend([1e4, 1e10, 2e19, 1e30, f32::MAX, f32::INFINITY].iter().flat_map(|&x| [x, -x]));
    let x = Tensor::from_slice(&points).requires_grad();
    for (name, f) in functions {
        let y = f(&x);
        let ones = x.ones_like();
        let recorded = grad_with(&y, &ones, &[&x]).remove(0);
        let fused = y.backward_with(&ones);
        let fused = fused.require(&x).unwrap();
        for ((x, r), f) in points.iter().zip(recorded.data()).zip(fused.data()) {
            assert!((r - f).abs() <= AGREEMENT, "{name} at {x}: recorded {r}, fused {f}");
        }
    }
}

#[test]
fn further_functions_at_their_ends() {
    check(
        "rsqrt",
        Tensor::rsqrt,
        &[
            (0.0, INF, -INF),
            (-0.0, -INF, INF),
            (INF, 0.0, 0.0),
            (4.0, 0.5, -0.0625),
            (TINY, 1.0 / TINY.sqrt(), -INF),
            (-1.0, NAN, NAN),
            (NAN, NAN, NAN),
        ],
    );
    check(
        "sin",
        Tensor::sin,
        &[
            (0.0, 0.0, 1.0),
            (-0.0, -0.0, 1.0),
            (TINY, TINY, 1.0),
            (INF, NAN, NAN),
            (-INF, NAN, NAN),
            (NAN, NAN, NAN),
        ],
    );
    check(
        "cos",
        Tensor::cos,
        &[
            (0.0, 1.0, 0.0),
            (-0.0, 1.0, 0.0),
            (TINY, 1.0, -TINY),
            (INF, NAN, NAN),
            (-INF, NAN, NAN),
            (NAN, NAN, NAN),
        ],
    );
    check(
        "expm1",
        Tensor::expm1,
        &[
            (0.0, 0.0, 1.0),
            (-0.0, -0.0, 1.0),
            (TINY, TINY, 1.0),
            (INF, INF, INF),
            (-INF, -1.0, 0.0),
            (NAN, NAN, NAN),
        ],
    );
    check(
        "ln_1p",
        Tensor::ln_1p,
        &[
            (0.0, 0.0, 1.0),
            (-0.0, -0.0, 1.0),
            (TINY, TINY, 1.0),
            (-1.0, -INF, INF),
            (INF, INF, 0.0),
            (NAN, NAN, NAN),
        ],
    );
    let quotients = [
        (0.0, INF, -INF),
        (-0.0, -INF, -INF),
        (INF, 0.0, 0.0),
        (-INF, -0.0, 0.0),
        (2.0, 0.75, -0.375),
        (TINY, INF, -INF),
        (NAN, NAN, NAN),
    ];
    check("c / x", |x| 1.5 / x, &quotients);
    check("a / x", |x| &Tensor::scalar(1.5) / x, &quotients);
    check(
        "x / 0",
        |x| x / &Tensor::scalar(0.0),
        &[(1.0, INF, INF), (-1.0, -INF, INF), (0.0, NAN, INF), (NAN, NAN, INF)],
    );
    check(
        "x / inf",
        |x| x / &Tensor::scalar(INF),
        &[(1.0, 0.0, 0.0), (-1.0, -0.0, 0.0), (INF, NAN, 0.0)],
    );
    check(
        "pow 2",
        |x| x.pow(&Tensor::scalar(2.0)),
        &[
            (0.0, 0.0, 0.0),
            (-0.0, 0.0, 0.0),
            (INF, INF, INF),
            (-INF, INF, -INF),
            (TINY, 0.0, 2.0 * TINY),
            (NAN, NAN, NAN),
        ],
    );
    check(
        "pow 1/2",
        |x| x.pow(&Tensor::scalar(0.5)),
        &[(0.0, 0.0, INF), (INF, INF, 0.0), (4.0, 2.0, 0.25), (-1.0, NAN, NAN)],
    );
    check(
        "pow 0",
        |x| x.pow(&Tensor::scalar(0.0)),
        &[(0.0, 1.0, 0.0), (INF, 1.0, 0.0), (NAN, 1.0, 0.0)],
    );
    check(
        "2 pow",
        |x| Tensor::scalar(2.0).pow(x),
        &[(INF, INF, INF), (-INF, 0.0, 0.0), (NAN, NAN, NAN)],
    );
    check(
        "0 pow",
        |x| Tensor::scalar(0.0).pow(x),
        &[(2.0, 0.0, 0.0), (0.0, 1.0, 0.0), (-1.0, INF, -INF)],
    );
}

/// The derivative of the sum of `f(x)`, fused and recorded, which agree.
#[track_caller]
fn slope(x: &Tensor<f64>, f: impl Fn(&Tensor<f64>) -> Tensor<f64>) -> Vec<f64> {
    let x = x.detach().requires_grad();
    let y = f(&x).sum();
    let recorded = grad(&y, &[&x]).remove(0);
    let fused = y.backward().require(&x).unwrap().to_vec();
    assert_same(recorded.data(), &fused, "recorded");
    fused
}

#[test]
fn products_with_zeros_and_infinities_divide_nothing() {
    let x = Tensor::from([2.0, 0.0, 3.0]);
    assert_eq!(slope(&x, Tensor::prod), [0.0, 6.0, 0.0]);
    assert_eq!(slope(&x, |x| x.cumprod(0)), [1.0, 8.0, 0.0]);
    assert_eq!(slope(&Tensor::from([0.0, 0.0, 3.0]), Tensor::prod), [0.0; 3]);
    assert_eq!(slope(&Tensor::from([INF, 2.0]), Tensor::prod), [2.0, INF]);
    assert_eq!(Tensor::<f64>::zeros([0]).prod().item(), 1.0);
    assert!(Tensor::from([0.0, NAN]).prod().item().is_nan());
    assert_eq!(Tensor::<f64>::zeros([2, 0]).prod_axis(1, true).data(), [1.0; 2]);
}

#[test]
fn lengths_and_deviations_of_nothing_have_the_slope_zero() {
    let zeros = Tensor::<f64>::zeros([3]);
    for norm in [Norm::L1, Norm::L2, Norm::Inf] {
        assert_eq!(slope(&zeros, |x| x.norm(norm)), [0.0; 3], "{norm:?}");
        assert!(Tensor::from([1.0, NAN]).norm(norm).item().is_nan(), "{norm:?}");
        assert_eq!(Tensor::from([1.0, -INF]).norm(norm).item(), INF, "{norm:?}");
    }
    assert_eq!(slope(&Tensor::from([2.0, -2.0]), |x| x.norm(Norm::Inf)), [1.0, 0.0], "a tie");
    assert_eq!(slope(&Tensor::from([0.1, 0.1, 0.1]), |x| x.std(0)).len(), 3);
    assert_eq!(slope(&Tensor::full([4], 0.5), |x| x.std(1)), [0.0; 4]);
    assert_eq!(slope(&Tensor::full([2, 2], 0.5), |x| x.std_axis(0, false)), [0.0; 4]);
    assert_eq!(Tensor::<f64>::zeros([0]).norm(Norm::L2).item(), 0.0);
}

#[test]
fn the_last_of_what_is_scattered_to_one_place_stays() {
    let (x, src) = (Tensor::from([1.0, 2.0, NAN]), Tensor::from([5.0, INF, 7.0]));
    let (x, src) = (x.requires_grad(), src.requires_grad());
    let y = x.scatter(0, &[2, 0, 2], &src);
    assert_same(y.data(), &[INF, 2.0, 7.0], "scatter");
    let grads = y.sum().backward();
    assert_eq!(grads.require(&x).unwrap().data(), [0.0, 1.0, 0.0]);
    assert_eq!(grads.require(&src).unwrap().data(), [0.0, 1.0, 1.0]);
    let zeros = Tensor::<f64>::zeros([2]);
    assert_same(zeros.scatter(0, &[], &Tensor::zeros([0])).data(), &[0.0, 0.0], "nothing");
    let sums = zeros.scatter_add(0, &[1, 1, 1], &Tensor::from([1.0, -0.0, INF]));
    assert_same(sums.data(), &[0.0, INF], "scatter_add");
}

#[test]
fn moves_keep_every_bit() {
    let x = Tensor::from([[-0.0, NAN, TINY], [INF, -INF, 0.0]]);
    assert_same(x.flip(&[0, 1]).data(), &[0.0, -INF, INF, TINY, NAN, -0.0], "flip");
    assert_same(x.roll(1, 1).data(), &[TINY, -0.0, NAN, 0.0, INF, -INF], "roll");
    assert_same(x.roll(-7, 1).data(), x.roll(2, 1).data(), "roll around");
    assert_same(x.tile(&[1, 2]).slice(1, 3..).data(), x.data(), "tile");
    assert_same(x.repeat_interleave(2, 1).slice_step(1, 1.., 2).data(), x.data(), "repeat");
    assert_same(x.triu(1).data(), &[0.0, NAN, TINY, 0.0, 0.0, 0.0], "what is cut is 0, not 0 x");
    assert_same(x.tril(isize::MAX).data(), x.data(), "tril of all");
    assert_same(x.triu(isize::MAX).data(), &[0.0; 6], "triu of nothing");
    assert_same(x.tril(isize::MIN).data(), &[0.0; 6], "tril of nothing");
    assert_eq!(Tensor::<f64>::zeros([0, 3]).roll(1, 0).dims(), [0, 3]);
    assert_eq!(Tensor::<f64>::zeros([2, 0]).tril(0).dims(), [2, 0]);
    let mask = x.ne_elem(&x);
    assert_same(x.masked_fill(&mask, 9.0).data(), &[-0.0, 9.0, TINY, INF, -INF, 0.0], "fill");
}

#[test]
fn some_and_all_follow_logic() {
    let x = Tensor::from([[0.0, -0.0], [NAN, TINY]]);
    assert!(x.any() && !x.all());
    assert_eq!(x.any_axis(1, false).data(), [0.0, 1.0]);
    assert_eq!(x.all_axis(1, true).data(), [0.0, 1.0]);
    let nothing = Tensor::<f64>::zeros([2, 0]);
    assert!(!nothing.any() && nothing.all());
    assert_eq!(nothing.any_axis(1, false).data(), [0.0; 2]);
    assert_eq!(nothing.all_axis(1, false).data(), [1.0; 2]);
    let x = Tensor::from([1.0, NAN, 2.0, NAN]);
    assert_eq!((x.argmax(), x.argmin(), Tensor::from([3.0, 3.0]).argmin()), (1, 1, 0));
    assert_eq!(x.ne_scalar(1.0).data(), [0.0, 1.0, 1.0, 1.0]);
    assert_eq!(x.eq_scalar(2.0).data(), [0.0, 0.0, 1.0, 0.0]);
    assert_eq!(x.le_scalar(1.0).data(), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(x.gt_scalar(1.0).data(), [0.0, 0.0, 1.0, 0.0]);
    assert_eq!(x.argsort(0, false), [0, 2, 1, 3]);
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
