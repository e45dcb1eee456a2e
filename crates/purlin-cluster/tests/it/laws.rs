//! Every algorithm keeps the laws of `purlin-testkit`.

use crate::common::{blobs, many_rows};
use purlin_cluster::{
    Affinity, Agglomerative, BisectingKMeans, BisectingStrategy, Clusterer, Clustering,
    ConstrainedKMeans, Covariance, Dbscan, GaussianMixture, Hdbscan, Init, KMeans, KMedoids,
    Linkage, MeanShift, MedoidInit, Metric, MiniBatchKMeans, NeighborSearch, Optics, PredictBy,
    Result, Seeding, SpectralClustering, SphericalKMeans, Xi,
};
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::{
    ClustererCheck, Tolerance, assert_close, check_clusterer, check_dendrogram, check_invariance,
    check_permutation, check_predict, check_weights, three_groups,
};

/// The laws of algorithms that find the three groups of [`three_groups`], in both precisions.
fn check_all<C>(at_scale: impl Fn(f64) -> C)
where
    C: Clusterer<f64> + Clusterer<f32> + Sync,
{
    check_all_on(1500, at_scale);
}

/// The same on so many rows.
fn check_all_on<C>(n: usize, at_scale: impl Fn(f64) -> C)
where
    C: Clusterer<f64> + Clusterer<f32> + Sync,
{
    let algorithm = at_scale(1.0);
    ClustererCheck::<f64>::on(three_groups(n, 3)).run(&algorithm);
    ClustererCheck::<f32>::on(three_groups(n, 3)).run(&algorithm);
    check_permutation(&algorithm, three_groups::<f64>(300, 3).view());
    check_invariance(three_groups::<f64>(300, 3).view(), &at_scale);
    check_invariance(three_groups::<f32>(300, 2).view(), &at_scale);
}

/// The laws of algorithms that are linear in the rows, where each of their steps is cut for threads.
fn check_large<C>(algorithm: &C)
where
    C: Clusterer<f64> + Clusterer<f32> + Sync,
{
    ClustererCheck::<f64>::on(three_groups(many_rows(3), 3)).run(algorithm);
    ClustererCheck::<f32>::on(three_groups(many_rows(3), 3)).run(algorithm);
}

fn first_rows() -> Init {
    let x = three_groups::<f64>(90, 2);
    Init::Centroids(Matrix::from_fn(3, 2, |i, j| x[(i, j)]))
}

#[test]
fn kmeans_keeps_the_laws() {
    check_all(|_| KMeans::new(3).seed(7));
    check_large(&KMeans::new(3));
    check_clusterer(&KMeans::new(17).init(Init::Random).n_init(2));
    check_clusterer(&KMeans::new(5).init(Init::Parallel { rounds: 3, oversampling: 2.0 }));
    check_predict(&KMeans::new(5).seed(2), three_groups::<f64>(500, 3).view());
    check_predict(&KMeans::new(40).seed(2), three_groups::<f32>(500, 9).view());
}

#[test]
fn mini_batch_keeps_the_laws() {
    check_all(|_| MiniBatchKMeans::new(3).batch_size(64).seed(7));
    check_large(&MiniBatchKMeans::new(3).batch_size(many_rows(3)).max_iter(2));
    check_predict(&MiniBatchKMeans::new(5).seed(2), three_groups::<f64>(500, 3).view());
}

#[test]
fn bisecting_kmeans_keeps_the_laws() {
    check_all(|_| BisectingKMeans::new(3).seed(7));
    check_large(&BisectingKMeans::new(3));
    let largest = BisectingKMeans::new(17).strategy(BisectingStrategy::LargestCluster);
    check_clusterer(&largest.init(Init::Random).n_init(2));
    check_predict(&BisectingKMeans::new(9).seed(2), three_groups::<f64>(500, 3).view());
    check_predict(&BisectingKMeans::new(40).seed(2), three_groups::<f32>(500, 9).view());
}

#[test]
fn spherical_kmeans_keeps_the_laws() {
    // Not that of moving and scaling: directions are seen from where 0 is.
    let algorithm = SphericalKMeans::new(3).seed(7);
    check_large(&algorithm);
    check_clusterer(&algorithm);
    ClustererCheck::<f32>::new().run(&algorithm);
    check_permutation(&algorithm, three_groups::<f64>(300, 3).view());
    check_clusterer(&SphericalKMeans::new(17).init(Init::Random).n_init(2));
    check_predict(&SphericalKMeans::new(9).seed(2), three_groups::<f64>(500, 3).view());
    check_predict(&SphericalKMeans::new(40).seed(2), three_groups::<f32>(500, 9).view());
}

#[test]
fn kmedoids_keeps_the_laws() {
    check_all(|_| KMedoids::new(3));
    check_clusterer(&KMedoids::new(9).init(MedoidInit::Random).seed(2));
    check_clusterer(&KMedoids::new(4).metric(Metric::Manhattan));
    check_predict(&KMedoids::new(5), three_groups::<f64>(500, 3).view());
    check_predict(&KMedoids::new(40), three_groups::<f32>(500, 9).view());
}

#[test]
fn constrained_kmeans_keeps_the_laws() {
    // Not that of predictions: samples that were moved to keep the bounds have other labels.
    check_all(|_| ConstrainedKMeans::balanced(3));
    check_clusterer(&ConstrainedKMeans::new(5).min_size(10).seed(2));
    check_predict(&ConstrainedKMeans::new(3), three_groups::<f64>(500, 3).view());
}

#[test]
fn gaussian_mixture_keeps_the_laws() {
    let mixture = |scale: f64| GaussianMixture::new(3).reg_covar(1e-6 * scale * scale);
    check_all(mixture);
    check_large(&mixture(1.0));
    for kind in [Covariance::Tied, Covariance::Diag, Covariance::Spherical] {
        check_clusterer(&GaussianMixture::new(4).covariance(kind).max_iter(5));
    }
    check_predict(&GaussianMixture::new(5).seed(2), three_groups::<f64>(500, 3).view());
    check_predict(&GaussianMixture::new(7).max_iter(3), three_groups::<f32>(500, 9).view());
}

#[test]
fn dbscan_keeps_the_laws() {
    check_all(|scale| Dbscan::new(0.7 * scale, 4));
    for search in [NeighborSearch::Tree, NeighborSearch::Brute] {
        check_clusterer(&Dbscan::new(0.3, 3).algorithm(search));
    }
    check_clusterer(&Dbscan::new(0.5, 3).metric(Metric::Manhattan));
    check_predict(&Dbscan::new(0.7, 4), three_groups::<f64>(500, 3).view());
}

#[test]
fn optics_keeps_the_laws() {
    // Where a walk begins decides on ties only in the order, not on three groups far apart.
    let optics = Optics::new(5).xi(Xi::new(0.8).min_cluster_size(20));
    check_all(|_| optics.clone());
    check_clusterer(&Optics::new(4).max_eps(0.5));
}

#[test]
fn hdbscan_keeps_the_laws() {
    // The groups are full of ties: many distances in them are equal, but they are far apart.
    let hdbscan = Hdbscan::new(60).min_samples(5);
    check_all(|_| hdbscan.clone());
    check_clusterer(&Hdbscan::new(4).metric(Metric::Cosine));
    check_clusterer(&Hdbscan::new(3).allow_single_cluster(true));
}

#[test]
fn agglomerative_keeps_the_laws() {
    check_all(|scale| Agglomerative::new(Linkage::Average).cut_height(20.0 * scale));
    check_clusterer(&Agglomerative::new(Linkage::Ward).cut(3));
    let flat = Agglomerative::new(Linkage::Complete).metric(Metric::Manhattan).cut(5);
    check_predict(&flat, three_groups::<f64>(300, 3).view());
    let by_centroid = Agglomerative::new(Linkage::Median).cut(3);
    let by_centroid = by_centroid.predict_by(PredictBy::NearestCentroid);
    check_predict(&by_centroid, three_groups::<f32>(300, 3).view());
}

#[test]
fn spectral_clustering_keeps_the_laws() {
    check_all(|_| SpectralClustering::new(3));
    // All pairs: fewer rows are cut for threads.
    check_all_on(600, |scale| {
        SpectralClustering::new(3).affinity(Affinity::Rbf { gamma: 0.5 / (scale * scale) })
    });
    check_clusterer(&SpectralClustering::new(5).affinity(Affinity::NearestNeighbors(6)));
}

#[test]
fn mean_shift_keeps_the_laws() {
    check_all(|scale| MeanShift::new().bandwidth(3.0 * scale));
    check_clusterer(&MeanShift::new());
    check_clusterer(&MeanShift::new().seeding(Seeding::Bins { min_bin_freq: 1 }));
    check_predict(&MeanShift::new().bandwidth(0.5), three_groups::<f64>(300, 3).view());
    let few = MeanShift::new().bandwidth(0.5).cluster_all(false);
    check_predict(&few, three_groups::<f32>(300, 3).view());
}

/// The law of weights where they change what is found, with numbers of the models in any order.
fn check_weights_matter<M: Clustering<f64>>(
    x: MatrixView<'_, f64>,
    fit: impl Fn(MatrixView<'_, f64>, &[f64]) -> Result<M>,
    numbers: impl Fn(&M) -> Vec<f64>,
) {
    let weights: Vec<usize> = (0..x.n_rows()).map(|i| [2, 0, 1, 5, 1][i % 5]).collect();
    check_weights(x, &weights, &fit);
    let numbers = |x: MatrixView<'_, f64>, weights: &[f64]| {
        let mut numbers = numbers(&fit(x, weights).expect("a model"));
        numbers.sort_by(f64::total_cmp);
        numbers
    };
    let copies: Vec<usize> = (0..x.n_rows()).flat_map(|i| vec![i; weights[i]]).collect();
    let copied = numbers(x.select_rows(&copies).view(), &vec![1.0; copies.len()]);
    let weighted = numbers(x, &weights.iter().map(|&w| w as f64).collect::<Vec<_>>());
    assert_close(&weighted, &copied, Tolerance::F64);
    let alike = numbers(x, &vec![1.0; x.n_rows()]);
    assert!(weighted.iter().zip(&alike).any(|(a, b)| (a - b).abs() > 1e-3 * b.abs()));
}

#[test]
fn weights_that_matter_are_copies() {
    let x = blobs::<f64>(90, 2, 3, 5.0, 1);
    let x = x.view();
    let start = Init::Centroids(x.row_range(0..3).to_matrix());
    let kmeans = KMeans::new(3).init(start.clone()).tol(0.0);
    let numbers =
        |centroids: MatrixView<'_, f64>, sum: f64| [&wide(centroids)[..], &[sum]].concat();
    check_weights_matter(
        x,
        |x, w| kmeans.fit_weighted(x, w),
        |m| numbers(m.centroids(), m.inertia()),
    );
    let spherical = SphericalKMeans::new(3).init(start).tol(0.0);
    check_weights_matter(
        x,
        |x, w| spherical.fit_weighted(x, w),
        |m| numbers(m.centroids(), m.objective()),
    );
    // Of so many starts the best is the same, wherever they are.
    let bisecting = BisectingKMeans::new(3).n_init(50).tol(0.0);
    check_weights_matter(
        x,
        |x, w| bisecting.fit_weighted(x, w),
        |m| numbers(m.centroids(), m.inertia()),
    );
}

/// The laws, with the numbers of the models in double and in single precision.
fn check_numbers<C: Clusterer<f64> + Clusterer<f32> + Sync>(
    algorithm: &C,
    of_double: impl Fn(&<C as Clusterer<f64>>::Model) -> Vec<f64>,
    of_single: impl Fn(&<C as Clusterer<f32>>::Model) -> Vec<f64>,
) {
    ClustererCheck::<f64>::on(three_groups(150, 3)).run_with(algorithm, of_double);
    ClustererCheck::<f32>::on(three_groups(150, 3)).run_with(algorithm, of_single);
}

fn wide<T: Real>(x: MatrixView<'_, T>) -> Vec<f64> {
    x.cast::<f64>().as_slice().to_vec()
}

#[test]
fn whatever_the_table_centroids_are_numbers() {
    check_numbers(&KMeans::new(3), |m| wide(m.centroids()), |m| wide(m.centroids()));
    check_numbers(&MiniBatchKMeans::new(3), |m| wide(m.centroids()), |m| wide(m.centroids()));
    check_numbers(&BisectingKMeans::new(3), |m| wide(m.centroids()), |m| wide(m.centroids()));
    check_numbers(&SphericalKMeans::new(3), |m| wide(m.centroids()), |m| wide(m.centroids()));
    check_numbers(
        &ConstrainedKMeans::balanced(3),
        |m| wide(m.centroids()),
        |m| wide(m.centroids()),
    );
    check_numbers(&MeanShift::new(), |m| wide(m.centers()), |m| wide(m.centers()));
    check_numbers(&GaussianMixture::new(3), |m| wide(m.means()), |m| wide(m.means()));
}

#[test]
fn weights_are_copies() {
    let weights: Vec<usize> = (0..90).map(|i| [2, 0, 1, 5, 1][i % 5]).collect();
    let (x, y) = (three_groups::<f64>(90, 2), three_groups::<f32>(90, 2));
    let kmeans = KMeans::new(3).init(first_rows());
    check_weights(x.view(), &weights, |x, w| kmeans.fit_weighted(x, w));
    check_weights(y.view(), &weights, |x, w| kmeans.fit_weighted(x, w));
    let bisecting = BisectingKMeans::new(3);
    check_weights(x.view(), &weights, |x, w| bisecting.fit_weighted(x, w));
    check_weights(y.view(), &weights, |x, w| bisecting.fit_weighted(x, w));
    let spherical = SphericalKMeans::new(3).init(first_rows());
    check_weights(x.view(), &weights, |x, w| spherical.fit_weighted(x, w));
    check_weights(y.view(), &weights, |x, w| spherical.fit_weighted(x, w));
    // A sample of weight 0 is there for DBSCAN: others may make it a core.
    let weights: Vec<usize> = weights.into_iter().map(|w| w.max(1)).collect();
    let dbscan = Dbscan::new(0.3, 6);
    check_weights(x.view(), &weights, |x, w| dbscan.fit_weighted(x, w));
    check_weights(y.view(), &weights, |x, w| dbscan.fit_weighted(x, w));
    let weights: Vec<f64> = weights.into_iter().map(|w| w as f64).collect();
    let weighted = dbscan.fit_weighted(x.view(), &weights).unwrap();
    assert_ne!(weighted.labels(), dbscan.fit(x.view()).unwrap().labels());
}

#[test]
fn dendrograms_are_replayed() {
    use Linkage::{Average, Centroid, Complete, Median, Single, Ward, Weighted};
    let x = three_groups::<f64>(90, 3);
    for linkage in [Single, Complete, Average, Weighted, Ward, Centroid, Median] {
        let tree = Agglomerative::new(linkage).fit(x.view()).unwrap();
        check_dendrogram(x.view(), &Metric::Euclidean, linkage, tree.merges());
    }
    for linkage in [Single, Complete, Average, Weighted] {
        for metric in [Metric::Manhattan, Metric::Cosine] {
            let tree = Agglomerative::new(linkage).metric(metric.clone()).fit(x.view()).unwrap();
            check_dendrogram(x.view(), &metric, linkage, tree.merges());
        }
    }
}
