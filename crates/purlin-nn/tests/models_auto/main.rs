//! Autoencoders and their loss: the laws of layers and losses, known answers, what is refused.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use purlin_core::rng::Stream;
use purlin_data::{Loader, MemoryDataset, Targets};
use purlin_nn::layers::{Conv2d, ConvTranspose2d, Flatten, Linear};
use purlin_nn::losses::{Elbo, Loss, Reduction};
use purlin_nn::models::{Autoencoder, Posterior, VariationalAutoencoder};
use purlin_nn::optim::Adam;
use purlin_nn::trainer::Trainer;
use purlin_nn::{Context, Forward, Module, Sequential, weights};
use purlin_tensor::{GradcheckOptions, Tensor, gradcheck};
use purlin_testkit::{
    check_layer, check_loss, check_same_bits_on_all_isas, check_same_bits_on_threads,
};

/// The text of a panic.
fn panic_text<R>(f: impl FnOnce() -> R + std::panic::UnwindSafe) -> String {
    let Err(panic) = std::panic::catch_unwind(f) else { panic!("nothing was refused") };
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn autoencoders_obey_the_laws_of_layers() {
    check_layer([3, 6], |stream| Autoencoder::mlp(6, &[5], 2, stream));
    check_layer([3, 6], |stream| VariationalAutoencoder::mlp(6, &[5, 4], 2, stream));
}

#[test]
fn names_of_parameters_tell_encoder_and_decoder_apart() {
    let model = VariationalAutoencoder::<f32>::mlp(6, &[5], 2, &Stream::new(1, "init"));
    let mut names = Vec::new();
    model.for_each_param(&mut |name, _| names.push(name.to_owned()));
    let expected = [
        "encoder.0.weight",
        "encoder.0.bias",
        "head.weight",
        "head.bias",
        "decoder.0.weight",
        "decoder.0.bias",
        "decoder.1.weight",
        "decoder.1.bias",
    ];
    assert_eq!(names, expected);
    assert_eq!(model.n_params(), (6 + 1) * 5 + (5 + 1) * 4 + (2 + 1) * 5 + (5 + 1) * 6);
    assert_eq!(model.latent_dim(), 2);
}

#[test]
fn a_sample_is_mean_and_deviation_times_standard_normal_draws() {
    let n = 20_000;
    let posterior = Posterior::<f64> {
        mean: Tensor::full([n, 1], 3.0),
        log_var: Tensor::full([n, 1], 4f64.ln()),
    };
    let z = posterior.sample(&mut Context::train(1));
    // Standard errors: 2 / sqrt(n) = 0.014 of the mean, 4 sqrt(2 / n) = 0.04 of the variance.
    assert!((z.mean().item() - 3.0).abs() < 0.06);
    assert!((z.var(1).item() - 4.0).abs() < 0.16);
    assert_eq!(z, posterior.sample(&mut Context::train(1)));
    assert_ne!(z, posterior.sample(&mut Context::train(1).at_step(1)));
    assert_eq!(posterior.sample(&mut Context::eval()), posterior.mean);
}

#[test]
fn the_output_holds_reconstruction_mean_and_log_variance() {
    let model = VariationalAutoencoder::<f64>::mlp(4, &[3], 2, &Stream::new(1, "init"));
    let x = Tensor::uniform([5, 4], 0.0, 1.0, &Stream::new(2, "x"));
    let mut ctx = Context::eval();
    let output = model.forward(&x, &mut ctx);
    let posterior = model.encode(&x, &mut ctx);
    assert_eq!(output.slice(1, ..4), model.decode(&posterior.mean, &mut ctx));
    assert_eq!(output.slice(1, 4..6), posterior.mean);
    assert_eq!(output.slice(1, 6..), posterior.log_var);
    let made = model.generate(3, &Stream::new(3, "codes"));
    let z = Tensor::normal([3, 2], 0.0, 1.0, &Stream::new(3, "codes"));
    assert_eq!(made, model.decode(&z, &mut ctx));
}

#[test]
fn the_divergence_is_that_of_the_formula() {
    // A code of two coordinates; the reconstruction is right.
    let of = |mean: [f64; 2], var: [f64; 2]| {
        let row = [1.0, mean[0], mean[1], var[0].ln(), var[1].ln()];
        let parts = Elbo::gaussian(2).parts(&Tensor::from([row]), &Tensor::from([[1.0]])).unwrap();
        assert_eq!(parts[0].item(), 0.0);
        parts[1].item()
    };
    assert_eq!(of([0.0, 0.0], [1.0, 1.0]), 0.0);
    assert_eq!(of([3.0, 4.0], [1.0, 1.0]), 12.5);
    // (s^2 - 1 - ln s^2) / 2
    let expected = 0.5 * (4.0 - 1.0 - 4f64.ln()) + 0.5 * (0.25 - 1.0 + 4f64.ln());
    assert!((of([0.0, 0.0], [4.0, 0.25]) - expected).abs() < 1e-15);
}

#[test]
fn the_reconstruction_is_summed_over_a_sample_and_averaged_over_samples() {
    let (zero, ln_2) = ([0.0f64; 4], std::f64::consts::LN_2);
    // Logits 0: ln 2 for each of two numbers, whatever the target.
    let prediction = Tensor::from([zero, zero, zero]);
    let target = Tensor::from([[1.0, 0.0], [0.5, 0.25], [0.0, 0.0]]);
    let elbo = Elbo::bernoulli(1);
    assert!((elbo.loss(&prediction, &target).unwrap().item() - 2.0 * ln_2).abs() < 1e-15);
    let each = elbo.each(&prediction, (&target).into()).unwrap();
    assert_eq!(each.dims(), [3]);
    let sum = elbo.reduction(Reduction::Sum).loss(&prediction, &target).unwrap().item();
    assert!((sum - 6.0 * ln_2).abs() < 1e-14);
}

#[test]
fn the_loss_obeys_the_laws_of_losses() {
    let x = Tensor::from([[0.3, -1.2, 2.1, 0.4, -0.2, 0.6], [-0.4, 0.9, 1.7, -1.1, 0.3, -0.5]]);
    let t = Tensor::from([[1.0, 0.3], [0.0, 0.8]]);
    check_loss(&x, |x, r| Elbo::bernoulli(2).reduction(r).loss(x, &t));
    check_loss(&x, |x, r| Elbo::gaussian(2).beta(0.3).reduction(r).loss(x, &t));
}

#[test]
fn gradients_go_through_the_draw() {
    let model = VariationalAutoencoder::<f64>::mlp(3, &[4], 2, &Stream::new(5, "init"));
    let x = Tensor::uniform([4, 3], 0.0, 1.0, &Stream::new(6, "x"));
    let target = x.detach();
    let loss = |inputs: &[Tensor<f64>]| {
        let output = model.forward(&inputs[0], &mut Context::train(7).at_step(2));
        Elbo::bernoulli(2).beta(0.7).loss(&output, &target).unwrap()
    };
    gradcheck(loss, &[x], &GradcheckOptions::default()).unwrap();
}

/// Eighteen numbers as a picture.
#[derive(Module)]
struct ToPicture;

impl Forward for ToPicture {
    fn forward(&self, x: &Tensor, _ctx: &mut Context) -> Tensor {
        x.reshape([x.dims()[0], 3, 3, 2])
    }
}

#[test]
fn convolutions_fit_in() {
    let stream = Stream::new(1, "init");
    let encoder = Sequential::new().push(Conv2d::new(1, 2, 3, &stream.child("conv")).stride(2));
    let decoder = Sequential::new()
        .push(Linear::new(3, 9 * 2, &stream.child("linear")))
        .push(ToPicture)
        .push(ConvTranspose2d::new(2, 1, 3, &stream.child("up")).stride(2));
    let model = VariationalAutoencoder::<f32>::new(encoder, 9 * 2, 3, decoder, &stream);
    let x = Tensor::uniform([2, 7, 7, 1], 0.0, 1.0, &Stream::new(2, "x"));
    let output = model.forward(&x, &mut Context::train(1));
    assert_eq!(output.dims(), [2, 49 + 6]);
    assert_eq!(model.output_shape(x.shape()).unwrap(), *output.shape());
    assert_eq!(model.decode(&Tensor::zeros([2, 3]), &mut Context::eval()).dims(), [2, 7, 7, 1]);
    let plain = Autoencoder::new(
        Sequential::new().push(Flatten),
        Sequential::new().push(Linear::new(49, 5, &stream.child("plain"))),
    );
    assert_eq!(plain.forward(&x, &mut Context::eval()).dims(), [2, 5]);
}

/// Weights after a few epochs.
fn trained() -> Vec<f32> {
    let x = Tensor::uniform([40, 12], 0.0, 1.0, &Stream::new(2, "x"));
    let data = MemoryDataset::new(x.clone(), Targets::Values(x)).unwrap();
    let data = Loader::new(data).batch_size(16).shuffle(3);
    let mut model = VariationalAutoencoder::mlp(12, &[9], 3, &Stream::new(1, "init"));
    let mut trainer = Trainer::new(Elbo::bernoulli(3), Adam::new(0.01)).epochs(2).seed(4);
    trainer.fit(&mut model, &data, None).unwrap();
    weights::state_dict(&model).iter().flat_map(|(_, weight)| weight.to_vec()).collect()
}

#[test]
fn training_gives_the_same_bits_on_every_machine() {
    check_same_bits_on_all_isas(trained);
    check_same_bits_on_threads(trained);
}

#[test]
fn what_does_not_fit_is_refused() {
    let elbo = Elbo::bernoulli(2);
    let text = |prediction: &Tensor<f64>, target: &Tensor<f64>| {
        elbo.loss(prediction, target).unwrap_err().to_string()
    };
    let x = Tensor::zeros([3, 5]);
    assert_eq!(
        text(&x, &Tensor::zeros([3, 2])),
        "elbo: expected target (3, 5 - 2 * 2), got (3, 2)"
    );
    assert_eq!(
        text(&x, &Tensor::zeros([2, 1])),
        "elbo: expected target (3, 5 - 2 * 2), got (2, 1)"
    );
    assert_eq!(
        text(&Tensor::zeros([3, 4]), &Tensor::zeros([3, 2])),
        "elbo: expected prediction (batch, numbers + 2 * 2), got (3, 4)"
    );
    assert_eq!(
        text(&x, &Tensor::full([3, 1], 1.5)),
        "bce_with_logits: target must be in 0..=1, got 1.5 at element 0"
    );
    assert_eq!(
        elbo.compute(&x, (&vec![0usize; 3]).into()).unwrap_err().to_string(),
        "elbo: expected a target tensor, got 3 classes"
    );
    assert_eq!(panic_text(|| Elbo::gaussian(0)), "elbo: latent_dim must be at least 1, got 0");
    assert_eq!(
        panic_text(|| Elbo::gaussian(1).beta(-1.0)),
        "elbo: beta must be finite and at least 0, got -1"
    );
    let stream = Stream::new(1, "init");
    assert_eq!(
        panic_text(|| VariationalAutoencoder::<f32>::mlp(3, &[], 2, &stream)),
        "vae: hidden layers must be at least 1, got 0"
    );
    assert_eq!(
        panic_text(|| Autoencoder::<f32>::mlp(3, &[4], 0, &stream)),
        "autoencoder: latent_dim must be at least 1, got 0"
    );
    assert_eq!(
        panic_text(|| Autoencoder::<f32>::mlp(3, &[0], 1, &stream)),
        "autoencoder: hidden size must be at least 1, got 0"
    );
}

#[test]
fn a_saved_model_is_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vae.safetensors");
    let build = |seed| VariationalAutoencoder::<f32>::mlp(4, &[3], 2, &Stream::new(seed, "init"));
    let (model, mut other) = (build(1), build(2));
    weights::save(&model, &file).unwrap();
    weights::load(&mut other, &file).unwrap();
    let x = Tensor::uniform([5, 4], 0.0, 1.0, &Stream::new(2, "x"));
    let of = |model: &VariationalAutoencoder| model.forward(&x, &mut Context::train(3));
    assert_eq!(of(&model), of(&other));
}
