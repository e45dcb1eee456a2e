//! Training that goes on where it stopped, to the bit.
//!
//! A [`Checkpoint`] is everything that the next step depends on: weights and running statistics,
//! the optimizer's state, the place in the data (epoch and batch), and named records: the history,
//! a plateau's counters, the best weights of early stopping. Random draws need no state of their
//! own: dropout and shuffling are functions of (seed, step) and (seed, epoch).
//!
//! One safetensors file holds it all. It is written to a temporary file, synced and renamed, so a
//! process killed at any moment leaves the last checkpoint whole; a checksum tells a damaged one.
//! A checkpoint whose weights are not finite is refused, so the last good one stays.
//!
//! The trainer writes and reads checkpoints by itself
//! ([`Trainer::checkpoint`](crate::trainer::Trainer::checkpoint)); here is the same for a loop
//! written by hand.
//!
//! # Examples
//!
//! ```
//! use purlin_nn::Param;
//! use purlin_nn::checkpoint::{Checkpoint, Position};
//! use purlin_nn::optim::{Adam, Optimizer};
//! use purlin_tensor::Tensor;
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("last.safetensors");
//! let step = |p: &mut Param, adam: &mut Adam| {
//!     let grads = (&**p * &**p).sum().backward();
//!     adam.step(p, &grads)
//! };
//!
//! let (mut p, mut adam) = (Param::new(Tensor::from([1.0f32, -2.0])), Adam::new(0.1));
//! step(&mut p, &mut adam)?;
//! let at = Position { epoch: 0, batch: 1, step: 1 };
//! Checkpoint::capture(&p, &adam, at).save(&path)?;
//! step(&mut p, &mut adam)?;
//!
//! let (mut q, mut adam) = (Param::new(Tensor::from([0.0f32, 0.0])), Adam::new(0.1));
//! let checkpoint = Checkpoint::load(&path)?;
//! checkpoint.restore(&mut q, &mut adam)?;
//! assert_eq!(checkpoint.position, at);
//! step(&mut q, &mut adam)?;
//! assert_eq!(q.to_vec(), p.to_vec());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::Module;
use crate::exact;
use crate::optim::{Optimizer, OptimizerState, ParamState};
use crate::weights::{TensorFile, TensorWriter, atomic, load_state_dict, state_dict};
use purlin_core::{Error, Real, Result};
use purlin_tensor::Tensor;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The version of the record below; a file of a later one is refused with an explanation.
const VERSION: u32 = 1;
const RECORD: &str = "checkpoint";

/// The place of a training in its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// The epoch at hand, from 0.
    pub epoch: u64,
    /// The next batch within it, from 0.
    pub batch: u64,
    /// Optimizer steps taken so far.
    pub step: u64,
}

/// Everything that the next step of a training depends on.
#[derive(Debug, Clone)]
pub struct Checkpoint<T: Real = f32> {
    /// Parameters and buffers by name, in the order of the walk.
    pub weights: Vec<(String, Tensor<T>)>,
    /// What the optimizer remembers.
    pub optimizer: OptimizerState<T>,
    /// The place in the data.
    pub position: Position,
    /// Records of your own, as JSON, by name; see [`Checkpoint::put`].
    pub records: BTreeMap<String, String>,
    /// Tensors of your own, by name.
    pub tensors: BTreeMap<String, Tensor<T>>,
    /// Further models with their optimizers, by name; see [`Checkpoint::add_part`].
    pub parts: BTreeMap<String, Part<T>>,
}

/// A model and its optimizer, beside those that a checkpoint began with.
#[derive(Debug, Clone)]
pub struct Part<T: Real = f32> {
    /// Parameters and buffers by name, in the order of the walk.
    pub weights: Vec<(String, Tensor<T>)>,
    /// What the optimizer remembers.
    pub optimizer: OptimizerState<T>,
}

/// What the metadata holds.
#[derive(Serialize, Deserialize)]
struct Record {
    version: u32,
    position: Position,
    optimizer: OptimizerRecord,
    weights: Vec<String>,
    records: BTreeMap<String, String>,
    /// Not there in files of models that train alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    parts: BTreeMap<String, PartRecord>,
}

#[derive(Serialize, Deserialize)]
struct PartRecord {
    optimizer: OptimizerRecord,
    weights: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct OptimizerRecord {
    kind: String,
    #[serde(with = "exact")]
    lr: f64,
    #[serde(with = "exact::option")]
    momentum: Option<f64>,
    params: Vec<ParamRecord>,
}

#[derive(Serialize, Deserialize)]
struct ParamRecord {
    name: String,
    steps: u64,
    slots: Vec<String>,
}

impl<T: Real> Checkpoint<T> {
    /// The state of a model and its optimizer. Tensors share storage until the next step.
    pub fn capture(
        model: &(impl Module<T> + ?Sized),
        optimizer: &(impl Optimizer<T> + ?Sized),
        position: Position,
    ) -> Self {
        Self {
            weights: state_dict(model),
            optimizer: optimizer.state(),
            position,
            records: BTreeMap::new(),
            tensors: BTreeMap::new(),
            parts: BTreeMap::new(),
        }
    }

    /// Adds the state of another model and its optimizer, such as the discriminator of a GAN.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_nn::Param;
    /// use purlin_nn::checkpoint::{Checkpoint, Position};
    /// use purlin_nn::optim::Sgd;
    /// use purlin_tensor::Tensor;
    ///
    /// let (a, mut b) = (Param::new(Tensor::from([1.0f32])), Param::new(Tensor::from([2.0])));
    /// let mut checkpoint = Checkpoint::capture(&a, &Sgd::new(0.1), Position::default());
    /// checkpoint.add_part("other", &b, &Sgd::new(0.2));
    /// b.data_mut()[0] = 5.0;
    /// checkpoint.restore_part("other", &mut b, &mut Sgd::new(0.2))?;
    /// assert_eq!(b.to_vec(), [2.0]);
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn add_part(
        &mut self,
        name: &str,
        model: &(impl Module<T> + ?Sized),
        optimizer: &(impl Optimizer<T> + ?Sized),
    ) {
        let part = Part { weights: state_dict(model), optimizer: optimizer.state() };
        self.parts.insert(name.to_owned(), part);
    }

    /// Puts a model and its optimizer into the state that [`add_part`](Self::add_part) kept.
    ///
    /// # Errors
    ///
    /// As [`restore`](Self::restore), and [`Error::InvalidParam`] when there is none of that name.
    pub fn restore_part(
        &self,
        name: &str,
        model: &mut (impl Module<T> + ?Sized),
        optimizer: &mut (impl Optimizer<T> + ?Sized),
    ) -> Result<()> {
        let Some(Part { weights, optimizer: state }) = self.parts.get(name) else {
            let names: Vec<&str> = self.parts.keys().map(String::as_str).collect();
            let rule = format!("one of [{}]", names.join(", "));
            return Err(Error::param("checkpoint", "part", rule, name));
        };
        restore(weights, state, model, optimizer)
    }

    /// Adds a record: anything that serde can write.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when it has no JSON form.
    pub fn put(&mut self, name: &str, value: &impl Serialize) -> Result<()> {
        let json = serde_json::to_string(value)
            .map_err(|e| Error::param("checkpoint", "record", "writable as JSON", e))?;
        self.records.insert(name.to_owned(), json);
        Ok(())
    }

    /// Reads a record; `None` if there is none of that name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when the record is something else.
    pub fn get<R: DeserializeOwned>(&self, name: &str) -> Result<Option<R>> {
        let Some(json) = self.records.get(name) else { return Ok(None) };
        serde_json::from_str(json).map(Some).map_err(|e| {
            let rule = format!("a {}", std::any::type_name::<R>());
            Error::param("checkpoint", "record", rule, format!("{name}: {e}"))
        })
    }

    /// Puts model and optimizer into this state.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] or [`Error::Shape`] when it is of another model or optimizer. The
    /// model has not changed then.
    pub fn restore(
        &self,
        model: &mut (impl Module<T> + ?Sized),
        optimizer: &mut (impl Optimizer<T> + ?Sized),
    ) -> Result<()> {
        restore(&self.weights, &self.optimizer, model, optimizer)
    }

    /// Writes the checkpoint; at any moment either the old or the new file is there, whole.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] when a weight or the optimizer's state is not finite: the file that is
    /// there stays. [`Error::Io`] when the system refuses.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut writer = TensorWriter::new();
        self.write(&mut writer, "", &self.weights, &self.optimizer)?;
        for (name, part) in &self.parts {
            self.write(&mut writer, &prefix_of(name), &part.weights, &part.optimizer)?;
        }
        for (name, tensor) in &self.tensors {
            writer.tensor(&format!("extra/{name}"), tensor)?;
        }
        let record = Record {
            version: VERSION,
            position: self.position,
            optimizer: optimizer_record(&self.optimizer),
            weights: names(&self.weights),
            records: self.records.clone(),
            parts: (self.parts.iter())
                .map(|(name, Part { weights, optimizer })| {
                    let optimizer = optimizer_record(optimizer);
                    (name.clone(), PartRecord { optimizer, weights: names(weights) })
                })
                .collect(),
        };
        let json = serde_json::to_string(&record)
            .map_err(|e| Error::param("checkpoint", "record", "writable as JSON", e))?;
        writer.metadata(RECORD, json);
        atomic::write("checkpoint", path.as_ref(), &writer.to_bytes())
    }

    fn check_finite(&self, name: &str, tensor: &Tensor<T>) -> Result<()> {
        match tensor.data().iter().find(|x| !x.is_finite()) {
            None => Ok(()),
            Some(x) => Err(Error::Diverged {
                op: "checkpoint",
                step: self.position.step,
                what: name.to_owned(),
                value: x.to_f64(),
            }),
        }
    }

    /// The tensors of a model and its optimizer.
    fn write(
        &self,
        writer: &mut TensorWriter,
        prefix: &str,
        weights: &[(String, Tensor<T>)],
        optimizer: &OptimizerState<T>,
    ) -> Result<()> {
        for (name, tensor) in weights {
            self.check_finite(name, tensor)?;
            writer.tensor(&format!("{prefix}model/{name}"), tensor)?;
        }
        for param in &optimizer.params {
            for (slot, tensor) in &param.slots {
                self.check_finite(&format!("{slot} of {}", param.name), tensor)?;
                writer.tensor(&format!("{prefix}optimizer/{slot}/{}", param.name), tensor)?;
            }
        }
        Ok(())
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the file cannot be read, [`Error::CorruptFile`] when it is damaged,
    /// [`Error::UnsupportedFile`] when it is no checkpoint, of another number type or of a later
    /// version.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let file = TensorFile::open(path)?;
        let Some(json) = file.metadata(RECORD) else {
            return Err(Error::unsupported("checkpoint", file.path(), "it is no checkpoint"));
        };
        let version = serde_json::from_str::<Version>(json).map(|v| v.version);
        if let Ok(version) = version
            && version != VERSION
        {
            let reason = format!("version {version}, this release reads {VERSION}");
            return Err(Error::unsupported("checkpoint", file.path(), reason));
        }
        let record: Record = serde_json::from_str(json)
            .map_err(|e| Error::corrupt("checkpoint", file.path(), 8, e.to_string()))?;
        let read = |name: String| {
            if file.dtype(&name).as_deref() == Some(if size_of::<T>() == 4 { "F32" } else { "F64" })
            {
                file.tensor(&name)
            } else {
                let found = file.dtype(&name).unwrap_or_else(|| "nothing".to_owned());
                let reason = format!("{name} holds {found}, expected {}", T::NAME);
                Err(Error::unsupported("checkpoint", file.path(), reason))
            }
        };
        let part = |prefix: &str, names: Vec<String>, optimizer: OptimizerRecord| {
            let mut weights = Vec::new();
            for name in names {
                let tensor = read(format!("{prefix}model/{name}"))?;
                weights.push((name, tensor));
            }
            let mut params = Vec::new();
            for ParamRecord { name, steps, slots } in optimizer.params {
                let mut tensors = Vec::new();
                for slot in slots {
                    let tensor = read(format!("{prefix}optimizer/{slot}/{name}"))?;
                    tensors.push((slot, tensor));
                }
                params.push(ParamState { name, steps, slots: tensors });
            }
            let OptimizerRecord { kind, lr, momentum, .. } = optimizer;
            let optimizer = OptimizerState { kind, lr, momentum, params };
            Ok::<_, Error>(Part { weights, optimizer })
        };
        let Part { weights, optimizer } = part("", record.weights, record.optimizer)?;
        let mut parts = BTreeMap::new();
        for (name, PartRecord { optimizer, weights }) in record.parts {
            let read = part(&prefix_of(&name), weights, optimizer)?;
            parts.insert(name, read);
        }
        let mut tensors = BTreeMap::new();
        for name in file.names().filter_map(|name| name.strip_prefix("extra/")) {
            tensors.insert(name.to_owned(), read(format!("extra/{name}"))?);
        }
        Ok(Self {
            weights,
            optimizer,
            position: record.position,
            records: record.records,
            tensors,
            parts,
        })
    }

    /// Removes temporary files that killed processes left beside `path`. Call it when no other
    /// process writes there, for example when a training begins.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when `path` has no file name.
    pub fn sweep(path: impl AsRef<Path>) -> Result<()> {
        atomic::sweep("checkpoint", path.as_ref())
    }
}

/// Before the names of the tensors of a part.
fn prefix_of(part: &str) -> String {
    format!("part/{part}/")
}

fn names<T: Real>(weights: &[(String, Tensor<T>)]) -> Vec<String> {
    weights.iter().map(|(name, _)| name.clone()).collect()
}

fn optimizer_record<T: Real>(optimizer: &OptimizerState<T>) -> OptimizerRecord {
    let param = |param: &ParamState<T>| ParamRecord {
        name: param.name.clone(),
        steps: param.steps,
        slots: param.slots.iter().map(|(slot, _)| slot.clone()).collect(),
    };
    OptimizerRecord {
        kind: optimizer.kind.clone(),
        lr: optimizer.lr,
        momentum: optimizer.momentum,
        params: optimizer.params.iter().map(param).collect(),
    }
}

/// Both, or an error and neither.
fn restore<T: Real>(
    weights: &[(String, Tensor<T>)],
    state: &OptimizerState<T>,
    model: &mut (impl Module<T> + ?Sized),
    optimizer: &mut (impl Optimizer<T> + ?Sized),
) -> Result<()> {
    for (name, _) in state_dict(model) {
        if !weights.iter().any(|(own, _)| *own == name) {
            let value = format!("none for {name}");
            return Err(Error::param("checkpoint", "weights", "those of the model", value));
        }
    }
    let before = optimizer.state();
    optimizer.load_state(state.clone())?;
    let loaded = load_state_dict(model, weights);
    if loaded.is_err() {
        optimizer.load_state(before)?;
    }
    loaded
}

/// Read before the rest, which later versions may have changed.
#[derive(Deserialize)]
struct Version {
    version: u32,
}
