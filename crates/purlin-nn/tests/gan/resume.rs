//! A run that is stopped or killed and goes on has the bits of one that never stopped.

use crate::fit::{bits, data, networks};
use purlin_nn::callbacks::CsvLog;
use purlin_nn::checkpoint::Checkpoint;
use purlin_nn::gan::{GanLoss, GanTrainer};
use purlin_nn::layers::{BatchNorm2d, Tanh};
use purlin_nn::optim::{Adam, RmsProp};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Everything that has state.
fn trainer<'a>(folder: &Path, epochs: u64) -> GanTrainer<'a> {
    GanTrainer::new(GanLoss::Wasserstein, Adam::new(2e-3).betas(0.5, 0.9), RmsProp::new(1e-3))
        .latent_dim(4)
        .classes(2)
        .discriminator_steps(2)
        .gradient_penalty(1.0)
        .ema(0.9)
        .epochs(epochs)
        .seed(3)
        .callback(CsvLog::new(folder.join("log.csv")))
        .checkpoint(folder.join("last.safetensors"))
        .checkpoint_every(2)
}

/// The bits of both networks and of the average.
fn train(mut trainer: GanTrainer<'_>) -> Vec<u32> {
    let (mut generator, mut discriminator) = networks(6, 3);
    trainer.fit(&mut generator, &mut discriminator, &data()).unwrap();
    let mut all = bits(&[&generator, &discriminator]);
    let average = trainer.ema_weights().unwrap().weights();
    all.extend(average.iter().flat_map(|(_, x)| x.to_vec()).map(f32::to_bits));
    all
}

#[test]
fn a_resumed_run_has_the_bits_of_one_that_never_stopped() {
    let whole = tempfile::tempdir().unwrap();
    let expected = train(trainer(whole.path(), 3));
    let folder = tempfile::tempdir().unwrap();
    for epochs in 1..=3 {
        let got = train(trainer(folder.path(), epochs).resume());
        if epochs == 3 {
            assert_eq!(got, expected);
        }
    }
    for name in ["last.safetensors", "log.csv"] {
        let read = |folder: &Path| std::fs::read(folder.join(name)).unwrap();
        assert!(read(folder.path()) == read(whole.path()), "{name}");
    }
}

#[test]
fn a_run_that_is_set_up_differently_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    train(trainer(folder.path(), 1));
    let changed = trainer(folder.path(), 2).resume().ema(0.5).discriminator_steps(1);
    let mut changed = changed;
    let (mut generator, mut discriminator) = networks(6, 3);
    let before = bits(&[&generator, &discriminator]);
    let err = changed.fit(&mut generator, &mut discriminator, &data()).unwrap_err();
    assert_eq!(
        err.to_string(),
        "resume: checkpoint must be that of a run set up like this one (discriminator_steps: 1; \
         ema: 0.5), got discriminator_steps: 2; ema: 0.9"
    );
    assert_eq!(bits(&[&generator, &discriminator]), before);
}

#[test]
fn a_checkpoint_of_another_generator_changes_neither_network() {
    let folder = tempfile::tempdir().unwrap();
    train(trainer(folder.path(), 1));
    let (_, mut discriminator) = networks(6, 3);
    let mut generator = networks(6, 3).0.push(Tanh).push(BatchNorm2d::new(1));
    let before = bits(&[&generator, &discriminator]);
    let mut trainer = trainer(folder.path(), 2).resume();
    let err = trainer.fit(&mut generator, &mut discriminator, &data()).unwrap_err();
    assert_eq!(
        err.to_string(),
        "checkpoint: weights must be those of the model, got none for 8.weight"
    );
    assert_eq!(bits(&[&generator, &discriminator]), before);
}

#[test]
fn a_checkpoint_holds_both_networks_and_says_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    train(trainer(folder.path(), 1));
    let checkpoint = Checkpoint::<f32>::load(folder.path().join("last.safetensors")).unwrap();
    let (mut generator, mut discriminator) = networks(6, 3);
    let mut adam = Adam::new(2e-3).betas(0.5, 0.9);
    checkpoint.restore(&mut generator, &mut adam).unwrap();
    let part = &checkpoint.parts["discriminator"];
    assert_eq!(part.optimizer.kind, "rmsprop");
    let mut rmsprop = RmsProp::new(1e-3);
    checkpoint.restore_part("discriminator", &mut discriminator, &mut rmsprop).unwrap();
    let err = checkpoint.restore_part("critic", &mut discriminator, &mut rmsprop).unwrap_err();
    let text = "checkpoint: part must be one of [discriminator], got critic";
    assert_eq!(err.to_string(), text);
}

/// Set in the child process: the folder that it writes to.
const FOLDER: &str = "PURLIN_TEST_KILL_FOLDER";
const EPOCHS: u64 = 12;

#[test]
#[ignore = "the work of a child process"]
fn child_trains() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let bits = train(trainer(&folder, EPOCHS).resume());
    let bytes: Vec<u8> = bits.iter().flat_map(|b| b.to_le_bytes()).collect();
    std::fs::write(folder.join("done"), bytes).unwrap();
}

fn spawn(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["resume::child_trains", "--exact", "--include-ignored", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_training_goes_on_to_the_same_bits() {
    let whole = tempfile::tempdir().unwrap();
    let expected = train(trainer(whole.path(), EPOCHS));
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("last.safetensors");
    let mut steps = Vec::new();
    for round in 0..3 {
        let mut child = spawn(folder.path());
        let begin = Instant::now();
        while !checkpoint.exists() {
            assert!(begin.elapsed() < Duration::from_secs(60), "no checkpoint comes");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(5 + 15 * round));
        child.kill().unwrap(); // SIGKILL on Unix: no destructor, no flush
        child.wait().unwrap();
        steps.push(Checkpoint::<f32>::load(&checkpoint).unwrap().position.step);
    }
    assert!(steps.is_sorted(), "work is never lost: {steps:?}");
    assert!(steps[0] < 3 * EPOCHS, "the first kill came too late: {steps:?}");
    assert!(spawn(folder.path()).wait().unwrap().success());
    let bytes = std::fs::read(folder.path().join("done")).unwrap();
    let got: Vec<u32> =
        bytes.as_chunks::<4>().0.iter().map(|chunk| u32::from_le_bytes(*chunk)).collect();
    assert_eq!(got, expected, "killed after steps {steps:?}");
}
