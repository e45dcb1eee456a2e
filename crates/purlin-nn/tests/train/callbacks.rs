//! Callbacks by their own methods: scripted sequences of values, NaN among them.

use purlin_nn::Param;
use purlin_nn::callbacks::{
    BatchEnd, Callback, CallbackState, CsvLog, EarlyStopping, Flow, Lines, LrLog, RunInfo,
    SaveBest, TargetReached,
};
use purlin_nn::metrics::Goal;
use purlin_nn::trainer::{EpochRecord, History};
use purlin_nn::weights;
use purlin_tensor::Tensor;
use std::io::Write;
use std::sync::{Arc, Mutex};

fn record(epoch: u64, values: &[(&str, f64)]) -> EpochRecord {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    EpochRecord { epoch, step: 10 * epoch, lr: 0.1, values }
}

/// A model whose only weight is the number of the epoch that it has been trained for.
fn model() -> Param {
    Param::new(Tensor::from([0.0f32]))
}

/// Runs a script: the epoch (from 1) in which it stopped, if it did, and the weight at the end.
fn script(mut stopper: EarlyStopping, values: &[f64]) -> (Option<u64>, f32) {
    let mut model = model();
    let mut stopped = None;
    for (epoch, &value) in (1..).zip(values) {
        model.data_mut()[0] = epoch as f32;
        if stopper.observe(epoch, value, &model).unwrap().is_stop() {
            stopped = Some(epoch);
            break;
        }
    }
    stopper.restore(&mut model).unwrap();
    (stopped, model.item())
}

#[test]
fn early_stopping_keeps_the_weights_of_the_best_epoch() {
    const NAN: f64 = f64::NAN;
    const INF: f64 = f64::INFINITY;
    let loss = || EarlyStopping::new("val_loss");
    let cases: Vec<(EarlyStopping, &[f64], Option<u64>, f32)> = vec![
        // patience 0 and 1 stop at the first epoch that does not improve
        (loss(), &[0.9, 0.8, 0.8, 0.1], Some(3), 2.0),
        (loss().patience(1), &[0.9, 0.8, 0.8, 0.1], Some(3), 2.0),
        (loss().patience(2), &[0.9, 0.8, 0.8, 0.9, 0.1], Some(4), 2.0),
        (loss().patience(2), &[0.9, 0.8, 0.85, 0.7, 0.75, 0.8], Some(6), 4.0),
        // never stopped: the best weights are restored all the same
        (loss().patience(6), &[0.9, 0.5, 0.6, 0.7], None, 2.0),
        (loss().patience(6).restore_best_weights(false), &[0.9, 0.5, 0.6, 0.7], None, 4.0),
        // the first of equals
        (loss().patience(6), &[0.5, 0.5, 0.5], None, 1.0),
        // min_delta: 0.46 is not more than 0.05 better than 0.5, 0.4 is
        (loss().patience(10).min_delta(0.05), &[0.5, 0.46, 0.47, 0.4], None, 4.0),
        (loss().patience(2).min_delta(0.2), &[0.5, 0.4, 0.35, 0.0], Some(3), 1.0),
        // an accuracy rises
        (EarlyStopping::new("val_accuracy").patience(2), &[0.1, 0.3, 0.2, 0.25, 0.9], Some(4), 2.0),
        (EarlyStopping::new("custom").goal(Goal::Minimize), &[3.0, 2.0, 2.5], Some(3), 2.0),
        // NaN is no improvement, wherever it comes
        (loss().patience(2), &[NAN, 0.5, NAN, NAN, 0.1], Some(4), 2.0),
        (loss().patience(2), &[NAN, NAN, 0.1], Some(2), 2.0),
        // infinities compare
        (loss().patience(3).min_delta(0.1), &[INF, 5.0, INF, 4.0], None, 4.0),
        // the baseline must be beaten; if it never is, there is no best epoch
        (loss().patience(2).baseline(0.5), &[0.9, 0.8, 0.4], Some(2), 2.0),
        (loss().patience(4).baseline(0.5), &[0.9, 0.4, 0.6], None, 2.0),
        (loss().patience(10).baseline(0.1), &[0.9, 0.8, 0.7], None, 3.0),
        // epochs before the first that counts are not looked at
        (loss().start_from_epoch(3), &[0.1, 0.2, 0.5, 0.4, 0.45], Some(5), 4.0),
        (loss(), &[], None, 0.0),
    ];
    for (i, (stopper, values, stopped, weight)) in cases.into_iter().enumerate() {
        assert_eq!(script(stopper, values), (stopped, weight), "case {i}: {values:?}");
    }
}

#[test]
fn the_reason_names_the_best_epoch() {
    let mut stopper: EarlyStopping = EarlyStopping::new("val_loss").patience(2);
    let model = model();
    for (epoch, value) in [(1, 0.5), (2, 0.25), (3, 0.3)] {
        assert_eq!(stopper.observe(epoch, value, &model).unwrap(), Flow::Continue);
    }
    let reason = "val_loss has not improved for 2 epochs, best 0.25 in epoch 2";
    assert_eq!(stopper.observe(4, 0.4, &model).unwrap(), Flow::Stop(reason.to_owned()));
    assert_eq!(stopper.best(), Some((2, 0.25)));
}

#[test]
fn the_kept_weights_are_a_copy() {
    let mut model = model();
    let mut stopper = EarlyStopping::new("loss").patience(10);
    let _ = stopper.observe(1, 0.5, &model).unwrap();
    model.data_mut()[0] = 7.0; // the next step
    stopper.restore(&mut model).unwrap();
    assert_eq!(model.item(), 0.0);
}

#[test]
fn early_stopping_goes_on_from_its_saved_state() {
    let values = [0.9, 0.5, 0.6, 0.7, 0.65, 0.4];
    let whole = script(EarlyStopping::new("val_loss").patience(3), &values);
    assert_eq!(whole, (Some(5), 2.0));
    for cut in 0..5 {
        let mut stopper: EarlyStopping = EarlyStopping::new("val_loss").patience(3);
        let mut model = model();
        let mut stopped = None;
        for (epoch, &value) in (1..).zip(&values) {
            if epoch == cut + 1 {
                let state = Callback::<f32>::state(&stopper).unwrap();
                stopper = EarlyStopping::new("val_loss").patience(3);
                stopper.load_state(state).unwrap();
            }
            model.data_mut()[0] = epoch as f32;
            if stopper.observe(epoch, value, &model).unwrap().is_stop() {
                stopped = Some(epoch);
                break;
            }
        }
        stopper.restore(&mut model).unwrap();
        assert_eq!((stopped, model.item()), whole, "cut after epoch {cut}");
    }
    let mut stopper: EarlyStopping = EarlyStopping::new("val_loss");
    let bad = CallbackState { record: "{}".to_owned(), tensors: Vec::new() };
    assert!(stopper.load_state(bad).is_err());
}

#[test]
fn a_value_that_is_not_there_is_named_with_those_that_are() {
    let record = record(1, &[("loss", 0.5), ("accuracy", 0.9)]);
    let callbacks: [Box<dyn Callback>; 3] = [
        Box::new(EarlyStopping::new("val_loss")),
        Box::new(TargetReached::new("val_loss", 0.1)),
        Box::new(SaveBest::new("val_loss", "nowhere")),
    ];
    for mut callback in callbacks {
        let err = callback.on_epoch_end(&record, &model()).unwrap_err().to_string();
        assert!(err.ends_with("monitor must be one of accuracy, loss, got val_loss"), "{err}");
    }
}

#[test]
fn options_that_break_their_rules_are_refused_before_the_first_step() {
    let run = RunInfo { n_epochs: 1, n_batches: 1, n_samples: 1, first_epoch: 0, first_batch: 0 };
    let callbacks: [Box<dyn Callback>; 3] = [
        Box::new(EarlyStopping::new("loss").min_delta(-1.0)),
        Box::new(EarlyStopping::new("loss").baseline(f64::NAN)),
        Box::new(TargetReached::new("loss", f64::NAN)),
    ];
    for mut callback in callbacks {
        assert!(callback.on_train_begin(&run).is_err());
    }
}

#[test]
fn the_best_weights_are_written_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("best.safetensors");
    let mut best = SaveBest::new("val_accuracy", &path);
    let mut model = model();
    let mut written = Vec::new();
    for (epoch, value) in (1..).zip([f64::NAN, 0.5, 0.4, 0.6, f64::NAN]) {
        model.data_mut()[0] = epoch as f32;
        written.push(best.observe(value, &model).unwrap());
    }
    assert_eq!(written, [false, true, false, true, false]);
    weights::load(&mut model, &path).unwrap();
    assert_eq!(model.item(), 4.0);

    let mut resumed = SaveBest::new("val_accuracy", &path);
    let state = Callback::<f32>::state(&best).unwrap();
    Callback::<f32>::load_state(&mut resumed, state).unwrap();
    assert!(!resumed.observe(0.55, &model).unwrap(), "0.6 was seen before the break");
}

#[test]
fn the_log_of_a_resumed_run_is_that_of_an_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log, \"odd\".csv");
    let epochs: Vec<EpochRecord> =
        (1..=4).map(|e| record(e, &[("loss", 1.0 / e as f64), ("val, \"x\"", f64::NAN)])).collect();
    let write = |log: &mut CsvLog, records: &[EpochRecord]| {
        for record in records {
            log.write(record).unwrap();
        }
    };
    let mut log = CsvLog::new(&path);
    write(&mut log, &epochs);
    let whole = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        whole,
        "epoch,step,lr,loss,\"val, \"\"x\"\"\"\n1,10,0.1,1,NaN\n2,20,0.1,0.5,NaN\n\
         3,30,0.1,0.3333333333333333,NaN\n4,40,0.1,0.25,NaN\n"
    );
    for checkpoint in 0..4 {
        // Killed after epoch 3, half a line written; the checkpoint is older.
        let mut log = CsvLog::new(&path);
        write(&mut log, &epochs[..checkpoint]);
        let state = Callback::<f32>::state(&log).unwrap();
        write(&mut log, &epochs[checkpoint..3]);
        drop(log);
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"4,40,0.").unwrap();

        let mut log = CsvLog::new(&path);
        Callback::<f32>::load_state(&mut log, state).unwrap();
        let first_epoch = checkpoint as u64;
        let run = RunInfo { n_epochs: 4, n_batches: 1, n_samples: 1, first_epoch, first_batch: 0 };
        Callback::<f32>::on_train_begin(&mut log, &run).unwrap();
        write(&mut log, &epochs[checkpoint..]);
        let resumed = std::fs::read_to_string(&path).unwrap();
        assert_eq!(resumed, whole, "checkpoint after epoch {checkpoint}");
    }
    let mut fresh = CsvLog::new(&path);
    write(&mut fresh, &epochs[..1]);
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2, "a fresh run replaces");
}

#[test]
fn an_epoch_that_lacks_a_value_leaves_its_field_empty_and_a_new_value_gets_a_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    let mut log = CsvLog::new(&path);
    log.write(&record(1, &[("loss", 1.0), ("auc", 0.5)])).unwrap();
    log.write(&record(2, &[("loss", 2.0), ("new", 3.0)])).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "epoch,step,lr,loss,auc,new\n1,10,0.1,1,0.5,\n2,20,0.1,2,,3\n");
    assert!(CsvLog::new(folder.path().join("no/log.csv")).write(&record(1, &[])).is_err());
}

#[test]
fn rates_are_kept_for_steps_and_not_for_batches_in_between() {
    let mut log = LrLog::new();
    let values = || Vec::new();
    for batch in 1..=4 {
        let (is_step, step) = (batch % 2 == 0, batch / 2);
        let lr = 0.1 * batch as f64;
        let end = BatchEnd { epoch: 1, batch, n_samples: 1, step, is_step, lr, values: &values };
        Callback::<f32>::on_batch_end(&mut log, &end).unwrap();
    }
    assert_eq!(log.steps(), [1, 2]);
    let state = Callback::<f32>::state(&log).unwrap();
    let mut other = LrLog::new();
    Callback::<f32>::load_state(&mut other, state).unwrap();
    assert_eq!(other, log);
}

/// A writer that can be read.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_show_small_large_and_broken_values() {
    let out = Shared::default();
    let mut lines = Lines::to(out.clone());
    let values = [("loss", 1.25e-5), ("mse", 123_456.0), ("x", f64::NAN), ("zero", 0.0)];
    lines.epoch(&EpochRecord { lr: 2.5e-4, ..record(2, &values) }).unwrap();
    let mut history = History::new();
    history.stop("enough");
    Callback::<f32>::on_train_end(&mut lines, &history, &mut model()).unwrap();
    let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
    assert_eq!(
        text,
        "epoch 2  step 20  loss 1.250e-5  mse 1.235e5  x NaN  zero 0.0000  lr 2.5e-4\nstopped: enough\n"
    );
}

#[test]
fn a_history_comes_back_from_json_with_its_bits() {
    let mut history = History::new();
    history.push(record(1, &[("loss", 0.1 + 0.2), ("val_loss", f64::INFINITY)]));
    history.push(record(2, &[("loss", f64::NAN)]));
    history.stop("because");
    let back: History = serde_json::from_str(&serde_json::to_string(&history).unwrap()).unwrap();
    assert_eq!(back.values("loss")[0].to_bits(), (0.1f64 + 0.2).to_bits());
    assert_eq!(back.names(), ["loss", "val_loss"]);
    assert!(back.values("val_loss")[1].is_nan() && back.values("loss")[1].is_nan());
    assert_eq!(back.best("loss", Goal::Minimize), Some((1, 0.1 + 0.2)));
    assert_eq!(back.best("other", Goal::Minimize), None);
    assert_eq!(back.stopped(), Some("because"));
}
