//! The table that scipy writes.

use super::{Dendrogram, Merge, OP};
use purlin_core::{Error, Matrix, MatrixView, Result};

impl Dendrogram {
    /// The merges as scipy's `linkage` gives them: `(n_samples - 1, 4)`, the columns are both
    /// clusters, the height and the number of samples.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Agglomerative, Dendrogram, Linkage, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [3.0]];
    /// let tree = Agglomerative::new(Linkage::Complete).fit(MatrixView::from_rows(&x))?;
    /// let z = tree.linkage_matrix();
    /// assert_eq!(z.row(0), [0.0, 1.0, 1.0, 2.0]);
    /// assert_eq!(z.row(1), [2.0, 3.0, 3.0, 3.0]);
    /// assert_eq!(Dendrogram::from_linkage_matrix(z.view())?, tree);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn linkage_matrix(&self) -> Matrix<f64> {
        Matrix::from_fn(self.merges.len(), 4, |i, j| {
            let merge = &self.merges[i];
            match j {
                0 => merge.left as f64,
                1 => merge.right as f64,
                2 => merge.dissimilarity,
                _ => merge.size as f64,
            }
        })
    }

    /// Takes a linkage matrix; the two clusters of a row stay in their order.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when it has not four columns, [`Error::NonFinite`] with the place of NaN
    /// or an infinity, [`Error::InvalidParam`] with the row when a cluster does not exist yet or
    /// is merged twice, a height is negative, or a size is wrong.
    pub fn from_linkage_matrix(z: MatrixView<'_, f64>) -> Result<Self> {
        let (rows, columns) = z.shape();
        if columns != 4 {
            return Err(Error::shape(OP, "a linkage matrix with 4 columns", columns));
        }
        z.check_finite(OP, "linkage matrix")?;
        let n = rows + 1;
        let mut sizes = vec![1; n + rows];
        let mut is_used = vec![false; n + rows];
        let mut merges = Vec::with_capacity(rows);
        for (i, row) in z.rows().enumerate() {
            let refuse = |rule: String, got: f64| {
                Error::param(OP, "linkage matrix", rule, format!("{got} in row {i}"))
            };
            let mut pair = [0; 2];
            for (cluster, &value) in pair.iter_mut().zip(row) {
                if !(value >= 0.0 && value.fract() == 0.0 && value < (n + i) as f64) {
                    let rule = format!("of clusters below {}", n + i);
                    return Err(refuse(rule, value));
                }
                *cluster = value as usize;
                if std::mem::replace(&mut is_used[*cluster], true) {
                    return Err(refuse("of clusters that are merged once".to_owned(), value));
                }
            }
            if row[2] < 0.0 {
                return Err(refuse("of heights of at least 0".to_owned(), row[2]));
            }
            let size = sizes[pair[0]] + sizes[pair[1]];
            if row[3] != size as f64 {
                return Err(refuse(format!("of sizes that add up, {size}"), row[3]));
            }
            sizes[n + i] = size;
            let [left, right] = pair;
            merges.push(Merge { left, right, dissimilarity: row[2], size });
        }
        Ok(Self::new(n, merges))
    }
}
