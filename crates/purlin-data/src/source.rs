//! Reading of files that may lie: gzip undone, offsets kept, memory taken only as data arrives.

use flate2::read::MultiGzDecoder;
use purlin_core::{Error, Result};
use std::fs::File;
use std::io::{BufReader, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Memory that a length field may claim before any of its data has been seen.
const TRUSTED: usize = 1 << 20;

/// The first two bytes of a gzip stream.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A byte stream that knows its name and position for the error texts.
pub(crate) struct Source<'a> {
    op: &'static str,
    path: PathBuf,
    reader: Box<dyn Read + 'a>,
    offset: u64,
    /// Bytes left, where that is known before reading.
    remaining: Option<u64>,
    is_gzip: bool,
}

impl<'a> Source<'a> {
    /// Opens a file; a gzip stream is recognised by its first bytes, not by its name.
    pub(crate) fn open(op: &'static str, path: &Path) -> Result<Source<'static>> {
        let io = |e| Error::io(op, path, e);
        let mut file = File::open(path).map_err(io)?;
        let len = file.metadata().map_err(io)?.len();
        let mut head = [0; 2];
        let n = read_up_to(&mut file, &mut head).map_err(io)?;
        let whole = Cursor::new(head[..n].to_vec()).chain(BufReader::new(file));
        Ok(if head == GZIP_MAGIC {
            Source::gzip(op, path, whole)
        } else {
            Source::plain(op, path, whole, Some(len))
        })
    }

    /// Reads from memory; `name` stands for the path in messages.
    pub(crate) fn from_bytes(op: &'static str, name: &Path, bytes: &'a [u8]) -> Self {
        if bytes.starts_with(&GZIP_MAGIC) {
            Self::gzip(op, name, bytes)
        } else {
            Self::plain(op, name, bytes, Some(bytes.len() as u64))
        }
    }

    /// Reads uncompressed data from `reader`.
    pub(crate) fn plain(
        op: &'static str,
        path: &Path,
        reader: impl Read + 'a,
        remaining: Option<u64>,
    ) -> Self {
        let reader = Box::new(reader);
        Self { op, path: path.into(), reader, offset: 0, remaining, is_gzip: false }
    }

    fn gzip(op: &'static str, path: &Path, reader: impl Read + 'a) -> Self {
        let reader = Box::new(MultiGzDecoder::new(reader));
        Self { op, path: path.into(), reader, offset: 0, remaining: None, is_gzip: true }
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The error that the data breaks its format here.
    pub(crate) fn corrupt(&self, reason: impl Into<String>) -> Error {
        self.corrupt_at(self.offset, reason)
    }

    /// The error that the data breaks its format at `offset`.
    pub(crate) fn corrupt_at(&self, offset: u64, reason: impl Into<String>) -> Error {
        let mut reason = reason.into();
        if self.is_gzip {
            reason.push_str(" (offset in the uncompressed data)");
        }
        Error::corrupt(self.op, &self.path, offset, reason)
    }

    pub(crate) fn unsupported(&self, reason: impl Into<String>) -> Error {
        Error::unsupported(self.op, &self.path, reason)
    }

    fn failed(&self, e: std::io::Error) -> Error {
        match e.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput => {
                self.corrupt(format!("the compressed stream is damaged: {e}"))
            }
            _ => Error::io(self.op, &self.path, e),
        }
    }

    /// The next `N` bytes, which hold `what`.
    pub(crate) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        let n = read_up_to(&mut self.reader, &mut bytes).map_err(|e| self.failed(e))?;
        self.advance(n);
        if n < N {
            return Err(
                self.corrupt(format!("file ends within {what}: expected {N} bytes, got {n}"))
            );
        }
        Ok(bytes)
    }

    /// The next `n` bytes, which hold `what`. A length beyond the end of the file is found before
    /// memory is taken where the file's length is known, and costs no more memory than the file
    /// has data where it is not.
    pub(crate) fn bytes(&mut self, n: usize, what: &str) -> Result<Vec<u8>> {
        if let Some(left) = self.remaining.filter(|&left| left < n as u64) {
            return Err(
                self.corrupt(format!("file ends within {what}: expected {n} bytes, got {left}"))
            );
        }
        let trusted = if self.remaining.is_some() { n } else { n.min(TRUSTED) };
        let mut bytes = Vec::with_capacity(trusted);
        let read = self.reader.by_ref().take(n as u64).read_to_end(&mut bytes);
        self.advance(bytes.len());
        read.map_err(|e| self.failed(e))?;
        if bytes.len() < n {
            let got = bytes.len();
            return Err(
                self.corrupt(format!("file ends within {what}: expected {n} bytes, got {got}"))
            );
        }
        Ok(bytes)
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.reader.read_to_end(&mut bytes);
        self.advance(bytes.len());
        read.map_err(|e| self.failed(e))?;
        Ok(bytes)
    }

    /// Insists that nothing follows. For gzip this also checks the sum at the end.
    pub(crate) fn expect_end(&mut self) -> Result<()> {
        let mut byte = [0];
        match read_up_to(&mut self.reader, &mut byte).map_err(|e| self.failed(e))? {
            0 => Ok(()),
            _ => Err(self.corrupt("expected the end of the file, got more data")),
        }
    }

    fn advance(&mut self, n: usize) {
        self.offset += n as u64;
        if let Some(left) = &mut self.remaining {
            *left = left.saturating_sub(n as u64);
        }
    }
}

/// Reads until `bytes` is full or the data ends.
fn read_up_to(reader: &mut dyn Read, bytes: &mut [u8]) -> std::io::Result<usize> {
    let mut n = 0;
    while n < bytes.len() {
        match reader.read(&mut bytes[n..]) {
            Ok(0) => break,
            Ok(got) => n += got,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(n)
}

/// The product of sizes that a file states, or `None` when it overflows. Zeros count as ones, so
/// that every shape that passes is a shape of [`purlin_core::Shape`].
pub(crate) fn checked_numel(dims: &[usize]) -> Option<usize> {
    dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d.max(1)))?;
    Some(dims.iter().product())
}
