//! The second promise: one network, trained in many ways, has one set of bytes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use purlin::backend::isa::{self, IsaKind};
use purlin::core::rng::Stream;
use purlin::data::{Augment, Dataset, Loader, Pipeline, Subset, sets};
use purlin::nn::Sequential;
use purlin::nn::layers::{
    BatchNorm2d, Conv2d, Dropout, Flatten, LayerNorm, Linear, MaxPool2d, Padding, Relu,
};
use purlin::nn::losses::CrossEntropy;
use purlin::nn::metrics::Accuracy;
use purlin::nn::optim::{Adam, Clip};
use purlin::nn::schedule::Cosine;
use purlin::nn::trainer::Trainer;
use purlin::nn::weights::{self, ModelInfo};
use purlin::tensor::Activation;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const EPOCHS: u64 = 3;
const N_SAMPLES: usize = 320;
/// Set in the process that is to be killed; holds the path of its checkpoint.
const VICTIM: &str = "PURLIN_TEST_VICTIM";

/// Layers of every kind that adds numbers up in parallel.
fn network() -> Sequential {
    let stream = Stream::new(7, "init");
    Sequential::new()
        .push(Conv2d::new(1, 24, 3, &stream.child("0")).padding(Padding::Same))
        .push(BatchNorm2d::new(24))
        .push(Relu)
        .push(Conv2d::new(24, 40, 3, &stream.child("1")).activation(Activation::Relu))
        .push(MaxPool2d::new(2))
        .push(Flatten)
        .push(LayerNorm::new(3 * 3 * 40))
        .push(Dropout::new(0.25))
        .push(Linear::new(3 * 3 * 40, 96, &stream.child("2")).activation(Activation::Tanh))
        .push(Linear::new(96, 10, &stream.child("3")))
}

fn loader(workers: usize) -> Loader {
    let pipeline = Pipeline::new().augment(Augment::classic()).rescale(1.0 / 255.0);
    let digits = sets::digits_images().training(&pipeline).unwrap();
    assert!(digits.len() > N_SAMPLES);
    let some = Subset::new(digits, (0..N_SAMPLES).collect()).unwrap();
    Loader::new(some).batch_size(48).shuffle(3).workers(workers)
}

fn trainer<'a>() -> Trainer<'a> {
    let steps = EPOCHS * loader(0).n_batches() as u64;
    Trainer::new(CrossEntropy::new(), Adam::new(2e-3))
        .epochs(EPOCHS)
        .seed(11)
        .schedule(Cosine::new(2e-3, steps))
        .clip(Clip::norm(1.0))
        .metric(Accuracy::new())
}

/// The bytes of the weight file.
fn bytes(model: &Sequential) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    weights::save_with(model, &ModelInfo::new("test"), &path).unwrap();
    std::fs::read(path).unwrap()
}

fn trained(threads: usize, workers: usize) -> Vec<u8> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut model = network();
        let history = trainer().fit(&mut model, &loader(workers), None).unwrap();
        let losses = history.values("loss");
        assert!(losses.last() < losses.first(), "the network must learn: {losses:?}");
        bytes(&model)
    })
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let one = trained(1, 0);
    for threads in [2, 3, 8] {
        assert!(one == trained(threads, 0), "1 and {threads} threads differ");
    }
}

#[test]
fn any_number_of_workers_gives_the_same_bytes() {
    let inline = trained(2, 0);
    for workers in [1, 4] {
        assert!(inline == trained(2, workers), "0 and {workers} workers differ");
    }
}

#[test]
fn every_instruction_set_gives_the_same_bytes() {
    let pinned = |kind| {
        let _pin = isa::pin(kind);
        trained(2, 0)
    };
    let scalar = pinned(IsaKind::Scalar);
    for kind in IsaKind::available() {
        assert!(scalar == pinned(kind), "scalar and {} differ", kind.name());
    }
}

/// Trains with a checkpoint after every second step; goes on from it if it is there.
fn trained_with_checkpoint(path: &Path) -> Vec<u8> {
    let mut model = network();
    let mut trainer = trainer().checkpoint(path).checkpoint_every(2).resume();
    trainer.fit(&mut model, &loader(0), None).unwrap();
    bytes(&model)
}

/// Not a test of its own: the process that [`killed_and_resumed_gives_the_same_bytes`] kills.
#[test]
fn victim() {
    if let Ok(path) = std::env::var(VICTIM) {
        let bytes = trained_with_checkpoint(Path::new(&path));
        assert!(!bytes.is_empty());
    }
}

#[test]
fn killed_and_resumed_gives_the_same_bytes() {
    let whole = trained(2, 0);
    let folder = tempfile::tempdir().unwrap();
    for (round, wait) in [0, 3, 11].into_iter().enumerate() {
        let path = folder.path().join(format!("{round}.checkpoint"));
        kill_after_first_checkpoint(&path, Duration::from_millis(wait));
        assert!(whole == trained_with_checkpoint(&path), "round {round} differs");
    }
}

fn kill_after_first_checkpoint(path: &Path, wait: Duration) {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--test-threads", "1"])
        .env(VICTIM, path)
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < Duration::from_secs(120), "no checkpoint appeared");
        assert!(victim.try_wait().unwrap().is_none() || path.exists(), "it ended without one");
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(wait);
    victim.kill().unwrap(); // SIGKILL: nothing of the process runs after it
    victim.wait().unwrap();
}
