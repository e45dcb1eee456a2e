//! Where new rows belong, whatever labelled the old ones.

mod centroid;
mod neighbor;

pub use centroid::NearestCentroid;
pub use neighbor::NearestNeighbor;

use crate::check;
use purlin_core::{Error, MatrixView, Real, Result};

/// Refuses a table without rows, or with another number of them than labels; gives the labels in
/// one form.
fn labelled<T: Real, L: Copy + Into<Option<usize>>>(
    op: &'static str,
    x: MatrixView<'_, T>,
    labels: &[L],
) -> Result<Vec<Option<usize>>> {
    check::table(op, x, 1)?;
    if labels.len() != x.n_rows() {
        return Err(Error::shape(op, format!("{} labels", x.n_rows()), labels.len()));
    }
    Ok(labels.iter().map(|&label| label.into()).collect())
}
