//! The error type of all crates.

use std::path::PathBuf;

/// What can go wrong where outside data enters.
///
/// Texts read `<operation>: <name> must be <rule>, got <value>` or
/// `<operation>: expected <what>, got <what>`, lower case, with the numbers.
///
/// # Examples
///
/// ```
/// use purlin_core::Error;
///
/// let err = Error::param("kmeans", "n_clusters", "at least 1", 0);
/// assert_eq!(err.to_string(), "kmeans: n_clusters must be at least 1, got 0");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Shapes, lengths or ranks do not fit together.
    #[error("{op}: expected {expected}, got {got}")]
    Shape {
        /// The operation that refused.
        op: &'static str,
        /// What it needs, e.g. `input (batch, height, width, 3)`.
        expected: String,
        /// What it was handed.
        got: String,
    },
    /// A parameter breaks its rule.
    #[error("{op}: {param} must be {rule}, got {value}")]
    InvalidParam {
        /// The operation that refused.
        op: &'static str,
        /// The parameter, named as in code.
        param: &'static str,
        /// The rule, e.g. `at least 1`.
        rule: String,
        /// The value that was given.
        value: String,
    },
    /// NaN or an infinity in data.
    #[error("{op}: {name} must be finite, got {value} at row {row}, column {column}")]
    NonFinite {
        /// The operation that refused.
        op: &'static str,
        /// The argument, named as in code.
        name: &'static str,
        /// `NaN`, `inf` or `-inf`.
        value: f64,
        /// Row of the first offender.
        row: usize,
        /// Column of the first offender.
        column: usize,
    },
    /// Fewer samples than the operation needs.
    #[error("{op}: expected at least {expected} samples, got {got}")]
    TooFewSamples {
        /// The operation that refused.
        op: &'static str,
        /// The least number of samples.
        expected: usize,
        /// The number of samples given.
        got: usize,
    },
    /// An allocation beyond what the caller allows.
    #[error("{op}: {what} needs {needed} bytes, allowed are {budget}")]
    OutOfBudget {
        /// The operation that refused.
        op: &'static str,
        /// What would be allocated, e.g. `the distance matrix`.
        what: String,
        /// The bytes that it takes.
        needed: u64,
        /// The bytes that are allowed.
        budget: u64,
    },
    /// A file of a kind, version or feature that is not read here.
    #[error("{op}: unsupported file {}: {reason}", path.display())]
    UnsupportedFile {
        /// The operation that refused.
        op: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it is not read.
        reason: String,
    },
    /// A file that breaks its own format.
    #[error("{op}: corrupt file {} at byte {offset}: {reason}", path.display())]
    CorruptFile {
        /// The operation that refused.
        op: &'static str,
        /// The file.
        path: PathBuf,
        /// Byte offset at which the damage shows.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The operating system refused.
    #[error("{op}: {}: {source}", path.display())]
    Io {
        /// The operation that failed.
        op: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// An iteration left the finite numbers.
    #[error("{op}: diverged at step {step}: {what} is {value}")]
    Diverged {
        /// The operation that stopped.
        op: &'static str,
        /// The step at which it showed.
        step: u64,
        /// The quantity, e.g. `loss`.
        what: String,
        /// Its value.
        value: f64,
    },
    /// Code that was handed in panicked on another thread or within a batch.
    #[error("{op}: {what} panicked: {message}")]
    Panicked {
        /// The operation that caught it.
        op: &'static str,
        /// What was being made, e.g. `batch 3`.
        what: String,
        /// The panic's text.
        message: String,
    },
}

/// `Result` with the [`Error`] of all crates.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An [`Error::InvalidParam`]: `<op>: <param> must be <rule>, got <value>`.
    pub fn param(
        op: &'static str,
        param: &'static str,
        rule: impl Into<String>,
        value: impl std::fmt::Display,
    ) -> Self {
        Self::InvalidParam { op, param, rule: rule.into(), value: value.to_string() }
    }

    /// An [`Error::Shape`]: `<op>: expected <expected>, got <got>`.
    pub fn shape(
        op: &'static str,
        expected: impl std::fmt::Display,
        got: impl std::fmt::Display,
    ) -> Self {
        Self::Shape { op, expected: expected.to_string(), got: got.to_string() }
    }

    /// An [`Error::Io`] for `path`.
    pub fn io(op: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { op, path: path.into(), source }
    }

    /// An [`Error::CorruptFile`] for `path`, `offset` bytes in.
    pub fn corrupt(
        op: &'static str,
        path: impl Into<PathBuf>,
        offset: u64,
        reason: impl Into<String>,
    ) -> Self {
        Self::CorruptFile { op, path: path.into(), offset, reason: reason.into() }
    }

    /// An [`Error::UnsupportedFile`] for `path`.
    pub fn unsupported(
        op: &'static str,
        path: impl Into<PathBuf>,
        reason: impl Into<String>,
    ) -> Self {
        Self::UnsupportedFile { op, path: path.into(), reason: reason.into() }
    }
}
