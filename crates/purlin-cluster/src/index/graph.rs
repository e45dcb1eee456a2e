//! Lists of neighbours.

use super::Neighbor;
use purlin_core::{Error, Real, Result};
use std::ops::Range;

/// The operation's name in errors.
const OP: &str = "neighbor graph";

/// For each row its neighbours, by increasing index: what
/// [`SpatialIndex::within_batch`](super::SpatialIndex::within_batch) finds, or what somebody else
/// has found.
///
/// The lists lie one after the other (compressed sparse rows, as in scipy's `csr_matrix`): four
/// bytes and a distance for each neighbour.
///
/// | part | length | |
/// |---|---|---|
/// | `starts` | `n_rows + 1` | where the list of each row starts; at the end, how many there are in all |
/// | `indices` | `n_neighbors` | rows of the table that was asked, below `n_columns` |
/// | `distances` | `n_neighbors` | at least 0 |
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, Metric, Neighbor, SpatialIndex};
///
/// let x = [[0.0], [2.0], [5.0]];
/// let x = MatrixView::from_rows(&x);
/// let graph = SpatialIndex::new(x, Metric::Euclidean)?.within_batch(x, 3.0)?;
///
/// assert_eq!((graph.n_rows(), graph.n_neighbors()), (3, 7));
/// assert_eq!(graph.indices(2), [1, 2]);
/// assert_eq!(graph.row(2).next(), Some(Neighbor { index: 1, distance: 3.0 }));
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NeighborGraph<T: Real> {
    n_columns: usize,
    starts: Vec<usize>,
    indices: Vec<u32>,
    distances: Vec<T>,
}

impl<T: Real> NeighborGraph<T> {
    /// Takes the lists of neighbours among `n_columns` rows.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the lengths do not fit or `starts` do not increase from 0,
    /// [`Error::InvalidParam`] when an index is not below `n_columns`, does not increase within its
    /// row, or a distance is negative or NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::NeighborGraph;
    ///
    /// let graph = NeighborGraph::from_parts(3, vec![0, 2, 2], vec![1, 2], vec![0.5, 4.0])?;
    /// assert_eq!(graph.n_rows(), 2);
    /// assert_eq!(graph.distances(0), [0.5, 4.0]);
    /// assert!(graph.indices(1).is_empty());
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn from_parts(
        n_columns: usize,
        starts: Vec<usize>,
        indices: Vec<u32>,
        distances: Vec<T>,
    ) -> Result<Self> {
        let n = indices.len();
        if distances.len() != n {
            return Err(Error::shape(OP, format!("{n} distances"), distances.len()));
        }
        let (first, last) = (starts.first().copied(), starts.last().copied());
        if first != Some(0) || last != Some(n) {
            let got = format!("{first:?} and {last:?}");
            return Err(Error::shape(OP, format!("starts from 0 to {n}"), got));
        }
        if let Some(i) = starts.windows(2).position(|pair| pair[0] > pair[1]) {
            let got = format!("{} after {}", starts[i + 1], starts[i]);
            return Err(Error::shape(OP, "starts that do not decrease", got));
        }
        let graph = Self { n_columns, starts, indices, distances };
        for i in 0..graph.n_rows() {
            graph.check_row(i)?;
        }
        Ok(graph)
    }

    fn check_row(&self, i: usize) -> Result<()> {
        let indices = self.indices(i);
        let is_decrease = |pair: &&[u32]| pair[0] >= pair[1];
        if let Some([before, after]) = indices.windows(2).find(is_decrease) {
            let value = format!("{after} after {before} in row {i}");
            return Err(Error::param(OP, "indices", "in increasing order in each row", value));
        }
        if let Some(&last) = indices.last().filter(|&&last| last as usize >= self.n_columns) {
            let value = format!("{last} in row {i}");
            return Err(Error::param(OP, "indices", format!("below {}", self.n_columns), value));
        }
        // Written so that NaN offends.
        let is_good = |distance: &T| *distance >= T::ZERO;
        if let Some(at) = self.distances(i).iter().position(|distance| !is_good(distance)) {
            let value = format!("{} at ({i}, {})", self.distances(i)[at], indices[at]);
            return Err(Error::param(OP, "distances", "at least 0", value));
        }
        Ok(())
    }

    /// What the caller has made of good lists: for each row how many neighbours it has, and pieces
    /// that make up all of them.
    pub(super) fn of_pieces(n_columns: usize, pieces: Vec<Piece<T>>) -> Self {
        let n: usize = pieces.iter().map(|piece| piece.indices.len()).sum();
        let mut starts =
            Vec::with_capacity(1 + pieces.iter().map(|p| p.lengths.len()).sum::<usize>());
        let (mut indices, mut distances) = (Vec::with_capacity(n), Vec::with_capacity(n));
        let mut end = 0;
        starts.push(end);
        for piece in pieces {
            starts.extend(piece.lengths.iter().map(|length| {
                end += length;
                end
            }));
            indices.extend(piece.indices);
            distances.extend(piece.distances);
        }
        Self { n_columns, starts, indices, distances }
    }

    /// The number of lists.
    pub fn n_rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// The number of rows that can be in them.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The number of neighbours in all lists.
    pub fn n_neighbors(&self) -> usize {
        self.indices.len()
    }

    /// The neighbours of row `i`.
    ///
    /// # Panics
    ///
    /// When there is no such row.
    #[track_caller]
    pub fn row(&self, i: usize) -> impl ExactSizeIterator<Item = Neighbor<T>> + '_ {
        let distances = self.distances(i).iter();
        self.indices(i)
            .iter()
            .zip(distances)
            .map(|(&index, &distance)| Neighbor { index: index as usize, distance })
    }

    /// The indices of the neighbours of row `i`, increasing.
    ///
    /// # Panics
    ///
    /// When there is no such row.
    #[track_caller]
    pub fn indices(&self, i: usize) -> &[u32] {
        &self.indices[self.range(i)]
    }

    /// The distances of the neighbours of row `i`, in the order of [`NeighborGraph::indices`].
    ///
    /// # Panics
    ///
    /// When there is no such row.
    #[track_caller]
    pub fn distances(&self, i: usize) -> &[T] {
        &self.distances[self.range(i)]
    }

    #[track_caller]
    fn range(&self, i: usize) -> Range<usize> {
        let n = self.n_rows();
        assert!(i < n, "neighbor graph: expected a row below {n}, got {i}");
        self.starts[i]..self.starts[i + 1]
    }
}

/// The lists of some rows.
#[derive(Debug, Clone)]
pub(super) struct Piece<T> {
    pub(super) lengths: Vec<usize>,
    pub(super) indices: Vec<u32>,
    pub(super) distances: Vec<T>,
}

impl<T: Copy> Piece<T> {
    /// Allocates what is needed, exactly.
    pub(super) fn new(lengths: Vec<usize>, found: &[(u32, T)]) -> Self {
        let indices = found.iter().map(|&(index, _)| index).collect();
        let distances = found.iter().map(|&(_, distance)| distance).collect();
        Self { lengths, indices, distances }
    }
}

impl<T> Default for Piece<T> {
    fn default() -> Self {
        Self { lengths: Vec::new(), indices: Vec::new(), distances: Vec::new() }
    }
}
