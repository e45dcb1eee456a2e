//! One line of comma-separated values per epoch.

use super::{Callback, CallbackState, Flow, RunInfo, bad_state};
use crate::Module;
use crate::trainer::EpochRecord;
use purlin_core::{Error, Real, Result};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Writes `epoch,step,lr,loss,...` to a file, one line per epoch, flushed at once.
///
/// The columns are those of the first epoch; a value that an epoch lacks is an empty field, and
/// one that the first epoch did not have is not written. A fresh run replaces the file. A resumed
/// run keeps the lines of the epochs before it and removes those that a killed run wrote after its
/// last checkpoint, so the file is the one that an uninterrupted run writes.
///
/// # Examples
///
/// ```
/// use purlin_nn::callbacks::CsvLog;
/// use purlin_nn::trainer::EpochRecord;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("log.csv");
/// let mut log = CsvLog::new(&path);
/// let values = vec![("loss".to_owned(), 0.5), ("val_loss".to_owned(), 0.75)];
/// log.write(&EpochRecord { epoch: 1, step: 10, lr: 0.1, values })?;
/// assert_eq!(std::fs::read_to_string(&path)?, "epoch,step,lr,loss,val_loss\n1,10,0.1,0.5,0.75\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CsvLog {
    path: PathBuf,
    columns: Vec<String>,
    file: Option<File>,
}

impl CsvLog {
    /// Writes to `path`, which it replaces at the first line.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned(), columns: Vec::new(), file: None }
    }

    /// Writes the line of an epoch; before the first one the header.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the system refuses.
    pub fn write(&mut self, record: &EpochRecord) -> Result<()> {
        let mut text = String::new();
        if self.columns.is_empty() {
            self.columns = record.values.iter().map(|(name, _)| name.clone()).collect();
            text.push_str(&header(&self.columns));
            self.file = Some(File::create(&self.path).map_err(|e| self.refused(e))?);
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "{},{},{}", record.epoch, record.step, record.lr);
        for column in &self.columns {
            match record.get(column) {
                Some(value) => {
                    let _ = write!(text, ",{value}");
                }
                None => text.push(','),
            }
        }
        text.push('\n');
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.reopen(record.epoch)?,
        };
        file.write_all(text.as_bytes()).map_err(|e| self.refused(e))?;
        self.file = Some(file);
        Ok(())
    }

    /// Opens the file of an earlier process and cuts it before the line of `epoch`.
    fn reopen(&self, epoch: u64) -> Result<File> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(self.refused(e)),
        };
        let mut kept = String::new();
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')).skip(1) {
            let first = line.split(',').next().and_then(|field| field.parse::<u64>().ok());
            if first.is_some_and(|at| at < epoch) {
                kept.push_str(line);
            }
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&self.path)
            .map_err(|e| self.refused(e))?;
        let text = header(&self.columns) + &kept;
        file.write_all(text.as_bytes()).map_err(|e| self.refused(e))?;
        Ok(file)
    }

    fn refused(&self, error: std::io::Error) -> Error {
        Error::io("csv log", &self.path, error)
    }
}

fn header(columns: &[String]) -> String {
    let mut text = String::from("epoch,step,lr");
    for column in columns {
        // Names of metrics are ours or the user's: quoted where CSV asks for it.
        let quoted = column.contains([',', '"', '\n', '\r']);
        let _ = if quoted {
            write!(text, ",\"{}\"", column.replace('"', "\"\""))
        } else {
            write!(text, ",{column}")
        };
    }
    text.push('\n');
    text
}

impl<T: Real> Callback<T> for CsvLog {
    fn name(&self) -> String {
        "csv_log".to_owned()
    }

    fn on_train_begin(&mut self, run: &RunInfo) -> Result<()> {
        self.file = None;
        if run.is_fresh() {
            self.columns.clear();
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, record: &EpochRecord, _: &dyn Module<T>) -> Result<Flow> {
        self.write(record)?;
        Ok(Flow::Continue)
    }

    fn state(&self) -> Option<CallbackState<T>> {
        let record = serde_json::to_string(&self.columns).ok()?;
        Some(CallbackState { record, tensors: Vec::new() })
    }

    fn load_state(&mut self, state: CallbackState<T>) -> Result<()> {
        self.columns = serde_json::from_str(&state.record).map_err(|e| bad_state("csv log", &e))?;
        Ok(())
    }
}
