//! Doors from generic callers to code that is compiled once, in this crate.
//!
//! The tiles of products and convolutions are many; compiled anew in every crate that calls them
//! they would cost it most of a minute. `Real` is `f32` or `f64` and nothing else, so each door
//! leads to one of two plain functions.

use super::Epilogue;
use purlin_core::Real;

/// `Ok` for `f32`, `Err` for `f64`.
pub(crate) fn slice<T: Real>(x: &[T]) -> Result<&[f32], &[f64]> {
    let (first, len) = (x.as_ptr(), x.len());
    // SAFETY: `Real` is sealed: the item of 4 bytes is `f32`, the other is `f64`.
    unsafe {
        if size_of::<T>() == 4 {
            Ok(std::slice::from_raw_parts(first.cast(), len))
        } else {
            Err(std::slice::from_raw_parts(first.cast(), len))
        }
    }
}

/// `Ok` for `f32`, `Err` for `f64`.
pub(crate) fn slice_mut<T: Real>(x: &mut [T]) -> Result<&mut [f32], &mut [f64]> {
    let (first, len) = (x.as_mut_ptr(), x.len());
    // SAFETY: as in `slice`.
    unsafe {
        if size_of::<T>() == 4 {
            Ok(std::slice::from_raw_parts_mut(first.cast(), len))
        } else {
            Err(std::slice::from_raw_parts_mut(first.cast(), len))
        }
    }
}

impl<'a, T: Real> Epilogue<'a, T> {
    pub(crate) fn split(&self) -> Result<Epilogue<'a, f32>, Epilogue<'a, f64>> {
        let activation = self.activation;
        match self.bias.map(slice) {
            Some(Ok(bias)) => Ok(Epilogue { bias: Some(bias), activation }),
            Some(Err(bias)) => Err(Epilogue { bias: Some(bias), activation }),
            None if size_of::<T>() == 4 => Ok(Epilogue { bias: None, activation }),
            None => Err(Epilogue { bias: None, activation }),
        }
    }
}
