//! NPY, NumPy's array file, versions 1 to 3.
//!
//! Types: `f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1` in either byte order, half precision (`f2`) read as
//! single; C and Fortran order (a Fortran array is brought into row-major order). Source: the NumPy Enhancement Proposal 1, *A simple file format
//! for NumPy arrays*, and the documentation of `numpy.lib.format`.

mod header;

use crate::idx::items;
use crate::source::{Source, checked_numel};
use crate::{Array, ArrayData};
use header::{Header, Kind};
use purlin_core::{Error, Result, Shape};
use std::path::Path;

/// The first six bytes.
const MAGIC: [u8; 6] = *b"\x93NUMPY";

/// What is read.
const TYPES: &str = "f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8, b1";

/// NumPy itself refuses headers longer than 10,000 characters unless told to trust the file.
const MAX_HEADER: usize = 10_000;

/// Reads an NPY file.
///
/// # Errors
///
/// - [`Error::Io`]: the file cannot be read.
/// - [`Error::CorruptFile`] with the byte offset: wrong magic, a header that is not NumPy's,
///   fewer or more bytes than the shape says, a truth value other than 0 and 1.
/// - [`Error::UnsupportedFile`]: another version, another element type (structures, objects,
///   complex, text, dates), more than 8 axes.
///
/// # Examples
///
/// ```
/// use purlin_data::{Array, ArrayData, npy};
///
/// let x = Array::new([2, 2], ArrayData::F64(vec![1.0, 2.0, 3.0, 4.0]))?;
/// let bytes = npy::to_bytes(&x);
/// assert_eq!(npy::from_bytes("x.npy", &bytes)?, x);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn read(path: impl AsRef<Path>) -> Result<Array> {
    parse(Source::open("npy", path.as_ref())?)
}

/// Reads NPY data from memory; `name` stands for the path in errors.
///
/// # Errors
///
/// As [`read`].
pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Array> {
    parse(Source::from_bytes("npy", Path::new(name), bytes))
}

pub(crate) fn parse(mut source: Source<'_>) -> Result<Array> {
    let magic: [u8; 6] = source.array("the magic string")?;
    if magic != MAGIC {
        let reason = format!("expected the magic string {MAGIC:02x?}, got {magic:02x?}");
        return Err(source.corrupt_at(0, reason));
    }
    let [major, minor] = source.array("the version")?;
    let header_len = match (major, minor) {
        (1, 0) => usize::from(u16::from_le_bytes(source.array("the header length")?)),
        (2 | 3, 0) => u32::from_le_bytes(source.array("the header length")?) as usize,
        _ => {
            let reason = format!("version must be 1.0, 2.0 or 3.0, got {major}.{minor}");
            return Err(source.unsupported(reason));
        }
    };
    if header_len > MAX_HEADER {
        let reason = format!("header must be at most {MAX_HEADER} bytes long, got {header_len}");
        return Err(source.unsupported(reason));
    }
    let start = source.offset();
    let text = source.bytes(header_len, "the header")?;
    let Header { descr, fortran_order, dims } = header::parse(&text)
        .map_err(|(at, reason)| source.corrupt_at(start + at as u64, reason))?;
    let Some((kind, is_big)) = header::kind(&descr) else {
        let reason = format!("type must be one of {TYPES}, got '{descr}'");
        return Err(source.unsupported(reason));
    };
    if dims.len() > 8 {
        return Err(source.unsupported(format!("rank must be at most 8, got {}", dims.len())));
    }
    let n_bytes = checked_numel(&dims).and_then(|n| n.checked_mul(kind.size()));
    let Some(n_bytes) = n_bytes.filter(|&n| isize::try_from(n).is_ok()) else {
        return Err(source.unsupported(format!("sizes must fit in memory, got {dims:?}")));
    };
    let start = source.offset();
    let bytes = source.bytes(n_bytes, "the numbers")?;
    source.expect_end()?;
    let data = decode(&bytes, kind, is_big).map_err(|i| {
        let reason = format!("a truth value must be 0 or 1, got {}", bytes[i]);
        source.corrupt_at(start + i as u64, reason)
    })?;
    let shape = Shape::new(&dims);
    let data = if fortran_order && dims.len() > 1 { to_row_major(&shape, data) } else { data };
    Array::new(shape, data)
}

/// The numbers, or the index of a byte that is no truth value.
fn decode(bytes: &[u8], kind: Kind, is_big: bool) -> Result<ArrayData, usize> {
    macro_rules! read {
        ($variant:ident, $t:ty) => {
            ArrayData::$variant(items(
                bytes,
                if is_big { <$t>::from_be_bytes } else { <$t>::from_le_bytes },
            ))
        };
    }
    Ok(match kind {
        Kind::F2 => {
            let bits = items(bytes, if is_big { u16::from_be_bytes } else { u16::from_le_bytes });
            ArrayData::F32(bits.into_iter().map(from_half).collect())
        }
        Kind::F4 => read!(F32, f32),
        Kind::F8 => read!(F64, f64),
        Kind::I1 => read!(I8, i8),
        Kind::I2 => read!(I16, i16),
        Kind::I4 => read!(I32, i32),
        Kind::I8 => read!(I64, i64),
        Kind::U1 => read!(U8, u8),
        Kind::U2 => read!(U16, u16),
        Kind::U4 => read!(U32, u32),
        Kind::U8 => read!(U64, u64),
        Kind::B1 => match bytes.iter().position(|&b| b > 1) {
            Some(i) => return Err(i),
            None => ArrayData::Bool(bytes.iter().map(|&b| b == 1).collect()),
        },
    })
}

/// IEEE 754 half precision (1 sign, 5 exponent, 10 fraction bits), of which every number is one of
/// single precision.
fn from_half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    match exponent {
        // Zero and subnormal numbers, in steps of 2^-24.
        0 => f32::from_bits(sign | (fraction as f32 * f32::from_bits(103 << 23)).to_bits()),
        31 => f32::from_bits(sign | 0xff << 23 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// Brings column-major numbers into row-major order.
fn to_row_major(shape: &Shape, data: ArrayData) -> ArrayData {
    fn permute<X: Copy>(shape: &Shape, v: &[X]) -> Vec<X> {
        let mut steps = Vec::with_capacity(shape.rank());
        let mut step = 1;
        for &d in shape.iter() {
            steps.push(step);
            step *= d;
        }
        let mut index = vec![0; shape.rank()];
        let mut at = 0;
        let mut out = Vec::with_capacity(v.len());
        for _ in 0..v.len() {
            out.push(v[at]);
            // The last axis counts fastest; `at` follows the carry.
            for axis in (0..shape.rank()).rev() {
                index[axis] += 1;
                at += steps[axis];
                if index[axis] < shape[axis] {
                    break;
                }
                at -= steps[axis] * shape[axis];
                index[axis] = 0;
            }
        }
        out
    }
    match data {
        ArrayData::Bool(v) => ArrayData::Bool(permute(shape, &v)),
        ArrayData::U8(v) => ArrayData::U8(permute(shape, &v)),
        ArrayData::U16(v) => ArrayData::U16(permute(shape, &v)),
        ArrayData::U32(v) => ArrayData::U32(permute(shape, &v)),
        ArrayData::U64(v) => ArrayData::U64(permute(shape, &v)),
        ArrayData::I8(v) => ArrayData::I8(permute(shape, &v)),
        ArrayData::I16(v) => ArrayData::I16(permute(shape, &v)),
        ArrayData::I32(v) => ArrayData::I32(permute(shape, &v)),
        ArrayData::I64(v) => ArrayData::I64(permute(shape, &v)),
        ArrayData::F32(v) => ArrayData::F32(permute(shape, &v)),
        ArrayData::F64(v) => ArrayData::F64(permute(shape, &v)),
    }
}

/// The array as an NPY file, version 1, little endian, C order: what `numpy.save` writes.
pub fn to_bytes(array: &Array) -> Vec<u8> {
    let descr = match array.data() {
        ArrayData::Bool(_) => "|b1",
        ArrayData::U8(_) => "|u1",
        ArrayData::U16(_) => "<u2",
        ArrayData::U32(_) => "<u4",
        ArrayData::U64(_) => "<u8",
        ArrayData::I8(_) => "|i1",
        ArrayData::I16(_) => "<i2",
        ArrayData::I32(_) => "<i4",
        ArrayData::I64(_) => "<i8",
        ArrayData::F32(_) => "<f4",
        ArrayData::F64(_) => "<f8",
    };
    let mut bytes = header::write(descr, array.shape());
    match array.data() {
        ArrayData::Bool(v) => bytes.extend(v.iter().map(|&x| u8::from(x))),
        ArrayData::U8(v) => bytes.extend(v),
        ArrayData::U16(v) => bytes.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        ArrayData::U32(v) => bytes.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        ArrayData::U64(v) => bytes.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        ArrayData::I8(v) => bytes.extend(v.iter().map(|&x| x as u8)),
        ArrayData::I16(v) => bytes.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        ArrayData::I32(v) => bytes.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        ArrayData::I64(v) => bytes.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        ArrayData::F32(v) => bytes.extend(v.iter().flat_map(|x| x.to_le_bytes())),
        ArrayData::F64(v) => bytes.extend(v.iter().flat_map(|x| x.to_le_bytes())),
    }
    bytes
}

/// Writes an NPY file; see [`to_bytes`].
///
/// # Errors
///
/// [`Error::Io`]: the file cannot be written.
pub fn write(path: impl AsRef<Path>, array: &Array) -> Result<()> {
    let path = path.as_ref();
    std::fs::write(path, to_bytes(array)).map_err(|e| Error::io("npy", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file put together by hand, as NumPy's format page describes it.
    fn file(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([version, 0]);
        if version == 1 {
            bytes.extend((header.len() as u16).to_le_bytes());
        } else {
            bytes.extend((header.len() as u32).to_le_bytes());
        }
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn versions_orders_and_types() {
        let floats: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        for version in 1..=3 {
            let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }  \n";
            let array = from_bytes("a", &file(version, header, &floats)).unwrap();
            assert_eq!(array.data(), &ArrayData::F32(vec![1.5, -2.0]));
        }
        let big: Vec<u8> = [3i64, -4].iter().flat_map(|x| x.to_be_bytes()).collect();
        let header = "{\"shape\": (1, 2), 'fortran_order': False, 'descr': '>i8'}";
        let array = from_bytes("a", &file(1, header, &big)).unwrap();
        assert_eq!(array.shape().dims(), [1, 2]);
        assert_eq!(array.data(), &ArrayData::I64(vec![3, -4]));
        let scalar = file(1, "{'descr': '|b1', 'fortran_order': False, 'shape': ()}", &[1]);
        assert_eq!(from_bytes("a", &scalar).unwrap().data(), &ArrayData::Bool(vec![true]));
    }

    #[test]
    fn unsigned_and_half_numbers() {
        let read = |descr: &str, n: usize, data: &[u8]| {
            let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({n},)}}");
            from_bytes("a", &file(1, &header, data)).unwrap().into_parts().1
        };
        assert_eq!(read("<u2", 2, &[1, 0, 255, 255]), ArrayData::U16(vec![1, 65535]));
        assert_eq!(read(">u4", 1, &[255, 0, 0, 2]), ArrayData::U32(vec![0xff00_0002]));
        assert_eq!(read("<u8", 1, &[255; 8]), ArrayData::U64(vec![u64::MAX]));
        // 1, -2, the largest, the least normal, the least, -0, infinity: from the format's page.
        let halves: [(u16, f32); 7] = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x8000, -0.0),
            (0x7c00, f32::INFINITY),
        ];
        let little: Vec<u8> = halves.iter().flat_map(|h| h.0.to_le_bytes()).collect();
        let big: Vec<u8> = halves.iter().flat_map(|h| h.0.to_be_bytes()).collect();
        for data in [read("<f2", 7, &little), read(">f2", 7, &big)] {
            let ArrayData::F32(v) = data else { panic!("single precision") };
            let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&v), bits(&halves.map(|h| h.1)));
        }
        assert!(from_half(0x7e00).is_nan());
        let large = Array::new([1], ArrayData::U64(vec![u64::MAX])).unwrap();
        assert_eq!(large.to_f64(), [18_446_744_073_709_551_615.0]);
    }

    #[test]
    fn fortran_order_is_brought_into_rows() {
        // x[i][j][k] = 100 i + 10 j + k, first index fastest.
        let mut data = Vec::new();
        for k in 0..4u8 {
            for j in 0..3 {
                for i in 0..2 {
                    data.push(100 * i + 10 * j + k);
                }
            }
        }
        let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4), }";
        let array = from_bytes("a", &file(1, header, &data)).unwrap();
        let expected: Vec<u8> =
            (0..24).map(|n| (100 * (n / 12) + 10 * (n / 4 % 3) + n % 4) as u8).collect();
        assert_eq!(array.data(), &ArrayData::U8(expected));
    }

    #[test]
    fn what_is_not_read_is_named() {
        let refused = |descr: &str| {
            let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1,)}}");
            from_bytes("x.npy", &file(1, &header, &[0; 16])).unwrap_err().to_string()
        };
        assert_eq!(
            refused("'<c16'"),
            "npy: unsupported file x.npy: type must be one of f2, f4, f8, i1, i2, i4, i8, u1, u2, \
             u4, u8, b1, got '<c16'"
        );
        assert!(refused("'|O'").contains("got '|O'"));
        assert!(refused("[('a', '<f4')]").contains("expected a quoted type"));
        let text = from_bytes("x.npy", &file(9, "{}", &[])).unwrap_err().to_string();
        assert!(text.ends_with("version must be 1.0, 2.0 or 3.0, got 9.0"), "{text}");
        let bad = file(1, "{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}", &[1, 7]);
        let text = from_bytes("x.npy", &bad).unwrap_err().to_string();
        assert!(text.ends_with("at byte 66: a truth value must be 0 or 1, got 7"), "{text}");
    }

    #[test]
    fn sizes_that_overflow_are_refused_before_memory_is_taken() {
        for shape in ["(4294967295, 4294967295, 4294967295)", "(0, 18446744073709551615, 8)"] {
            let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}");
            let err = from_bytes("x", &file(1, &header, &[])).unwrap_err();
            assert!(matches!(err, Error::UnsupportedFile { .. }), "{err}");
        }
        let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999,)}";
        let err = from_bytes("x", &file(1, header, &[])).unwrap_err();
        assert!(matches!(err, Error::CorruptFile { .. }), "{err}");
    }

    #[test]
    fn every_truncation_is_an_error() {
        let x = Array::new([2, 3], ArrayData::F64(vec![0.0, 1.0, -2.0, f64::NAN, 1e300, -0.0]));
        let bytes = to_bytes(&x.unwrap());
        assert_eq!((bytes.len() - 48) % 64, 0);
        for n in 0..bytes.len() {
            let err = from_bytes("x", &bytes[..n]).unwrap_err();
            assert!(matches!(err, Error::CorruptFile { .. }), "{n}: {err}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(v in proptest::collection::vec(any::<i64>(), 1..30)) {
            let n = v.len();
            for data in [
                ArrayData::I64(v.clone()),
                ArrayData::I32(v.iter().map(|&x| x as i32).collect()),
                ArrayData::I16(v.iter().map(|&x| x as i16).collect()),
                ArrayData::I8(v.iter().map(|&x| x as i8).collect()),
                ArrayData::U8(v.iter().map(|&x| x as u8).collect()),
                ArrayData::Bool(v.iter().map(|&x| x % 2 == 0).collect()),
                ArrayData::F32(v.iter().map(|&x| x as f32).collect()),
                ArrayData::F64(v.iter().map(|&x| x as f64).collect()),
            ] {
                let array = Array::new([1, n, 1], data).unwrap();
                prop_assert_eq!(&from_bytes("x", &to_bytes(&array)).unwrap(), &array);
            }
        }

        #[test]
        fn flipped_bytes_never_panic(at in 0usize..140, value: u8) {
            let x = Array::new([3], ArrayData::F32(vec![1.0, 2.0, 3.0])).unwrap();
            let mut bytes = to_bytes(&x);
            let at = at % bytes.len();
            bytes[at] = value;
            if let Ok(array) = from_bytes("x", &bytes) {
                prop_assert_eq!(array.shape().numel(), array.data().len());
            }
        }

        #[test]
        fn any_header_text_is_survived(text in "[{}()\\[\\]'\",:a-z0-9 <>|_]{0,60}") {
            let _ = from_bytes("x", &file(1, &text, &[0; 8])).map(|a| assert!(a.data().len() <= 8));
        }
    }
}
