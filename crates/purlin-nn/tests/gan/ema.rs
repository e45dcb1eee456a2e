//! The moving average of weights: its numbers, in a trainer, what it refuses.

use purlin_core::rng::Stream;
use purlin_data::{Loader, MemoryDataset, Targets};
use purlin_nn::callbacks::{Callback, Ema};
use purlin_nn::layers::{BatchNorm1d, Linear};
use purlin_nn::losses::Mse;
use purlin_nn::optim::Sgd;
use purlin_nn::trainer::Trainer;
use purlin_nn::weights::state_dict;
use purlin_nn::{Context, Forward, Param, Sequential};
use purlin_tensor::Tensor;

#[test]
fn averages_follow_the_formula() {
    let mut weight: Param<f64> = Param::new(Tensor::from([1.0, -4.0]));
    let mut ema = Ema::new(0.3);
    let mut expected = [1.0, -4.0];
    for t in 0..30 {
        let step = [0.5 * f64::from(t), (f64::from(t) * 7.3) % 5.0];
        weight.data_mut().copy_from_slice(&step);
        ema.update(&weight).unwrap();
        let decay = if t == 0 { 0.0 } else { (1.0 + f64::from(t)) / (10.0 + f64::from(t)) };
        let decay = decay.min(0.3);
        for (average, w) in expected.iter_mut().zip(step) {
            *average = decay * *average + (1.0 - decay) * w;
        }
    }
    crate::assert_near(ema.weights()[0].1.data(), &expected, 1e-14);
    assert_eq!(weight.data()[0], 14.5); // the model itself is as it was
    ema.apply(&mut weight).unwrap();
    crate::assert_near(weight.data(), &expected, 1e-14);
    assert_eq!(ema.n_updates(), 30);
}

fn network() -> Sequential {
    let stream = Stream::new(1, "init");
    Sequential::new()
        .push(Linear::new(2, 4, &stream.child("0")))
        .push(BatchNorm1d::new(4))
        .push(Linear::new(4, 1, &stream.child("1")))
}

fn data() -> Loader {
    let x = Tensor::normal([40, 2], 0.0, 1.0, &Stream::new(1, "x"));
    let y = x.sum_axis(1, true);
    Loader::new(MemoryDataset::new(x, Targets::Values(y)).unwrap()).batch_size(8).shuffle(3)
}

#[test]
fn in_a_trainer_it_sees_every_step_and_a_resumed_run_has_its_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    let run = |epochs, resume: bool| {
        let (mut model, mut ema) = (network(), Ema::new(0.9));
        let mut trainer =
            Trainer::new(Mse::new(), Sgd::new(0.05)).epochs(epochs).callback(&mut ema);
        if resume {
            trainer = trainer.checkpoint(&path).resume();
        }
        trainer.fit(&mut model, &data(), None).unwrap();
        drop(trainer);
        let bits: Vec<u32> =
            ema.weights().iter().flat_map(|(_, x)| x.to_vec()).map(f32::to_bits).collect();
        (bits, ema.n_updates(), model, ema)
    };
    let (whole, n_updates, mut model, ema) = run(4, false);
    assert_eq!(n_updates, 20);
    run(2, true);
    let (resumed, ..) = run(4, true);
    assert_eq!(whole, resumed);
    // Running statistics are averaged with the weights.
    assert_eq!(ema.weights().len(), state_dict(&model).len());
    let x = Tensor::ones([1, 2]);
    let before = model.forward(&x, &mut Context::eval()).item();
    ema.apply(&mut model).unwrap();
    assert_ne!(model.forward(&x, &mut Context::eval()).item(), before);
}

#[test]
fn what_is_refused() {
    let mut weight: Param<f32> = Param::new(Tensor::from([1.0]));
    for decay in [-0.1, 1.0, f64::NAN] {
        let err = Ema::new(decay).update(&weight).unwrap_err();
        assert_eq!(err.to_string(), format!("ema: decay must be in [0, 1), got {decay}"));
    }
    let mut ema = Ema::new(0.5);
    let err = ema.apply(&mut weight).unwrap_err();
    assert_eq!(err.to_string(), "ema: updates must be at least 1, got 0");
    ema.update(&weight).unwrap();
    let err = ema.update(&Param::new(Tensor::from([1.0, 2.0]))).unwrap_err();
    assert_eq!(err.to_string(), "ema: expected weights (1,), got (2,)");
    assert_eq!(Callback::<f32>::name(&ema), "ema.0.5");
}
