//! The trainer: what it computes, what it learns, the same bits everywhere, what it refuses.

use purlin_core::rng::Stream;
use purlin_core::{Matrix, Result};
use purlin_data::{Loader, MemoryDataset, Targets, blobs, ring_centers};
use purlin_nn::callbacks::{BatchEnd, Callback};
use purlin_nn::gan::{GanLoss, GanTrainer, sample, with_labels};
use purlin_nn::layers::{
    BatchNorm1d, BatchNorm2d, Conv2d, ConvTranspose2d, Dropout, Flatten, LeakyRelu, Linear, Relu,
    SpectralNorm, Tanh, Unflatten,
};
use purlin_nn::metrics::mode_coverage;
use purlin_nn::optim::{Adam, Optimizer, Sgd};
use purlin_nn::weights::state_dict;
use purlin_nn::{Context, Forward, Module, Sequential};
use purlin_tensor::{Activation, Tensor};
use purlin_testkit::{check_same_bits_on_all_isas, check_same_bits_on_threads};

/// Images of 8 x 8 pixels with a bright half: class 0 above, class 1 below.
pub(crate) fn data() -> Loader {
    let noise = Tensor::normal([48, 8, 8, 1], 0.0, 0.1, &Stream::new(1, "images"));
    let mut x = noise;
    for (i, value) in x.data_mut().iter_mut().enumerate() {
        let (image, row) = (i / 64, (i / 8) % 8);
        *value += if (row < 4) == (image % 2 == 0) { 0.8 } else { -0.8 };
    }
    let classes = (0..48).map(|i| i % 2).collect();
    Loader::new(MemoryDataset::new(x, Targets::Classes(classes)).unwrap()).batch_size(8).shuffle(5)
}

/// Everything that a resumed run could get wrong: batch norm, dropout, spectral norm.
pub(crate) fn networks(latent: usize, channels: usize) -> (Sequential, Sequential) {
    let init = Stream::new(2, "init");
    let generator = Sequential::new()
        .push(Linear::new(latent, 2 * 2 * 8, &init.child("g0")))
        .push(Unflatten::new([2, 2, 8]))
        .push(ConvTranspose2d::new(8, 6, 4, &init.child("g1")).stride(2).padding(1))
        .push(BatchNorm2d::new(6))
        .push(Relu)
        .push(ConvTranspose2d::new(6, 1, 4, &init.child("g2")).stride(2).padding(1))
        .push(Tanh);
    let conv = Conv2d::new(channels, 6, 4, &init.child("d0")).stride(2).padding(1);
    let discriminator = Sequential::new()
        .push(SpectralNorm::new(conv, &init.child("norm")))
        .push(LeakyRelu::new(0.2))
        .push(Dropout::new(0.25))
        .push(Flatten)
        .push(Linear::new(96, 1, &init.child("d1")));
    (generator, discriminator)
}

pub(crate) fn bits(models: &[&Sequential]) -> Vec<u32> {
    let values = models.iter().flat_map(|model| state_dict(*model)).flat_map(|(_, x)| x.to_vec());
    values.map(f32::to_bits).collect()
}

fn adam() -> Adam {
    Adam::new(2e-3).betas(0.5, 0.999)
}

#[test]
fn a_fit_is_the_loop_that_one_would_write() {
    let (mut generator, mut discriminator) = networks(4, 1);
    let (mut g, mut d) = networks(4, 1);
    let history = GanTrainer::new(GanLoss::Hinge, adam(), adam())
        .latent_dim(4)
        .discriminator_steps(2)
        .epochs(2)
        .seed(7)
        .fit(&mut generator, &mut discriminator, &data())
        .unwrap();

    let (mut optimizer_g, mut optimizer_d) = (adam(), adam());
    let mut losses = Vec::new();
    for epoch in 0..2 {
        for (i, batch) in data().epoch(epoch).enumerate() {
            let real = batch.unwrap().x;
            let at = epoch * 6 + i as u64;
            let stream = Stream::new(7, "gan").child_at(at).child("latent");
            let z = Tensor::normal([8, 4], 0.0, 1.0, &stream);
            let mut ctx = Context::train(7).at_step(at);
            let fake = g.forward(&z, &mut ctx);
            let scores = [d.forward(&real, &mut ctx), d.forward(&fake.detach(), &mut ctx)];
            let loss = GanLoss::Hinge.discriminator(&scores[0], &scores[1]).unwrap();
            optimizer_d.step(&mut d, &loss.backward()).unwrap();
            if at % 2 == 1 {
                let loss = GanLoss::Hinge.generator(&d.forward(&fake, &mut ctx)).unwrap();
                losses.push(f64::from(loss.item()));
                optimizer_g.step(&mut g, &loss.backward()).unwrap();
            }
        }
    }
    assert_eq!(bits(&[&generator, &discriminator]), bits(&[&g, &d]));
    let mean = |losses: &[f64]| losses.iter().map(|x| x * 8.0).sum::<f64>() / 24.0;
    assert_eq!(history.values("generator_loss"), [mean(&losses[..3]), mean(&losses[3..])]);
    assert_eq!(history.last().unwrap().step, 6);
}

#[test]
fn a_training_has_the_same_bits_on_every_isa_and_number_of_threads() {
    let train = || {
        let (mut generator, mut discriminator) = networks(6, 3);
        let mut shown = Vec::new();
        let mut trainer = GanTrainer::new(GanLoss::Wasserstein, adam(), adam())
            .latent_dim(4)
            .classes(2)
            .gradient_penalty(10.0)
            .ema(0.9)
            .epochs(1)
            .samples(4, |_, images| {
                shown.extend(images.to_vec());
                Ok(())
            });
        let history = trainer.fit(&mut generator, &mut discriminator, &data()).unwrap();
        drop(trainer);
        let values = history.last().unwrap().values.iter().map(|(_, x)| *x as f32);
        let weights = state_dict(&generator).into_iter().chain(state_dict(&discriminator));
        let weights = weights.flat_map(|(_, x)| x.to_vec());
        weights.chain(shown).chain(values).collect::<Vec<f32>>()
    };
    check_same_bits_on_all_isas(train);
    check_same_bits_on_threads(train);
}

/// Small dense networks for points.
fn for_points(spectral: bool) -> (Sequential, Sequential) {
    let init = Stream::new(4, "init");
    let dense = |i: usize, o: usize, name: &str| Linear::new(i, o, &init.child(name));
    let generator = Sequential::new()
        .push(dense(4, 32, "g0").activation(Activation::Relu))
        .push(dense(32, 32, "g1").activation(Activation::Relu))
        .push(dense(32, 2, "g2"));
    let mut discriminator = Sequential::new();
    for (i, (from, to)) in [(2, 32), (32, 32), (32, 1)].into_iter().enumerate() {
        let layer = dense(from, to, &format!("d{i}"));
        discriminator = if spectral {
            discriminator.push(SpectralNorm::new(layer, &init.child_at(i as u64)))
        } else {
            discriminator.push(layer)
        };
        if to > 1 {
            discriminator = discriminator.push(LeakyRelu::new(0.2));
        }
    }
    (generator, discriminator)
}

#[test]
fn every_loss_finds_where_a_distribution_lies() {
    let x = Tensor::normal([512, 2], 0.0, 0.3, &Stream::new(1, "points"));
    let x = x + Tensor::from([1.5, -1.0]);
    let data = Loader::new(MemoryDataset::new(x, Targets::None).unwrap()).batch_size(64).shuffle(1);
    let adam = |lr| Adam::new(lr).betas(0.5, 0.9);
    let trainer =
        |loss| GanTrainer::new(loss, adam(1e-3), adam(2e-3)).latent_dim(4).epochs(40).ema(0.95);
    let wasserstein = || trainer(GanLoss::Wasserstein).discriminator_steps(2).epochs(80);
    let cases = [
        ("non-saturating", false, trainer(GanLoss::default())),
        ("smoothed", false, trainer(GanLoss::NonSaturating { smoothing: 0.1 })),
        ("least squares", false, trainer(GanLoss::LeastSquares)),
        ("hinge, spectral norm", true, trainer(GanLoss::Hinge)),
        ("clipped", false, wasserstein().clip_weights(0.1)),
        ("penalty", false, wasserstein().gradient_penalty(1.0)),
    ];
    for (name, spectral, mut trainer) in cases {
        let (mut generator, mut discriminator) = for_points(spectral);
        trainer.fit(&mut generator, &mut discriminator, &data).unwrap();
        trainer.ema_weights().unwrap().apply(&mut generator).unwrap();
        let z = Tensor::normal([1000, 4], 0.0, 1.0, &Stream::new(9, "z"));
        let mean = sample(&generator, &z).mean_axis(0, false).to_vec();
        let distance = (mean[0] - 1.5).hypot(mean[1] + 1.0);
        assert!(distance < 0.3, "{name}: {mean:?}");
    }
}

#[test]
fn a_conditional_generator_makes_the_class_it_is_told() {
    let (centers, n) = (ring_centers(3, 2.0), 100);
    let (x, classes) = blobs(0, n).centers(centers.clone()).unwrap().std(0.1).seed(1).generate();
    let data = Loader::new(MemoryDataset::classes(x.view(), &classes, 3).unwrap());
    let data = data.batch_size(50).shuffle(2).drop_last(true);
    let init = Stream::new(1, "init");
    let dense = |i: usize, o: usize, name: &str| Linear::new(i, o, &init.child(name));
    let mut generator = Sequential::new()
        .push(dense(5, 32, "g0").activation(Activation::Relu))
        .push(dense(32, 2, "g1"));
    let mut discriminator = Sequential::new()
        .push(dense(5, 32, "d0").activation(Activation::LeakyRelu(0.2)))
        .push(dense(32, 32, "d1").activation(Activation::LeakyRelu(0.2)))
        .push(dense(32, 1, "d2"));
    let adam = |lr| Adam::new(lr).betas(0.5, 0.9);
    let mut shown = Vec::new();
    let mut trainer = GanTrainer::new(GanLoss::LeastSquares, adam(2e-3), adam(4e-3))
        .latent_dim(2)
        .classes(3)
        .epochs(100)
        .ema(0.98)
        .samples(6, |record, made| {
            if record.epoch == 100 {
                shown = made.to_vec();
            }
            Ok(())
        });
    trainer.fit(&mut generator, &mut discriminator, &data).unwrap();
    trainer.ema_weights().unwrap().apply(&mut generator).unwrap();
    drop(trainer);
    for class in 0..3 {
        let z = Tensor::normal([200, 2], 0.0, 1.0, &Stream::new(9, "z"));
        let made = sample(&generator, &with_labels(&z, &vec![class; 200], 3).unwrap());
        let mean = made.mean_axis(0, false).to_vec();
        let (x, y) = (f64::from(mean[0]), f64::from(mean[1]));
        let distance = (x - centers[(class, 0)]).hypot(y - centers[(class, 1)]);
        assert!(distance < 0.4, "class {class}: {mean:?}");
    }
    // What was shown after the last epoch is of classes 0, 1, 2, 0, 1, 2, by averaged weights.
    let shown = Matrix::from_vec(shown, 6, 2).unwrap();
    for (i, row) in shown.rows().enumerate() {
        let one = Matrix::from_rows(&[[row[0], row[1]]]);
        let coverage = mode_coverage(one.view(), centers.view(), 0.5).unwrap();
        assert_eq!(coverage.counts()[i % 3], 1, "{row:?}");
    }
}

#[test]
fn showing_averaged_samples_leaves_the_training_alone() {
    let train = |shows: bool| {
        let (mut generator, mut discriminator) = networks(4, 1);
        let mut trainer =
            GanTrainer::new(GanLoss::default(), adam(), adam()).latent_dim(4).epochs(2).ema(0.9);
        if shows {
            trainer = trainer.samples(3, |_, images| {
                assert_eq!(images.dims(), [3, 8, 8, 1]);
                Ok(())
            });
        }
        trainer.fit(&mut generator, &mut discriminator, &data()).unwrap();
        bits(&[&generator, &discriminator])
    };
    assert_eq!(train(true), train(false));
}

#[test]
fn callbacks_are_told_of_batches_and_of_the_generators_steps() {
    #[derive(Default)]
    struct Steps {
        batches: Vec<(u64, u64, bool)>,
        shown: usize,
        names: Vec<String>,
    }
    impl Callback for Steps {
        fn name(&self) -> String {
            "steps".to_owned()
        }
        fn on_step(&mut self, model: &dyn Module) -> Result<()> {
            self.shown += model.n_params();
            Ok(())
        }
        fn on_batch_end(&mut self, end: &BatchEnd<'_>) -> Result<()> {
            self.batches.push((end.batch, end.step, end.is_step));
            self.names = (end.values)().into_iter().map(|(name, _)| name).collect();
            Ok(())
        }
    }
    let (mut generator, mut discriminator) = networks(4, 1);
    let mut steps = Steps::default();
    GanTrainer::new(GanLoss::default(), adam(), adam())
        .latent_dim(4)
        .discriminator_steps(4)
        .callback(&mut steps)
        .fit(&mut generator, &mut discriminator, &data())
        .unwrap();
    let expected =
        [(1, 0, false), (2, 0, false), (3, 0, false), (4, 1, true), (5, 1, false), (6, 1, false)];
    assert_eq!(steps.batches, expected);
    assert_eq!(steps.shown, generator.n_params());
    assert_eq!(steps.names, ["discriminator_loss", "generator_loss", "real_score", "fake_score"]);
}

#[test]
fn what_is_refused() {
    let fit = |trainer: GanTrainer<'_>, latent: usize, channels: usize| {
        let mut trainer = trainer;
        let (mut generator, mut discriminator) = networks(latent, channels);
        let before = bits(&[&generator, &discriminator]);
        let err = trainer.fit(&mut generator, &mut discriminator, &data()).unwrap_err();
        assert_eq!(bits(&[&generator, &discriminator]), before);
        err.to_string()
    };
    let trainer = || GanTrainer::new(GanLoss::default(), adam(), adam()).latent_dim(4);
    let zero = |name: &str| format!("gan: {name} must be at least 1, got 0");
    assert_eq!(fit(trainer().latent_dim(0), 4, 1), zero("latent_dim"));
    assert_eq!(fit(trainer().discriminator_steps(0), 4, 1), zero("discriminator_steps"));
    assert_eq!(
        fit(trainer().discriminator_steps(7), 4, 1),
        "gan: discriminator_steps must be at most the 6 batches of an epoch, got 7"
    );
    assert_eq!(fit(trainer().classes(0), 4, 1), zero("classes"));
    assert_eq!(fit(trainer().samples(0, |_, _| Ok(())), 4, 1), zero("samples"));
    let above =
        |name: &str, got: &str| format!("gan: {name} must be finite and above 0, got {got}");
    assert_eq!(fit(trainer().gradient_penalty(0.0), 4, 1), above("gradient_penalty", "0"));
    assert_eq!(fit(trainer().clip_weights(f64::NAN), 4, 1), above("clip_weights", "NaN"));
    assert_eq!(fit(trainer().ema(1.0), 4, 1), "ema: decay must be in [0, 1), got 1");
    assert_eq!(
        fit(trainer().resume(), 4, 1),
        "fit: checkpoint must be set for resume and checkpoint_every, got none"
    );
    assert_eq!(
        fit(trainer().batches_per_epoch(7), 4, 1),
        "fit: batches_per_epoch must be in 1..=6, got 7"
    );
    assert_eq!(fit(trainer(), 5, 1), "linear: expected input (..., 5), got (8, 4)");
    assert_eq!(
        fit(trainer().classes(2), 6, 1),
        "conv2d: expected input (batch, height, width, 1), got (8, 8, 8, 3)"
    );
    assert_eq!(fit(trainer().classes(1), 5, 2), "gan: class must be below 1, got 1 at row 3");

    let step = |generator: &mut Sequential, discriminator: &mut Sequential, real: &Tensor| {
        let err = trainer().step(generator, discriminator, real, None, 0).unwrap_err();
        err.to_string()
    };
    let (mut generator, mut discriminator) = networks(4, 1);
    assert_eq!(
        step(&mut generator, &mut discriminator, &Tensor::zeros([8, 4, 4, 1])),
        "gan: expected a generator that makes samples (8, 4, 4, 1), got (8, 8, 8, 1)"
    );
    assert_eq!(
        step(&mut generator, &mut discriminator, &Tensor::zeros([0, 8, 8, 1])),
        "gan: expected at least 1 real sample (batch, ...), got (0, 8, 8, 1)"
    );
    let images = Tensor::zeros([8, 8, 8, 1]);
    let rule = "one with trainable parameters (are all of them frozen?), got none";
    discriminator.freeze();
    assert_eq!(
        step(&mut generator, &mut discriminator, &images),
        format!("gan: discriminator must be {rule}")
    );
    discriminator.unfreeze();
    generator.freeze();
    assert_eq!(
        step(&mut generator, &mut discriminator, &images),
        format!("gan: generator must be {rule}")
    );
    let err = trainer().classes(2).step(&mut generator, &mut discriminator, &images, None, 0);
    let text = "gan: expected a class with every sample, for classes, got none";
    assert_eq!(err.unwrap_err().to_string(), text);
}

#[test]
fn what_is_not_finite_stops_the_training() {
    let x = Tensor::full([8, 1], 1e30f32);
    let data = Loader::new(MemoryDataset::new(x, Targets::None).unwrap()).batch_size(8);
    let init = Stream::new(1, "init");
    let mut generator: Linear = Linear::new(2, 1, &init.child("g"));
    let mut discriminator: Linear = Linear::new(1, 1, &init.child("d"));
    let before = discriminator.weight.to_vec();
    let err = GanTrainer::new(GanLoss::LeastSquares, Sgd::new(0.1), Sgd::new(0.1))
        .latent_dim(2)
        .fit(&mut generator, &mut discriminator, &data)
        .unwrap_err();
    assert_eq!(err.to_string(), "gan: diverged at step 0: discriminator loss is inf");
    assert_eq!(discriminator.weight.to_vec(), before);
}

#[test]
fn a_penalty_through_batch_norm_can_be_had() {
    // Nobody should, but nothing silently goes wrong: it has its second derivatives.
    let init = Stream::new(1, "init");
    let critic: Sequential<f64> = Sequential::new()
        .push(Linear::new(2, 3, &init.child("0")))
        .push(BatchNorm1d::new(3))
        .push(Linear::new(3, 1, &init.child("1")));
    let x = Tensor::normal([6, 2], 0.0, 1.0, &init.child("x"));
    let score = |x: &Tensor<f64>| critic.forward(x, &mut Context::train(0));
    let penalty = purlin_nn::gan::gradient_penalty(score, &x, &x, &init).unwrap();
    assert!(penalty.backward().iter().all(Tensor::is_finite));
}
