//! The container: safetensors, written byte for byte the same for the same content.
//!
//! Reading goes through the `safetensors` crate, which checks lengths and offsets. Writing is done
//! here: that crate keeps its metadata in a randomly seeded hash map, so two runs of one program
//! would write different bytes.

use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::Tensor;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use super::atomic;

/// The metadata key of the checksum; its value is 16 hexadecimal digits.
const CHECKSUM: &str = "purlin.checksum";
/// Present in every file written here, so that a damaged checksum key is noticed.
const FORMAT: &str = "purlin.format";
/// The version of names, layouts and metadata that this release writes.
const FORMAT_VERSION: u32 = 1;
/// Bytes before the header: its length.
const PREFIX: usize = 8;
/// The longest header that is read, as in the safetensors specification.
const MAX_HEADER: usize = 100_000_000;

/// Tensors and metadata on their way into a file.
///
/// # Examples
///
/// ```
/// use purlin_nn::weights::{TensorFile, TensorWriter};
/// use purlin_tensor::Tensor;
///
/// let mut writer = TensorWriter::new();
/// writer.tensor("weight", &Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]))?;
/// writer.metadata("note", "two by two");
/// let file = TensorFile::from_bytes("memory", writer.to_bytes())?;
/// assert_eq!(file.tensor::<f32>("weight")?.to_vec(), [1.0, 2.0, 3.0, 4.0]);
/// assert_eq!(file.metadata("note"), Some("two by two"));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Default)]
pub struct TensorWriter {
    entries: BTreeMap<String, Entry>,
    /// Names in the order given: the order of the data in the file.
    order: Vec<String>,
    data: Vec<u8>,
    metadata: BTreeMap<String, String>,
}

/// Where a tensor lies, in bytes after the header.
#[derive(Debug, Clone)]
struct Entry {
    dtype: Dtype,
    shape: Vec<usize>,
    start: usize,
    end: usize,
}

impl TensorWriter {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tensor.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when the name is taken, or is `__metadata__`, which the format
    /// keeps for itself.
    pub fn tensor<T: Real>(&mut self, name: &str, tensor: &Tensor<T>) -> Result<()> {
        if name == "__metadata__" || self.entries.contains_key(name) {
            return Err(Error::param("save", "name", "unique and not __metadata__", name));
        }
        let start = self.data.len();
        for x in tensor.data() {
            let bytes = x.to_bits().to_le_bytes();
            self.data.extend_from_slice(&bytes[..size_of::<T>()]);
        }
        let dtype = if size_of::<T>() == 4 { Dtype::F32 } else { Dtype::F64 };
        let (shape, end) = (tensor.shape().dims().to_vec(), self.data.len());
        self.entries.insert(name.to_owned(), Entry { dtype, shape, start, end });
        self.order.push(name.to_owned());
        Ok(())
    }

    /// Sets a metadata entry; a key given twice keeps the last value.
    pub fn metadata(&mut self, key: &str, value: impl Into<String>) {
        self.metadata.insert(key.to_owned(), value.into());
    }

    /// The file: length of the header, header, data, all little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut metadata = self.metadata.clone();
        metadata.insert(FORMAT.to_owned(), FORMAT_VERSION.to_string());
        metadata.insert(CHECKSUM.to_owned(), hex(0));
        let mut header = format!("{{\"__metadata__\":{}", json(&metadata));
        for name in &self.order {
            let Entry { dtype, shape, start, end } = &self.entries[name];
            // Writing to a String cannot fail.
            let _ = write!(
                header,
                ",{}:{{\"dtype\":\"{dtype:?}\",\"shape\":{shape:?},\"data_offsets\":[{start},{end}]}}",
                json(name)
            );
        }
        header.push('}');
        // The data begins at a multiple of 8, as the format asks.
        while !header.len().is_multiple_of(8) {
            header.push(' ');
        }
        let mut bytes = Vec::with_capacity(PREFIX + header.len() + self.data.len());
        bytes.extend_from_slice(&(header.len() as u64).to_le_bytes());
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&self.data);
        if let Some(at) = checksum_position(&bytes, header.len()) {
            let (head, data) = bytes.split_at(PREFIX + header.len());
            let sum = hex(checksum(&[head, data]));
            bytes[at..at + sum.len()].copy_from_slice(sum.as_bytes());
        }
        bytes
    }

    /// Writes the file so that at any moment either the old or the new one is there, whole: to a
    /// temporary file in the same folder, synced, then renamed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the system refuses.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        atomic::write("save", path.as_ref(), &self.to_bytes())
    }
}

/// A safetensors file in memory: names, shapes, numbers, metadata.
///
/// Files written here carry a checksum over all their bytes, which is verified on opening; other
/// files have none and are checked for structure only.
pub struct TensorFile {
    path: PathBuf,
    bytes: Vec<u8>,
    data_start: usize,
    entries: BTreeMap<String, Entry>,
    metadata: BTreeMap<String, String>,
}

impl TensorFile {
    /// Reads a file and checks it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be read, [`Error::CorruptFile`] when it breaks its format or
    /// its checksum, [`Error::UnsupportedFile`] when a later release wrote it in a way that this
    /// one does not know.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|e| Error::io("load", path, e))?;
        Self::from_bytes(path, bytes)
    }

    /// Checks bytes that were read elsewhere; `path` appears in errors.
    ///
    /// # Errors
    ///
    /// As [`TensorFile::open`], without [`Error::Io`].
    pub fn from_bytes(path: impl Into<PathBuf>, bytes: Vec<u8>) -> Result<Self> {
        let path = path.into();
        let corrupt = |offset, reason: &str| Error::corrupt("load", &path, offset, reason);
        let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else {
            let reason = format!("expected at least {PREFIX} bytes, got {}", bytes.len());
            return Err(corrupt(0, &reason));
        };
        let header = u64::from_le_bytes(*prefix);
        if header > rest.len().min(MAX_HEADER) as u64 {
            let reason = format!("header of {header} bytes in a file of {}", bytes.len());
            return Err(corrupt(0, &reason));
        }
        let data_start = PREFIX + header as usize;
        let parsed = SafeTensors::deserialize(&bytes);
        let (_, header_info) = SafeTensors::read_metadata(&bytes)
            .map_err(|e| corrupt(PREFIX as u64, &format!("{e}")))?;
        let parsed = parsed.map_err(|e| corrupt(PREFIX as u64, &format!("{e}")))?;
        let metadata: BTreeMap<String, String> =
            header_info.metadata().clone().unwrap_or_default().into_iter().collect();
        let mut entries = BTreeMap::new();
        for name in parsed.names() {
            let Some(info) = header_info.info(name) else { continue };
            // Bounds were checked against the file; a shape may still break our own rules.
            let product = info.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d.max(1)));
            if info.shape.len() > 8 || product.is_none() {
                let reason = format!("{name}: shape {:?} has too many axes or sizes", info.shape);
                return Err(corrupt(PREFIX as u64, &reason));
            }
            let (start, end) = info.data_offsets;
            let entry = Entry { dtype: info.dtype, shape: info.shape.clone(), start, end };
            entries.insert(name.to_owned(), entry);
        }
        let file = Self { path, bytes, data_start, entries, metadata };
        file.verify()?;
        Ok(file)
    }

    /// Version and checksum of files written here.
    fn verify(&self) -> Result<()> {
        let corrupt = |reason: &str| Error::corrupt("load", &self.path, PREFIX as u64, reason);
        let (format, sum) = (self.metadata.get(FORMAT), self.metadata.get(CHECKSUM));
        if format.is_none() && sum.is_none() {
            return Ok(());
        }
        let at = checksum_position(&self.bytes, self.data_start - PREFIX);
        let (Some(stated), Some(at)) = (sum, at) else {
            return Err(corrupt("the checksum is missing or unreadable"));
        };
        let mut bytes = self.bytes[..self.data_start].to_vec();
        bytes[at..at + 16].copy_from_slice(hex(0).as_bytes());
        let found = hex(checksum(&[&bytes, &self.bytes[self.data_start..]]));
        if found != *stated {
            return Err(corrupt(&format!("checksum {stated} does not match content {found}")));
        }
        match format.and_then(|v| v.parse::<u32>().ok()) {
            Some(1..=FORMAT_VERSION) => Ok(()),
            _ => Err(Error::unsupported(
                "load",
                &self.path,
                format!("format version {format:?}, this release reads 1 to {FORMAT_VERSION}"),
            )),
        }
    }

    /// The path it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of its tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Whether there is a tensor of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// The shape of a tensor.
    pub fn shape(&self, name: &str) -> Option<Shape> {
        self.entries.get(name).map(|entry| Shape::new(&entry.shape))
    }

    /// The number type of a tensor as the file names it: `"F32"`, `"BF16"`, `"I64"`, ...
    pub fn dtype(&self, name: &str) -> Option<String> {
        self.entries.get(name).map(|entry| format!("{:?}", entry.dtype))
    }

    /// The number of tensors.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds no tensor.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A metadata entry.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// All metadata, sorted by key, without the two entries that belong to the container.
    pub fn all_metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        self.metadata
            .iter()
            .filter(|(key, _)| *key != FORMAT && *key != CHECKSUM)
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Reads a tensor, converted to `T` (F16, BF16, F32, F64; rounded where `T` is narrower).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when there is no such tensor, [`Error::UnsupportedFile`] when it
    /// does not hold floating-point numbers.
    pub fn tensor<T: Real>(&self, name: &str) -> Result<Tensor<T>> {
        let Some(entry) = self.entries.get(name) else {
            let rule = format!("a tensor of {}", self.path.display());
            return Err(Error::param("load", "name", rule, name));
        };
        let bytes = &self.bytes[self.data_start..][entry.start..entry.end];
        let values: Vec<T> = match entry.dtype {
            // Not through f64: the bits of a NaN stay, too.
            Dtype::F32 if size_of::<T>() == 4 => native(bytes),
            Dtype::F64 if size_of::<T>() == 8 => native(bytes),
            Dtype::F32 => read(bytes, |b| f64::from(f32::from_le_bytes(b))),
            Dtype::F64 => read(bytes, f64::from_le_bytes),
            Dtype::BF16 => {
                let wide = |b| f64::from(f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16));
                read(bytes, wide)
            }
            Dtype::F16 => read(bytes, |b| half_to_f64(u16::from_le_bytes(b))),
            other => {
                let reason = format!("{name} holds {other:?}, expected floating-point numbers");
                return Err(Error::unsupported("load", &self.path, reason));
            }
        };
        Tensor::from_vec(values, Shape::new(&entry.shape))
    }
}

/// Numbers of type `T` as they are.
fn native<T: Real>(bytes: &[u8]) -> Vec<T> {
    let number = |chunk: &[u8]| {
        let mut wide = [0; 8];
        wide[..chunk.len()].copy_from_slice(chunk);
        T::from_bits(u64::from_le_bytes(wide))
    };
    bytes.chunks_exact(size_of::<T>()).map(number).collect()
}

impl fmt::Debug for TensorFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TensorFile")
            .field("path", &self.path)
            .field("tensors", &self.entries.len())
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TensorWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TensorWriter")
            .field("tensors", &self.order)
            .field("bytes", &self.data.len())
            .finish_non_exhaustive()
    }
}

fn read<T: Real, const N: usize>(bytes: &[u8], f: impl Fn([u8; N]) -> f64) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| T::from_f64(f(*chunk))).collect()
}

/// IEEE half precision: 1 sign, 5 exponent, 10 fraction bits.
fn half_to_f64(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = ((bits >> 10) & 31, f64::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        e => (1024.0 + fraction) * 2f64.powi(i32::from(e) - 25),
    }
}

fn json<X: serde::Serialize + ?Sized>(x: &X) -> String {
    serde_json::to_string(x).expect("strings and maps of strings have a JSON form")
}

fn hex(sum: u64) -> String {
    format!("{sum:016x}")
}

/// Where the 16 digits of the checksum stand; the metadata comes first in the header.
fn checksum_position(bytes: &[u8], header: usize) -> Option<usize> {
    let key = format!("\"{CHECKSUM}\":\"");
    let header = bytes.get(PREFIX..PREFIX + header)?;
    let at = header.windows(key.len()).position(|window| window == key.as_bytes())? + key.len();
    (at + 17 <= header.len() && header[at + 16] == b'"').then_some(PREFIX + at)
}

/// A running product of little-endian words. Every step is a bijection of the state, so one
/// damaged word always shows; the rotation lets no two damaged words cancel by their top bits.
fn checksum(parts: &[&[u8]]) -> u64 {
    let mut sum = 0xcbf2_9ce4_8422_2325u64;
    let mut mix = |word: u64| {
        sum = (sum ^ word).rotate_left(29).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    };
    for part in parts {
        let (words, tail) = part.as_chunks::<8>();
        for word in words {
            mix(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..tail.len()].copy_from_slice(tail);
        mix(u64::from_le_bytes(last));
        mix(part.len() as u64);
    }
    sum ^ (sum >> 32)
}
