//! An array as a file holds it: a shape, and numbers of the file's own type.

use purlin_core::{Error, Result, Shape};

/// The numbers of an [`Array`], row-major, in the type that the file holds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ArrayData {
    /// Truth values.
    Bool(Vec<bool>),
    /// Bytes.
    U8(Vec<u8>),
    /// Unsigned 16-bit integers.
    U16(Vec<u16>),
    /// Unsigned 32-bit integers.
    U32(Vec<u32>),
    /// Unsigned 64-bit integers.
    U64(Vec<u64>),
    /// Signed bytes.
    I8(Vec<i8>),
    /// 16-bit integers.
    I16(Vec<i16>),
    /// 32-bit integers.
    I32(Vec<i32>),
    /// 64-bit integers.
    I64(Vec<i64>),
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
}

/// Runs one expression over the vector of whatever type is there.
macro_rules! each {
    ($data:expr, $v:ident => $body:expr) => {
        match $data {
            ArrayData::Bool($v) => $body,
            ArrayData::U8($v) => $body,
            ArrayData::U16($v) => $body,
            ArrayData::U32($v) => $body,
            ArrayData::U64($v) => $body,
            ArrayData::I8($v) => $body,
            ArrayData::I16($v) => $body,
            ArrayData::I32($v) => $body,
            ArrayData::I64($v) => $body,
            ArrayData::F32($v) => $body,
            ArrayData::F64($v) => $body,
        }
    };
}

impl ArrayData {
    /// The number of elements.
    pub fn len(&self) -> usize {
        each!(self, v => v.len())
    }

    /// No elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `"bool"`, `"u8"`, ... as Rust names them.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::U8(_) => "u8",
            Self::U16(_) => "u16",
            Self::U32(_) => "u32",
            Self::U64(_) => "u64",
            Self::I8(_) => "i8",
            Self::I16(_) => "i16",
            Self::I32(_) => "i32",
            Self::I64(_) => "i64",
            Self::F32(_) => "f32",
            Self::F64(_) => "f64",
        }
    }
}

/// An n-dimensional array read from a file.
///
/// # Examples
///
/// ```
/// use purlin_data::{Array, ArrayData};
///
/// let labels = Array::new([3], ArrayData::U8(vec![2, 0, 1]))?;
/// assert_eq!(labels.to_labels()?, [2, 0, 1]);
/// assert_eq!(labels.to_f32(), [2.0, 0.0, 1.0]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    shape: Shape,
    data: ArrayData,
}

impl Array {
    /// An array from its shape and numbers.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the shape has another number of elements.
    pub fn new(shape: impl Into<Shape>, data: ArrayData) -> Result<Self> {
        let shape = shape.into();
        if shape.numel() != data.len() {
            let expected = format!("{} elements for shape {shape}", shape.numel());
            return Err(Error::shape("array", expected, data.len()));
        }
        Ok(Self { shape, data })
    }

    /// The sizes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The numbers, row-major.
    pub fn data(&self) -> &ArrayData {
        &self.data
    }

    /// Shape and numbers.
    pub fn into_parts(self) -> (Shape, ArrayData) {
        (self.shape, self.data)
    }

    /// The numbers in single precision, each rounded to the nearest; truth values become 0 and 1.
    pub fn to_f32(&self) -> Vec<f32> {
        match &self.data {
            ArrayData::Bool(v) => v.iter().map(|&x| f32::from(u8::from(x))).collect(),
            ArrayData::U8(v) => v.iter().map(|&x| f32::from(x)).collect(),
            ArrayData::U16(v) => v.iter().map(|&x| f32::from(x)).collect(),
            ArrayData::U32(v) => v.iter().map(|&x| x as f32).collect(),
            ArrayData::U64(v) => v.iter().map(|&x| x as f32).collect(),
            ArrayData::I8(v) => v.iter().map(|&x| f32::from(x)).collect(),
            ArrayData::I16(v) => v.iter().map(|&x| f32::from(x)).collect(),
            ArrayData::I32(v) => v.iter().map(|&x| x as f32).collect(),
            ArrayData::I64(v) => v.iter().map(|&x| x as f32).collect(),
            ArrayData::F32(v) => v.clone(),
            ArrayData::F64(v) => v.iter().map(|&x| x as f32).collect(),
        }
    }

    /// The numbers in double precision (exact but for integers beyond 2^53, which are rounded).
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.data {
            ArrayData::Bool(v) => v.iter().map(|&x| f64::from(u8::from(x))).collect(),
            ArrayData::U8(v) => v.iter().map(|&x| f64::from(x)).collect(),
            ArrayData::U16(v) => v.iter().map(|&x| f64::from(x)).collect(),
            ArrayData::U32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            ArrayData::U64(v) => v.iter().map(|&x| x as f64).collect(),
            ArrayData::I8(v) => v.iter().map(|&x| f64::from(x)).collect(),
            ArrayData::I16(v) => v.iter().map(|&x| f64::from(x)).collect(),
            ArrayData::I32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            ArrayData::I64(v) => v.iter().map(|&x| x as f64).collect(),
            ArrayData::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            ArrayData::F64(v) => v.clone(),
        }
    }

    /// The numbers as class indices.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] naming the first element that is negative or not an integer.
    pub fn to_labels(&self) -> Result<Vec<usize>> {
        let refuse = |i: usize, value: String| {
            let value = format!("{value} at element {i}");
            Error::param("array", "labels", "integers of at least 0 that fit in memory", value)
        };
        let integers = |v: &mut dyn Iterator<Item = i64>| {
            v.enumerate()
                .map(|(i, x)| usize::try_from(x).map_err(|_| refuse(i, x.to_string())))
                .collect()
        };
        let floats = |v: &mut dyn Iterator<Item = f64>| {
            // 2^53: above it, neighbouring integers share a float.
            let limit = 9_007_199_254_740_992.0;
            v.enumerate()
                .map(|(i, x)| {
                    let is_label = x >= 0.0 && x <= limit && x.floor() == x;
                    if is_label { Ok(x as usize) } else { Err(refuse(i, x.to_string())) }
                })
                .collect()
        };
        match &self.data {
            ArrayData::Bool(v) => Ok(v.iter().map(|&x| usize::from(x)).collect()),
            ArrayData::U8(v) => Ok(v.iter().map(|&x| usize::from(x)).collect()),
            ArrayData::U16(v) => Ok(v.iter().map(|&x| usize::from(x)).collect()),
            ArrayData::U32(v) => integers(&mut v.iter().map(|&x| i64::from(x))),
            ArrayData::U64(v) => {
                let label =
                    |x: u64| usize::try_from(x).ok().filter(|&x| isize::try_from(x).is_ok());
                let labels = v.iter().enumerate();
                labels.map(|(i, &x)| label(x).ok_or_else(|| refuse(i, x.to_string()))).collect()
            }
            ArrayData::I8(v) => integers(&mut v.iter().map(|&x| i64::from(x))),
            ArrayData::I16(v) => integers(&mut v.iter().map(|&x| i64::from(x))),
            ArrayData::I32(v) => integers(&mut v.iter().map(|&x| i64::from(x))),
            ArrayData::I64(v) => integers(&mut v.iter().copied()),
            ArrayData::F32(v) => floats(&mut v.iter().map(|&x| f64::from(x))),
            ArrayData::F64(v) => floats(&mut v.iter().copied()),
        }
    }
}
