//! Scores of a clustering.
//!
//! | compared with known classes | range | chance | best |
//! |---|---|---|---|
//! | [`rand`] | 0 to 1 | grows with the number of clusters | 1 |
//! | [`adjusted_rand`] | -0.5 to 1 | 0 | 1 |
//! | [`fowlkes_mallows`] | 0 to 1 | above 0 | 1 |
//! | [`mutual_info`] | from 0, in nats | grows with the number of clusters | the entropy |
//! | [`normalized_mutual_info`], [`homogeneity`], [`completeness`], [`v_measure`] | 0 to 1 | grows with the number of clusters | 1 |
//! | [`adjusted_mutual_info`] | up to 1 | 0 | 1 |
//! | [`purity`] | above 0 to 1 | grows with the number of clusters | 1 |
//!
//! | by the samples alone | range | best |
//! |---|---|---|
//! | [`silhouette`], [`simplified_silhouette`] | -1 to 1 | 1 |
//! | [`davies_bouldin`] | from 0 | 0 |
//! | [`calinski_harabasz`] | from 0 | large |
//! | [`dunn`] | from 0 | large |
//!
//! Labels are values of any ordered type: `usize`, `&str`, `Option<usize>`. Their names do not
//! matter, and `None` (noise) is one more cluster; leave those samples out where it should not be.
//! Scores are `f64`, the same bits on any number of threads and any instruction set.
//!
//! # Examples
//!
//! ```
//! use purlin_cluster::metrics;
//!
//! let truth = ["a", "a", "b", "b"];
//! let found = [Some(1), Some(1), Some(0), None];
//! assert_eq!(metrics::purity(&truth, &found)?, 1.0);
//! assert_eq!(metrics::rand(&truth, &found)?, 5.0 / 6.0); // one pair of six is torn apart
//! # Ok::<(), purlin_cluster::Error>(())
//! ```

mod adjusted;
mod centroids;
mod contingency;
mod dunn;
mod groups;
mod information;
mod pairs;
mod silhouette;
mod simplified;
mod sweep;

pub use adjusted::adjusted_mutual_info;
pub use centroids::{calinski_harabasz, davies_bouldin};
pub use contingency::{Contingency, contingency, purity};
pub use dunn::dunn;
pub use information::{
    Average, completeness, homogeneity, mutual_info, normalized_mutual_info, v_measure,
};
pub use pairs::{PairConfusion, adjusted_rand, fowlkes_mallows, pair_confusion, rand};
pub use silhouette::{silhouette, silhouette_samples};
pub use simplified::simplified_silhouette;
