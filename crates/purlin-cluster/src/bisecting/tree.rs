//! The splits.

use super::rows::{Rows, part};
use crate::assign;
use purlin_core::{Matrix, MatrixView, Real, Result};

/// A cluster on the way, or at the end, of the splits.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{BisectingKMeans, Matrix};
///
/// let x = Matrix::from_rows(&[[0.0], [2.0], [20.0]]);
/// let model = BisectingKMeans::new(2).fit(x.view())?;
///
/// let [left, right] = model.nodes()[0].children.expect("the root was split");
/// assert_eq!(model.nodes()[0].n_samples, 3);
/// let sizes = [model.nodes()[left].n_samples, model.nodes()[right].n_samples];
/// assert_eq!(sizes.iter().max(), Some(&2));
/// assert_eq!(model.nodes()[left].label, Some(0));
/// assert_eq!(model.nodes()[right].label, Some(1));
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct BisectingNode {
    /// The nodes that it was split into, left and right; they come later in the list.
    pub children: Option<[usize; 2]>,
    /// The cluster that it is, where it was not split.
    pub label: Option<usize>,
    /// The samples in it.
    pub n_samples: usize,
    /// The sum of their squared distances from its centroid, each times its weight.
    pub inertia: f64,
}

/// The splits in their order: node 0 holds all samples, split `i` makes nodes `2 i + 1` and
/// `2 i + 2`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree<T: Real> {
    pub(super) nodes: Vec<BisectingNode>,
    /// One row per node.
    pub(super) centroids: Matrix<T>,
}

impl<T: Real> Tree<T> {
    /// The label of the leaf that each row of `x` comes to, at the nearer of two centroids each
    /// time, ties to the left.
    pub(super) fn descend(&self, x: MatrixView<'_, T>) -> Result<Vec<u32>> {
        let mut labels = vec![0; x.n_rows()];
        let mut waiting: Vec<Vec<u32>> = vec![Vec::new(); self.nodes.len()];
        waiting[0] = (0..x.n_rows() as u32).collect();
        for (i, node) in self.nodes.iter().enumerate() {
            let mut rows = std::mem::take(&mut waiting[i]);
            if let Some([left, right]) = node.children {
                let sides = self.sides(x, &rows, i, left)?;
                let n_left = part(&mut rows, &sides);
                waiting[right] = rows.split_off(n_left);
                waiting[left] = rows;
            } else if let Some(label) = node.label {
                for row in rows {
                    labels[row as usize] = label as u32;
                }
            }
        }
        Ok(labels)
    }

    /// 0 for each of the rows that is nearer to the node `left`, else 1: it is nearer to the next.
    fn sides(
        &self,
        x: MatrixView<'_, T>,
        rows: &[u32],
        node: usize,
        left: usize,
    ) -> Result<Vec<u32>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let (pair, center) = (left..left + 2, self.centroids.row(node));
        let pair = self.centroids.view().row_range(pair);
        if rows.len() == x.n_rows() {
            return Ok(assign::nearest(x, pair, center));
        }
        let rows = Rows::gather(x, rows);
        Ok(assign::nearest(rows.view()?, pair, center))
    }
}
