//! From a file into a model.

use super::{ModelInfo, TensorFile, state_dict};
use crate::optim::fits;
use crate::{Buffer, Module, Param, VisitorMut};
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::Tensor;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// Reads weights into a model; every name and shape must fit, in both directions.
///
/// # Errors
///
/// As [`TensorFile::open`], and [`Error::UnsupportedFile`] with the whole [`LoadReport`] when the
/// file does not fit. The model has not changed then.
pub fn load<T: Real>(
    model: &mut (impl Module<T> + ?Sized),
    path: impl AsRef<Path>,
) -> Result<ModelInfo> {
    let file = TensorFile::open(path)?;
    let info = ModelInfo::of(&file)?;
    LoadOptions::new().load(model, &file)?;
    Ok(info)
}

/// How a file is read into a model.
///
/// # Examples
///
/// A backbone from a file, with a new head:
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_nn::weights::{self, LoadOptions, TensorFile};
/// use purlin_nn::{Sequential, layers::Linear};
///
/// let network = |classes: usize, seed: u64| -> Sequential {
///     let stream = Stream::new(seed, "init");
///     Sequential::new()
///         .push_named("body", Linear::new(8, 4, &stream.child("body")))
///         .push_named("head", Linear::new(4, classes, &stream.child("head")))
/// };
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("ten.safetensors");
/// weights::save(&network(10, 1), &path)?;
///
/// let mut two = network(2, 2);
/// let report = LoadOptions::new().partial().load(&mut two, &TensorFile::open(&path)?)?;
/// assert_eq!(report.matched, ["body.weight", "body.bias"]);
/// assert_eq!(report.wrong_shape.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    partial: bool,
    renames: Vec<(String, String)>,
    only: Vec<String>,
    skip: Vec<String>,
}

impl LoadOptions {
    /// Every name and shape must fit.
    pub fn new() -> Self {
        Self::default()
    }

    /// Loads what fits and reports the rest.
    #[must_use]
    pub fn partial(self) -> Self {
        Self { partial: true, ..self }
    }

    /// Tensors of the file whose name begins with `from` are looked up under `to` instead; the
    /// first rename that fits counts.
    #[must_use]
    pub fn rename_prefix(mut self, from: &str, to: &str) -> Self {
        self.renames.push((from.to_owned(), to.to_owned()));
        self
    }

    /// Loads only parameters and buffers of the model whose name fits this pattern (`*` stands for
    /// any characters) or that of another call; the rest is not touched, not missed, and not
    /// unexpected in the file.
    #[must_use]
    pub fn only(mut self, pattern: &str) -> Self {
        self.only.push(pattern.to_owned());
        self
    }

    /// Leaves tensors of the file alone whose name (before renaming) fits this pattern.
    #[must_use]
    pub fn skip(mut self, pattern: &str) -> Self {
        self.skip.push(pattern.to_owned());
        self
    }

    /// Reads a file into a model.
    ///
    /// # Errors
    ///
    /// [`Error::UnsupportedFile`] when something does not fit and [`LoadOptions::partial`] was not
    /// asked for, when nothing fits at all, or when a tensor does not hold floating-point numbers.
    /// The model has not changed then.
    pub fn load<T: Real>(
        &self,
        model: &mut (impl Module<T> + ?Sized),
        file: &TensorFile,
    ) -> Result<LoadReport> {
        self.load_changed(model, file, |name, stored| Ok(vec![Incoming::new(name, stored, |x| x)]))
    }

    /// As [`LoadOptions::load`], with a say in what each tensor of the file becomes.
    pub(super) fn load_changed<T: Real>(
        &self,
        model: &mut (impl Module<T> + ?Sized),
        file: &TensorFile,
        becomes: impl Fn(&str, Shape) -> Result<Vec<Incoming<T>>>,
    ) -> Result<LoadReport> {
        let mut incoming = BTreeMap::new();
        for source in file.names() {
            if self.is_skipped(source) {
                continue;
            }
            let stored = file.shape(source).unwrap_or(Shape::SCALAR);
            let becomes = becomes(source, stored)?;
            for tensor in becomes.into_iter().filter(|tensor| !self.has_skipped(tensor)) {
                let name = self.renamed(&tensor.name);
                let clash = format!("{name} for two of the file");
                if incoming.insert(name, tensor).is_some() {
                    return Err(Error::param("load", "names after renaming", "unique", clash));
                }
            }
        }
        let mut report = LoadReport::default();
        let matched = self.matching(model, incoming, &mut report, file)?;
        if !self.partial && !report.is_complete() {
            let reason = format!("weights do not fit the model: {report}");
            return Err(Error::unsupported("load", file.path(), reason));
        }
        if matched.is_empty() && !state_dict(model).is_empty() {
            let reason = format!("no name and shape fits the model: {report}");
            return Err(Error::unsupported("load", file.path(), reason));
        }
        assign(model, &matched)?;
        Ok(report)
    }

    /// Pairs what comes with what is wanted, and reads the pairs.
    fn matching<T: Real>(
        &self,
        model: &(impl Module<T> + ?Sized),
        mut incoming: BTreeMap<String, Incoming<T>>,
        report: &mut LoadReport,
        file: &TensorFile,
    ) -> Result<BTreeMap<String, Tensor<T>>> {
        let native = if size_of::<T>() == 4 { "F32" } else { "F64" };
        let mut matched = BTreeMap::new();
        for (name, own) in state_dict(model) {
            let tensor = incoming.remove(&name);
            if !self.is_chosen(&name) {
                continue;
            }
            let Some(tensor) = tensor else {
                report.missing.push(name);
                continue;
            };
            if tensor.stored != *own.shape() {
                let (file, model) = (tensor.stored, *own.shape());
                report.wrong_shape.push(ShapeMismatch { name, file, model });
                continue;
            }
            let sources = tensor.sources.iter().map(|source| file.tensor(source));
            matched.insert(name.clone(), (tensor.change)(&sources.collect::<Result<Vec<_>>>()?));
            let dtype = file.dtype(&tensor.sources[0]).unwrap_or_default();
            if dtype != native {
                report.converted.push((name.clone(), dtype));
            }
            report.matched.push(name);
        }
        report.unexpected =
            incoming.into_values().flat_map(|tensor| tensor.sources.into_iter().take(1)).collect();
        Ok(matched)
    }

    fn is_skipped(&self, source: &str) -> bool {
        self.skip.iter().any(|pattern| fits(pattern, source))
    }

    /// Whether a tensor would be made from one that is skipped.
    fn has_skipped<T: Real>(&self, tensor: &Incoming<T>) -> bool {
        tensor.sources.iter().any(|source| self.is_skipped(source))
    }

    fn is_chosen(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|pattern| fits(pattern, name))
    }

    fn renamed(&self, name: &str) -> String {
        for (from, to) in &self.renames {
            if let Some(rest) = name.strip_prefix(from.as_str()) {
                return format!("{to}{rest}");
            }
        }
        name.to_owned()
    }
}

/// A tensor on its way from a file into a model.
pub(super) struct Incoming<T: Real> {
    /// Its name in the model, before renaming.
    pub(super) name: String,
    /// The tensors of the file that it is made from, the one that it stands for first.
    pub(super) sources: Vec<String>,
    /// The shape it will have.
    pub(super) stored: Shape,
    /// What makes it from them.
    pub(super) change: Change<T>,
}

/// A tensor of the model from tensors of the file.
type Change<T> = Box<dyn Fn(&[Tensor<T>]) -> Tensor<T>>;

impl<T: Real> Incoming<T> {
    /// From one tensor of the file, under its name.
    pub(super) fn new(
        source: &str,
        stored: Shape,
        change: impl Fn(Tensor<T>) -> Tensor<T> + 'static,
    ) -> Self {
        Self {
            name: source.to_owned(),
            sources: vec![source.to_owned()],
            stored,
            change: Box::new(move |x| change(x[0].clone())),
        }
    }

    /// Under another name.
    pub(super) fn named(self, name: String) -> Self {
        Self { name, ..self }
    }
}

/// Sets parameters and buffers by name. Names that the model lacks are an error.
///
/// # Errors
///
/// [`Error::InvalidParam`] for a name that the model lacks, [`Error::Shape`] where shapes differ.
/// The model has not changed then.
pub fn load_state_dict<T: Real>(
    model: &mut (impl Module<T> + ?Sized),
    state: &[(String, Tensor<T>)],
) -> Result<()> {
    let current: BTreeMap<String, Tensor<T>> = state_dict(model).into_iter().collect();
    for (name, tensor) in state {
        match current.get(name) {
            None => return Err(Error::param("load", "name", "a name of the model", name)),
            Some(own) if own.shape() != tensor.shape() => {
                return Err(Error::shape(
                    "load",
                    format!("{name} {}", own.shape()),
                    tensor.shape(),
                ));
            }
            Some(_) => {}
        }
    }
    assign(model, &state.iter().cloned().collect())
}

/// Sets what is in `values`.
fn assign<T: Real>(
    model: &mut (impl Module<T> + ?Sized),
    values: &BTreeMap<String, Tensor<T>>,
) -> Result<()> {
    struct Assign<'a, T: Real> {
        values: &'a BTreeMap<String, Tensor<T>>,
        result: Result<()>,
    }
    impl<T: Real> VisitorMut<T> for Assign<'_, T> {
        fn param(&mut self, name: &str, param: &mut Param<T>) {
            if let Some(value) = self.values.get(name) {
                let set = param.set(value);
                self.result = std::mem::replace(&mut self.result, Ok(())).and(set);
            }
        }
        fn buffer(&mut self, name: &str, buffer: &mut Buffer<T>) {
            if let Some(value) = self.values.get(name) {
                let set = buffer.set(value);
                self.result = std::mem::replace(&mut self.result, Ok(())).and(set);
            }
        }
    }
    let mut assign = Assign { values, result: Ok(()) };
    model.visit_mut(&mut assign);
    assign.result
}

/// What a file had and a model took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Names that were loaded, in the order of the model.
    pub matched: Vec<String>,
    /// Names of the model that the file lacks.
    pub missing: Vec<String>,
    /// Names of the file that the model lacks, sorted.
    pub unexpected: Vec<String>,
    /// Names that both have, with different shapes.
    pub wrong_shape: Vec<ShapeMismatch>,
    /// Names that were loaded from another number type, and that type (`F16`, `F64`, ...).
    pub converted: Vec<(String, String)>,
}

/// One name, two shapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeMismatch {
    /// The name in the model.
    pub name: String,
    /// The shape in the file (after a change of layout, if there was one).
    pub file: Shape,
    /// The shape in the model.
    pub model: Shape,
}

impl LoadReport {
    /// Whether every name and shape did fit.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.wrong_shape.is_empty()
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[String]| {
            if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
        };
        let shapes: Vec<String> = self
            .wrong_shape
            .iter()
            .map(|m| format!("{} file {} model {}", m.name, m.file, m.model))
            .collect();
        write!(
            f,
            "{} matched, {} missing{}, {} unexpected{}, {} of another shape{}",
            self.matched.len(),
            self.missing.len(),
            list(&self.missing),
            self.unexpected.len(),
            list(&self.unexpected),
            self.wrong_shape.len(),
            list(&shapes),
        )
    }
}
