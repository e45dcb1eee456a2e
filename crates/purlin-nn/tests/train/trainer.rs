//! The training loop: what it computes, how it stops, how it goes on.

use purlin_core::rng::Stream;
use purlin_core::{Error, Result, Shape};
use purlin_data::{Loader, MemoryDataset, Targets};
use purlin_nn::callbacks::{
    Callback, CsvLog, EarlyStopping, Flow, LrLog, RunInfo, SaveBest, TargetReached,
};
use purlin_nn::checkpoint::{Checkpoint, Position};
use purlin_nn::layers::{BatchNorm1d, Dropout, Linear, Relu};
use purlin_nn::losses::{BceWithLogits, CrossEntropy, Mse, Reduction};
use purlin_nn::metrics::{Accuracy, Average, ClassScore, RegressionScore, RocAuc, TopK};
use purlin_nn::optim::{Adam, Clip, Optimizer, RmsProp, Sgd};
use purlin_nn::schedule::{
    Constant, ExponentialDecay, Linear as Ramp, OneCycle, ReduceOnPlateau, Schedule,
};
use purlin_nn::trainer::{EpochRecord, History, Trainer};
use purlin_nn::weights::state_dict;
use purlin_nn::{Context, Forward, Module, Param, Sequential};
use purlin_tensor::Tensor;
use purlin_testkit::{check_same_bits_on_all_isas, check_same_bits_on_threads};
use std::path::Path;

/// Two classes of points in a square, 50 samples.
pub(crate) fn points() -> MemoryDataset {
    let x = Tensor::uniform([50, 2], -1.0, 1.0, &Stream::new(1, "points"));
    let y = x.data().chunks(2).map(|p| usize::from(p[0] * p[1] > 0.0)).collect();
    MemoryDataset::new(x, Targets::Classes(y)).unwrap()
}

/// Dropout and batch norm: everything that a resumed run could get wrong.
pub(crate) fn network() -> Sequential {
    let stream = Stream::new(2, "init");
    Sequential::new()
        .push(Linear::new(2, 16, &stream.child("0")))
        .push(BatchNorm1d::new(16))
        .push(Relu)
        .push(Dropout::new(0.25))
        .push(Linear::new(16, 2, &stream.child("4")))
}

pub(crate) fn loader() -> Loader {
    Loader::new(points()).batch_size(8).shuffle(11)
}

/// Everything that has state, writing its files into a folder.
pub(crate) fn full_trainer<'a>(folder: &Path, epochs: u64) -> Trainer<'a> {
    Trainer::new(CrossEntropy::new(), Adam::new(0.02))
        .epochs(epochs)
        .seed(5)
        .metric(Accuracy::new())
        .metric(RocAuc::new())
        .clip(Clip::norm(1.0))
        .schedule(OneCycle::new(0.05, 60))
        .callback(EarlyStopping::new("val_loss").patience(101))
        .callback(SaveBest::new("val_accuracy", folder.join("best.safetensors")))
        .callback(CsvLog::new(folder.join("log.csv")))
        .callback(LrLog::new())
        .checkpoint(folder.join("last.safetensors"))
        .checkpoint_every(3)
}

pub(crate) fn bits(model: &Sequential) -> Vec<u32> {
    state_dict(model).iter().flat_map(|(_, x)| x.to_vec()).map(f32::to_bits).collect()
}

#[test]
fn a_fit_is_the_loop_that_one_would_write() {
    let (mut model, mut twin) = (network(), network());
    let history = Trainer::new(CrossEntropy::new(), Sgd::new(0.1).momentum(0.9))
        .epochs(3)
        .seed(5)
        .fit(&mut model, &loader(), None)
        .unwrap();

    let mut sgd = Sgd::new(0.1).momentum(0.9);
    let mut means = Vec::new();
    for epoch in 0..3 {
        let (mut sum, mut n) = (0.0, 0.0);
        for (i, batch) in loader().epoch(epoch).enumerate() {
            let batch = batch.unwrap();
            let mut ctx = Context::train(5).at_step(epoch * 7 + i as u64);
            let logits = twin.forward(&batch.x, &mut ctx);
            let loss = CrossEntropy::new().loss(&logits, batch.y.classes().unwrap()).unwrap();
            sum += f64::from(loss.item()) * batch.len() as f64;
            n += batch.len() as f64;
            let grads = loss.backward();
            sgd.step(&mut twin, &grads).unwrap();
        }
        means.push(sum / n);
    }
    assert_eq!(bits(&model), bits(&twin));
    assert_eq!(history.values("loss"), means);
    assert_eq!(history.last().unwrap().step, 21);
}

#[test]
fn a_training_has_the_same_bits_on_every_isa_and_number_of_threads_and_workers() {
    let train = |workers| {
        let mut model = network();
        let data = loader().workers(workers);
        let trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.02)).epochs(2);
        trainer.metric(Accuracy::new()).fit(&mut model, &data, Some(&data)).unwrap();
        state_dict(&model).into_iter().flat_map(|(_, x)| x.to_vec()).collect::<Vec<f32>>()
    };
    check_same_bits_on_all_isas(|| train(0));
    check_same_bits_on_threads(|| train(1));
    let plain: Vec<u32> = train(0).into_iter().map(f32::to_bits).collect();
    let busy: Vec<u32> = train(4).into_iter().map(f32::to_bits).collect();
    assert_eq!(plain, busy);
}

#[test]
fn steps_write_in_place() {
    /// Where each parameter lies after every step.
    #[derive(Default)]
    struct Places(Vec<Vec<usize>>);
    impl Callback for Places {
        fn name(&self) -> String {
            "places".to_owned()
        }
        fn on_epoch_end(&mut self, _: &EpochRecord, model: &dyn Module) -> Result<Flow> {
            let mut places = Vec::new();
            model.for_each_param(&mut |_, param| places.push(param.data().as_ptr() as usize));
            self.0.push(places);
            Ok(Flow::Continue)
        }
    }
    let mut places = Places::default();
    let mut model = network();
    Trainer::new(CrossEntropy::new(), Adam::new(0.02))
        .epochs(3)
        .clip(Clip::norm(1.0))
        .metric(Accuracy::new())
        .callback(&mut places)
        .fit(&mut model, &loader(), Some(&loader()))
        .unwrap();
    assert_eq!(places.0[0], places.0[1]);
    assert_eq!(places.0[0], places.0[2]);
}

#[test]
fn callbacks_forget_an_earlier_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    let (mut stopper, mut rates) = (EarlyStopping::new("loss").patience(9), LrLog::new());
    for _ in 0..2 {
        Trainer::new(CrossEntropy::new(), Sgd::new(0.1))
            .epochs(2)
            .callback(&mut stopper)
            .callback(&mut rates)
            .callback(CsvLog::new(&path))
            .fit(&mut network(), &loader(), None)
            .unwrap();
        assert_eq!(rates.steps().len(), 14);
        assert_eq!(stopper.best().unwrap().0, 2);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
    }
}

#[test]
fn accumulated_batches_are_the_joined_batch() {
    let fit = |batch_size, accumulate| {
        let mut model: Sequential =
            Sequential::new().push(Linear::new(2, 2, &Stream::new(3, "init")));
        let data = Loader::new(points()).batch_size(batch_size);
        let history = Trainer::new(CrossEntropy::new(), Sgd::new(0.5))
            .epochs(4)
            .accumulate(accumulate)
            .fit(&mut model, &data, None)
            .unwrap();
        (state_dict(&model), history.last().unwrap().step)
    };
    // 50 samples: 20 + 20 + 10, and 8 + 8 + 4 | 8 + 8 + 4 | ... with uneven ends.
    for (whole, part, accumulate) in [(20, 10, 2), (50, 8, 7), (50, 16, 4)] {
        let ((joined, steps), (parts, same)) = (fit(whole, 1), fit(part, accumulate));
        assert_eq!(steps, same);
        for ((name, a), (_, b)) in joined.iter().zip(&parts) {
            for (a, b) in a.data().iter().zip(b.data()) {
                assert!((a - b).abs() <= 1e-5, "{name}: {a} {b} ({whole} = {accumulate} x {part})");
            }
        }
    }
}

#[test]
fn results_are_named_and_ordered() {
    let mut model = network();
    let data = loader();
    let mut trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.01))
        .metric(Accuracy::new())
        .metric(TopK::new(2))
        .metric(ClassScore::f1(2, Average::Macro));
    let history = trainer.fit(&mut model, &data, Some(&data)).unwrap();
    assert_eq!(
        history.names(),
        [
            "loss",
            "accuracy",
            "top_2_accuracy",
            "f1_macro",
            "val_loss",
            "val_accuracy",
            "val_top_2_accuracy",
            "val_f1_macro"
        ]
    );
    let result = trainer.evaluate(&model, &data).unwrap();
    assert_eq!(result.n_samples, 50);
    assert_eq!(result.get("top_2_accuracy"), Some(1.0));
    assert_eq!(history.last().unwrap().get("val_loss"), Some(result.loss));
    assert_eq!(result.get("loss"), Some(result.loss));
}

#[test]
fn evaluation_does_not_depend_on_batches_or_change_the_model() {
    let model = network();
    let before = bits(&model);
    let mut trainer = Trainer::new(CrossEntropy::new(), Sgd::new(0.1))
        .metric(Accuracy::new())
        .metric(RocAuc::new());
    let whole = trainer.evaluate(&model, &Loader::new(points()).batch_size(50)).unwrap();
    for batch_size in [1, 7, 49] {
        let parts =
            trainer.evaluate(&model, &Loader::new(points()).batch_size(batch_size)).unwrap();
        assert!((whole.loss - parts.loss).abs() < 1e-6);
        assert_eq!(whole.values[1..], parts.values[1..]);
    }
    assert_eq!(bits(&model), before);
}

#[test]
fn predictions_come_in_the_order_of_the_data() {
    let model = network();
    let trainer = Trainer::new(CrossEntropy::new(), Sgd::new(0.1));
    let plain = trainer.predict(&model, &Loader::new(points()).batch_size(16)).unwrap();
    assert_eq!(plain.shape(), &Shape::from([50, 2]));
    let shuffled = trainer.predict(&model, &loader()).unwrap();
    assert_eq!(plain, shuffled);
    let short = loader().drop_last(true);
    let err = trainer.predict(&model, &short).unwrap_err().to_string();
    assert_eq!(err, "predict: expected at least 50 samples, got 48");
}

#[test]
fn one_output_takes_classes_as_0_and_1() {
    let mut model: Sequential = Sequential::new().push(Linear::new(2, 1, &Stream::new(3, "init")));
    let mut trainer = Trainer::new(BceWithLogits::new(), Adam::new(0.1))
        .metric(Accuracy::binary(0.0))
        .metric(ClassScore::recall(2, Average::Class(1)));
    let history = trainer.fit(&mut model, &loader(), None).unwrap();
    assert!(history.last().unwrap().get("accuracy").is_some());

    let x = Tensor::zeros([4, 2]);
    let three = MemoryDataset::new(x, Targets::Classes(vec![0, 1, 2, 0])).unwrap();
    let err = trainer.fit(&mut model, &Loader::new(three), None).unwrap_err().to_string();
    assert_eq!(err, "fit: class must be 0 or 1 for a model with one output, got 2");
}

#[test]
fn values_are_fitted() {
    let x = Tensor::uniform([64, 1], -1.0, 1.0, &Stream::new(1, "x"));
    let y = &x * 3.0 + 2.0;
    let data = Loader::new(MemoryDataset::new(x, Targets::Values(y)).unwrap()).batch_size(16);
    let mut model: Linear = Linear::new(1, 1, &Stream::new(2, "init"));
    let history = Trainer::new(Mse::new(), Sgd::new(0.2))
        .epochs(40)
        .metric(RegressionScore::r2())
        .metric(RegressionScore::mae())
        .callback(TargetReached::new("r2", 0.9999))
        .fit(&mut model, &data, None)
        .unwrap();
    assert!(history.stopped().unwrap().starts_with("r2 has reached 0.9999"));
    assert!((model.weight.item() - 3.0).abs() < 0.05);
}

#[test]
fn rates_follow_the_schedule_by_step_and_by_epoch() {
    let rates = |by_epoch: bool| {
        let mut log = LrLog::new();
        let trainer = Trainer::new(CrossEntropy::new(), Sgd::new(9.0)).epochs(2);
        let schedule = ExponentialDecay::new(0.5, 0.5);
        let trainer =
            if by_epoch { trainer.schedule_by_epoch(schedule) } else { trainer.schedule(schedule) };
        let mut trainer = trainer.callback(&mut log);
        trainer.fit(&mut network(), &loader(), None).unwrap();
        drop(trainer);
        log.rates().to_vec()
    };
    let expected: Vec<f64> = (0..14).map(|t| 0.5f64.powi(t + 1)).collect();
    assert_eq!(rates(false), expected);
    assert_eq!(rates(true), [vec![0.5; 7], vec![0.25; 7]].concat());
}

#[test]
fn one_cycle_moves_the_momentum_of_the_optimizer() {
    let schedule = OneCycle::new(0.05, 14);
    let expected = schedule.momentum(13);
    let mut trainer =
        Trainer::new(CrossEntropy::new(), Adam::new(0.1)).epochs(2).schedule(schedule);
    trainer.fit(&mut network(), &loader(), None).unwrap();
    assert_eq!(trainer.optimizer().momentum(), expected);
}

#[test]
fn a_plateau_lowers_the_rate() {
    let plateau = ReduceOnPlateau::new(purlin_nn::metrics::Goal::Maximize).factor(0.5).patience(0);
    let mut trainer = Trainer::new(CrossEntropy::new(), Sgd::new(0.0625))
        .epochs(3)
        .metric(TopK::new(2)) // always 1: never better than the first epoch
        .reduce_on_plateau("top_2_accuracy", plateau);
    let history = trainer.fit(&mut network(), &loader(), None).unwrap();
    let rates: Vec<f64> = history.records().iter().map(|record| record.lr).collect();
    assert_eq!(rates, [0.0625, 0.0625, 0.03125]);
    assert_eq!(trainer.optimizer().lr(), 0.015_625);
}

#[test]
fn setups_that_cannot_work_are_refused() {
    let fit = |trainer: Trainer<'_>| {
        let mut trainer = trainer;
        trainer.fit(&mut network(), &loader(), None).unwrap_err().to_string()
    };
    let new = || Trainer::new(CrossEntropy::new(), Sgd::new(0.1));
    let plateau = || ReduceOnPlateau::new(purlin_nn::metrics::Goal::Minimize);
    assert_eq!(fit(new().accumulate(0)), "fit: accumulate must be at least 1, got 0");
    assert!(fit(new().resume()).contains("checkpoint must be set"));
    assert!(fit(new().checkpoint("x").checkpoint_every(0)).contains("at least 1"));
    assert!(fit(new().schedule(Constant::new(-1.0))).contains("constant: lr"));
    assert!(
        fit(new().schedule(Constant::new(0.1)).reduce_on_plateau("loss", plateau()))
            .contains("both")
    );
    assert!(fit(new().reduce_on_plateau("los", plateau())).contains("one of loss, got los"));
    assert!(fit(new().metric(TopK::new(2)).metric(TopK::new(2))).contains("top_2_accuracy"));
    assert!(fit(new().callback(LrLog::new()).callback(LrLog::new())).contains("lr_log"));
    assert!(
        fit(new().callback(EarlyStopping::new("val_loss"))).contains("one of loss, got val_loss")
    );
    let loss = CrossEntropy::new().reduction(Reduction::None);
    assert!(fit(Trainer::new(loss, Sgd::new(0.1))).contains("reduction mean"));
    let mut frozen = network();
    frozen.freeze();
    let err = new().fit(&mut frozen, &loader(), None).unwrap_err().to_string();
    assert!(err.contains("are all of them frozen?"), "{err}");
    let none = MemoryDataset::new(Tensor::zeros([4, 2]), Targets::None).unwrap();
    let err = new().fit(&mut network(), &Loader::new(none), None).unwrap_err().to_string();
    assert_eq!(err, "fit: expected targets with every sample, got none");
    let empty = MemoryDataset::new(Tensor::zeros([0, 2]), Targets::Classes(vec![])).unwrap();
    let err = new().fit(&mut network(), &Loader::new(empty), None).unwrap_err();
    assert!(matches!(err, Error::TooFewSamples { .. }), "{err}");
    let err = new().fit(&mut network(), &loader().batch_size(0), None).unwrap_err().to_string();
    assert_eq!(err, "loader: batch_size must be at least 1, got 0");
}

/// A model that breaks at a given epoch.
#[derive(Module)]
struct Breaking {
    inner: Sequential,
    scale: Param,
}

impl Forward for Breaking {
    fn forward(&self, x: &Tensor, ctx: &mut Context) -> Tensor {
        self.inner.forward(x, ctx) * &*self.scale
    }
}

/// Breaks the model after an epoch.
struct Saboteur(u64);

impl Callback for Saboteur {
    fn name(&self) -> String {
        "saboteur".to_owned()
    }
    fn on_epoch_end(&mut self, record: &EpochRecord, _: &dyn Module) -> Result<Flow> {
        Ok(if record.epoch == self.0 { Flow::Stop("sabotage".to_owned()) } else { Flow::Continue })
    }
    fn on_train_end(&mut self, _: &History, model: &mut dyn Module) -> Result<()> {
        model.for_each_param_mut(&mut |name, param| {
            if name == "scale" {
                param.data_mut()[0] = f32::INFINITY;
            }
        });
        Ok(())
    }
}

#[test]
fn a_loss_that_is_not_finite_stops_training_and_the_checkpoint_stays_good() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    let mut model = Breaking { inner: network(), scale: Param::new(Tensor::from([1.0])) };
    let trainer = || Trainer::new(CrossEntropy::new(), Sgd::new(0.1)).checkpoint(&path);
    let history =
        trainer().epochs(9).callback(Saboteur(2)).fit(&mut model, &loader(), None).unwrap();
    assert_eq!(history.stopped(), Some("sabotage"));
    let good = std::fs::read(&path).unwrap();
    let err = trainer().fit(&mut model, &loader(), None).unwrap_err();
    assert!(matches!(err, Error::Diverged { step: 0, .. }), "{err}");
    assert!(err.to_string().starts_with("fit: diverged at step 0: loss is"), "{err}");
    assert_eq!(std::fs::read(&path).unwrap(), good);
    let state = Checkpoint::<f32>::load(&path).unwrap();
    assert!(state.weights.iter().all(|(_, x)| x.data().iter().all(|v| v.is_finite())));

    // The loop written by hand has the same guard.
    let bad = Checkpoint::capture(&model, &Sgd::new(0.1), state.position);
    let err = bad.save(&path).unwrap_err();
    assert_eq!(err.to_string(), "checkpoint: diverged at step 14: scale is inf");
    assert_eq!(std::fs::read(&path).unwrap(), good);
}

/// Stops the process's training in the middle, as a kill would, by an error.
struct Interrupt(u64);

impl Callback for Interrupt {
    fn name(&self) -> String {
        "interrupt".to_owned()
    }
    fn on_batch_end(&mut self, end: &purlin_nn::callbacks::BatchEnd<'_>) -> Result<()> {
        if (end.epoch - 1) * 7 + end.batch == self.0 {
            return Err(Error::param("test", "run", "whole", "interrupted"));
        }
        Ok(())
    }
}

#[test]
fn a_run_interrupted_anywhere_ends_with_the_same_bits() {
    let whole = tempfile::tempdir().unwrap();
    let mut model = network();
    let history =
        full_trainer(whole.path(), 4).fit(&mut model, &loader(), Some(&loader())).unwrap();
    let read = |folder: &Path, name: &str| std::fs::read(folder.join(name)).unwrap();
    for at in (1..28).step_by(2) {
        let folder = tempfile::tempdir().unwrap();
        let mut broken = network();
        let err = full_trainer(folder.path(), 4)
            .callback(Interrupt(at))
            .fit(&mut broken, &loader(), Some(&loader()))
            .unwrap_err();
        assert!(err.to_string().contains("interrupted"), "{err}");

        let mut resumed = network();
        // Other weights: all must come from the checkpoint, unless it was too early for one.
        if at > 3 {
            resumed.for_each_param_mut(&mut |_, param| param.data_mut().fill(9.0));
        }
        let again = full_trainer(folder.path(), 4)
            .resume()
            .fit(&mut resumed, &loader().workers(2), Some(&loader()))
            .unwrap();
        assert_eq!(bits(&resumed), bits(&model), "interrupted after batch {at}");
        assert_eq!(again, history, "interrupted after batch {at}");
        for name in ["last.safetensors", "best.safetensors", "log.csv"] {
            assert!(read(folder.path(), name) == read(whole.path(), name), "{name}, batch {at}");
        }
    }
}

#[test]
fn a_finished_run_resumes_to_its_end_and_may_be_prolonged() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut whole = network();
    full_trainer(a.path(), 5).fit(&mut whole, &loader(), Some(&loader())).unwrap();
    let mut part = network();
    full_trainer(b.path(), 3).fit(&mut part, &loader(), Some(&loader())).unwrap();
    let mut same = network();
    let history =
        full_trainer(b.path(), 3).resume().fit(&mut same, &loader(), Some(&loader())).unwrap();
    assert_eq!((bits(&same), history.records().len()), (bits(&part), 3));
    let mut longer = network();
    full_trainer(b.path(), 5).resume().fit(&mut longer, &loader(), Some(&loader())).unwrap();
    assert_eq!(bits(&longer), bits(&whole));
}

#[test]
fn a_stopped_run_stays_stopped_with_its_best_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    // The rate is far too high: it gets worse at once, and early stopping sees it.
    let trainer = || {
        Trainer::new(CrossEntropy::new(), RmsProp::new(5.0).momentum(0.5))
            .epochs(30)
            .checkpoint(&path)
            .resume()
            .callback(EarlyStopping::new("val_loss").patience(2))
    };
    let mut model = network();
    let history = trainer().fit(&mut model, &loader(), Some(&loader())).unwrap();
    assert!(history.stopped().is_some());
    let mut again = network();
    let same = trainer().fit(&mut again, &loader(), Some(&loader())).unwrap();
    assert_eq!((bits(&again), &same), (bits(&model), &history));
    let (best, _) = history.best("val_loss", purlin_nn::metrics::Goal::Minimize).unwrap();
    assert!(best < history.records().len() as u64, "the last epoch is not the best");
}

#[test]
fn a_run_set_up_differently_is_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    full_trainer(folder.path(), 1).fit(&mut network(), &loader(), Some(&loader())).unwrap();
    let resume = |trainer: Trainer<'_>, data: &Loader| {
        let mut trainer = trainer.resume();
        trainer.fit(&mut network(), data, Some(data)).unwrap_err().to_string()
    };
    let err = resume(full_trainer(folder.path(), 2).seed(6), &loader());
    assert!(err.contains("seed: 6") && err.contains("seed: 5"), "{err}");
    let err = resume(full_trainer(folder.path(), 2), &loader().batch_size(10));
    assert!(err.contains("n_batches: 5") && err.contains("n_batches: 7"), "{err}");
    let err = resume(full_trainer(folder.path(), 2).metric(TopK::new(1)), &loader());
    assert!(err.contains("top_1_accuracy"), "{err}");
    let path = folder.path().join("last.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let within_the_numbers = bytes.len() - 99;
    bytes[within_the_numbers] ^= 4;
    std::fs::write(&path, bytes).unwrap();
    let err = resume(full_trainer(folder.path(), 2), &loader());
    assert!(err.contains("corrupt file") && err.contains("checksum"), "{err}");
    purlin_nn::weights::save(&network(), &path).unwrap();
    let err = resume(full_trainer(folder.path(), 2), &loader());
    assert!(err.contains("it is no checkpoint"), "{err}");
}

#[test]
fn a_checkpoint_of_another_model_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.safetensors");
    let small: Linear = Linear::new(2, 2, &Stream::new(1, "init"));
    Checkpoint::capture(&small, &Adam::new(0.5), Position::default()).save(&path).unwrap();
    let checkpoint = Checkpoint::<f32>::load(&path).unwrap();
    let (mut other, mut adam) = (network(), Adam::new(0.1));
    let before = bits(&other);
    assert!(checkpoint.restore(&mut other, &mut adam).is_err());
    let mut wider: Linear = Linear::new(3, 2, &Stream::new(1, "init"));
    assert!(checkpoint.restore(&mut wider, &mut adam).is_err());
    assert_eq!((bits(&other), Optimizer::<f32>::lr(&adam)), (before, 0.1));
    let err = Checkpoint::<f64>::load(&path).unwrap_err().to_string();
    assert!(err.contains("holds F32, expected f64"), "{err}");
}

#[test]
fn callbacks_hear_of_everything_in_order() {
    #[derive(Default)]
    struct Recorder(Vec<String>);
    impl Callback for Recorder {
        fn name(&self) -> String {
            "recorder".to_owned()
        }
        fn on_train_begin(&mut self, run: &RunInfo) -> Result<()> {
            self.0.push(format!("begin {} {} {}", run.n_epochs, run.n_batches, run.n_samples));
            Ok(())
        }
        fn on_batch_end(&mut self, end: &purlin_nn::callbacks::BatchEnd<'_>) -> Result<()> {
            let names: Vec<String> = (end.values)().into_iter().map(|(name, _)| name).collect();
            self.0.push(format!("{}.{} {} {:?}", end.epoch, end.batch, end.step, names));
            Ok(())
        }
        fn on_epoch_end(&mut self, record: &EpochRecord, _: &dyn Module) -> Result<Flow> {
            self.0.push(format!("epoch {} {}", record.epoch, record.step));
            Ok(Flow::Continue)
        }
        fn on_train_end(&mut self, history: &History, _: &mut dyn Module) -> Result<()> {
            self.0.push(format!("end {}", history.records().len()));
            Ok(())
        }
    }
    let mut recorder = Recorder::default();
    Trainer::new(CrossEntropy::new(), Sgd::new(0.1))
        .epochs(1)
        .accumulate(2)
        .schedule(Ramp::decay(0.1, 10))
        .callback(&mut recorder)
        .fit(&mut network(), &Loader::new(points()).batch_size(20), None)
        .unwrap();
    assert_eq!(
        recorder.0,
        [
            "begin 1 3 50",
            "1.1 0 [\"loss\"]",
            "1.2 1 [\"loss\"]",
            "1.3 2 [\"loss\"]",
            "epoch 1 2",
            "end 1"
        ]
    );
}
