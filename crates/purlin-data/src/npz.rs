//! NPZ: a zip archive of NPY files, as `numpy.savez` and `numpy.savez_compressed` write it.

use crate::source::Source;
use crate::{Array, npy};
use purlin_core::{Error, Result};
use std::fs::File;
use std::io::{BufReader, Read, Seek, Write};
use std::path::Path;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Reads all arrays of an NPZ file, in the order of the archive, each with its name.
///
/// # Errors
///
/// - [`Error::Io`]: the file cannot be read.
/// - [`Error::CorruptFile`]: not a zip archive, a damaged member (its checksum is verified), or a
///   member that is not NPY; the text names the member, the offset counts within it.
/// - [`Error::UnsupportedFile`]: encrypted or compressed with anything but deflate, a type that
///   [`npy::read`] refuses.
///
/// # Examples
///
/// ```
/// use purlin_data::{Array, ArrayData, npz};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("set.npz");
/// let x = Array::new([2, 1], ArrayData::F32(vec![0.5, 1.5]))?;
/// let y = Array::new([2], ArrayData::I64(vec![0, 1]))?;
/// npz::write(&path, &[("x", &x), ("y", &y)])?;
///
/// let arrays = npz::read(&path)?;
/// assert_eq!(arrays[0], ("x".to_string(), x));
/// assert_eq!(arrays[1].0, "y");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read(path: impl AsRef<Path>) -> Result<Vec<(String, Array)>> {
    let path = path.as_ref();
    let file = File::open(path).map_err(|e| Error::io("npz", path, e))?;
    parse(path, BufReader::new(file))
}

/// Reads NPZ data from memory; `name` stands for the path in errors.
///
/// # Errors
///
/// As [`read`].
pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Vec<(String, Array)>> {
    parse(Path::new(name), std::io::Cursor::new(bytes))
}

fn parse(path: &Path, reader: impl Read + Seek) -> Result<Vec<(String, Array)>> {
    let failed = |e| zip_error(path, e);
    let mut archive = ZipArchive::new(reader).map_err(failed)?;
    let mut arrays = Vec::new();
    for i in 0..archive.len() {
        let member = archive.by_index(i).map_err(failed)?;
        let name = String::from_utf8_lossy(member.name_raw()).into_owned();
        if member.is_dir() {
            continue;
        }
        // The archive's own statement of the length is not trusted with memory: NPY's header and
        // the data that really arrive decide.
        let place = path.join(&name);
        let array = npy::parse(Source::plain("npz", &place, member, None))?;
        arrays.push((name.strip_suffix(".npy").unwrap_or(&name).to_string(), array));
    }
    Ok(arrays)
}

fn zip_error(path: &Path, e: ZipError) -> Error {
    match e {
        ZipError::Io(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::corrupt("npz", path, 0, format!("the archive ends early: {e}"))
        }
        ZipError::Io(e) => Error::io("npz", path, e),
        ZipError::UnsupportedArchive(reason) => Error::unsupported("npz", path, reason),
        e => Error::corrupt("npz", path, 0, e.to_string()),
    }
}

/// Writes arrays, deflated, under their names (`.npy` is added).
///
/// # Errors
///
/// - [`Error::Io`]: the file cannot be written.
/// - [`Error::InvalidParam`]: two arrays have the same name.
pub fn write(path: impl AsRef<Path>, arrays: &[(&str, &Array)]) -> Result<()> {
    let path = path.as_ref();
    for (i, (name, _)) in arrays.iter().enumerate() {
        if arrays[..i].iter().any(|(other, _)| other == name) {
            return Err(Error::param("npz", "name", "given once", name));
        }
    }
    let io = |e| Error::io("npz", path, e);
    let failed = |e: ZipError| io(e.into());
    let mut archive = ZipWriter::new(File::create(path).map_err(io)?);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, array) in arrays {
        archive.start_file(format!("{name}.npy"), options).map_err(failed)?;
        archive.write_all(&npy::to_bytes(array)).map_err(io)?;
    }
    archive.finish().map_err(failed)?.sync_all().map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ArrayData;
    use proptest::prelude::*;

    fn sample() -> (Array, Array, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.npz");
        let x = Array::new([40, 2], ArrayData::F32((0..80).map(|i| i as f32).collect())).unwrap();
        let y = Array::new([3], ArrayData::I64(vec![1, -2, 3])).unwrap();
        write(&path, &[("x", &x), ("y", &y)]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        (x, y, bytes)
    }

    #[test]
    fn truncation_at_every_offset_is_an_error() {
        let (x, y, bytes) = sample();
        let arrays = from_bytes("s.npz", &bytes).unwrap();
        assert_eq!(arrays, [("x".to_string(), x), ("y".to_string(), y)]);
        for n in 0..bytes.len() {
            assert!(from_bytes("s.npz", &bytes[..n]).is_err(), "{n} of {}", bytes.len());
        }
    }

    #[test]
    fn a_damaged_member_is_named() {
        let (x, _, mut bytes) = sample();
        // Somewhere within the compressed numbers of x.
        bytes[150] ^= 0x55;
        let err = from_bytes("s.npz", &bytes).unwrap_err();
        let text = err.to_string();
        assert!(text.starts_with("npz: corrupt file s.npz"), "{text}");
        assert!(text.contains("x.npy"), "{text}");
        let twice = write("unused", &[("x", &x), ("x", &x)]).unwrap_err().to_string();
        assert_eq!(twice, "npz: name must be given once, got x");
    }

    proptest! {
        #[test]
        fn flipped_bytes_give_the_same_numbers_or_an_error(at in 0usize..1000, bit in 0u32..8) {
            let (x, y, mut bytes) = sample();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            if let Ok(arrays) = from_bytes("s.npz", &bytes) {
                for (_, array) in arrays {
                    prop_assert!(array == x || array == y);
                }
            }
        }
    }
}
