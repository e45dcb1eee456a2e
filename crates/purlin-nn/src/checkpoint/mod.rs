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
}

/// What the metadata holds.
#[derive(Serialize, Deserialize)]
struct Record {
    version: u32,
    position: Position,
    optimizer: OptimizerRecord,
    weights: Vec<String>,
    records: BTreeMap<String, String>,
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
        }
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
        for (name, _) in state_dict(model) {
            if !self.weights.iter().any(|(own, _)| *own == name) {
                let rule = "those of the model";
                return Err(Error::param(
                    "checkpoint",
                    "weights",
                    rule,
                    format!("none for {name}"),
                ));
            }
        }
        let before = optimizer.state();
        optimizer.load_state(self.optimizer.clone())?;
        let loaded = load_state_dict(model, &self.weights);
        if loaded.is_err() {
            optimizer.load_state(before)?;
        }
        loaded
    }

    /// Writes the checkpoint; at any moment either the old or the new file is there, whole.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] when a weight or the optimizer's state is not finite: the file that is
    /// there stays. [`Error::Io`] when the system refuses.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut writer = TensorWriter::new();
        for (name, tensor) in &self.weights {
            self.check_finite(name, tensor)?;
            writer.tensor(&format!("model/{name}"), tensor)?;
        }
        for param in &self.optimizer.params {
            for (slot, tensor) in &param.slots {
                self.check_finite(&format!("{slot} of {}", param.name), tensor)?;
                writer.tensor(&format!("optimizer/{slot}/{}", param.name), tensor)?;
            }
        }
        for (name, tensor) in &self.tensors {
            writer.tensor(&format!("extra/{name}"), tensor)?;
        }
        let record = Record {
            version: VERSION,
            position: self.position,
            optimizer: self.optimizer_record(),
            weights: self.weights.iter().map(|(name, _)| name.clone()).collect(),
            records: self.records.clone(),
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

    fn optimizer_record(&self) -> OptimizerRecord {
        let param = |param: &ParamState<T>| ParamRecord {
            name: param.name.clone(),
            steps: param.steps,
            slots: param.slots.iter().map(|(slot, _)| slot.clone()).collect(),
        };
        OptimizerRecord {
            kind: self.optimizer.kind.clone(),
            lr: self.optimizer.lr,
            momentum: self.optimizer.momentum,
            params: self.optimizer.params.iter().map(param).collect(),
        }
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
        let mut weights = Vec::new();
        for name in record.weights {
            let tensor = read(format!("model/{name}"))?;
            weights.push((name, tensor));
        }
        let mut params = Vec::new();
        for ParamRecord { name, steps, slots } in record.optimizer.params {
            let mut tensors = Vec::new();
            for slot in slots {
                let tensor = read(format!("optimizer/{slot}/{name}"))?;
                tensors.push((slot, tensor));
            }
            params.push(ParamState { name, steps, slots: tensors });
        }
        let mut tensors = BTreeMap::new();
        for name in file.names().filter_map(|name| name.strip_prefix("extra/")) {
            tensors.insert(name.to_owned(), read(format!("extra/{name}"))?);
        }
        let OptimizerRecord { kind, lr, momentum, .. } = record.optimizer;
        Ok(Self {
            weights,
            optimizer: OptimizerState { kind, lr, momentum, params },
            position: record.position,
            records: record.records,
            tensors,
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

/// Read before the rest, which later versions may have changed.
#[derive(Deserialize)]
struct Version {
    version: u32,
}
