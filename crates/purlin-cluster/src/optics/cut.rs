//! Clusters of one density.

use super::{OP, ReachabilityPlot};
use purlin_core::{Error, Result};

impl ReachabilityPlot {
    /// The clusters that DBSCAN finds with this `eps`, save border samples that the walk came to
    /// before the core that they are near to. `eps` should not be above `max_eps`.
    ///
    /// Along the order, a sample that is reached from farther than `eps` begins a cluster if its
    /// core distance is within `eps`, and is noise otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when `eps` is negative, infinite or NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, Optics};
    ///
    /// let x = [[0.0], [1.0], [5.0], [6.0]];
    /// let model = Optics::new(2).fit(MatrixView::from_rows(&x))?; // one walk, two scales
    /// assert_eq!(model.plot().extract_dbscan(2.0)?, [0, 0, 1, 1].map(Some));
    /// assert_eq!(model.plot().extract_dbscan(4.0)?, [0, 0, 0, 0].map(Some));
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn extract_dbscan(&self, eps: f64) -> Result<Vec<Option<usize>>> {
        if !(eps >= 0.0 && eps.is_finite()) {
            return Err(Error::param(OP, "eps", "finite and at least 0", eps));
        }
        let mut labels = vec![None; self.n_samples()];
        let mut n_clusters: usize = 0;
        for &i in &self.ordering {
            if self.reachability[i] > eps {
                if self.core_distances[i] > eps {
                    continue;
                }
                n_clusters += 1;
            }
            labels[i] = n_clusters.checked_sub(1);
        }
        Ok(labels)
    }
}
