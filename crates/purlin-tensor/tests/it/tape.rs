//! The tape: depth, freeing, accumulation, modes, a user's own operations.

use crate::random;
use purlin_tensor::{
    Function, Gradients, Pool2dOptions, Saved, Tensor, apply, detect_anomaly, grad, grad_once,
    grad_with, gradcheck, is_recording, max_pool2d, no_grad,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The text of a panic.
pub(crate) fn panic_text<R>(f: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(|| {
        f();
    }))
    .expect_err("a panic was expected");
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string))
        .expect("a panic with a text")
}

#[test]
fn a_chain_of_a_million_nodes_differentiates_and_drops() {
    let x = Tensor::scalar(1.0f64).requires_grad();
    let mut y = x.clone();
    for _ in 0..1_000_000 {
        y += 1e-6;
    }
    let kept = y.clone();
    let grads = y.backward();
    assert_eq!(grads.require(&x).unwrap().item(), 1.0);
    drop(grads);
    drop(y);
    drop(kept);
    // And without a backward pass that has freed the values.
    let mut y = x.clone();
    for _ in 0..1_000_000 {
        y = &y * &x;
    }
    drop(y);
}

#[test]
fn a_long_chain_is_dropped_on_a_small_stack() {
    let thread = std::thread::Builder::new().stack_size(64 << 10);
    let run = || {
        let x = Tensor::scalar(0.5f32).requires_grad();
        let mut y = x.clone();
        for _ in 0..100_000 {
            y = y.tanh() + &x;
        }
        let grads = y.backward();
        grads.require(&x).unwrap().item()
    };
    assert!(thread.spawn(run).unwrap().join().unwrap().is_finite());
}

#[test]
fn a_value_used_twice_collects_both_gradients() {
    let x = Tensor::from([3.0f64, -1.0]).requires_grad();
    let y = &x * &x + &x; // 2 x + 1
    assert_eq!(y.sum().backward().require(&x).unwrap().data(), [7.0, -1.0]);
    let shared = x.exp();
    let diamond = &shared * 2.0 + &shared * 3.0;
    let expected: Vec<f64> = x.exp().data().iter().map(|e| 5.0 * e).collect();
    assert_eq!(diamond.sum().backward().require(&x).unwrap().data(), expected);
}

#[test]
fn only_leaves_that_were_used_have_a_gradient() {
    let (a, b) = (Tensor::from([1.0f32]).requires_grad(), Tensor::from([2.0f32]).requires_grad());
    let constant = Tensor::from([5.0f32]);
    let grads = (&a * &constant).sum().backward();
    assert_eq!(grads.len(), 1);
    assert!(grads.get(&b).is_none() && grads.get(&constant).is_none());
    let err = grads.require(&b).unwrap_err();
    assert_eq!(
        err.to_string(),
        "gradients: leaf must be used by the loss, got a leaf without gradient of shape (1,)"
    );
    assert!(grads.get(&(&a * 1.0)).is_none(), "a result is no leaf");
}

#[test]
fn gradients_accumulate_scale_and_can_be_taken() {
    let w = random([3], "w").requires_grad();
    let mut total = Gradients::new();
    assert!(total.is_empty());
    for scale in [1.0, 2.0, 4.0] {
        total.accumulate((&w * scale).sum().backward());
    }
    assert_eq!(total.require(&w).unwrap().data(), [7.0; 3]);
    total.scale(0.5);
    assert_eq!(total.iter().next().unwrap().data(), [3.5; 3]);
    total.iter_mut().for_each(|g| g.data_mut()[0] = 0.0);
    assert_eq!(total.get_mut(&w).unwrap().data(), [0.0, 3.5, 3.5]);
    total.set(&w, &Tensor::from([1.0, 2.0, 3.0])).unwrap();
    assert_eq!(total.take(&w).unwrap().data(), [1.0, 2.0, 3.0]);
    assert!(total.take(&w).is_none());
    assert!(total.set(&w, &Tensor::from([1.0])).is_err());
    assert!(total.set(&random([1], "c"), &Tensor::from([1.0])).is_err());
}

#[test]
fn accumulation_adds_in_the_order_of_creation_whatever_the_sharing() {
    // (1e16 + 1) - 1e16 depends on the order; the newest use comes first.
    let x = Tensor::from([1.0f64]).requires_grad();
    let parts = [&x * 1e16, &x * 1.0, &x * -1e16];
    let y = &parts[0] + &parts[1] + &parts[2];
    assert_eq!(y.sum().backward().require(&x).unwrap().item(), (-1e16 + 1.0) + 1e16);
}

#[test]
fn a_freed_graph_panics_and_a_retained_one_repeats() {
    let x = Tensor::from([2.0f64]).requires_grad();
    let y = x.powi(3).sum();
    let first = y.backward_retain();
    let second = y.backward();
    assert_eq!(first.require(&x).unwrap(), second.require(&x).unwrap());
    let text = panic_text(|| y.backward());
    assert_eq!(
        text,
        "backward: the graph was freed by an earlier backward; call backward_retain the first time to walk it twice"
    );
    let shared = x.exp();
    let (a, b) = ((&shared * 2.0).sum(), (&shared * 3.0).sum());
    drop(a.backward());
    assert!(panic_text(|| b.backward()).starts_with("backward: the graph was freed"));
}

#[test]
fn saved_values_are_freed_on_the_way() {
    let x = Tensor::<f32>::ones([1000]).requires_grad();
    let y = x.square();
    let z = (&y * &y).sum();
    drop(z.backward());
    // `y` was saved by the product; now its only owner is this handle, and works in place.
    let before = y.detach().data().as_ptr();
    let again = y.detach();
    drop(y);
    assert_eq!((again + 1.0).data().as_ptr(), before);
}

#[test]
fn backward_refuses_what_it_cannot_do() {
    let x = Tensor::from([1.0f32, 2.0]).requires_grad();
    assert_eq!(
        panic_text(|| (&x * 2.0).backward()),
        "backward: expected a tensor with 1 element, got shape (2,); reduce it first or use backward_with"
    );
    assert_eq!(
        panic_text(|| Tensor::scalar(1.0f32).backward()),
        "backward: expected a tracked tensor, got one made without gradients (shape ())"
    );
    assert_eq!(
        panic_text(|| (&x * 2.0).backward_with(&Tensor::from([1.0]))),
        "backward: expected a gradient of shape (2,), got (1,)"
    );
    let y = (&x * 2.0).sum();
    let other = Tensor::from([1.0f32]).requires_grad();
    assert_eq!(
        panic_text(|| grad(&y, &[&x, &other])),
        "grad: y must depend on every input, got one it does not depend on: input 1 of shape (1,)"
    );
    let mut z = &x * 3.0;
    assert_eq!(
        panic_text(AssertUnwindSafe(|| drop(z.data_mut().to_vec()))),
        "data_mut: expected a leaf or an untracked tensor, got the tracked result of an operation (shape (2,))"
    );
}

#[test]
fn backward_with_a_gradient_of_any_shape() {
    let x = random([2, 3], "x").requires_grad();
    let weight = random([2, 3], "w");
    let grads = x.sin().backward_with(&weight);
    let expected = (x.detach().cos() * &weight).to_vec();
    assert_eq!(grads.require(&x).unwrap().data(), expected);
}

#[test]
fn no_grad_and_detach_cut_the_tape() {
    let x = Tensor::from([2.0f64]).requires_grad();
    assert!(no_grad(|| !(&x * &x).is_tracked()));
    assert!(!x.detach().is_tracked());
    let y = &x * x.detach();
    assert_eq!(y.sum().backward().require(&x).unwrap().item(), 2.0);
    // A leaf made inside stays a leaf.
    assert!(no_grad(|| Tensor::from([1.0f32]).requires_grad()).is_leaf());
    // The backward pass itself does not depend on the mode.
    let y = (&x * &x).sum();
    assert_eq!(no_grad(|| y.backward()).require(&x).unwrap().item(), 4.0);
}

#[test]
fn the_flag_nests_survives_a_panic_and_belongs_to_the_thread() {
    no_grad(|| {
        assert!(!is_recording());
        no_grad(|| assert!(!is_recording()));
        assert!(!is_recording());
        std::thread::scope(|scope| assert!(scope.spawn(is_recording).join().unwrap()));
    });
    assert!(is_recording());
    assert_eq!(panic_text(|| no_grad(|| panic!("on purpose"))), "on purpose");
    assert!(is_recording());
}

#[test]
fn a_leaf_can_be_written_between_passes() {
    let mut w = Tensor::from([4.0f64]).requires_grad();
    for _ in 0..3 {
        let grads = w.square().sum().backward();
        let grad = grads.require(&w).unwrap().item();
        w.data_mut()[0] -= 0.25 * grad;
        assert!(w.is_leaf());
    }
    assert_eq!(w.item(), 0.5);
}

#[test]
fn writing_never_changes_another_tensor_or_a_saved_value() {
    let mut x = Tensor::from([3.0f64]).requires_grad();
    let y = x.square().sum(); // saved x = 3
    x.data_mut()[0] = 100.0;
    assert_eq!(y.backward().require(&x).unwrap().item(), 6.0);
    let mut a = Tensor::from([1.0f32, 2.0]);
    let view = a.reshape([2, 1]);
    a.data_mut()[0] = 9.0;
    assert_eq!(view.data(), [1.0, 2.0]);
}

#[test]
fn higher_derivatives_of_a_polynomial() {
    let x = Tensor::from([2.0f64]).requires_grad();
    let mut y = x.powi(5);
    for expected in [80.0, 160.0, 240.0, 240.0, 120.0] {
        y = grad(&y.sum(), &[&x]).remove(0);
        assert_eq!(y.item(), expected);
    }
}

#[test]
fn derivatives_by_results_on_the_way() {
    let x = Tensor::from([2.0f64]).requires_grad();
    let h = x.square();
    let y = (&h * &h * &x).sum(); // h^2 x
    let grads = grad(&y, &[&h, &x, &h]);
    assert_eq!(grads[0].item(), 2.0 * 4.0 * 2.0);
    assert_eq!(grads[1].item(), 5.0 * 16.0); // x^5
    assert_eq!(grads[2].item(), grads[0].item());
    let once = grad_once(&y, &Tensor::scalar(1.0), &[&h]);
    assert_eq!(once[0].item(), 16.0);
    assert!(!once[0].is_tracked());
}

#[test]
fn the_incoming_gradient_is_differentiable_too() {
    // A Jacobian-vector product by two backward passes.
    let x = Tensor::from([1.0f64, 2.0]).requires_grad();
    let v = Tensor::from([0.0f64, 0.0]).requires_grad();
    let vjp = grad_with(&x.powi(3), &v, &[&x]).remove(0);
    let jvp = grad_with(&vjp, &Tensor::from([1.0, 10.0]), &[&v]).remove(0);
    assert_eq!(jvp.data(), [3.0, 120.0]);
}

#[test]
fn grad_inside_no_grad_is_a_constant() {
    let x = Tensor::from([2.0f64]).requires_grad();
    let y = x.powi(3).sum();
    let dy = no_grad(|| grad(&y, &[&x]).remove(0));
    assert_eq!(dy.item(), 12.0);
    assert!(!dy.is_tracked());
}

struct Cube {
    is_twice: bool,
}

impl Function<f64> for Cube {
    fn name(&self) -> &'static str {
        "cube"
    }
    fn forward(&self, inputs: &[&Tensor<f64>], keep: &mut Vec<Tensor<f64>>) -> Tensor<f64> {
        assert!(!inputs[0].is_tracked());
        keep.push(Tensor::scalar(3.0));
        Tensor::from_fn(inputs[0].shape(), |i| inputs[0].data()[i].powi(3))
    }
    fn backward(&self, grad: &Tensor<f64>, saved: &Saved<'_, f64>) -> Vec<Option<Tensor<f64>>> {
        assert!(saved.needs(0));
        assert_eq!(saved.output().shape(), saved.input(0).shape());
        vec![Some(grad * saved.input(0).square() * saved.kept(0))]
    }
    fn is_twice_differentiable(&self) -> bool {
        self.is_twice
    }
}

#[test]
fn a_users_operation_takes_part_in_both_orders() {
    let x = random([4], "x");
    let options = purlin_tensor::GradcheckOptions::default();
    gradcheck(|v| apply(Cube { is_twice: false }, &[&v[0]]), std::slice::from_ref(&x), &options)
        .unwrap();
    let twice = |v: &[Tensor<f64>]| apply(Cube { is_twice: true }, &[&v[0]]);
    purlin_tensor::gradgradcheck(twice, std::slice::from_ref(&x), &options).unwrap();
    assert!(!apply(Cube { is_twice: true }, &[&x]).is_tracked());
}

#[test]
fn an_operation_without_second_derivative_says_so() {
    let x = random([2], "x").requires_grad();
    let y = apply(Cube { is_twice: false }, &[&x]).sum();
    let dy = grad(&y, &[&x]).remove(0); // the first is fine
    assert_eq!(
        panic_text(|| dy.sum().backward()),
        "grad: expected operations with a second derivative, got cube, which has none"
    );
}

struct Broken(Vec<Option<Tensor<f32>>>);

impl Function<f32> for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }
    fn forward(&self, inputs: &[&Tensor], _keep: &mut Vec<Tensor>) -> Tensor {
        inputs[0] * inputs[1]
    }
    fn backward(&self, _grad: &Tensor, _saved: &Saved<'_, f32>) -> Vec<Option<Tensor>> {
        self.0.clone()
    }
}

#[test]
fn a_users_operation_must_give_every_gradient() {
    let x = Tensor::from([1.0f32, 2.0]).requires_grad();
    let c = Tensor::from([1.0f32, 2.0]);
    let good = Tensor::from([1.0f32, 1.0]);
    let run = |grads, second: &Tensor| {
        panic_text(|| apply(Broken(grads), &[&x, second]).sum().backward())
    };
    assert_eq!(run(vec![], &c), "broken: backward: expected 2 gradients, one per input, got 0");
    assert_eq!(
        run(vec![Some(good.clone()), None], &x),
        "broken: backward: expected a gradient for input 1, which is tracked, got None"
    );
    assert_eq!(
        run(vec![Some(Tensor::from([1.0f32])), None], &c),
        "broken: backward: expected a gradient of shape (2,) for input 0, got (1,)"
    );
    // None is fine for a constant.
    let y = apply(Broken(vec![Some(good), None]), &[&x, &c]).sum();
    assert_eq!(y.backward().require(&x).unwrap().data(), [1.0, 1.0]);
}

#[test]
fn anomaly_mode_names_the_operation() {
    let x = Tensor::from([1.0f32, -1.0]).requires_grad();
    assert_eq!(
        panic_text(|| detect_anomaly(|| x.sqrt())),
        "sqrt: result must be finite, got NaN at element 1"
    );
    let zero = Tensor::from([0.0f32]).requires_grad();
    let y = detect_anomaly(|| (zero.sqrt() * 1.0).sqrt().sum());
    assert_eq!(
        panic_text(|| detect_anomaly(|| y.backward())),
        "mul: gradient of its result must be finite, got inf at element 0"
    );
    assert!(x.sqrt().data()[1].is_nan(), "and only while it is on");
}

#[test]
fn tensors_cross_threads() {
    fn assert_send_sync<X: Send + Sync>() {}
    assert_send_sync::<Tensor<f32>>();
    assert_send_sync::<Gradients<f64>>();
    let w = random([8], "w").requires_grad();
    let alone = w.exp().sum().backward();
    let sums: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| w.exp().sum().backward())).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    for grads in sums {
        assert_eq!(grads.require(&w).unwrap(), alone.require(&w).unwrap());
    }
}

#[test]
fn pooling_without_recording_gives_the_same_values() {
    let x = random([1, 4, 4, 2], "x");
    let options = Pool2dOptions::new([2, 2]);
    let recorded = max_pool2d(&x.clone().requires_grad(), &options);
    assert!(recorded.is_tracked());
    assert_eq!(recorded, max_pool2d(&x, &options));
}
