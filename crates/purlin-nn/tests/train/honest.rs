//! What is refused instead of being lost: broken gradients and weights, other set-ups, left-out
//! samples, names that are taken.

use super::trainer::{bits, loader, network, points};
use purlin_core::rng::Stream;
use purlin_core::{Error, Result};
use purlin_data::{Loader, MemoryDataset, Targets};
use purlin_nn::callbacks::{Callback, EarlyStopping, SaveBest, TargetReached};
use purlin_nn::layers::Linear;
use purlin_nn::losses::{BceWithLogits, CrossEntropy, Huber, KlDiv, Loss, Mse, Reduction};
use purlin_nn::metrics::{Accuracy, Average, ClassScore, Goal, Metric, TopK};
use purlin_nn::optim::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Clip, Lion, NAdam, Optimizer, ParamGroup, RAdam,
    RmsProp, Sgd,
};
use purlin_nn::schedule::{Constant, FnSchedule, ReduceOnPlateau, Sequence};
use purlin_nn::trainer::{Trainer, evaluate, predict};
use purlin_nn::weights::{self, LoadOptions, ModelInfo, PyTorch, TensorFile, TensorWriter};
use purlin_nn::{Context, Forward, Module, Param, Sequential};
use purlin_tensor::Tensor;

/// `sqrt(x * weight)`: a finite loss whose gradient is infinite where the weight is 0.
#[derive(Module)]
struct Root {
    weight: Param,
}

impl Forward for Root {
    fn forward(&self, x: &Tensor, _: &mut Context) -> Tensor {
        (x * &*self.weight).sqrt()
    }
}

fn ones(n: usize) -> Loader {
    let data = MemoryDataset::new(Tensor::ones([n, 1]), Targets::Values(Tensor::ones([n, 1])));
    Loader::new(data.unwrap()).batch_size(1)
}

#[test]
fn a_gradient_that_is_not_finite_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("best.safetensors");
    let mut model = Root { weight: Param::new(Tensor::from([0.0])) };
    let mut stopper = EarlyStopping::new("loss");
    let err = Trainer::new(Mse::new(), Sgd::new(0.1))
        .callback(SaveBest::new("loss", &path))
        .callback(&mut stopper)
        .fit(&mut model, &ones(1), None)
        .unwrap_err();
    assert!(matches!(err, Error::Diverged { step: 0, .. }), "{err}");
    assert_eq!(err.to_string(), "sgd: diverged at step 0: gradient of weight is -inf");
    assert_eq!(model.weight.to_vec(), [0.0], "the last good weights stay");
    assert!(!path.exists() && stopper.best().is_none(), "no callback has seen the epoch");
}

#[test]
fn a_gradient_is_refused_by_every_number_type_before_any_parameter_has_changed() {
    #[derive(Module)]
    #[module(real = f64)]
    struct Two {
        a: Param<f64>,
        b: Param<f64>,
    }
    let mut two =
        Two { a: Param::new(Tensor::from([1.0])), b: Param::new(Tensor::from([1.0, 0.0])) };
    let grads = (two.a.sum() + two.b.sqrt().sum()).backward();
    let err = Adam::new(0.1).step(&mut two, &grads).unwrap_err().to_string();
    assert_eq!(err, "adam: diverged at step 0: gradient of b is inf");
    assert_eq!((two.a.to_vec(), two.b.to_vec()), (vec![1.0], vec![1.0, 0.0]));
}

#[test]
fn no_optimizer_takes_a_step_along_nan() {
    let all: [Box<dyn Optimizer>; 11] = [
        Box::new(Sgd::new(0.1).momentum(0.9)),
        Box::new(Adam::new(0.1).amsgrad()),
        Box::new(AdamW::new(0.1)),
        Box::new(RmsProp::new(0.1)),
        Box::new(Adagrad::new(0.1)),
        Box::new(Adadelta::new(0.1)),
        Box::new(Adamax::new(0.1)),
        Box::new(NAdam::new(0.1)),
        Box::new(RAdam::new(0.1)),
        Box::new(Lion::new(0.1)),
        Box::new(Sgd::new(0.1)),
    ];
    for mut optimizer in all {
        let mut p = Param::new(Tensor::from([1.0, 1.0]));
        let grads = |p: &Param, g: [f32; 2]| (&**p * Tensor::from(g)).sum().backward();
        let (good, bad) = (grads(&p, [0.5, 0.5]), grads(&p, [0.5, f32::NAN]));
        optimizer.step(&mut p, &good).unwrap();
        let before = (p.to_vec(), format!("{:?}", optimizer.state()));
        let err = optimizer.step(&mut p, &bad).unwrap_err().to_string();
        let kind = optimizer.state().kind;
        assert_eq!(err, format!("{kind}: diverged at step 1: gradient is NaN"));
        assert_eq!((p.to_vec(), format!("{:?}", optimizer.state())), before, "{kind}");
    }
}

#[test]
fn a_sum_that_overflows_is_no_broken_gradient() {
    let mut p = Param::new(Tensor::from([1.0f32, 1.0]));
    let grads = (&*p * Tensor::from([3e38, 3e38])).sum().backward();
    Sgd::new(1e-38).step(&mut p, &grads).unwrap();
    assert!(p.data().iter().all(|p| (p - (1.0 - 3.0)).abs() < 1e-6), "{p:?}");
}

#[test]
fn weights_that_overshoot_end_the_epoch_with_their_name() {
    let mut model = Root { weight: Param::new(Tensor::from([1.0])) };
    // The gradient of the second step is finite, the step is not.
    let trainer = Trainer::new(Mse::new(), Sgd::new(f64::from(f32::MAX)));
    let data = MemoryDataset::new(Tensor::from([[4.0]]), Targets::Values(Tensor::from([[1e3]])));
    let err = { trainer }.fit(&mut model, &Loader::new(data.unwrap()), None).unwrap_err();
    assert!(matches!(&err, Error::Diverged { what, .. } if what == "weight"), "{err}");
}

#[test]
fn weights_that_are_not_finite_do_not_replace_a_good_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let mut model = Param::new(Tensor::from([1.0f32, 2.0]));
    weights::save(&model, &path).unwrap();
    let good = std::fs::read(&path).unwrap();
    model.data_mut()[1] = f32::NAN;
    let err = weights::save(&model, &path).unwrap_err().to_string();
    assert_eq!(err, "save: weights must be finite, got NaN");
    let mut best = SaveBest::new("loss", &path);
    assert!(best.observe(0.5, &model).is_err() && best.best().is_none());
    let mut stopper = EarlyStopping::new("loss").patience(3);
    assert!(stopper.observe(1, 0.5, &model).is_err() && stopper.best().is_none());
    assert_eq!(std::fs::read(&path).unwrap(), good);
    weights::save_non_finite(&model, &ModelInfo::default(), &path).unwrap();
    assert_ne!(std::fs::read(&path).unwrap(), good);
}

#[test]
fn a_run_with_other_data_order_or_options_is_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    let base = || {
        Trainer::new(CrossEntropy::new(), Adam::new(0.02))
            .clip(Clip::norm(1.0))
            .schedule(Constant::new(0.1))
            .checkpoint(&path)
    };
    let fit = |trainer: Trainer<'_>, data: &Loader| {
        { trainer }.epochs(2).resume().fit(&mut network(), data, None)
    };
    fit(base(), &loader()).unwrap();
    let differs = |part: &str, trainer: Trainer<'_>, data: &Loader| {
        let err = fit(trainer, data).unwrap_err().to_string();
        let rule = format!("one ({part}: ");
        assert!(err.contains(&rule) && err.contains(&format!("got {part}: ")), "{part}: {err}");
    };
    differs("data", base(), &loader().shuffle(12));
    differs("data", base(), &Loader::new(points()).batch_size(8).seed(11));
    // 50 samples: 7 batches of 8 and of 7.5.
    let more = MemoryDataset::new(Tensor::zeros([55, 2]), Targets::Classes(vec![0; 55])).unwrap();
    differs("data", base(), &Loader::new(more).batch_size(8).shuffle(11));
    let same = |loss: CrossEntropy, adam: Adam| {
        Trainer::new(loss, adam)
            .clip(Clip::norm(1.0))
            .schedule(Constant::new(0.1))
            .checkpoint(&path)
    };
    let adam = || Adam::new(0.02);
    differs("loss", same(CrossEntropy::new().label_smoothing(0.1), adam()), &loader());
    differs("optimizer", same(CrossEntropy::new(), adam().betas(0.9, 0.99)), &loader());
    differs("optimizer", same(CrossEntropy::new(), adam().weight_decay(0.1)), &loader());
    let group = ParamGroup::vectors().lr_scale(0.5);
    differs("optimizer", same(CrossEntropy::new(), adam().group(group)), &loader());
    differs("schedule", base().schedule(Constant::new(0.2)), &loader());
    differs("schedule", base().schedule(Sequence::new(Constant::new(0.1))), &loader());
    differs("schedule", base().schedule(FnSchedule::new(|_| 0.1)), &loader());
    differs("clip", base().clip(Clip::norm(2.0)), &loader());
    differs("weights", base().class_weights([1.0, 2.0]), &loader());
    assert_eq!(fit(base(), &loader().workers(2)).unwrap().records().len(), 2);
}

#[test]
fn a_moved_momentum_does_not_hinder_resuming() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    let mut trainer = Trainer::new(CrossEntropy::new(), NAdam::new(0.02))
        .schedule(purlin_nn::schedule::OneCycle::new(0.05, 14))
        .epochs(1)
        .checkpoint(&path);
    for _ in 0..2 {
        trainer.fit(&mut network(), &loader(), None).unwrap();
    }
    let mut fresh = Trainer::new(CrossEntropy::new(), NAdam::new(0.02))
        .schedule(purlin_nn::schedule::OneCycle::new(0.05, 14))
        .epochs(2)
        .checkpoint(&path)
        .resume();
    assert_eq!(fresh.fit(&mut network(), &loader(), None).unwrap().records().len(), 2);
}

#[test]
fn metrics_refuse_the_state_of_other_options() {
    let state = Metric::state(&Accuracy::binary(0.0));
    let err = Metric::load_state(&mut Accuracy::binary(0.5), &state).unwrap_err().to_string();
    assert_eq!(err, "accuracy: state must be that of threshold Some(0.5), got Some(0.0)");
    Metric::load_state(&mut Accuracy::binary(0.0), &state).unwrap();
    let state = Metric::state(&Accuracy::binary(f64::INFINITY));
    Metric::load_state(&mut Accuracy::binary(f64::INFINITY), &state).unwrap();
    let err = Metric::load_state(&mut TopK::new(3), &Metric::state(&TopK::new(2))).unwrap_err();
    assert_eq!(err.to_string(), "top-k accuracy: state must be that of k = 3, got 2");
    let err = Accuracy::binary(f64::NAN).update(&[0.0f32], &[0]).unwrap_err().to_string();
    assert_eq!(err, "accuracy: threshold must be a number, got NaN");
}

#[test]
fn scores_of_several_classes_stand_side_by_side_and_refuse_nan() {
    let mut trainer = Trainer::new(CrossEntropy::new(), Sgd::new(0.1))
        .metric(ClassScore::precision(2, Average::Class(0)))
        .metric(ClassScore::precision(2, Average::Class(1)))
        .metric(ClassScore::precision(2, Average::Macro))
        .metric(ClassScore::precision(2, Average::Micro))
        .metric(ClassScore::recall(2, Average::Weighted));
    let result = trainer.evaluate(&network(), &loader()).unwrap();
    let names: Vec<&str> = result.values.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "loss",
            "precision_class_0",
            "precision_class_1",
            "precision_macro",
            "precision_micro",
            "recall_weighted"
        ]
    );
    let mut score = ClassScore::f1(2, Average::Macro);
    let nan = Tensor::from([[0.0, 1.0], [f32::NAN, 0.0]]);
    let err = score.update(&nan, &Targets::Classes(vec![0, 1])).unwrap_err().to_string();
    assert_eq!(err, "class score: scores must be finite, got NaN at row 1, column 0");
}

#[test]
fn a_measure_over_a_part_of_the_data_is_refused() {
    let short = loader().drop_last(true);
    let expected = "evaluate: expected at least 50 samples, got 48";
    let mut trainer = Trainer::new(CrossEntropy::new(), Sgd::new(0.1));
    let err = trainer.evaluate(&network(), &short).unwrap_err().to_string();
    assert_eq!(err, expected);
    let mut model = network();
    let before = bits(&model);
    let err = trainer.fit(&mut model, &loader(), Some(&short)).unwrap_err().to_string();
    assert_eq!(err, expected);
    assert_eq!(bits(&model), before, "known before the first step");
    assert!(trainer.fit(&mut model, &short, None).is_ok(), "training may drop a short batch");
    let none = loader().batch_size(0);
    let err = trainer.evaluate(&model, &none).unwrap_err().to_string();
    assert_eq!(err, "loader: batch_size must be at least 1, got 0");
}

#[test]
fn a_model_is_measured_and_asked_without_a_trainer() {
    let model = network();
    let mut trainer = Trainer::new(CrossEntropy::new(), Sgd::new(0.1))
        .metric(Accuracy::new())
        .metric(TopK::new(1));
    let (mut accuracy, mut top) = (Accuracy::new(), TopK::new(1));
    let metrics: &mut [&mut dyn Metric] = &mut [&mut accuracy, &mut top];
    let result = evaluate(&model, &CrossEntropy::new(), metrics, &loader()).unwrap();
    assert_eq!(result, trainer.evaluate(&model, &loader()).unwrap());
    let outputs = predict(&model, &loader()).unwrap();
    assert_eq!(outputs, trainer.predict(&model, &loader()).unwrap());
}

#[test]
fn a_plateau_forgets_an_earlier_run() {
    let plateau = ReduceOnPlateau::new(Goal::Maximize).factor(0.5).patience(1);
    let mut trainer = Trainer::new(CrossEntropy::new(), Sgd::new(0.0625))
        .epochs(2)
        .metric(TopK::new(2)) // always 1: only the first epoch is an improvement
        .reduce_on_plateau("top_2_accuracy", plateau);
    for _ in 0..3 {
        let history = trainer.fit(&mut network(), &loader(), None).unwrap();
        assert_eq!(history.last().unwrap().lr, 0.0625);
        assert_eq!(trainer.optimizer().lr(), 0.0625, "one bad epoch is borne in every run");
    }
}

#[test]
fn callbacks_hear_of_an_error() {
    #[derive(Default)]
    struct Ears(Vec<String>);
    impl Callback for Ears {
        fn name(&self) -> String {
            "ears".to_owned()
        }
        fn on_error(&mut self, error: &Error) {
            self.0.push(error.to_string());
        }
    }
    let mut ears = Ears::default();
    let err = Trainer::new(CrossEntropy::new(), Sgd::new(-1.0))
        .callback(&mut ears)
        .fit(&mut network(), &loader(), None)
        .unwrap_err();
    assert_eq!(ears.0, [err.to_string()]);
}

#[test]
fn options_that_break_their_rules_are_refused_in_a_loop_written_by_hand() {
    let model = Param::new(Tensor::from([0.0f32]));
    let err = EarlyStopping::new("loss").min_delta(f64::NAN).observe(1, 0.5, &model).unwrap_err();
    let text = "early stopping: min_delta must be finite and at least 0, got NaN";
    assert_eq!(err.to_string(), text);
    let err = TargetReached::new("loss", f64::NAN).observe(0.5).unwrap_err().to_string();
    assert_eq!(err, "target reached: target must be a number, got NaN");
}

/// One weight, no bias, inputs of 1: the loss is a function of one number.
fn fit_constant(trainer: Trainer<'_>, targets: &[f32]) -> Result<f32> {
    let n = targets.len();
    let y = Tensor::from_vec(targets.to_vec(), [n, 1])?;
    let data = Loader::new(MemoryDataset::new(Tensor::ones([n, 1]), Targets::Values(y))?);
    let mut model = Linear::new(1, 1, &Stream::new(1, "init")).bias(false);
    { trainer }.epochs(200).fit(&mut model, &data.batch_size(n), None)?;
    Ok(model.weight.item())
}

#[test]
fn a_weight_of_two_is_a_sample_that_comes_twice() {
    let trainer = || Trainer::new(Mse::new(), Sgd::new(0.25));
    let weighted = fit_constant(trainer().sample_weights([2.0, 0.5, 0.5]), &[3.0, 6.0, 12.0]);
    // The minimum is the weighted mean: (2 * 3 + 6 / 2 + 12 / 2) / 3.
    assert!((weighted.unwrap() - 5.0).abs() < 1e-5);
    let plain = fit_constant(trainer().sample_weights([1.0, 1.0, 1.0]), &[3.0, 6.0, 12.0]);
    assert_eq!(plain.unwrap(), fit_constant(trainer(), &[3.0, 6.0, 12.0]).unwrap());
    let huber = Trainer::new(Huber::new(1e6), Sgd::new(0.5)).sample_weights([0.0, 2.0]);
    assert!((fit_constant(huber, &[1.0, 7.0]).unwrap() - 7.0).abs() < 1e-5);
}

#[test]
fn classes_weigh_as_their_samples_would() {
    let train = |trainer: Trainer<'_>| {
        let mut model = network();
        { trainer }.epochs(2).fit(&mut model, &loader(), None).unwrap();
        bits(&model)
    };
    let new = || Trainer::new(CrossEntropy::new(), Sgd::new(0.1));
    let targets: Vec<usize> = loader().all().unwrap().y.classes().unwrap().to_vec();
    let of_samples: Vec<f64> = targets.iter().map(|&c| [0.5, 2.0][c]).collect();
    let by_class = train(new().class_weights([0.5, 2.0]));
    assert_eq!(by_class, train(new().sample_weights(of_samples)));
    assert_ne!(by_class, train(new()));
}

/// Steps with a class each weigh as samples of one step would.
#[test]
fn classes_of_steps_weigh_each_step() {
    let (n, steps) = (6, 4);
    let x = Tensor::normal([n, steps, 3], 0.0, 1.0, &Stream::new(3, "x"));
    let classes: Vec<usize> = (0..n * steps).map(|i| i * i % 5 % 2).collect();
    let flat = Targets::Classes(classes.clone());
    let flat = MemoryDataset::new(x.reshape([n * steps, 3]), flat).unwrap();
    let by_step = MemoryDataset::per_step(x, classes, steps, 2).unwrap();
    let train = |data: MemoryDataset, weights: Option<[f64; 2]>| {
        let mut model = Linear::new(3, 2, &Stream::new(1, "init"));
        let mut trainer = Trainer::new(CrossEntropy::new(), Sgd::new(0.5)).epochs(5);
        if let Some(weights) = weights {
            trainer = trainer.class_weights(weights);
        }
        trainer.fit(&mut model, &Loader::new(data).batch_size(n * steps), None).unwrap();
        model.weight.to_vec()
    };
    let weights = Some([0.25, 3.0]);
    let (a, b) = (train(by_step.clone(), weights), train(flat, weights));
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6), "{a:?} {b:?}");
    assert_ne!(a, train(by_step, None));
}

/// A loss that knows no samples.
#[derive(Debug)]
struct Whole;
impl Loss for Whole {
    fn compute(&self, x: &Tensor, _: purlin_nn::losses::Target<'_>) -> Result<Tensor> {
        Ok(x.square().mean())
    }
}

#[test]
fn weights_that_do_not_fit_are_refused() {
    let new = || Trainer::new(CrossEntropy::new(), Sgd::new(0.1));
    let fit = |trainer: Trainer<'_>| {
        { trainer }.fit(&mut network(), &loader(), None).unwrap_err().to_string()
    };
    assert_eq!(
        fit(new().sample_weights([1.0])),
        "fit: expected 50 sample_weights, one per sample of the data set, got 1"
    );
    assert_eq!(
        fit(new().class_weights([1.0, -1.0])),
        "fit: class_weights must be finite and at least 0, got -1 at index 1"
    );
    assert_eq!(
        fit(new().class_weights([1.0])),
        "fit: expected class_weights for class 1, got 1 weights"
    );
    let err = fit(Trainer::new(Whole, Sgd::new(0.1)).class_weights([1.0, 1.0]));
    assert!(err.contains("a loss per sample") && err.ends_with("got Whole"), "{err}");
}

#[test]
fn an_epoch_may_end_early() {
    let mut model = network();
    let mut trainer =
        Trainer::new(CrossEntropy::new(), Sgd::new(0.1)).epochs(3).batches_per_epoch(2);
    let history = trainer.fit(&mut model, &loader(), None).unwrap();
    assert_eq!(history.last().unwrap().step, 6);
    let err = { trainer }.batches_per_epoch(8).fit(&mut model, &loader(), None).unwrap_err();
    assert_eq!(err.to_string(), "fit: batches_per_epoch must be in 1..=7, got 8");
}

#[test]
fn the_last_call_decides_how_divergences_are_put_together() {
    let t = Tensor::<f64>::from([[0.5, 0.5], [1.0, 0.0]]);
    let x = Tensor::from([[0.5, 0.5], [0.25, 0.75]]).ln();
    let loss = |kl: KlDiv| kl.loss(&x, &t).unwrap();
    let rows = loss(KlDiv::new().reduction(Reduction::Sum).batch_mean()).item();
    assert_eq!(rows, 4f64.ln() / 2.0);
    let sum = loss(KlDiv::new().batch_mean().reduction(Reduction::Sum)).item();
    assert_eq!(sum, 4f64.ln());
    let none = loss(KlDiv::new().batch_mean().reduction(Reduction::None));
    assert_eq!(none.dims(), [2, 2]);
    let each = KlDiv::new().batch_mean().each(&x, (&t).into()).unwrap();
    assert_eq!(each.to_vec(), [0.0, 4f64.ln()]);
}

#[test]
fn elements_of_logits_weigh_as_those_of_probabilities() {
    let x = Tensor::<f64>::from([[0.5, -1.0], [2.0, 0.25]]);
    let t = Tensor::from([[1.0, 0.0], [0.25, 1.0]]);
    let weight = Tensor::from([2.0, 0.5]);
    let logits = BceWithLogits::new().weighted_loss(&x, &t, &weight).unwrap().item();
    let probs = purlin_nn::losses::Bce::new();
    let probs = probs.weighted_loss(&x.sigmoid(), &t, &weight).unwrap().item();
    assert!((logits - probs).abs() < 1e-14);
    let err = BceWithLogits::new().weighted_loss(&x, &t, &Tensor::ones([3])).unwrap_err();
    assert!(err.to_string().starts_with("bce_with_logits: expected weight that broadcasts"));
}

fn parts(seed: u64) -> Sequential {
    let stream = Stream::new(seed, "init");
    Sequential::new()
        .push_named("body", Linear::new(2, 3, &stream.child("body")))
        .push_named("head", Linear::new(3, 2, &stream.child("head")))
}

#[test]
fn what_was_not_chosen_is_not_unexpected_and_nothing_loaded_is_an_error() {
    let mut writer = TensorWriter::new();
    for (name, tensor) in weights::state_dict(&parts(1)) {
        writer.tensor(&name, &tensor).unwrap();
    }
    let file = TensorFile::from_bytes("memory", writer.to_bytes()).unwrap();
    let mut model = parts(2);
    let report = LoadOptions::new().only("body.*").load(&mut model, &file).unwrap();
    assert_eq!(report.matched, ["body.weight", "body.bias"]);
    assert!(report.is_complete());
    let report = PyTorch::new()
        .layout("*", purlin_nn::weights::Layout::Keep)
        .only("head.*")
        .load(&mut model, &file)
        .unwrap();
    assert_eq!(report.matched, ["head.weight", "head.bias"]);
    let wrong = LoadOptions::new().partial().rename_prefix("body.", "backbone.").skip("head.*");
    let err = wrong.load(&mut model, &file).unwrap_err().to_string();
    assert!(err.contains("no name and shape fits the model: 0 matched, 4 missing"), "{err}");
    let err = LoadOptions::new().partial().only("tail.*").load(&mut model, &file).unwrap_err();
    assert!(err.to_string().contains("0 matched"), "{err}");
}

#[test]
fn keys_that_are_taken_are_refused_and_a_version_alone_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let mut model = Param::new(Tensor::from([1.0f32]));
    for key in ["architecture", "architecture_version", "class_names", "preprocessing", "purlin.x"]
    {
        let info = ModelInfo::default().with(key, "x");
        let err = weights::save_with(&model, &info, &path).unwrap_err().to_string();
        assert!(err.starts_with("model info: key must be other than"), "{err}");
        assert!(err.ends_with(&format!("got {key}")), "{err}");
    }
    let info = ModelInfo::default().architecture_version(3).with("own", "x");
    weights::save_with(&model, &info, &path).unwrap();
    assert_eq!(weights::load(&mut model, &path).unwrap(), info);
}

#[test]
#[should_panic(expected = "confusion matrix: beta must be finite and at least 0, got NaN")]
fn a_beta_of_nan_is_refused() {
    let matrix = purlin_nn::metrics::ConfusionMatrix::new(2);
    let _ = matrix.f_score(Average::Macro, f64::NAN);
}
