//! A tree and the clusters of one cut.

use super::{Agglomerative, OP};
use crate::traits::{Clusterer, Clustering, Predict};
use crate::{Dendrogram, Metric, NearestCentroid, NearestNeighbor, check};
use purlin_core::{Error, MatrixView, Real, Result};

/// Hierarchical clustering that is cut: made by [`Agglomerative::cut`] and
/// [`Agglomerative::cut_height`].
///
/// The tree is that of [`Agglomerative::fit`], the labels are those of [`Dendrogram::cut`] or
/// [`Dendrogram::cut_height`]. [`PredictBy`] says where new rows go.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Agglomerative, Linkage, MatrixView, PredictBy};
///
/// let x = [[0.0], [1.0], [2.0], [9.0]];
/// let flat = Agglomerative::new(Linkage::Average).cut(2).predict_by(PredictBy::NearestCentroid);
/// let model = flat.fit(MatrixView::from_rows(&x))?;
///
/// assert_eq!(model.labels(), [0, 0, 0, 1]);
/// assert_eq!(model.dendrogram().heights(), [1.0, 1.5, 8.0]);
/// assert_eq!(model.predict(MatrixView::from_rows(&[[4.0], [5.3]]))?, [0, 1]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct FlatAgglomerative {
    tree: Agglomerative,
    cut: Cut,
    predict_by: PredictBy,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Cut {
    Clusters(usize),
    Height(f64),
}

/// Which cluster a new row is given to.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Agglomerative, Linkage, MatrixView, PredictBy};
///
/// let x = [[0.0], [1.0], [2.0], [9.0]];
/// let flat = Agglomerative::new(Linkage::Average).cut(2);
/// let new = [[5.3]]; // 3.3 from the nearest of {0, 1, 2}, 3.7 from 9, 4.3 from the centroid 1
/// let model = flat.clone().fit(MatrixView::from_rows(&x))?;
/// assert_eq!(model.predict(MatrixView::from_rows(&new))?, [0]);
/// let model = flat.predict_by(PredictBy::NearestCentroid).fit(MatrixView::from_rows(&x))?;
/// assert_eq!(model.predict(MatrixView::from_rows(&new))?, [1]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum PredictBy {
    /// That of the nearest sample, in the metric of the tree: see [`NearestNeighbor`]. The samples
    /// themselves get their own labels, unless equal rows were cut apart.
    #[default]
    NearestNeighbor,
    /// The one whose centroid is nearest: see [`NearestCentroid`]. For Euclidean distances and
    /// their squares.
    NearestCentroid,
}

/// What [`FlatAgglomerative::fit`] found.
///
/// It holds a copy of the samples where rows go by their nearest neighbour, the centroids where
/// they go by these.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Agglomerative, Linkage, MatrixView};
///
/// let x = [[0.0], [1.0], [9.0]];
/// let model = Agglomerative::new(Linkage::Single).cut(2).fit(MatrixView::from_rows(&x))?;
/// assert_eq!((model.labels(), model.n_clusters()), (&[0, 0, 1][..], 2));
/// assert_eq!(model.dendrogram().cut(3)?, [0, 1, 2]); // the tree is still there
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct FlatAgglomerativeModel<T: Real> {
    dendrogram: Dendrogram,
    labels: Vec<usize>,
    n_clusters: usize,
    predictor: Predictor<T>,
}

#[derive(Debug, Clone)]
enum Predictor<T: Real> {
    Neighbor(NearestNeighbor<T>),
    Centroid(NearestCentroid<T>),
}

impl Agglomerative {
    /// The same with a cut: exactly `n_clusters` clusters, as [`Dendrogram::cut`] gives them.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Agglomerative, Linkage, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [9.0]];
    /// let model = Agglomerative::new(Linkage::Ward).cut(2).fit(MatrixView::from_rows(&x))?;
    /// assert_eq!(model.labels(), [0, 0, 1]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn cut(self, n_clusters: usize) -> FlatAgglomerative {
        self.flat(Cut::Clusters(n_clusters))
    }

    /// The same with a cut: the clusters within which no merge is higher than `height`, as
    /// [`Dendrogram::cut_height`] gives them.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Agglomerative, Linkage, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [9.0]];
    /// let single = Agglomerative::new(Linkage::Single).cut_height(1.0);
    /// assert_eq!(single.fit(MatrixView::from_rows(&x))?.labels(), [0, 0, 1]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn cut_height(self, height: f64) -> FlatAgglomerative {
        self.flat(Cut::Height(height))
    }

    fn flat(self, cut: Cut) -> FlatAgglomerative {
        FlatAgglomerative { tree: self, cut, predict_by: PredictBy::default() }
    }
}

impl FlatAgglomerative {
    /// Where new rows go.
    pub fn predict_by(mut self, predict_by: PredictBy) -> Self {
        self.predict_by = predict_by;
        self
    }

    /// The tree of the rows of `x`, `(n_samples, n_features)`, and its clusters.
    ///
    /// # Errors
    ///
    /// As [`Agglomerative::fit`]; [`Error::InvalidParam`] when the number of clusters is 0, the
    /// height is negative or NaN, or centroids are asked for and the metric is not Euclidean;
    /// [`Error::TooFewSamples`] when there are fewer samples than clusters.
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<FlatAgglomerativeModel<T>> {
        let metric = &self.tree.metric;
        let is_euclidean = matches!(metric, Metric::Euclidean | Metric::SquaredEuclidean);
        if self.predict_by == PredictBy::NearestCentroid && !is_euclidean {
            let rule = format!("NearestNeighbor for {metric:?} distances");
            return Err(Error::param(OP, "predict_by", rule, "NearestCentroid"));
        }
        match self.cut {
            Cut::Clusters(0) => return Err(Error::param(OP, "n_clusters", "at least 1", 0)),
            Cut::Clusters(n_clusters) => check::table(OP, x, n_clusters)?,
            Cut::Height(height) if height.is_nan() || height < 0.0 => {
                return Err(Error::param(OP, "height", "at least 0", height));
            }
            Cut::Height(_) => {}
        }
        let dendrogram = self.tree.fit(x)?;
        let labels = match self.cut {
            Cut::Clusters(n_clusters) => dendrogram.cut(n_clusters)?,
            Cut::Height(height) => dendrogram.cut_height(height),
        };
        let predictor = match self.predict_by {
            PredictBy::NearestNeighbor => {
                Predictor::Neighbor(NearestNeighbor::fit(x, &labels, metric.clone())?)
            }
            PredictBy::NearestCentroid => Predictor::Centroid(NearestCentroid::fit(x, &labels)?),
        };
        let n_clusters = labels.iter().max().map_or(0, |last| last + 1);
        Ok(FlatAgglomerativeModel { dendrogram, labels, n_clusters, predictor })
    }
}

impl<T: Real> FlatAgglomerativeModel<T> {
    /// The tree, to be cut elsewhere as well.
    pub fn dendrogram(&self) -> &Dendrogram {
        &self.dendrogram
    }

    /// The cluster of each sample; clusters are numbered by their first samples.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.n_clusters
    }

    /// The number of columns.
    pub fn n_features(&self) -> usize {
        match &self.predictor {
            Predictor::Neighbor(predictor) => predictor.n_features(),
            Predictor::Centroid(predictor) => predictor.n_features(),
        }
    }

    /// The cluster of each row of `x`, by the rule of [`PredictBy`].
    ///
    /// # Errors
    ///
    /// As [`NearestNeighbor::predict`] or [`NearestCentroid::predict`], in their names.
    pub fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<usize>> {
        // There is no noise.
        Ok(self.predict_labels(x)?.into_iter().flatten().collect())
    }

    fn predict_labels(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>> {
        match &self.predictor {
            Predictor::Neighbor(predictor) => predictor.predict(x),
            Predictor::Centroid(predictor) => predictor.predict(x),
        }
    }
}

impl<T: Real> Clusterer<T> for FlatAgglomerative {
    type Model = FlatAgglomerativeModel<T>;

    fn name(&self) -> &'static str {
        OP
    }

    fn fit(&self, x: MatrixView<'_, T>) -> Result<FlatAgglomerativeModel<T>> {
        self.fit(x)
    }
}

impl<T: Real> Clustering<T> for FlatAgglomerativeModel<T> {
    fn n_features(&self) -> usize {
        self.n_features()
    }

    fn labels(&self) -> Vec<Option<usize>> {
        self.labels.iter().copied().map(Some).collect()
    }

    fn n_clusters(&self) -> usize {
        self.n_clusters
    }
}

impl<T: Real> Predict<T> for FlatAgglomerativeModel<T> {
    fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>> {
        self.predict_labels(x)
    }
}
