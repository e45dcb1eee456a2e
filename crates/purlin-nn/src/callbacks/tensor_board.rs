//! Event files for TensorBoard.

use super::{Callback, Flow, RunInfo};
use crate::Module;
use crate::trainer::EpochRecord;
use purlin_core::{Error, Real, Result};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes the values of every epoch, and its learning rate as `lr`, to an event file that
/// TensorBoard shows. The horizontal axis is the epoch.
///
/// Each run writes a file of its own into the folder; `tensorboard --logdir` takes the folder, or
/// one above it with a folder per run. A resumed run tells TensorBoard to drop what a killed run
/// wrote after its checkpoint. The file holds the time of the clock beside each value, so it is not
/// the same bytes in every run; [`CsvLog`](super::CsvLog) writes one that is.
///
/// # Examples
///
/// ```
/// use purlin_nn::callbacks::TensorBoard;
///
/// let folder = tempfile::tempdir()?;
/// let mut board = TensorBoard::new(folder.path());
/// for epoch in 1..=3 {
///     board.write(epoch, &[("loss", 1.0 / epoch as f64)])?;
/// }
/// let name = std::fs::read_dir(folder.path())?.next().expect("a file")?.file_name();
/// assert!(name.to_string_lossy().starts_with("events.out.tfevents."));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TensorBoard {
    folder: PathBuf,
    file: Option<(PathBuf, File)>,
}

impl TensorBoard {
    /// Writes into this folder, which is made at the first value.
    pub fn new(folder: impl AsRef<Path>) -> Self {
        Self { folder: folder.as_ref().to_owned(), file: None }
    }

    /// Writes values under their names at a place of the horizontal axis, at once.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the system refuses.
    pub fn write(&mut self, step: u64, values: &[(&str, f64)]) -> Result<()> {
        let mut summary = Vec::new();
        for (name, value) in values {
            let mut entry = Vec::new();
            bytes(&mut entry, 1, name.as_bytes()); // Value.tag
            fixed(&mut entry, 2, &(*value as f32).to_le_bytes()); // Value.simple_value
            bytes(&mut summary, 1, &entry); // Summary.value
        }
        self.event(step, 5, &summary)
    }

    /// Appends an event whose field `number` holds `message`; before the first one the head of a
    /// new file.
    fn event(&mut self, step: u64, number: u8, message: &[u8]) -> Result<()> {
        let mut event = event_at(step);
        bytes(&mut event, number, message);
        if self.file.is_none() {
            self.file = Some(self.create()?);
        }
        let Some((path, file)) = &mut self.file else { return Ok(()) };
        file.write_all(&record(&event)).map_err(|e| Error::io("tensor board", &*path, e))
    }

    /// A new file with its head; TensorBoard reads the files of a folder by name, so the time leads.
    fn create(&self) -> Result<(PathBuf, File)> {
        let refused = |path: &Path, e| Error::io("tensor board", path, e);
        std::fs::create_dir_all(&self.folder).map_err(|e| refused(&self.folder, e))?;
        let mut n = 0;
        let (path, mut file) = loop {
            let name = format!("events.out.tfevents.{:010}.{n}.purlin", now() as u64);
            let path = self.folder.join(name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => break (path, file),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => n += 1,
                Err(e) => return Err(refused(&path, e)),
            }
        };
        let mut head = event_at(0);
        bytes(&mut head, 3, b"brain.Event:2"); // Event.file_version
        file.write_all(&record(&head)).map_err(|e| refused(&path, e))?;
        Ok((path, file))
    }
}

impl<T: Real> Callback<T> for TensorBoard {
    fn name(&self) -> String {
        "tensor_board".to_owned()
    }

    fn on_train_begin(&mut self, run: &RunInfo) -> Result<()> {
        self.file = None;
        // Event.session_log with status START: later steps in earlier files do not count.
        self.event(run.first_epoch + 1, 7, &[1 << 3, 1])
    }

    fn on_epoch_end(&mut self, record: &EpochRecord, _: &dyn Module<T>) -> Result<Flow> {
        let values = record.values.iter().map(|(name, value)| (name.as_str(), *value));
        let values: Vec<(&str, f64)> = values.chain([("lr", record.lr)]).collect();
        self.write(record.epoch, &values)?;
        Ok(Flow::Continue)
    }
}

/// Seconds since 1970; 0 for a clock before that.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// The fields that every event has: `wall_time`, `step`.
fn event_at(step: u64) -> Vec<u8> {
    let mut event = Vec::new();
    fixed(&mut event, 1, &now().to_le_bytes());
    event.push(2 << 3);
    varint(&mut event, step);
    event
}

/// Protocol buffers: a number in groups of seven bits, the least first.
fn varint(out: &mut Vec<u8>, mut x: u64) {
    while x >= 0x80 {
        out.push(x as u8 | 0x80);
        x >>= 7;
    }
    out.push(x as u8);
}

/// Protocol buffers: field `number` with bytes of a known length.
fn bytes(out: &mut Vec<u8>, number: u8, content: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

/// Protocol buffers: field `number` with a number of four or eight bytes.
fn fixed(out: &mut Vec<u8>, number: u8, content: &[u8]) {
    out.push(number << 3 | if content.len() == 4 { 5 } else { 1 });
    out.extend_from_slice(content);
}

/// `TFRecord`: length, its checksum, content, its checksum.
fn record(content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u64).to_le_bytes();
    let parts: [&[u8]; 4] =
        [&length, &masked(&length).to_le_bytes(), content, &masked(content).to_le_bytes()];
    parts.concat()
}

/// CRC-32C (Castagnoli), turned and moved as the format asks.
fn masked(content: &[u8]) -> u32 {
    crc32c(content).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Bit by bit: events are few and short.
fn crc32c(content: &[u8]) -> u32 {
    !content.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contents of the records, after checking their frames.
    fn contents(mut file: &[u8]) -> Vec<&[u8]> {
        let mut list = Vec::new();
        while !file.is_empty() {
            let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
            let sum = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
            let content = &file[12..12 + length];
            assert_eq!((sum(8), sum(12 + length)), (masked(&file[..8]), masked(content)));
            list.push(content);
            file = &file[16 + length..];
        }
        list
    }

    #[test]
    fn checksums_are_those_of_the_standard_and_of_files_of_the_original() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        // The first twelve bytes of every event file that TensorFlow writes.
        assert_eq!(record(&[0; 24])[..12], *b"\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22");
    }

    #[test]
    fn an_event_is_the_protocol_buffer_that_readers_expect() {
        let folder = tempfile::tempdir().unwrap();
        let mut board = TensorBoard::new(folder.path().join("run"));
        let run =
            RunInfo { n_epochs: 9, n_batches: 1, n_samples: 1, first_epoch: 2, first_batch: 0 };
        Callback::<f32>::on_train_begin(&mut board, &run).unwrap();
        board.write(300, &[("loss", 0.5), ("lr", 1.0)]).unwrap();
        let (path, _) = board.file.as_ref().unwrap();
        let file = std::fs::read(path).unwrap();
        let [head, start, values] = contents(&file)[..] else { panic!("three events") };
        // After the time (a tag and eight bytes): step 0, then field 3 with 13 bytes.
        assert_eq!(head[..1], [1 << 3 | 1]);
        assert_eq!(head[9..], *b"\x10\x00\x1a\x0dbrain.Event:2");
        assert_eq!(start[9..], *b"\x10\x03\x3a\x02\x08\x01");
        let half = 0.5f32.to_le_bytes();
        let one = 1.0f32.to_le_bytes();
        let first: Vec<u8> = [b"\x0a\x0b\x0a\x04loss\x15".as_slice(), &half].concat();
        let second: Vec<u8> = [b"\x0a\x09\x0a\x02lr\x15".as_slice(), &one].concat();
        let expected = [b"\x10\xac\x02\x2a\x18".as_slice(), &first, &second].concat();
        assert_eq!(values[9..], expected);
    }

    #[test]
    fn each_run_has_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..3 {
            TensorBoard::new(folder.path()).write(1, &[("loss", 0.5)]).unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
