//! IDX, the format of MNIST: a magic number, one size per axis, then the numbers, big endian.
//!
//! Source: Y. LeCun, C. Cortes, C. J. C. Burges, *The MNIST database of handwritten digits*
//! (the section "File formats"). The third byte of the magic number is the type, the fourth the
//! number of axes. A gzip file is recognised by its content.

use crate::source::{Source, checked_numel};
use crate::{Array, ArrayData};
use purlin_core::{Error, Result, Shape};
use std::io::Write;
use std::path::Path;

/// Reads an IDX file, gzipped or not.
///
/// # Errors
///
/// - [`Error::Io`]: the file cannot be read.
/// - [`Error::CorruptFile`] with the byte offset: wrong magic number, fewer or more bytes than
///   the sizes say, a damaged gzip stream.
/// - [`Error::UnsupportedFile`]: more than 8 axes, or sizes beyond this machine's memory.
///
/// # Examples
///
/// ```
/// use purlin_data::{Array, ArrayData, idx};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("labels.idx1");
/// let labels = Array::new([4], ArrayData::U8(vec![7, 2, 1, 0]))?;
/// idx::write(&path, &labels)?;
/// assert_eq!(idx::read(&path)?, labels);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read(path: impl AsRef<Path>) -> Result<Array> {
    parse(Source::open("idx", path.as_ref())?)
}

/// Reads IDX data, gzipped or not, from memory; `name` stands for the path in errors.
///
/// # Errors
///
/// As [`read`].
pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Array> {
    parse(Source::from_bytes("idx", Path::new(name), bytes))
}

fn parse(mut source: Source<'_>) -> Result<Array> {
    let magic: [u8; 4] = source.array("the magic number")?;
    let [0, 0, kind, rank] = magic else {
        let reason = format!("expected a magic number 00 00 <type> <rank>, got {magic:02x?}");
        return Err(source.corrupt_at(0, reason));
    };
    let size = match kind {
        0x08 | 0x09 => 1,
        0x0b => 2,
        0x0c | 0x0d => 4,
        0x0e => 8,
        _ => {
            let reason = format!(
                "expected a type 08, 09, 0b, 0c, 0d or 0e in the magic number, got {kind:02x}"
            );
            return Err(source.corrupt_at(2, reason));
        }
    };
    if rank > 8 {
        return Err(source.unsupported(format!("rank must be at most 8, got {rank}")));
    }
    let mut dims = Vec::with_capacity(usize::from(rank));
    for axis in 0..rank {
        let n = u32::from_be_bytes(source.array(&format!("the size of axis {axis}"))?);
        dims.push(n as usize);
    }
    let n_bytes = checked_numel(&dims).and_then(|n| n.checked_mul(size));
    let Some(n_bytes) = n_bytes.filter(|&n| isize::try_from(n).is_ok()) else {
        return Err(source.unsupported(format!("sizes must fit in memory, got {dims:?}")));
    };
    let bytes = source.bytes(n_bytes, "the numbers")?;
    source.expect_end()?;
    let data = match kind {
        0x08 => ArrayData::U8(bytes),
        0x09 => ArrayData::I8(bytes.into_iter().map(u8::cast_signed).collect()),
        0x0b => ArrayData::I16(items(&bytes, i16::from_be_bytes)),
        0x0c => ArrayData::I32(items(&bytes, i32::from_be_bytes)),
        0x0d => ArrayData::F32(items(&bytes, f32::from_be_bytes)),
        _ => ArrayData::F64(items(&bytes, f64::from_be_bytes)),
    };
    Array::new(Shape::new(&dims), data)
}

/// The fixed-size items of `bytes`.
pub(crate) fn items<const N: usize, X>(bytes: &[u8], f: impl Fn([u8; N]) -> X) -> Vec<X> {
    bytes.as_chunks::<N>().0.iter().map(|&chunk| f(chunk)).collect()
}

/// Writes an IDX file, uncompressed.
///
/// # Errors
///
/// - [`Error::InvalidParam`]: a type that IDX lacks (`bool`, `i64`), or a size above `u32::MAX`.
/// - [`Error::Io`]: the file cannot be written.
pub fn write(path: impl AsRef<Path>, array: &Array) -> Result<()> {
    let path = path.as_ref();
    let mut bytes = vec![0, 0, 0, array.shape().rank() as u8];
    for &n in array.shape().iter() {
        let n = u32::try_from(n).map_err(|_| Error::param("idx", "size", "at most 2^32 - 1", n))?;
        bytes.extend(n.to_be_bytes());
    }
    bytes[2] = match array.data() {
        ArrayData::U8(v) => {
            bytes.extend(v);
            0x08
        }
        ArrayData::I8(v) => {
            bytes.extend(v.iter().map(|x| x.cast_unsigned()));
            0x09
        }
        ArrayData::I16(v) => {
            bytes.extend(v.iter().flat_map(|x| x.to_be_bytes()));
            0x0b
        }
        ArrayData::I32(v) => {
            bytes.extend(v.iter().flat_map(|x| x.to_be_bytes()));
            0x0c
        }
        ArrayData::F32(v) => {
            bytes.extend(v.iter().flat_map(|x| x.to_be_bytes()));
            0x0d
        }
        ArrayData::F64(v) => {
            bytes.extend(v.iter().flat_map(|x| x.to_be_bytes()));
            0x0e
        }
        other => {
            let rule = "one of u8, i8, i16, i32, f32, f64";
            return Err(Error::param("idx", "array type", rule, other.type_name()));
        }
    };
    let io = |e| Error::io("idx", path, e);
    std::fs::File::create(path).and_then(|mut file| file.write_all(&bytes)).map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn sample() -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3];
        bytes.extend([1, 2, 3, 4, 5, 6]);
        bytes
    }

    #[test]
    fn reads_by_hand_written_bytes() {
        let array = from_bytes("a.idx", &sample()).unwrap();
        assert_eq!(array.shape().dims(), [2, 3]);
        assert_eq!(array.data(), &ArrayData::U8(vec![1, 2, 3, 4, 5, 6]));
        let floats = [0, 0, 0x0d, 1, 0, 0, 0, 1, 0x3f, 0x80, 0, 0];
        assert_eq!(from_bytes("f", &floats).unwrap().data(), &ArrayData::F32(vec![1.0]));
    }

    #[test]
    fn every_truncation_names_file_and_offset() {
        let bytes = sample();
        for n in 0..bytes.len() {
            let text = from_bytes("a.idx", &bytes[..n]).unwrap_err().to_string();
            assert!(text.starts_with("idx: corrupt file a.idx at byte"), "{n}: {text}");
        }
        let mut long = bytes;
        long.push(0);
        let text = from_bytes("a.idx", &long).unwrap_err().to_string();
        assert!(text.contains("at byte 18: expected the end of the file"), "{text}");
    }

    #[test]
    fn huge_sizes_take_no_memory() {
        let claim = [0, 0, 0x0e, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert!(matches!(from_bytes("x", &claim), Err(Error::UnsupportedFile { .. })));
        // 2 GiB claimed, nothing there: plain and gzipped.
        let claim = [0, 0, 0x08, 1, 0x7f, 0xff, 0xff, 0xff];
        assert!(matches!(from_bytes("x", &claim), Err(Error::CorruptFile { .. })));
        assert!(matches!(from_bytes("x", &gzip(&claim)), Err(Error::CorruptFile { .. })));
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn damaged_gzip_is_an_error_at_every_length() {
        let packed = gzip(&sample());
        assert_eq!(from_bytes("a", &packed).unwrap(), from_bytes("a", &sample()).unwrap());
        for n in 0..packed.len() {
            assert!(from_bytes("a", &packed[..n]).is_err(), "{n} of {}", packed.len());
        }
    }

    proptest! {
        #[test]
        fn flipped_bytes_never_panic(at in 0usize..18, value: u8) {
            let mut bytes = sample();
            bytes[at] = value;
            if let Ok(array) = from_bytes("a", &bytes) {
                prop_assert_eq!(array.shape().numel(), array.data().len());
            }
        }

        #[test]
        fn flipped_gzip_bytes_never_panic(at in 0usize..30, value: u8) {
            let mut bytes = gzip(&sample());
            let at = at % bytes.len();
            bytes[at] = value;
            let _ = from_bytes("a", &bytes).map(|array| assert!(array.data().len() <= 6));
        }

        #[test]
        fn writing_then_reading_gives_the_array(v in proptest::collection::vec(any::<i32>(), 0..20)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.idx");
            for data in [
                ArrayData::I32(v.clone()),
                ArrayData::I16(v.iter().map(|&x| x as i16).collect()),
                ArrayData::I8(v.iter().map(|&x| x as i8).collect()),
                ArrayData::F64(v.iter().map(|&x| f64::from(x)).collect()),
                ArrayData::F32(v.iter().map(|&x| x as f32).collect()),
            ] {
                let array = Array::new([v.len(), 1], data).unwrap();
                write(&path, &array).unwrap();
                prop_assert_eq!(&read(&path).unwrap(), &array);
            }
        }
    }

    #[test]
    fn types_that_idx_lacks_are_refused() {
        let array = Array::new([1], ArrayData::I64(vec![1])).unwrap();
        let text = write("unused", &array).unwrap_err().to_string();
        assert_eq!(text, "idx: array type must be one of u8, i8, i16, i32, f32, f64, got i64");
    }
}
