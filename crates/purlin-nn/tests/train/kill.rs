//! Processes that are really killed: the file they leave can be loaded, and the run that goes on
//! from it ends with the bits of one that was never killed.

use crate::trainer::{bits, full_trainer, loader, network};
use purlin_nn::Param;
use purlin_nn::checkpoint::{Checkpoint, Position};
use purlin_nn::optim::{Adam, Optimizer};
use purlin_tensor::Tensor;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Set in the child processes: the folder that they write to.
const FOLDER: &str = "PURLIN_TEST_KILL_FOLDER";
const EPOCHS: u64 = 40;

/// Runs one of the tests below in a process of its own, where it does its work.
fn spawn(test: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--include-ignored", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn folder_of_child() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Waits until a file is there; a child that has ended before that has failed.
fn wait_for(path: &Path, child: &mut Child) {
    let begin = Instant::now();
    while !path.exists() {
        assert!(begin.elapsed() < Duration::from_secs(120), "{} does not come", path.display());
        if let Some(status) = child.try_wait().unwrap() {
            assert!(path.exists(), "the child ended with {status} and wrote nothing");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// SIGKILL on Unix: no destructor, no flush.
fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn train(folder: &Path) -> Vec<u32> {
    let mut model = network();
    full_trainer(folder, EPOCHS).resume().fit(&mut model, &loader(), Some(&loader())).unwrap();
    bits(&model)
}

#[test]
#[ignore = "the work of a child process"]
fn child_trains() {
    let Some(folder) = folder_of_child() else { return };
    let bits = train(&folder);
    let bytes: Vec<u8> = bits.iter().flat_map(|b| b.to_le_bytes()).collect();
    std::fs::write(folder.join("done"), bytes).unwrap();
}

#[test]
#[ignore = "the work of a child process"]
fn child_writes_checkpoints() {
    let Some(folder) = folder_of_child() else { return };
    // Large enough that a kill often falls into the writing.
    let mut param = Param::new(Tensor::<f32>::zeros([200_000]));
    let mut adam = Adam::new(0.1);
    for step in 1.. {
        let grads = (&*param * &*param + &*param).sum().backward();
        adam.step(&mut param, &grads).unwrap();
        let at = Position { epoch: 0, batch: step, step };
        Checkpoint::capture(&param, &adam, at).save(folder.join("c.safetensors")).unwrap();
    }
}

#[test]
fn a_killed_training_goes_on_to_the_same_bits() {
    let whole = tempfile::tempdir().unwrap();
    let expected = train(whole.path());
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("last.safetensors");
    let mut steps = Vec::new();
    for round in 0..6 {
        let mut child = spawn("kill::child_trains", folder.path());
        wait_for(&checkpoint, &mut child);
        // Another moment in every round.
        std::thread::sleep(Duration::from_millis(3 + 11 * round));
        kill(child);
        steps.push(Checkpoint::<f32>::load(&checkpoint).unwrap().position.step);
    }
    assert!(steps.is_sorted(), "work is never lost: {steps:?}");
    assert!(steps[0] < 7 * EPOCHS, "the first kill came too late: {steps:?}");
    let mut child = spawn("kill::child_trains", folder.path());
    assert!(child.wait().unwrap().success());
    let bytes = std::fs::read(folder.path().join("done")).unwrap();
    let got: Vec<u32> =
        bytes.as_chunks::<4>().0.iter().map(|chunk| u32::from_le_bytes(*chunk)).collect();
    assert_eq!(got, expected, "killed after steps {steps:?}");
    for name in ["last.safetensors", "best.safetensors", "log.csv"] {
        let read = |folder: &Path| std::fs::read(folder.join(name)).unwrap();
        assert!(read(folder.path()) == read(whole.path()), "{name}");
    }
    let left: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".last."))
        .collect();
    assert!(left.is_empty(), "temporary files of killed processes are swept: {left:?}");
}

#[test]
fn a_kill_at_any_moment_leaves_a_checkpoint_that_loads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.safetensors");
    for round in 0..12 {
        let mut child = spawn("kill::child_writes_checkpoints", folder.path());
        wait_for(&path, &mut child);
        std::thread::sleep(Duration::from_micros(2000 + 1370 * round));
        kill(child);
        let checkpoint = Checkpoint::<f32>::load(&path).unwrap();
        let slots = &checkpoint.optimizer.params[0];
        assert_eq!(slots.steps, checkpoint.position.step, "all of one moment");
    }
    Checkpoint::<f32>::sweep(&path).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
