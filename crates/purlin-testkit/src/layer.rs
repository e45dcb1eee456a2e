//! The laws of layers.

use crate::{Bits, Tolerance, check_same_bits_on_all_isas, check_same_bits_on_threads};
use purlin_core::Shape;
use purlin_core::rng::Stream;
use purlin_nn::{Buffer, Context, Forward, Module, Param, Visitor};
use purlin_tensor::{Gradients, Tensor, no_grad};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Coordinates of each tensor that are compared with finite differences; larger tensors are
/// sampled at fixed places.
const MAX_COORDINATES: usize = 48;

/// Which laws a layer is held to, and on what input; [`check_layer`] with its defaults.
///
/// In `f64`, in evaluation and in training mode (with the same random draws each time):
///
/// 1. building twice from one stream gives the same parameters; names are unique;
/// 2. [`Forward::output_shape`] is the shape of the output, and where it refuses a shape, so does
///    [`Forward::forward`], in the same words;
/// 3. the gradients by the input and by every parameter are those of finite differences, and no
///    trainable parameter goes without one;
/// 4. its parameters and buffers, set by name in a layer with other weights, give the same output
///    bits;
/// 5. a pass in evaluation mode changes no buffer; a frozen layer changes none in training either
///    and builds no graph;
/// 6. equal contexts give equal bits; so do all instruction sets and any number of threads;
/// 7. a batch in evaluation mode is its samples one by one, bit for bit (unless
///    [`LayerCheck::mixes_samples`]).
///
/// # Examples
///
/// ```
/// use purlin_nn::layers::Linear;
/// use purlin_testkit::LayerCheck;
///
/// LayerCheck::new([5, 4]).seed(3).run(|stream| Linear::new(4, 3, stream));
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is checked until `run` is called"]
pub struct LayerCheck {
    x: Tensor<f64>,
    seed: u64,
    mixes_samples: bool,
    is_smooth: bool,
}

/// Holds a layer to all laws of [`LayerCheck`] on a random input of that shape, batch axis first.
///
/// # Panics
///
/// When a law is broken; the text names the law and the first place.
///
/// # Examples
///
/// ```
/// use purlin_nn::layers::Linear;
/// use purlin_testkit::check_layer;
///
/// check_layer([5, 4], |stream| Linear::new(4, 3, stream));
/// ```
#[track_caller]
pub fn check_layer<L: Forward<f64>>(input: impl Into<Shape>, build: impl Fn(&Stream) -> L + Sync) {
    LayerCheck::new(input).run(build);
}

impl LayerCheck {
    /// All laws on a standard normal input of that shape, batch axis first.
    pub fn new(input: impl Into<Shape>) -> Self {
        let x = Tensor::normal(input, 0.0, 1.0, &Stream::new(0, "layer check input"));
        Self { x, seed: 0, mixes_samples: false, is_smooth: true }
    }

    /// All laws on this input.
    pub fn on(x: &Tensor<f64>) -> Self {
        Self { x: x.detach(), seed: 0, mixes_samples: false, is_smooth: true }
    }

    /// The seed of the weights and of the draws in training mode.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The layer mixes samples in evaluation mode too (a softmax over the batch, say): law 7 is
    /// left out.
    pub fn mixes_samples(mut self) -> Self {
        self.mixes_samples = true;
        self
    }

    /// The layer has no useful derivative by its input (it rounds, say): law 3 is left out for
    /// the input and kept for the parameters.
    pub fn no_input_gradient(mut self) -> Self {
        self.is_smooth = false;
        self
    }

    /// Checks all laws.
    ///
    /// # Panics
    ///
    /// When a law is broken; the text names the law and the first place.
    #[track_caller]
    pub fn run<L: Forward<f64>>(&self, build: impl Fn(&Stream) -> L + Sync) {
        let stream = Stream::new(self.seed, "layer check weights");
        let make = || build(&stream);
        check_construction(&make);
        self.check_shapes(&make);
        for mode in [Mode::Eval, Mode::Train] {
            self.check_gradients(mode, &make);
            self.check_bits(mode, &make);
        }
        self.check_saving(&make, &build);
        self.check_buffers(&make);
        if !self.mixes_samples {
            self.check_batch(&make);
        }
    }

    fn context(&self, mode: Mode) -> Context {
        match mode {
            Mode::Eval => Context::eval(),
            Mode::Train => Context::train(self.seed),
        }
    }

    fn forward<L: Forward<f64>>(&self, layer: &L, mode: Mode, x: &Tensor<f64>) -> Tensor<f64> {
        no_grad(|| layer.forward(x, &mut self.context(mode)))
    }

    #[track_caller]
    fn check_shapes<L: Forward<f64>>(&self, make: &impl Fn() -> L) {
        let layer = make();
        for mode in [Mode::Eval, Mode::Train] {
            let promised = layer.output_shape(self.x.shape());
            let promised = promised.unwrap_or_else(|err| panic!("law of layers: shape: {err}"));
            let got = *self.forward(&layer, mode, &self.x).shape();
            assert_eq!(got, promised, "law of layers: output_shape is the shape of the output");
        }
        let shape = *self.x.shape();
        let last = shape.rank().saturating_sub(1);
        let wider = |axis: usize| shape.with(axis, shape[axis] + 1);
        let mut misfits = vec![Shape::SCALAR, Shape::from([1; 7])];
        if shape.rank() > 0 {
            misfits.extend([shape.without(0), wider(last)]);
        }
        for misfit in misfits {
            let Err(err) = layer.output_shape(&misfit) else { continue };
            let text = panic_text(|| {
                self.forward(&layer, Mode::Eval, &Tensor::zeros(misfit));
            });
            let text = text.unwrap_or_else(|| {
                panic!("law of layers: output_shape refuses {misfit} ({err}), forward does not")
            });
            assert!(
                text.contains(&err.to_string()),
                "law of layers: forward refuses {misfit} as output_shape does\n  \
                 output_shape: {err}\n  forward: {text}"
            );
        }
    }

    #[track_caller]
    fn check_gradients<L: Forward<f64>>(&self, mode: Mode, make: &impl Fn() -> L) {
        let layer = make();
        let x = self.x.detach().requires_grad();
        let y = layer.forward(&x, &mut self.context(mode));
        // A fixed random direction, so that an error in one output does not hide behind another.
        let stream = Stream::new(self.seed, "layer check direction");
        let direction = Tensor::uniform(y.dims(), 0.5, 1.5, &stream);
        let loss = (&y * &direction).sum();
        let grads = gradients(&loss);
        let along = |y: Tensor<f64>| -> Vec<f64> {
            y.data().iter().zip(direction.data()).map(|(a, b)| a * b).collect()
        };

        if self.is_smooth {
            let grad = grads.get(&x).cloned().unwrap_or_else(|| x.zeros_like());
            let what = format!("in {mode:?} mode by the input");
            compare(&what, self.seed, &self.x, &grad, |at| along(self.forward(&make(), mode, at)));
        }
        let mut trainable = Vec::new();
        layer.for_each_param(&mut |name, param| {
            if param.is_trainable() {
                trainable.push((name.to_owned(), param.detach(), grads.get(param).cloned()));
            }
        });
        for (name, value, grad) in trainable {
            let Some(grad) = grad else {
                panic!("law of layers: {name} is trainable and has no gradient in {mode:?} mode")
            };
            compare(&format!("in {mode:?} mode by {name}"), self.seed, &value, &grad, |at| {
                let mut moved = make();
                moved.for_each_param_mut(&mut |other, param| {
                    if other == name {
                        param.set(at).expect("a parameter of its own shape");
                    }
                });
                along(self.forward(&moved, mode, &self.x))
            });
        }
    }

    #[track_caller]
    fn check_bits<L: Forward<f64>>(&self, mode: Mode, make: &(impl Fn() -> L + Sync)) {
        let pass = || {
            let layer = make();
            let x = self.x.detach().requires_grad();
            let y = layer.forward(&x, &mut self.context(mode));
            let loss = y.square().sum();
            let grads = gradients(&loss);
            let mut all = vec![grads.get(&x).cloned()];
            layer.for_each_param(&mut |_, param| all.push(grads.get(param).cloned()));
            (y.detach(), all, state(&layer))
        };
        crate::check_same_bits_again(pass);
        check_same_bits_on_all_isas(pass);
        check_same_bits_on_threads(pass);
    }

    #[track_caller]
    fn check_saving<L: Forward<f64>>(&self, make: &impl Fn() -> L, build: &impl Fn(&Stream) -> L) {
        let layer = make();
        // A step of training, so that buffers differ from fresh ones.
        self.forward(&layer, Mode::Train, &self.x);
        let saved: BTreeMap<String, Tensor<f64>> = state(&layer).into_iter().collect();
        let mut other = build(&Stream::new(self.seed, "layer check other weights"));
        let of = |name: &str| {
            let value = saved.get(name);
            value.unwrap_or_else(|| panic!("law of layers: other weights, the same name {name}"))
        };
        other.for_each_param_mut(&mut |name, param| {
            let set = param.set(of(name));
            set.unwrap_or_else(|err| panic!("law of layers: load {name}: {err}"));
        });
        other.for_each_buffer_mut(&mut |name, buffer| {
            let set = buffer.set(of(name));
            set.unwrap_or_else(|err| panic!("law of layers: load {name}: {err}"));
        });
        let expected = self.forward(&layer, Mode::Eval, &self.x).to_words();
        let got = self.forward(&other, Mode::Eval, &self.x).to_words();
        assert!(
            got == expected,
            "law of layers: parameters and buffers set by name, the same output bits"
        );
        assert!(
            state(&other).to_words() == state(&layer).to_words(),
            "law of layers: parameters and buffers set by name, the same state"
        );
    }

    #[track_caller]
    fn check_buffers<L: Forward<f64>>(&self, make: &impl Fn() -> L) {
        let mut layer = make();
        let before = state(&layer).to_words();
        self.forward(&layer, Mode::Eval, &self.x);
        assert!(
            state(&layer).to_words() == before,
            "law of layers: a pass in evaluation mode changes no buffer"
        );
        layer.freeze();
        let y = layer.forward(&self.x, &mut Context::train(self.seed));
        assert!(!y.is_tracked(), "law of layers: a frozen layer builds no graph");
        assert!(
            state(&layer).to_words() == before,
            "law of layers: a frozen layer changes no buffer in training"
        );
        layer.unfreeze();
        assert_eq!(
            layer.n_trainable_params(),
            layer.n_params(),
            "law of layers: unfreezing makes everything trainable again"
        );
    }

    #[track_caller]
    fn check_batch<L: Forward<f64>>(&self, make: &impl Fn() -> L) {
        let layer = make();
        // Statistics of some batch, so that a normalisation does something.
        self.forward(&layer, Mode::Train, &self.x);
        let whole = self.forward(&layer, Mode::Eval, &self.x);
        let n = self.x.dims().first().copied().unwrap_or(0);
        for i in 0..n {
            let one = self.forward(&layer, Mode::Eval, &self.x.slice(0, i..=i));
            let row = whole.slice(0, i..=i);
            assert!(
                one.to_words() == row.to_words(),
                "law of layers: a batch is its samples one by one, sample {i} differs:\n  \
                 alone {:?}\n  in the batch {:?}",
                one.to_vec(),
                row.to_vec()
            );
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    Eval,
    Train,
}

#[track_caller]
fn check_construction<L: Forward<f64>>(make: &impl Fn() -> L) {
    let (a, b) = (state(&make()), state(&make()));
    assert!(a.to_words() == b.to_words(), "law of layers: one stream, the same parameters");
    let mut names: Vec<&String> = a.iter().map(|(name, _)| name).collect();
    names.sort();
    for pair in names.windows(2) {
        assert!(pair[0] != pair[1], "law of layers: names are unique, got {} twice", pair[0]);
    }
    let n_numbers: usize = params(&make()).iter().map(|(_, x)| x.numel()).sum();
    assert_eq!(make().n_params(), n_numbers, "law of layers: n_params counts the parameters");
}

/// The gradients of a loss; none where it depends on no leaf.
fn gradients(loss: &Tensor<f64>) -> Gradients<f64> {
    if loss.is_tracked() { loss.backward() } else { Gradients::new() }
}

/// Names and values of the parameters.
fn params<M: Module<f64>>(module: &M) -> Vec<(String, Tensor<f64>)> {
    let mut out = Vec::new();
    module.for_each_param(&mut |name, param| out.push((name.to_owned(), param.detach())));
    out
}

/// Names and values of parameters and buffers, in the order of the walk.
fn state<M: Module<f64>>(module: &M) -> Vec<(String, Tensor<f64>)> {
    struct Collect(Vec<(String, Tensor<f64>)>);
    impl Visitor<f64> for Collect {
        fn param(&mut self, name: &str, param: &Param<f64>) {
            self.0.push((name.to_owned(), param.detach()));
        }
        fn buffer(&mut self, name: &str, buffer: &Buffer<f64>) {
            self.0.push((name.to_owned(), buffer.get()));
        }
    }
    let mut collect = Collect(Vec::new());
    module.visit(&mut collect);
    collect.0
}

/// Compares a gradient with central differences of `f` at some coordinates of `x`.
///
/// Three steps are tried, from the most exact to the smallest, and one must agree: at a kink
/// within reach of a step no difference is a derivative, and a wrong gradient agrees at none.
#[track_caller]
fn compare(
    what: &str,
    seed: u64,
    x: &Tensor<f64>,
    grad: &Tensor<f64>,
    f: impl Fn(&Tensor<f64>) -> Vec<f64>,
) {
    let n = x.numel();
    assert_eq!(grad.shape(), x.shape(), "law of layers: shape of the gradient {what}");
    let mut places = Stream::new(seed, "layer check places").rng(0).permutation(n);
    places.truncate(MAX_COORDINATES);
    for i in places {
        let at = x.data()[i];
        let value_at = |v: f64| {
            let mut moved = x.detach();
            moved.data_mut()[i] = v;
            f(&moved)
        };
        let mut slopes = [0.0; 3];
        let steps = [1e-3f64, 1e-5, 1e-7].map(|h| h * at.abs().max(1.0));
        let mut agrees = false;
        for (slope, h) in slopes.iter_mut().zip(steps) {
            *slope = central(&value_at, at, h);
            // The rounding of the values, divided by the step, is the error of the difference.
            let tolerance =
                Tolerance { atol: Tolerance::GRADIENT.atol.max(1e-14 / h), ..Tolerance::GRADIENT };
            agrees = tolerance.accepts(grad.data()[i], *slope);
            if agrees {
                break;
            }
        }
        assert!(
            agrees,
            "law of layers: the gradient {what} is that of finite differences, \
             at element {i} of {}: got {:e}, expected one of {slopes:?}",
            x.shape(),
            grad.data()[i]
        );
    }
}

/// `(f(at + h) - f(at - h)) / 2h`, extrapolated from `h` and `h / 2`, summed over the outputs
/// after the difference is taken.
fn central(value_at: &impl Fn(f64) -> Vec<f64>, at: f64, h: f64) -> f64 {
    let slope = |h: f64| {
        let (above, below) = (at + h, at - h);
        let changes = value_at(above);
        let change: f64 = changes.iter().zip(value_at(below)).map(|(a, b)| a - b).sum();
        change / (above - below)
    };
    let (coarse, fine) = (slope(h), slope(h / 2.0));
    fine + (fine - coarse) / 3.0
}

/// The text of a panic in `f`, if there is one.
fn panic_text(f: impl FnOnce()) -> Option<String> {
    let payload = catch_unwind(AssertUnwindSafe(f)).err()?;
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .or_else(|| Some("a panic without a text".to_owned()))
}
