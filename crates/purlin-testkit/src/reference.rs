//! Results of the field's established libraries, read from a folder of test data.
//!
//! The folder is named by the environment variable `PURLIN_DATA`; without it a test says so and
//! passes. A part (`layers`, `sequence`, `losses`, `optimizers`, `training`, `schedulers`) is a
//! list of [`Case`]s: `reference/nn/<part>.json` lists them with their configuration,
//! `reference/nn/<part>.safetensors` holds their tensors. What went in is single precision, what
//! came out is double precision computed from exactly those numbers.
//!
//! # Examples
//!
//! ```no_run
//! use purlin_testkit::reference::Cases;
//!
//! let Some(cases) = Cases::open("layers") else { return }; // says that it was skipped
//! for case in cases.of_kind("linear") {
//!     let x = case.input("x");
//!     assert_eq!(x.shape.last(), Some(&case.usize("in_features").unwrap()));
//!     let expected = case.output("y").to_vec::<f64>();
//!     // ... run the layer, compare with `expected`
//! }
//! ```

use purlin_core::Real;
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The folder of test data that `PURLIN_DATA` names, if it is set.
///
/// # Panics
///
/// When it is set to something that is not a folder: a misspelt path must not pass as "skipped".
#[track_caller]
pub fn data_dir() -> Option<PathBuf> {
    let dir = PathBuf::from(std::env::var_os("PURLIN_DATA")?);
    assert!(dir.is_dir(), "PURLIN_DATA: expected a folder, got {}", dir.display());
    Some(dir)
}

/// A file or folder of the test data by its path there, or `None` and a line on stderr.
///
/// # Panics
///
/// When `PURLIN_DATA` is set and the file is not there.
#[track_caller]
pub fn data_file(path: &str) -> Option<PathBuf> {
    let Some(dir) = data_dir() else {
        skipped(path);
        return None;
    };
    let file = dir.join(path);
    assert!(file.exists(), "PURLIN_DATA: expected {path} in {}", dir.display());
    Some(file)
}

/// The JSON file at `path` of the test data, unpacked if its name ends in `.gz`, or `None` and a
/// line on stderr where `PURLIN_DATA` is not set.
///
/// # Panics
///
/// When the folder is there and the file is missing or damaged.
///
/// # Examples
///
/// ```no_run
/// use purlin_testkit::reference::{json, numbers};
///
/// let Some(iris) = json("reference/clustering/iris.json.gz") else { return };
/// assert_eq!(numbers(&iris["X"]).len(), 150 * 4);
/// ```
#[track_caller]
pub fn json(path: &str) -> Option<Value> {
    let file = data_file(path)?;
    let bytes = std::fs::read(&file).unwrap_or_else(|e| panic!("{path}: {e}"));
    let parsed = if file.extension().is_some_and(|extension| extension == "gz") {
        serde_json::from_reader(flate2::read::GzDecoder::new(&bytes[..]))
    } else {
        serde_json::from_slice(&bytes)
    };
    Some(parsed.unwrap_or_else(|e| panic!("{path}: {e}")))
}

/// All numbers of a JSON value, lists within lists in order.
///
/// # Panics
///
/// When something is neither a list nor a number.
#[track_caller]
pub fn numbers(value: &Value) -> Vec<f64> {
    // A stack instead of recursion: the depth is the file's choice.
    let (mut out, mut rest) = (Vec::new(), vec![value]);
    while let Some(value) = rest.pop() {
        match value {
            Value::Array(items) => rest.extend(items.iter().rev()),
            value => {
                let number = value.as_f64();
                out.push(number.unwrap_or_else(|| panic!("expected a number, got {value}")));
            }
        }
    }
    out
}

#[allow(clippy::print_stderr, reason = "a skipped test must say so")]
fn skipped(what: &str) {
    eprintln!("skipped: PURLIN_DATA is not set, {what} is not compared");
}

/// A tensor of a case: row-major, widened to `f64` without loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The sizes along the axes; empty for a scalar.
    pub shape: Vec<usize>,
    /// The numbers, row-major.
    pub values: Vec<f64>,
}

impl Array {
    /// The numbers as `T`. What went in is exact in `f32`; what came out is rounded there.
    pub fn to_vec<T: Real>(&self) -> Vec<T> {
        self.values.iter().map(|&x| T::from_f64(x)).collect()
    }

    /// The numbers as counts or class indices.
    ///
    /// # Panics
    ///
    /// When one is negative or not whole.
    #[track_caller]
    pub fn to_usize(&self) -> Vec<usize> {
        let whole = |&x: &f64| {
            assert!(x >= 0.0 && x.fract() == 0.0, "to_usize: expected a whole number, got {x}");
            x as usize
        };
        self.values.iter().map(whole).collect()
    }

    /// The numbers as whole numbers of either sign.
    ///
    /// # Panics
    ///
    /// When one is not whole.
    #[track_caller]
    pub fn to_i64(&self) -> Vec<i64> {
        let whole = |&x: &f64| {
            assert!(x.fract() == 0.0, "to_i64: expected a whole number, got {x}");
            x as i64
        };
        self.values.iter().map(whole).collect()
    }

    /// The only number.
    ///
    /// # Panics
    ///
    /// When there is not exactly one.
    #[track_caller]
    pub fn item(&self) -> f64 {
        assert_eq!(self.values.len(), 1, "item: expected one number, got shape {:?}", self.shape);
        self.values[0]
    }
}

/// One computation: its configuration, what went in and what came out.
#[derive(Debug, Clone)]
pub struct Case {
    /// The name, unique within the part.
    pub id: String,
    /// The operation, e.g. `conv2d`.
    pub kind: String,
    /// The configuration in the names of the library that made the case; what is missing has
    /// that library's default.
    pub config: Value,
    /// The whole record, for fields that are not tensors (`lr_in_effect_at_step`, `note`).
    pub json: Value,
    /// Tensors by role (`inputs`, `params`, `buffers_before`, `upstream`, `outputs`,
    /// `buffers_after`, `grads`), then by name.
    pub roles: BTreeMap<String, BTreeMap<String, Array>>,
}

impl Case {
    /// The tensor `name` in `role`, if the case has it.
    pub fn get(&self, role: &str, name: &str) -> Option<&Array> {
        self.roles.get(role)?.get(name)
    }

    /// The tensor `name` in `role`.
    ///
    /// # Panics
    ///
    /// When there is none; the text lists those there are.
    #[track_caller]
    pub fn tensor(&self, role: &str, name: &str) -> &Array {
        let Some(array) = self.get(role, name) else {
            panic!("{}: expected {role} {name}, got {:?}", self.id, self.names(role));
        };
        array
    }

    /// The names of the tensors in `role`, sorted.
    pub fn names(&self, role: &str) -> Vec<&str> {
        self.roles.get(role).into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }

    /// [`Case::tensor`] in `inputs`.
    #[track_caller]
    pub fn input(&self, name: &str) -> &Array {
        self.tensor("inputs", name)
    }

    /// [`Case::tensor`] in `params`.
    #[track_caller]
    pub fn param(&self, name: &str) -> &Array {
        self.tensor("params", name)
    }

    /// [`Case::tensor`] in `upstream`: the gradient that arrives at output `name`.
    #[track_caller]
    pub fn upstream(&self, name: &str) -> &Array {
        self.tensor("upstream", name)
    }

    /// [`Case::tensor`] in `outputs`.
    #[track_caller]
    pub fn output(&self, name: &str) -> &Array {
        self.tensor("outputs", name)
    }

    /// [`Case::tensor`] in `grads`.
    #[track_caller]
    pub fn grad(&self, name: &str) -> &Array {
        self.tensor("grads", name)
    }

    /// The configured count `key`, or `None` where it is missing or null.
    ///
    /// # Panics
    ///
    /// When it is something else than a count; so the other readers of the configuration.
    #[track_caller]
    pub fn usize(&self, key: &str) -> Option<usize> {
        self.configured(key, "a count", |v| v.as_u64().map(|n| n as usize))
    }

    /// The configured number `key`, or `None` where it is missing or null.
    #[track_caller]
    pub fn f64(&self, key: &str) -> Option<f64> {
        self.configured(key, "a number", Value::as_f64)
    }

    /// The configured switch `key`, or `None` where it is missing or null.
    #[track_caller]
    pub fn bool(&self, key: &str) -> Option<bool> {
        self.configured(key, "true or false", Value::as_bool)
    }

    /// The configured word `key`, or `None` where it is missing or null.
    #[track_caller]
    pub fn str(&self, key: &str) -> Option<&str> {
        self.configured(key, "a word", Value::as_str)
    }

    /// The configured pair `key`: `[a, b]`, or one count that stands for both.
    #[track_caller]
    pub fn pair(&self, key: &str) -> Option<[usize; 2]> {
        self.configured(key, "a count or two", |v| match v.as_array().map(Vec::as_slice) {
            None => v.as_u64().map(|n| [n as usize; 2]),
            Some([a, b]) => Some([a.as_u64()? as usize, b.as_u64()? as usize]),
            Some(_) => None,
        })
    }

    #[track_caller]
    fn configured<'a, X>(
        &'a self,
        key: &str,
        what: &str,
        read: impl FnOnce(&'a Value) -> Option<X>,
    ) -> Option<X> {
        let value = self.config.get(key).filter(|v| !v.is_null())?;
        let read = read(value);
        assert!(read.is_some(), "{}: expected {key} to be {what}, got {value}", self.id);
        read
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {})", self.id, self.kind, self.config)
    }
}

/// The cases of one part, in the order of the file.
#[derive(Debug, Clone)]
pub struct Cases {
    cases: Vec<Case>,
}

impl Cases {
    /// The cases of `part`, or `None` and a line on stderr where `PURLIN_DATA` is not set.
    ///
    /// # Panics
    ///
    /// When the folder is there and the part is missing or damaged.
    #[track_caller]
    pub fn open(part: &str) -> Option<Self> {
        let path = data_file(&format!("reference/nn/{part}.json"))?;
        Some(Self::read(&path))
    }

    /// The cases of a JSON file and, if it names one, of the safetensors file beside it.
    ///
    /// # Panics
    ///
    /// When a file is missing or damaged.
    #[track_caller]
    pub fn read(path: &Path) -> Self {
        let index = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let index: Value =
            serde_json::from_slice(&index).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let bytes = index["tensors"].as_str().map(|name| {
            let path = path.with_file_name(name);
            std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        });
        let tensors = bytes.as_deref().map(|bytes| {
            SafeTensors::deserialize(bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        });
        let records = index["cases"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert!(!records.is_empty(), "{}: expected cases, got none", path.display());
        Self { cases: records.iter().map(|record| case(record, tensors.as_ref())).collect() }
    }

    /// All cases.
    pub fn iter(&self) -> impl Iterator<Item = &Case> {
        self.cases.iter()
    }

    /// The cases of one kind.
    ///
    /// # Panics
    ///
    /// When there is none: a misspelt kind must not pass as "all agree".
    #[track_caller]
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Case> {
        assert!(self.iter().any(|case| case.kind == kind), "reference: no case of kind {kind}");
        self.iter().filter(move |case| case.kind == kind)
    }

    /// The case of that name.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[track_caller]
    pub fn case(&self, id: &str) -> &Case {
        let found = self.iter().find(|case| case.id == id);
        found.unwrap_or_else(|| panic!("reference: no case {id}"))
    }
}

#[track_caller]
fn case(record: &Value, tensors: Option<&SafeTensors<'_>>) -> Case {
    let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
    let mut roles = BTreeMap::new();
    for (role, names) in record.as_object().into_iter().flatten() {
        let (Some(names), true) = (names.as_object(), role != "config") else { continue };
        let mut arrays = BTreeMap::new();
        for (name, key) in names {
            let key = key.as_str().unwrap_or_default();
            let array = tensors.and_then(|tensors| tensors.tensor(key).ok());
            let array = array.unwrap_or_else(|| panic!("{}: no tensor {key:?}", record["id"]));
            arrays.insert(name.clone(), array_of(key, array.dtype(), array.shape(), array.data()));
        }
        roles.insert(role.clone(), arrays);
    }
    Case {
        id: text("id"),
        kind: text("kind"),
        config: record["config"].clone(),
        json: record.clone(),
        roles,
    }
}

#[track_caller]
fn array_of(key: &str, dtype: Dtype, shape: &[usize], bytes: &[u8]) -> Array {
    fn each<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        bytes.as_chunks::<N>().0.iter().map(|chunk| read(*chunk)).collect()
    }
    let values = match dtype {
        Dtype::F32 => each(bytes, |b| f64::from(f32::from_le_bytes(b))),
        Dtype::F64 => each(bytes, f64::from_le_bytes),
        Dtype::I64 => each(bytes, |b| i64::from_le_bytes(b) as f64),
        Dtype::U8 | Dtype::BOOL => each(bytes, |[b]| f64::from(b)),
        other => panic!("{key}: expected f32, f64, i64 or u8, got {other:?}"),
    };
    Array { shape: shape.to_vec(), values }
}
