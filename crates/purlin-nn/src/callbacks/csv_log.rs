//! One line of comma-separated values per epoch.

use super::{Callback, CallbackState, Flow, RunInfo, bad_state};
use crate::Module;
use crate::trainer::EpochRecord;
use crate::weights::atomic;
use purlin_core::{Real, Result};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Writes `epoch,step,lr,loss,...` to a file, one line per epoch.
///
/// The columns are all values that any epoch had, in the order of their first appearance; a value
/// that an epoch lacks is an empty field. Each epoch the file is written anew beside its place,
/// synced and renamed, so a reader never sees half of it, a kill loses none of it, and a column that
/// a later epoch brings stands in the header.
///
/// A fresh run replaces the file. A resumed run has the lines of the epochs before its checkpoint
/// and not those that a killed run wrote after it, so the file is the one that an uninterrupted run
/// writes.
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
#[derive(Debug, Clone)]
pub struct CsvLog {
    path: PathBuf,
    records: Vec<EpochRecord>,
}

impl CsvLog {
    /// Writes to `path`, which it replaces at the first line.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned(), records: Vec::new() }
    }

    /// Adds the line of an epoch; it replaces those of this epoch and of later ones.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](purlin_core::Error::Io) when the system refuses.
    pub fn write(&mut self, record: &EpochRecord) -> Result<()> {
        self.records.retain(|earlier| earlier.epoch < record.epoch);
        self.records.push(record.clone());
        atomic::write("csv log", &self.path, text(&self.records).as_bytes())
    }
}

fn text(records: &[EpochRecord]) -> String {
    let mut columns: Vec<&str> = Vec::new();
    for (name, _) in records.iter().flat_map(|record| &record.values) {
        if !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    let mut text = header(&columns);
    for record in records {
        // Writing to a String cannot fail.
        let _ = write!(text, "{},{},{}", record.epoch, record.step, record.lr);
        for column in &columns {
            let _ = match record.get(column) {
                Some(value) => write!(text, ",{value}"),
                None => write!(text, ","),
            };
        }
        text.push('\n');
    }
    text
}

fn header(columns: &[&str]) -> String {
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
        if run.is_fresh() {
            self.records.clear();
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, record: &EpochRecord, _: &dyn Module<T>) -> Result<Flow> {
        self.write(record)?;
        Ok(Flow::Continue)
    }

    fn state(&self) -> Option<CallbackState<T>> {
        let record = serde_json::to_string(&self.records).ok()?;
        Some(CallbackState { record, tensors: Vec::new() })
    }

    fn load_state(&mut self, state: CallbackState<T>) -> Result<()> {
        self.records = serde_json::from_str(&state.record).map_err(|e| bad_state("csv log", &e))?;
        Ok(())
    }
}
