//! Whole small trainings against PyTorch, from weights imported from its files: losses at every
//! step, final weights and running statistics.

use crate::common::{Outcome, array, channels_last, compare, document, permuted, tensor};
use purlin_core::Real;
use purlin_core::rng::Stream;
use purlin_nn::layers::{
    BatchNorm2d, Conv2d, Embedding, Flatten, Gru, LeakyRelu, Linear, Lstm, MaxPool2d, Padding,
    Relu, Tanh,
};
use purlin_nn::losses::{BceWithLogits, CrossEntropy, Mse};
use purlin_nn::optim::{Adam, AdamW, Clip, Optimizer, RmsProp, Sgd};
use purlin_nn::weights::{Layout, LoadReport, PyTorch, TensorFile, state_dict};
use purlin_nn::{Context, Forward, Module, Param, Sequential, Shape};
use purlin_tensor::{Cell, RecurrentOptions, RecurrentWeights, Tensor, recurrent};
use purlin_testkit::reference::{Array, Case, Cases, data_file};

fn init() -> Stream {
    Stream::new(0, "replaced by the file")
}

fn linear<T: Real>(n_in: usize, n_out: usize) -> Linear<T> {
    Linear::new(n_in, n_out, &init())
}

/// Reads the weights of a case, named `<case>.<name>` in PyTorch's layouts, as a user would.
fn import<T: Real>(
    file: &TensorFile,
    prefix: &str,
    layouts: &[(&str, Layout)],
    model: &mut Sequential<T>,
) -> LoadReport {
    // One file holds all cases with inputs and results beside the weights: the rest is skipped.
    let buffers = format!("{prefix}buffers_before.");
    let mut names = Vec::new();
    for (name, _) in state_dict(model) {
        names.push(format!("{prefix}{name}"));
        names.push(format!("{buffers}{name}"));
    }
    let mut import = PyTorch::new()
        .rename_prefix(&buffers, "")
        .rename_prefix(prefix, "")
        .layout("*emb.weight", Layout::Keep)
        .layout("*.weight_ih_l0", Layout::Linear)
        .layout("*.weight_hh_l0", Layout::Linear);
    for name in file.names().filter(|name| !names.iter().any(|own| own == name)) {
        import = import.skip(name);
    }
    for (pattern, layout) in layouts {
        import = import.layout(&format!("{prefix}{pattern}"), *layout);
    }
    let report = import.load(model, file).unwrap();
    assert!(report.is_complete() && report.missing.is_empty());
    report
}

/// A tensor of the model in PyTorch's layout.
fn exported<T: Real>(
    name: &str,
    x: &Tensor<T>,
    expected: &Array,
    flat: Option<[usize; 3]>,
) -> Array {
    let got = array(x);
    match (got.shape.len(), flat) {
        (2, Some([c, h, w])) if name == "7.weight" => {
            let n_out = got.shape[1];
            let image = Array { shape: vec![h, w, c, n_out], values: got.values };
            Array { shape: expected.shape.clone(), values: permuted(&image, &[3, 2, 0, 1]).values }
        }
        (2, _) if name != "emb.weight" => permuted(&got, &[1, 0]),
        (4, _) => permuted(&got, &[3, 2, 0, 1]),
        _ => got,
    }
}

fn finals_agree<T: Real>(
    case: &Case,
    prefix: &str,
    model: &Sequential<T>,
    flat: Option<[usize; 3]>,
    noise: &[&str],
) -> Result<(), String> {
    for (name, x) in state_dict(model) {
        let expected = case.output(&format!("{prefix}{name}"));
        let got = exported(&name, &x, expected, flat);
        if noise.contains(&name.as_str()) {
            for (a, b) in got.values.iter().zip(&expected.values) {
                assert!((a - b).abs() <= noise_bound::<T>(case), "{case}: {name}: {a} {b}");
            }
            continue;
        }
        compare::<T>(&format!("final {name}"), &got, expected)?;
    }
    Ok(())
}

/// How far a parameter may be off whose true gradient is 0: the bias in front of a batch norm,
/// which subtracts it again. Its computed gradient is rounding noise. In single precision that is
/// near Adam's eps of 1e-8, so the noise may move it by lr at each step; in double precision it is
/// some 1e-15, that is 1e-7 of lr at each step.
fn noise_bound<T: Real>(case: &Case) -> f64 {
    let most = 0.01 * case.usize("steps").unwrap() as f64;
    if T::NAME == "f32" { most } else { 1e-6 * most }
}

fn losses_agree<T: Real>(case: &Case, name: &str, losses: Vec<f64>) -> Result<(), String> {
    let got = Array { shape: vec![losses.len()], values: losses };
    compare::<T>(name, &got, case.output(name))
}

/// Rows `from..to` of the first axis.
fn rows(x: &Array, from: usize, to: usize) -> Array {
    let size: usize = x.shape[1..].iter().product();
    let mut shape = x.shape.clone();
    shape[0] = to - from;
    Array { shape, values: x.values[from * size..to * size].to_vec() }
}

/// Images come channels first.
fn input<T: Real>(x: &Array) -> Tensor<T> {
    if x.shape.len() == 4 { tensor(&permuted(x, &channels_last(4))) } else { tensor(x) }
}

fn classifier<T: Real>(
    case: &Case,
    model: &mut Sequential<T>,
    optimizer: &mut dyn Optimizer<T>,
    batch: impl Fn(usize) -> (usize, usize),
) -> Result<(), String> {
    let (x, y) = (case.input("x"), case.input("y").to_usize());
    let mut losses = Vec::new();
    for t in 0..case.usize("steps").unwrap() {
        let (from, to) = batch(t);
        let logits = model.forward(&input(&rows(x, from, to)), &mut Context::train(0));
        let loss = CrossEntropy::new().loss(&logits, &y[from..to]).unwrap();
        losses.push(loss.item().to_f64());
        let grads = loss.backward();
        drop(logits);
        optimizer.step(model, &grads).unwrap();
    }
    losses_agree::<T>(case, "loss_before_each_step", losses)
}

fn mlp_sgd<T: Real>(case: &Case, file: &TensorFile) -> Result<(), String> {
    let mut model = Sequential::new().push(linear::<T>(64, 32)).push(Relu).push(linear(32, 10));
    import(file, "mlp-sgd.", &[], &mut model);
    let n = case.input("y").values.len();
    classifier(case, &mut model, &mut Sgd::new(0.1).momentum(0.9), |_| (0, n))?;
    finals_agree(case, "final.", &model, None, &[])
}

fn cnn_adam<T: Real>(case: &Case, file: &TensorFile) -> Result<(), String> {
    let mut model = Sequential::new()
        .push(Conv2d::<T>::new(1, 4, 3, &init()).padding(Padding::from(1)))
        .push(BatchNorm2d::new(4))
        .push(Relu)
        .push(MaxPool2d::new(2))
        .push(Conv2d::new(4, 8, 3, &init()))
        .push(Relu)
        .push(Flatten)
        .push(linear(32, 10));
    let flat = Layout::LinearAfterFlatten { channels: 8, height: 2, width: 2 };
    let report = import(file, "cnn-adam.", &[("7.weight", flat)], &mut model);
    assert_eq!(report.matched.len(), 10, "eight parameters, two running statistics");
    classifier(case, &mut model, &mut Adam::new(0.01), |t| (16 * (t % 4), 16 * (t % 4) + 16))?;
    let noise = ["0.bias", "1.running_mean"];
    finals_agree(case, "final.", &model, Some([8, 2, 2]), &noise)
}

fn frozen<T: Real>(case: &Case, file: &TensorFile) -> Result<(), String> {
    let mut model = Sequential::new().push(linear::<T>(64, 16)).push(Tanh).push(linear(16, 10));
    import(file, "frozen-first-layer.", &[], &mut model);
    model.get_mut("0").unwrap().freeze();
    let n = case.input("y").values.len();
    classifier(case, &mut model, &mut Adam::new(0.05), |_| (0, n))?;
    finals_agree(case, "final.", &model, None, &[])
}

fn gan<T: Real>(case: &Case, file: &TensorFile) -> Result<(), String> {
    let net = |n_in, n_out| {
        Sequential::new()
            .push(linear::<T>(n_in, 12))
            .push(LeakyRelu::new(0.2))
            .push(linear(12, n_out))
    };
    let (mut generator, mut discriminator) = (net(4, 2), net(2, 1));
    import(file, "gan.G.", &[], &mut generator);
    import(file, "gan.D.", &[], &mut discriminator);
    let adam = || Adam::new(case.f64("lr").unwrap()).betas(0.5, 0.999);
    let (mut adam_g, mut adam_d) = (adam(), adam());
    let at = |name: &str, t: usize| {
        let mut x = rows(case.input(name), t, t + 1);
        x.shape.remove(0);
        tensor::<T>(&x)
    };
    let bce = |logits: &Tensor<T>, target: f64| {
        let target = Tensor::full(*logits.shape(), T::from_f64(target));
        BceWithLogits::new().loss(logits, &target).unwrap()
    };
    let mut ctx = Context::train(0);
    let (mut losses_d, mut losses_g) = (Vec::new(), Vec::new());
    for t in 0..case.usize("steps").unwrap() {
        let fake = generator.forward(&at("z_d", t), &mut ctx).detach();
        let real = discriminator.forward(&at("real", t), &mut ctx);
        let fake = discriminator.forward(&fake, &mut ctx);
        let loss = bce(&real, 1.0) + bce(&fake, 0.0);
        losses_d.push(loss.item().to_f64());
        adam_d.step(&mut discriminator, &loss.backward()).unwrap();
        let fake = generator.forward(&at("z_g", t), &mut ctx);
        let loss = bce(&discriminator.forward(&fake, &mut ctx), 1.0);
        losses_g.push(loss.item().to_f64());
        adam_g.step(&mut generator, &loss.backward()).unwrap();
    }
    losses_agree::<T>(case, "d_loss", losses_d)?;
    losses_agree::<T>(case, "g_loss", losses_g)?;
    finals_agree(case, "final.G.", &generator, None, &[])?;
    finals_agree(case, "final.D.", &discriminator, None, &[])
}

/// A recurrent layer with PyTorch's two biases, of which each has a gradient and a step of its own.
#[derive(Module)]
struct TwoBiases<T: Real> {
    weight_ih_l0: Param<T>,
    weight_hh_l0: Param<T>,
    bias_ih_l0: Param<T>,
    bias_hh_l0: Param<T>,
    #[module(skip)]
    cell: Cell,
}

impl<T: Real> TwoBiases<T> {
    fn new(cell: Cell, features: usize, units: usize) -> Self {
        let zeros = |dims: &[usize]| Param::new(Tensor::zeros(dims));
        let width = cell.gates() * units;
        Self {
            weight_ih_l0: zeros(&[features, width]),
            weight_hh_l0: zeros(&[units, width]),
            bias_ih_l0: zeros(&[width]),
            bias_hh_l0: zeros(&[width]),
            cell,
        }
    }
}

impl<T: Real> Forward<T> for TwoBiases<T> {
    fn forward(&self, x: &Tensor<T>, _: &mut Context) -> Tensor<T> {
        let (input, state) = (&*self.bias_ih_l0, &*self.bias_hh_l0);
        let units = self.weight_hh_l0.dims()[0];
        let shared = if self.cell == Cell::Gru { 2 * units } else { input.numel() };
        let sum = &input.slice(0, ..shared) + &state.slice(0, ..shared);
        let bias = Tensor::concat(&[&sum, &input.slice(0, shared..)], 0);
        let reset = (self.cell == Cell::Gru).then(|| state.slice(0, shared..));
        let weights = RecurrentWeights {
            input: &self.weight_ih_l0,
            recurrent: &self.weight_hh_l0,
            bias: Some(&bias),
            reset_bias: reset.as_ref(),
            projection: None,
        };
        recurrent(self.cell, x, None, weights, RecurrentOptions::default()).output
    }

    fn output_shape(&self, input: &Shape) -> purlin_core::Result<Shape> {
        Ok(input.with(2, self.weight_hh_l0.dims()[0]))
    }
}

/// `(batch, steps, features)` to `(batch, features)`.
#[derive(Module)]
struct LastStep;

impl<T: Real> Forward<T> for LastStep {
    fn forward(&self, x: &Tensor<T>, _: &mut Context) -> Tensor<T> {
        let steps = x.dims()[1];
        x.slice(1, steps - 1..).reshape([x.dims()[0], x.dims()[2]])
    }

    fn output_shape(&self, input: &Shape) -> purlin_core::Result<Shape> {
        Ok(Shape::from([input[0], input[2]]))
    }
}

/// The same network with a layer of this crate has the same loss before any step.
fn layer_agrees<T: Real>(
    case: &Case,
    file: &TensorFile,
    mut model: Sequential<T>,
    loss: impl Fn(&Tensor<T>) -> Tensor<T>,
) -> Result<(), String> {
    let prefix = format!("{}.", case.id);
    let mut import = PyTorch::new()
        .recurrent(&format!("{prefix}rnn"))
        .layout("*emb.weight", Layout::Keep)
        .rename_prefix(&prefix, "");
    for name in file.names() {
        let own = name.strip_prefix(&prefix);
        if !own.is_some_and(|own| case.names("params").contains(&own)) {
            import = import.skip(name);
        }
    }
    assert!(import.load(&mut model, file).unwrap().is_complete());
    let output = model.forward(&tensor(case.input("x")), &mut Context::eval());
    let first = rows(case.output("loss_before_each_step"), 0, 1);
    let got = Array { shape: vec![1], values: vec![loss(&output).item().to_f64()] };
    compare::<T>("loss with an imported layer", &got, &first)
}

fn char_lstm<T: Real>(case: &Case, file: &TensorFile) -> Result<(), String> {
    let network = |rnn: Box<dyn Forward<T>>, n_symbols| {
        Sequential::new()
            .push_named("emb", Embedding::<T>::new(n_symbols, 8, &init()))
            .push_named("rnn", rnn)
            .push_named("out", linear(16, n_symbols))
    };
    let n_symbols = case.param("emb.weight").shape[0];
    let mut model = network(Box::new(TwoBiases::new(Cell::Lstm, 8, 16)), n_symbols);
    import(file, "char-lstm.", &[], &mut model);
    let (x, y) = (tensor::<T>(case.input("x")), case.input("y").to_usize());
    let cross_entropy = |logits: &Tensor<T>| CrossEntropy::new().loss(logits, &y).unwrap();
    let mut optimizer = AdamW::new(0.02).weight_decay(0.01);
    let (mut losses, mut norms) = (Vec::new(), Vec::new());
    for _ in 0..case.usize("steps").unwrap() {
        let loss = cross_entropy(&model.forward(&x, &mut Context::train(0)));
        losses.push(loss.item().to_f64());
        let mut grads = loss.backward();
        let clip = Clip::norm(case.f64("clip_norm").unwrap());
        norms.push(clip.apply(&model, &mut grads).unwrap());
        optimizer.step(&mut model, &grads).unwrap();
    }
    losses_agree::<T>(case, "loss_before_each_step", losses)?;
    losses_agree::<T>(case, "gradient_norm_before_clipping", norms)?;
    finals_agree(case, "final.", &model, None, &[])?;
    let layer = network(Box::new(Lstm::new(8, 16, &init())), n_symbols);
    layer_agrees(case, file, layer, cross_entropy)
}

fn gru_forecast<T: Real>(case: &Case, file: &TensorFile) -> Result<(), String> {
    let network = |rnn: Box<dyn Forward<T>>| {
        Sequential::new()
            .push_named("rnn", rnn)
            .push_named("last", LastStep)
            .push_named("out", linear(10, 1))
    };
    let mut model = network(Box::new(TwoBiases::new(Cell::Gru, 1, 10)));
    import(file, "gru-forecast.", &[], &mut model);
    let (x, y) = (tensor::<T>(case.input("x")), tensor(case.input("y")));
    let y = y.reshape([y.numel(), 1]);
    let mse = |output: &Tensor<T>| Mse::new().loss(output, &y).unwrap();
    let mut optimizer = RmsProp::new(0.01);
    let mut losses = Vec::new();
    for _ in 0..case.usize("steps").unwrap() {
        let loss = mse(&model.forward(&x, &mut Context::train(0)));
        losses.push(loss.item().to_f64());
        optimizer.step(&mut model, &loss.backward()).unwrap();
    }
    losses_agree::<T>(case, "loss_before_each_step", losses)?;
    finals_agree(case, "final.", &model, None, &[])?;
    layer_agrees(case, file, network(Box::new(Gru::new(1, 10, &init()))), mse)
}

fn run<T: Real>(case: &Case, file: &TensorFile) -> Option<Result<(), String>> {
    Some(match case.id.as_str() {
        "mlp-sgd" => mlp_sgd::<T>(case, file),
        "cnn-adam" => cnn_adam::<T>(case, file),
        "frozen-first-layer" => frozen::<T>(case, file),
        "gan" => gan::<T>(case, file),
        "char-lstm" => char_lstm::<T>(case, file),
        "gru-forecast" => gru_forecast::<T>(case, file),
        _ => return None,
    })
}

#[test]
fn small_trainings_agree_with_the_reference() {
    let Some(cases) = Cases::open("training") else { return };
    let file = TensorFile::open(data_file("reference/nn/training.safetensors").unwrap()).unwrap();
    let (mut table, mut failures) = (Vec::new(), Vec::new());
    for case in cases.iter() {
        let outcome = match (run::<f32>(case, &file), run::<f64>(case, &file)) {
            (Some(single), Some(double)) => {
                for (result, name) in [(single, "f32"), (double, "f64")] {
                    if let Err(error) = result {
                        failures.push(format!("{case} in {name}: {error}"));
                    }
                }
                Outcome::Passes
            }
            _ => Outcome::Later,
        };
        table.push((case.id.clone(), case.kind.clone(), outcome));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    document("training", &table);
}
