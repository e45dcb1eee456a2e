//! Optimizers, schedules, and a training from the pictures to the weights.

use crate::table::{Hash, Table};
use purlin::core::Real;
use purlin::core::rng::Stream;
use purlin::data::{Augment, Loader, MemoryDataset, Pipeline, Subset, Targets, sets};
use purlin::nn::gan::{GanLoss, GanTrainer};
use purlin::nn::layers::{
    BatchNorm2d, Conv2d, Dropout, Flatten, LeakyRelu, Linear, MaxPool2d, Relu, SpectralNorm,
};
use purlin::nn::losses::CrossEntropy;
use purlin::nn::optim::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Clip, Lion, NAdam, Optimizer, RAdam, RmsProp, Sgd,
};
use purlin::nn::schedule::{
    Cosine, CosineRestarts, Cyclic, CyclicMode, ExponentialDecay, Noam, OneCycle, Polynomial,
    Schedule, WarmupCosine,
};
use purlin::nn::trainer::Trainer;
use purlin::nn::{Module, Param, Sequential};
use purlin::tensor::{Gradients, Tensor};

const SEED: u64 = 1;

/// Ten steps on random gradients: the parameter and the state.
pub(crate) fn optimizers<T: Real>(t: &mut Table) {
    let all: [(&str, Box<dyn Optimizer<T>>); 16] = [
        ("sgd", Box::new(Sgd::new(0.1).weight_decay(0.01))),
        ("sgd_momentum", Box::new(Sgd::new(0.1).momentum(0.9).dampening(0.1))),
        ("sgd_nesterov", Box::new(Sgd::new(0.1).momentum(0.9).nesterov())),
        ("adam", Box::new(Adam::new(0.1).weight_decay(0.01))),
        ("adam_amsgrad", Box::new(Adam::new(0.1).amsgrad())),
        ("adamw", Box::new(AdamW::new(0.1))),
        ("rmsprop", Box::new(RmsProp::new(0.1))),
        ("rmsprop_momentum", Box::new(RmsProp::new(0.1).momentum(0.9))),
        ("rmsprop_centered", Box::new(RmsProp::new(0.1).centered())),
        ("rmsprop_centered_momentum", Box::new(RmsProp::new(0.1).centered().momentum(0.9))),
        ("adagrad", Box::new(Adagrad::new(0.1).lr_decay(0.1))),
        ("adadelta", Box::new(Adadelta::new(1.0))),
        ("adamax", Box::new(Adamax::new(0.1))),
        ("nadam", Box::new(NAdam::new(0.1))),
        ("radam", Box::new(RAdam::new(0.1))),
        ("lion", Box::new(Lion::new(0.1).weight_decay(0.1))),
    ];
    for (name, mut optimizer) in all {
        let stream = Stream::new(SEED, "values");
        let mut param = Param::new(Tensor::normal([203], 0.0, 1.0, &stream.child("start")));
        for i in 0..10 {
            let mut grads = Gradients::new();
            let grad = Tensor::normal([203], 0.0, 1.0, &stream.child_at(i));
            grads.set(&param, &grad).unwrap();
            optimizer.step(&mut param, &grads).unwrap();
        }
        let mut hash = Hash::new().tensor(&param);
        for (_, slot) in optimizer.state().params.iter().flat_map(|param| &param.slots) {
            hash = hash.tensor(slot);
        }
        t.row(format!("optimizer/{name}/{}", T::NAME), SEED, hash);
    }
}

/// Rates and momenta of the first 200 steps. There is no chance in them: their seed is 0.
pub(crate) fn schedules(t: &mut Table) {
    let all: [(&str, &dyn Schedule); 9] = [
        ("exponential", &ExponentialDecay::new(0.1, 0.97)),
        ("polynomial", &Polynomial::new(0.1, 150, 0.9)),
        ("noam", &Noam::new(1.0, 300, 40)),
        ("cosine", &Cosine::new(0.1, 150).floor(0.01)),
        ("cosine_restarts", &CosineRestarts::new(0.1, 13).factor(2)),
        ("warmup_cosine", &WarmupCosine::new(0.1, 17, 150)),
        ("one_cycle", &OneCycle::new(0.1, 190)),
        ("cyclic", &Cyclic::new(0.1, 0.3, 7, 12)),
        ("cyclic_exp", &Cyclic::new(0.1, 0.3, 7, 12).mode(CyclicMode::ExpRange(0.98))),
    ];
    for (name, schedule) in all {
        let at = |step| [schedule.lr(step), schedule.momentum(step).unwrap_or(f64::NAN)];
        let numbers: Vec<f64> = (0..200).flat_map(at).collect();
        t.row(format!("schedule/{name}"), 0, Hash::of(&numbers));
    }
}

/// Two epochs on 96 augmented digits: losses and weights.
pub(crate) fn whole(t: &mut Table) {
    let pipeline = Pipeline::new().augment(Augment::classic()).rescale(1.0 / 255.0);
    let digits = sets::digits_images().training(&pipeline).unwrap();
    let some = Subset::new(digits, (0..96).collect()).unwrap();
    let loader = Loader::new(some).batch_size(32).shuffle(SEED);
    let init = Stream::new(SEED, "init");
    let mut model = Sequential::new()
        .push(Conv2d::new(1, 8, 3, &init.child("0")).padding(1))
        .push(BatchNorm2d::new(8))
        .push(Relu)
        .push(MaxPool2d::new(2))
        .push(Flatten)
        .push(Dropout::new(0.2))
        .push(Linear::new(4 * 4 * 8, 10, &init.child("6")));
    let history = Trainer::new(CrossEntropy::new().label_smoothing(0.1), Adam::new(3e-3))
        .epochs(2)
        .seed(SEED)
        .schedule(Cosine::new(3e-3, 6))
        .clip(Clip::norm(1.0))
        .fit(&mut model, &loader, None)
        .unwrap();
    let mut hash = Hash::of(&history.values("loss"));
    model.for_each_param(&mut |_, param| hash = hash.tensor(param));
    model.for_each_buffer(&mut |_, buffer| hash = hash.tensor(&buffer.get()));
    t.row("training/digits", SEED, hash);
}

/// Two epochs of a conditional GAN with a gradient penalty, a spectral norm and averaged weights.
pub(crate) fn gan(t: &mut Table) {
    let x = Tensor::normal([48, 2], 1.0, 0.5, &Stream::new(SEED, "data"));
    let classes = Targets::Classes((0..48).map(|i| i % 2).collect());
    let data = Loader::new(MemoryDataset::new(x, classes).unwrap()).batch_size(8).shuffle(SEED);
    let init = Stream::new(SEED, "init");
    let linear = |from, to, name| Linear::new(from, to, &init.child(name));
    let mut generator =
        Sequential::new().push(linear(5, 8, "g0")).push(Relu).push(linear(8, 2, "g1"));
    let mut critic = Sequential::new()
        .push(SpectralNorm::new(linear(4, 8, "d0"), &init.child("norm")))
        .push(LeakyRelu::new(0.2))
        .push(linear(8, 1, "d1"));
    let adam = || Adam::new(1e-2).betas(0.0, 0.9);
    let mut trainer = GanTrainer::new(GanLoss::Wasserstein, adam(), adam())
        .latent_dim(3)
        .classes(2)
        .gradient_penalty(10.0)
        .discriminator_steps(2)
        .ema(0.9)
        .epochs(2)
        .seed(SEED);
    let history = trainer.fit(&mut generator, &mut critic, &data).unwrap();
    let mut hash = Hash::of(&history.values("discriminator_loss"));
    trainer.ema_weights().unwrap().apply(&mut generator).unwrap();
    for network in [&generator, &critic] {
        network.for_each_param(&mut |_, param| hash = hash.tensor(param));
        network.for_each_buffer(&mut |_, buffer| hash = hash.tensor(&buffer.get()));
    }
    t.row("training/gan", SEED, hash);
}
