//! Pieces of a long sequence of symbols.

use crate::{Dataset, Label, TargetKind};
use purlin_core::rng::Rng;
use purlin_core::{Error, Result, Shape};
use std::ops::Range;
use std::sync::Arc;

const OP: &str = "text_windows";

/// The largest number of symbols whose numbers single precision holds exactly.
const MAX_SYMBOLS: usize = 1 << 24;

/// Windows of a sequence of symbols, with the next symbol of each step as its target.
///
/// | value | shape |
/// |---|---|
/// | `x` | `(steps,)`: the numbers of the symbols |
/// | target | a class for each step ([`TargetKind::Steps`]): the symbol after it |
///
/// Windows begin every `stride` symbols, `steps` unless set, so that no symbol is read twice. What
/// is left at the end, too short for a window and its last target, is not read.
///
/// # Examples
///
/// ```
/// use purlin_data::text::Windows;
/// use purlin_data::{Dataset, Loader};
///
/// let windows = Windows::new(vec![0, 1, 2, 3, 4, 5, 6, 7], 8, 3)?;
/// assert_eq!(windows.len(), 2); // 0 1 2 and 3 4 5
/// let batch = Loader::new(windows.stride(2)?).all()?;
/// assert_eq!(batch.x.data(), [0.0, 1.0, 2.0, 2.0, 3.0, 4.0, 4.0, 5.0, 6.0]);
/// assert_eq!(batch.y.classes().unwrap(), [1, 2, 3, 3, 4, 5, 5, 6, 7]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Windows {
    symbols: Arc<[usize]>,
    range: Range<usize>,
    n_symbols: usize,
    steps: usize,
    stride: usize,
}

impl Windows {
    /// Windows of `steps` of `symbols`, each below `n_symbols`.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: `steps` is 0, a symbol is not below `n_symbols`, or `n_symbols`
    ///   is above 2^24, beyond which single precision does not tell numbers apart.
    /// - [`Error::Shape`]: fewer than `steps + 1` symbols.
    pub fn new(symbols: impl Into<Arc<[usize]>>, n_symbols: usize, steps: usize) -> Result<Self> {
        let symbols = symbols.into();
        if steps == 0 {
            return Err(Error::param(OP, "steps", "at least 1", steps));
        }
        if n_symbols > MAX_SYMBOLS {
            let rule = format!("at most {MAX_SYMBOLS}");
            return Err(Error::param(OP, "n_symbols", rule, n_symbols));
        }
        if let Some(at) = symbols.iter().position(|&symbol| symbol >= n_symbols) {
            let value = format!("{} at position {at}", symbols[at]);
            return Err(Error::param(OP, "symbols", format!("below {n_symbols}"), value));
        }
        let range = 0..symbols.len();
        Self { symbols, range, n_symbols, steps, stride: steps }.checked()
    }

    /// Symbols between the beginnings of two windows.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: it is 0.
    pub fn stride(self, stride: usize) -> Result<Self> {
        match stride {
            0 => Err(Error::param(OP, "stride", "at least 1", stride)),
            _ => Ok(Self { stride, ..self }),
        }
    }

    /// The windows of the first `fraction` of the symbols, for training, and those of the rest, for
    /// validation. Each window lies with its targets in one part.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: `fraction` is not in 0..=1.
    /// - [`Error::Shape`]: a part has fewer than `steps + 1` symbols.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_data::Dataset;
    /// use purlin_data::text::Windows;
    ///
    /// let windows = Windows::new(vec![1; 100], 2, 4)?;
    /// let (train, validation) = windows.split(0.8)?;
    /// assert_eq!((train.len(), validation.len()), (19, 4)); // of 80 and 20 symbols
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn split(&self, fraction: f64) -> Result<(Self, Self)> {
        let border = crate::series::border(OP, &self.range, fraction)?;
        let part = |range| Self { range, ..self.clone() }.checked();
        Ok((part(self.range.start..border)?, part(border..self.range.end)?))
    }

    fn checked(self) -> Result<Self> {
        if self.range.len() <= self.steps {
            let expected = format!("at least {} + 1 symbols", self.steps);
            return Err(Error::shape(OP, expected, self.range.len()));
        }
        Ok(self)
    }
}

impl Dataset for Windows {
    fn len(&self) -> usize {
        (self.range.len() - 1 - self.steps) / self.stride + 1
    }

    fn sample_shape(&self) -> Shape {
        Shape::from([self.steps])
    }

    fn target(&self) -> TargetKind {
        TargetKind::Steps { steps: self.steps, n_classes: self.n_symbols }
    }

    fn read(&self, index: usize, _rng: &mut Rng, out: &mut [f32]) -> Result<Label> {
        assert!(index < self.len(), "{OP}: index must be below {}, got {index}", self.len());
        let from = self.range.start + index * self.stride;
        let symbols = &self.symbols[from..=from + self.steps];
        for (out, &symbol) in out.iter_mut().zip(symbols) {
            *out = symbol as f32;
        }
        Ok(Label::Classes(symbols[1..].to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Loader;
    use proptest::prelude::*;

    #[test]
    fn senseless_options_are_refused() {
        let text = |result: Result<Windows>| result.unwrap_err().to_string();
        let new = |n_symbols, steps| Windows::new(vec![0, 1, 2], n_symbols, steps);
        assert_eq!(text(new(3, 0)), "text_windows: steps must be at least 1, got 0");
        assert_eq!(text(new(3, 3)), "text_windows: expected at least 3 + 1 symbols, got 3");
        assert_eq!(text(new(2, 1)), "text_windows: symbols must be below 2, got 2 at position 2");
        assert_eq!(
            text(new((1 << 24) + 1, 1)),
            "text_windows: n_symbols must be at most 16777216, got 16777217"
        );
        let fine = new(3, 1).unwrap();
        assert_eq!(text(fine.clone().stride(0)), "text_windows: stride must be at least 1, got 0");
        let split = |fraction| fine.split(fraction).unwrap_err().to_string();
        assert_eq!(split(1.5), "text_windows: fraction must be in 0..=1, got 1.5");
        assert_eq!(split(0.9), "text_windows: expected at least 1 + 1 symbols, got 0");
    }

    proptest! {
        #[test]
        fn windows_are_as_many_as_fit_and_parts_do_not_touch(
            n in 2usize..80, steps in 1usize..10, stride in 1usize..12, fraction in 0.0f64..1.0,
        ) {
            let whole = Windows::new((0..n).collect::<Vec<_>>(), n, steps);
            prop_assert_eq!(whole.is_ok(), n > steps);
            let Ok(whole) = whole else { return Ok(()) };
            let whole = whole.stride(stride).unwrap();
            let starts = (0..n).step_by(stride).filter(|from| from + steps < n).count();
            prop_assert_eq!(whole.len(), starts);
            if let Ok((a, b)) = whole.split(fraction) {
                let (a, b) = (Loader::new(a).all().unwrap(), Loader::new(b).all().unwrap());
                let last = a.y.classes().unwrap().iter().max().unwrap();
                prop_assert!((*last as f32) < b.x.data()[0]);
            }
        }
    }
}
