//! What `#[derive(Module)]` makes of structs: names, order, containers, generics.

use purlin_core::Real;
use purlin_core::rng::Stream;
use purlin_nn::layers::{BatchNorm1d, Linear, Relu};
use purlin_nn::{Buffer, Forward, Module, Param, Sequential};
use purlin_tensor::Tensor;

fn stream() -> Stream {
    Stream::new(1, "test")
}

fn names<T: Real>(module: &dyn Module<T>) -> Vec<String> {
    let mut names = Vec::new();
    module.for_each_param(&mut |name, _| names.push(name.to_owned()));
    module.for_each_buffer(&mut |name, _| names.push(format!("[{name}]")));
    names
}

#[derive(Module)]
struct Inner<T: Real> {
    weight: Param<T>,
    count: Buffer<T>,
}

impl<T: Real> Inner<T> {
    fn new() -> Self {
        Self { weight: Param::new(Tensor::zeros([2])), count: Buffer::new(Tensor::zeros([1])) }
    }
}

#[derive(Module)]
struct Outer<T: Real = f32> {
    r#in: Inner<T>,
    blocks: Vec<Inner<T>>,
    pair: (Inner<T>, [Inner<T>; 1]),
    missing: Option<Inner<T>>,
    present: Option<Box<Inner<T>>>,
    act: Relu,
    #[module(skip)]
    n_classes: usize,
}

#[test]
fn names_are_dotted_paths_in_the_order_of_declaration() {
    let outer = Outer::<f64> {
        r#in: Inner::new(),
        blocks: vec![Inner::new(), Inner::new()],
        pair: (Inner::new(), [Inner::new()]),
        missing: None,
        present: Some(Box::new(Inner::new())),
        act: Relu,
        n_classes: 10,
    };
    assert_eq!(
        names(&outer),
        [
            "in.weight",
            "blocks.0.weight",
            "blocks.1.weight",
            "pair.0.weight",
            "pair.1.0.weight",
            "present.weight",
            "[in.count]",
            "[blocks.0.count]",
            "[blocks.1.count]",
            "[pair.0.count]",
            "[pair.1.0.count]",
            "[present.count]",
        ]
    );
    assert_eq!(outer.kind(), "Outer");
    assert_eq!(outer.n_params(), 12);
    assert_eq!(outer.n_classes, 10);
    assert!(outer.missing.is_none());
}

#[derive(Module)]
struct Wrapper<M> {
    inner: M,
    others: Vec<M>,
}

#[derive(Module)]
#[module(real = f64)]
struct Double {
    layer: Linear<f64>,
}

#[derive(Module)]
struct Where<S, M>
where
    S: Real,
{
    weight: Param<S>,
    module: M,
}

#[test]
fn type_parameters_that_are_fields_must_be_modules() {
    let single = Wrapper { inner: Linear::<f32>::new(1, 2, &stream()), others: Vec::new() };
    assert_eq!(names::<f32>(&single), ["inner.weight", "inner.bias"]);
    let double = Double { layer: Linear::new(1, 2, &stream()) };
    assert_eq!(names::<f64>(&double), ["layer.weight", "layer.bias"]);
    let bounded = Where::<f64, _> { weight: Param::new(Tensor::zeros([1])), module: double };
    assert_eq!(names::<f64>(&bounded), ["weight", "module.layer.weight", "module.layer.bias"]);
}

#[derive(Module)]
struct Nothing {
    #[module(skip)]
    factor: f64,
}

#[test]
fn a_struct_without_modules_is_a_module_over_every_number_type() {
    let nothing = Nothing { factor: 2.0 };
    assert_eq!(nothing.factor, 2.0);
    assert_eq!(Module::<f32>::n_params(&nothing), 0);
    assert_eq!(Module::<f64>::kind(&nothing), "Nothing");
}

#[test]
fn both_walks_show_the_same_names_and_changes_stay() {
    let mut model: Sequential = Sequential::new()
        .push(Linear::new(3, 4, &stream()))
        .push(Relu)
        .push_named("norm", BatchNorm1d::new(4));
    let mut seen = Vec::new();
    model.for_each_param_mut(&mut |name, param| {
        seen.push(name.to_owned());
        param.data_mut().fill(0.5);
    });
    model.for_each_buffer_mut(&mut |name, buffer| {
        seen.push(format!("[{name}]"));
        buffer.set(&Tensor::full([4], 2.0)).unwrap();
    });
    assert_eq!(seen, names(&model));
    assert_eq!(
        seen,
        [
            "0.weight",
            "0.bias",
            "norm.weight",
            "norm.bias",
            "[norm.running_mean]",
            "[norm.running_var]"
        ]
    );
    model.for_each_param(&mut |_, param| assert!(param.data().iter().all(|&v| v == 0.5)));
    model.for_each_buffer(&mut |_, buffer| assert!(buffer.get().data().iter().all(|&v| v == 2.0)));
}

#[test]
fn freezing_reaches_parameters_and_buffers_and_is_undone() {
    let mut model: Sequential =
        Sequential::new().push(Linear::new(3, 4, &stream())).push(BatchNorm1d::new(4));
    let state = |model: &Sequential| {
        let mut buffers = Vec::new();
        model.for_each_buffer(&mut |_, buffer| buffers.push(buffer.is_frozen()));
        (model.n_trainable_params(), buffers)
    };
    assert_eq!(state(&model), (24, vec![false, false]));
    model.freeze_params();
    assert_eq!(state(&model), (0, vec![false, false]));
    model.freeze();
    assert_eq!(state(&model), (0, vec![true, true]));
    model.unfreeze();
    assert_eq!(state(&model), (24, vec![false, false]));
    model.get_mut("1").unwrap().freeze();
    assert_eq!(state(&model), (16, vec![true, true]));
}

#[test]
fn a_clone_has_its_own_leaves_and_values() {
    let layer: Linear<f64> = Linear::new(2, 1, &stream());
    let mut copy = layer.clone();
    let x = Tensor::ones([1, 2]);
    let y = layer.forward(&x, &mut purlin_nn::Context::eval());
    let grads = y.sum().backward();
    assert!(grads.get(&layer.weight).is_some());
    assert!(grads.get(&copy.weight).is_none());
    let before = layer.weight.to_vec();
    copy.weight.data_mut().fill(7.0);
    assert_eq!(layer.weight.to_vec(), before);
}
