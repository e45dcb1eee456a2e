//! A step of a DCGAN: the discriminator on real and on generated images, then the generator.

use crate::Task;
use crate::measure::{Row, peak_rss_mb, time};
use crate::train::input;
use purlin_core::rng::Stream;
use purlin_nn::gan::{GanLoss, GanTrainer};
use purlin_nn::layers::{
    BatchNorm2d, Conv2d, ConvTranspose2d, Flatten, LeakyRelu, Linear, Relu, Unflatten,
};
use purlin_nn::optim::Adam;
use purlin_nn::{Activation, Sequential, Tensor};

const LATENT: usize = 64;
const BATCH: usize = 64;

pub(crate) fn tasks() -> Vec<Task> {
    vec![Task::new("dcgan-28", dcgan)]
}

fn generator(stream: &Stream) -> Sequential {
    let up = |from, to, name| {
        ConvTranspose2d::new(from, to, 4, &stream.child(name)).stride(2).padding(1)
    };
    Sequential::new()
        .push(Linear::new(LATENT, 7 * 7 * 128, &stream.child("0")))
        .push(Unflatten::new([7, 7, 128]))
        .push(up(128, 64, "1"))
        .push(BatchNorm2d::new(64))
        .push(Relu)
        .push(up(64, 1, "2").activation(Activation::Tanh))
}

fn discriminator(stream: &Stream) -> Sequential {
    let down = |from, to, name| Conv2d::new(from, to, 4, &stream.child(name)).stride(2).padding(1);
    Sequential::new()
        .push(down(1, 64, "0").activation(Activation::LeakyRelu(0.2)))
        .push(down(64, 128, "1"))
        .push(BatchNorm2d::new(128))
        .push(LeakyRelu::new(0.2))
        .push(Flatten)
        .push(Linear::new(7 * 7 * 128, 1, &stream.child("2")))
}

fn dcgan() -> Row {
    let init = Stream::new(0, "init");
    let mut generator = generator(&init.child("generator"));
    let mut discriminator = discriminator(&init.child("discriminator"));
    let adam = || Adam::new(2e-4).betas(0.5, 0.999);
    let mut trainer = GanTrainer::new(GanLoss::default(), adam(), adam()).latent_dim(LATENT);
    let batches: Vec<Tensor> = (0..8).map(|i| input(i, BATCH, &[28, 28, 1])).collect();
    let before = peak_rss_mb();
    let (mut at, mut last) = (0, None);
    let timing = time(|| {
        let real = &batches[at as usize % batches.len()];
        let step = trainer.step(&mut generator, &mut discriminator, real, None, at);
        last = Some(step.expect("the networks fit the images"));
        at += 1;
    });
    let loss = last.map_or(f64::NAN, |step| step.discriminator_loss);
    Row::rate(&timing, BATCH as f64, "samples/s")
        .with("loss", loss)
        .with("steps", at)
        .with("peak_rss_mb", peak_rss_mb())
        .with("rss_before_training_mb", before)
}
