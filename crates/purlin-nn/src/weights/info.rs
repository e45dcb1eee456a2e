//! What belongs to weights besides numbers.

use super::{TensorFile, TensorWriter};
use purlin_core::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// The architecture, class names and preprocessing of saved weights.
///
/// They lie in the metadata of the file, as text: `architecture`, `architecture_version`,
/// `class_names` (a JSON list), `preprocessing` (JSON), and any entries of your own.
///
/// # Examples
///
/// ```
/// use purlin_nn::weights::ModelInfo;
///
/// let info = ModelInfo::new("keras-cnn").class_names(["apple", "melon"]).preprocessing(&(150, 150))?;
/// assert_eq!(info.preprocessing_as::<(usize, usize)>()?, Some((150, 150)));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelInfo {
    /// The name of the architecture; empty if not given.
    pub architecture: String,
    /// The version of the architecture, to tell its own changes apart.
    pub architecture_version: u32,
    /// The names of the classes, by index.
    pub class_names: Vec<String>,
    /// Preprocessing as JSON; empty if not given.
    pub preprocessing: String,
    /// Further entries, text to text. The keys above and those beginning with `purlin.` are taken.
    pub extra: BTreeMap<String, String>,
}

const ARCHITECTURE: &str = "architecture";
const VERSION: &str = "architecture_version";
const CLASSES: &str = "class_names";
const PREPROCESSING: &str = "preprocessing";
/// What the keys of the format itself begin with.
const RESERVED: &str = "purlin.";

impl ModelInfo {
    /// Of an architecture of this name.
    pub fn new(architecture: &str) -> Self {
        Self { architecture: architecture.to_owned(), ..Self::default() }
    }

    /// The version of the architecture.
    #[must_use]
    pub fn architecture_version(self, architecture_version: u32) -> Self {
        Self { architecture_version, ..self }
    }

    /// The names of the classes, by index.
    #[must_use]
    pub fn class_names<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        Self { class_names: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// Preprocessing: anything that serde can write, stored as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when it has no JSON form.
    pub fn preprocessing(self, value: &impl Serialize) -> Result<Self> {
        let json = serde_json::to_string(value)
            .map_err(|e| Error::param("model info", "preprocessing", "writable as JSON", e))?;
        Ok(Self { preprocessing: json, ..self })
    }

    /// A further entry. A key that is taken (see [`ModelInfo::extra`]) is refused when the file is
    /// written.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.extra.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The preprocessing as what it was; `None` if none is stored.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when what is stored is something else.
    pub fn preprocessing_as<P: DeserializeOwned>(&self) -> Result<Option<P>> {
        if self.preprocessing.is_empty() {
            return Ok(None);
        }
        serde_json::from_str(&self.preprocessing).map(Some).map_err(|e| {
            let rule = format!("a {}", std::any::type_name::<P>());
            Error::param(
                "model info",
                "preprocessing",
                rule,
                format!("{}: {e}", self.preprocessing),
            )
        })
    }

    pub(super) fn write(&self, writer: &mut TensorWriter) -> Result<()> {
        for (key, value) in &self.extra {
            let is_taken = [ARCHITECTURE, VERSION, CLASSES, PREPROCESSING].contains(&key.as_str());
            if is_taken || key.starts_with(RESERVED) {
                let rule = "other than architecture, architecture_version, class_names, \
                            preprocessing and purlin.*";
                return Err(Error::param("model info", "key", rule, key));
            }
            writer.metadata(key, value);
        }
        writer.metadata("purlin.release", env!("CARGO_PKG_VERSION"));
        if !self.architecture.is_empty() {
            writer.metadata(ARCHITECTURE, &self.architecture);
        }
        if !self.architecture.is_empty() || self.architecture_version != 0 {
            writer.metadata(VERSION, self.architecture_version.to_string());
        }
        if !self.class_names.is_empty() {
            let json = serde_json::to_string(&self.class_names);
            writer.metadata(CLASSES, json.expect("a list of strings has a JSON form"));
        }
        if !self.preprocessing.is_empty() {
            writer.metadata(PREPROCESSING, &self.preprocessing);
        }
        Ok(())
    }

    /// What a file says; entries that it lacks are empty.
    ///
    /// # Errors
    ///
    /// [`Error::CorruptFile`] when an entry cannot be read.
    pub fn of(file: &TensorFile) -> Result<Self> {
        let corrupt = |key: &str, e: &dyn std::fmt::Display| {
            Error::corrupt("load", file.path(), 8, format!("metadata {key}: {e}"))
        };
        let mut info = Self::default();
        for (key, value) in file.all_metadata() {
            match key {
                ARCHITECTURE => value.clone_into(&mut info.architecture),
                VERSION => {
                    info.architecture_version = value.parse().map_err(|e| corrupt(key, &e))?;
                }
                CLASSES => {
                    info.class_names = serde_json::from_str(value).map_err(|e| corrupt(key, &e))?;
                }
                PREPROCESSING => value.clone_into(&mut info.preprocessing),
                _ if key.starts_with(RESERVED) => {}
                _ => {
                    info.extra.insert(key.to_owned(), value.to_owned());
                }
            }
        }
        Ok(info)
    }
}
