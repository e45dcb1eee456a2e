//! How often each class meets each cluster.

use super::groups::number;
use purlin_core::{Error, Result};

/// The table of [`contingency`]: rows are the sorted values of the first labels, columns those of
/// the second.
///
/// It holds the cells that are not 0, at most one per sample, whatever the number of labels.
///
/// # Examples
///
/// ```
/// use purlin_cluster::metrics::contingency;
///
/// let table = contingency(&["a", "a", "b"], &[3, 4, 4])?;
/// assert_eq!((table.n_rows(), table.n_columns(), table.n_samples()), (2, 2, 3));
/// assert_eq!(table.cells().collect::<Vec<_>>(), [(0, 0, 1), (0, 1, 1), (1, 1, 1)]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contingency {
    cells: Vec<(usize, usize, u64)>,
    row_sums: Vec<u64>,
    column_sums: Vec<u64>,
}

impl Contingency {
    /// The number of different first labels.
    pub fn n_rows(&self) -> usize {
        self.row_sums.len()
    }

    /// The number of different second labels.
    pub fn n_columns(&self) -> usize {
        self.column_sums.len()
    }

    /// The number of samples: the sum of all cells.
    pub fn n_samples(&self) -> u64 {
        self.row_sums.iter().sum()
    }

    /// The samples of each row.
    pub fn row_sums(&self) -> &[u64] {
        &self.row_sums
    }

    /// The samples of each column.
    pub fn column_sums(&self) -> &[u64] {
        &self.column_sums
    }

    /// The samples that are in row `i` and column `j`.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::metrics::contingency;
    ///
    /// let table = contingency(&[7, 7, 9], &[0, 1, 1])?;
    /// assert_eq!((table.get(0, 1), table.get(1, 0)), (1, 0));
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn get(&self, i: usize, j: usize) -> u64 {
        let place = self.cells.binary_search_by_key(&(i, j), |&(i, j, _)| (i, j));
        place.map_or(0, |at| self.cells[at].2)
    }

    /// The cells that are not 0, as `(row, column, samples)`, row by row.
    pub fn cells(&self) -> impl ExactSizeIterator<Item = (usize, usize, u64)> {
        self.cells.iter().copied()
    }

    /// The whole table, `n_rows * n_columns` numbers.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::metrics::contingency;
    ///
    /// let table = contingency(&["x", "x", "y"], &[Some(4), None, Some(4)])?;
    /// assert_eq!(table.to_rows(), [[1, 1], [0, 1]]); // `None` comes first
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn to_rows(&self) -> Vec<Vec<u64>> {
        let mut rows = vec![vec![0; self.n_columns()]; self.n_rows()];
        for &(i, j, count) in &self.cells {
            rows[i][j] = count;
        }
        rows
    }

    /// The table in the name of `op`.
    pub(super) fn of<A: Ord + Copy, B: Ord + Copy>(
        op: &'static str,
        labels_true: &[A],
        labels_pred: &[B],
    ) -> Result<Self> {
        let n = labels_true.len();
        if labels_pred.len() != n {
            let expected = format!("labels_pred of {n} samples");
            return Err(Error::shape(op, expected, labels_pred.len()));
        }
        if n == 0 {
            return Err(Error::TooFewSamples { op, expected: 1, got: 0 });
        }
        if n >= u32::MAX as usize {
            return Err(Error::shape(op, format!("fewer than {} samples", u32::MAX), n));
        }
        let (rows, columns) = (number(labels_true), number(labels_pred));
        let mut pairs: Vec<(u32, u32)> = rows.into_iter().zip(columns).collect();
        pairs.sort_unstable();
        let cells = pairs.chunk_by(|a, b| a == b).map(|run| {
            let (row, column) = run[0];
            (row as usize, column as usize, run.len() as u64)
        });
        let (mut row_sums, mut column_sums) = (Vec::new(), Vec::new());
        let cells: Vec<_> = cells.collect();
        for &(i, j, count) in &cells {
            add_at(&mut row_sums, i, count);
            add_at(&mut column_sums, j, count);
        }
        Ok(Self { cells, row_sums, column_sums })
    }
}

fn add_at(sums: &mut Vec<u64>, i: usize, count: u64) {
    if i >= sums.len() {
        sums.resize(i + 1, 0);
    }
    sums[i] += count;
}

/// Counts the samples of each pair of labels.
///
/// Rows are the different values of `labels_true` in increasing order, columns those of
/// `labels_pred`. It takes `O(n log n)` time and `O(n)` memory.
///
/// # Errors
///
/// [`Error::Shape`] when the lengths differ, [`Error::TooFewSamples`] when there are no labels.
///
/// # Examples
///
/// ```
/// use purlin_cluster::metrics::contingency;
///
/// let table = contingency(&[0, 0, 1, 1, 1], &[5, 5, 5, 8, 8])?;
/// assert_eq!(table.to_rows(), [[2, 0], [1, 2]]);
/// assert_eq!(table.column_sums(), [3, 2]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
pub fn contingency<A: Ord + Copy, B: Ord + Copy>(
    labels_true: &[A],
    labels_pred: &[B],
) -> Result<Contingency> {
    Contingency::of("contingency", labels_true, labels_pred)
}

/// The share of samples whose class is the most frequent one of their cluster:
/// `1/n * sum over clusters of max over classes of n_ij`, above 0, at most 1.
///
/// A cluster for each sample has purity 1: compare clusterings of one number of clusters only.
///
/// # Errors
///
/// As [`contingency`].
///
/// # Examples
///
/// ```
/// use purlin_cluster::metrics::purity;
///
/// assert_eq!(purity(&[0, 0, 1, 1], &[0, 0, 0, 1])?, 0.75);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - C. D. Manning, P. Raghavan, H. Schuetze, *Introduction to information retrieval*, Cambridge
///   University Press, 2008, section 16.3.
pub fn purity<A: Ord + Copy, B: Ord + Copy>(labels_true: &[A], labels_pred: &[B]) -> Result<f64> {
    let table = Contingency::of("purity", labels_true, labels_pred)?;
    let mut most = vec![0; table.n_columns()];
    for (_, j, count) in table.cells() {
        most[j] = count.max(most[j]);
    }
    Ok(most.iter().sum::<u64>() as f64 / table.n_samples() as f64)
}
