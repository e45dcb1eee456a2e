//! The distances of all pairs.

use purlin_core::{Error, MatrixView, Real, Result};

/// The distances between `n` samples, each pair once: `(0, 1), (0, 2) .. (0, n - 1), (1, 2) ..`,
/// the order of scipy's `pdist`.
///
/// `n (n - 1) / 2` numbers, at least 0 and not NaN; infinity says that a pair is not connected.
///
/// # Examples
///
/// ```
/// use purlin_cluster::CondensedMatrix;
///
/// let distances = CondensedMatrix::from_vec(3, vec![1.0, 4.0, 3.0])?;
/// assert_eq!(distances.get(0, 2), 4.0);
/// assert_eq!(distances.get(2, 1), 3.0);
/// assert_eq!(distances.get(1, 1), 0.0);
/// assert_eq!(CondensedMatrix::<f64>::bytes_needed(20_000), Some(1_599_920_000));
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CondensedMatrix<T: Real> {
    n: usize,
    data: Vec<T>,
}

/// The operation's name in errors.
const OP: &str = "condensed matrix";

/// The pairs of `n` samples, if a `usize` can count them.
fn n_pairs(n: usize) -> Option<usize> {
    let (even, other) = if n.is_multiple_of(2) { (n, n.max(1) - 1) } else { (n - 1, n) };
    (even / 2).checked_mul(other)
}

impl<T: Real> CondensedMatrix<T> {
    /// Takes the distances of `n` samples, in the order of the pairs.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when there are not `n (n - 1) / 2` of them, [`Error::InvalidParam`] with
    /// the pair when one is negative or NaN.
    pub fn from_vec(n: usize, data: Vec<T>) -> Result<Self> {
        let Some(expected) = n_pairs(n) else {
            return Err(Error::shape(OP, "a number of pairs that fits in memory", n));
        };
        if data.len() != expected {
            let expected = format!("{expected} distances for {n} samples");
            return Err(Error::shape(OP, expected, data.len()));
        }
        let matrix = Self { n, data };
        match matrix
            .data
            .iter()
            .position(|&x| x.partial_cmp(&T::ZERO).is_none_or(std::cmp::Ordering::is_lt))
        {
            None => Ok(matrix),
            Some(at) => {
                let (i, j) = matrix.pair(at);
                let value = format!("{} at ({i}, {j})", matrix.data[at]);
                Err(Error::param(OP, "distances", "at least 0", value))
            }
        }
    }

    /// Takes the upper half of a square table, `(n, n)`, that says the same below.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when it is not square, [`Error::InvalidParam`] when the diagonal is not 0,
    /// a number is negative or NaN, or two numbers that should be one differ.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{CondensedMatrix, MatrixView};
    ///
    /// let square = [[0.0, 1.0], [2.0, 0.0]];
    /// let err = CondensedMatrix::from_square(MatrixView::from_rows(&square)).unwrap_err();
    /// assert_eq!(
    ///     err.to_string(),
    ///     "condensed matrix: distances must be symmetric, got 1 at (0, 1) and 2 at (1, 0)"
    /// );
    /// ```
    pub fn from_square(square: MatrixView<'_, T>) -> Result<Self> {
        let (n, columns) = square.shape();
        if n != columns {
            return Err(Error::shape(OP, "a square table", format!("({n}, {columns})")));
        }
        let mut data = Vec::with_capacity(n_pairs(n).unwrap_or(0));
        for (i, row) in square.rows().enumerate() {
            if row[i] != T::ZERO {
                let value = format!("{} at ({i}, {i})", row[i]);
                return Err(Error::param(OP, "distances", "0 on the diagonal", value));
            }
            for (j, &value) in row.iter().enumerate().skip(i + 1) {
                let other = square.row(j)[i];
                if value != other && !(value.is_nan() && other.is_nan()) {
                    let values = format!("{value} at ({i}, {j}) and {other} at ({j}, {i})");
                    return Err(Error::param(OP, "distances", "symmetric", values));
                }
                data.push(value);
            }
        }
        Self::from_vec(n, data)
    }

    /// What the caller has made of good distances.
    pub(crate) fn of_parts(n: usize, data: Vec<T>) -> Self {
        debug_assert_eq!(Some(data.len()), n_pairs(n));
        Self { n, data }
    }

    /// The number of samples.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The distance of samples `i` and `j`.
    ///
    /// # Panics
    ///
    /// When one of them does not exist.
    #[inline]
    #[track_caller]
    pub fn get(&self, i: usize, j: usize) -> T {
        let n = self.n;
        assert!(i < n && j < n, "get: expected samples below {n}, got {i} and {j}");
        if i == j { T::ZERO } else { self.data[index(n, i.min(j), i.max(j))] }
    }

    /// All distances, in the order of the pairs.
    pub fn as_slice(&self) -> &[T] {
        &self.data
    }

    /// All distances, in the order of the pairs.
    pub fn into_vec(self) -> Vec<T> {
        self.data
    }

    /// The bytes that the distances of `n` samples take; `None` where a `u64` cannot tell.
    pub fn bytes_needed(n: usize) -> Option<u64> {
        u64::try_from(n_pairs(n)?).ok()?.checked_mul(size_of::<T>() as u64)
    }

    /// The pair whose distance is number `at`.
    pub(crate) fn pair(&self, at: usize) -> (usize, usize) {
        let (mut i, mut rest) = (0, at);
        while rest >= self.n - 1 - i {
            rest -= self.n - 1 - i;
            i += 1;
        }
        (i, i + 1 + rest)
    }
}

/// Where the distance of the pair `i < j` of `n` samples lies.
#[inline]
pub(crate) fn index(n: usize, i: usize, j: usize) -> usize {
    // Row `i` begins after `i` rows, which hold `n - 1`, `n - 2` .. distances.
    i * (2 * n - i - 1) / 2 + j - i - 1
}
