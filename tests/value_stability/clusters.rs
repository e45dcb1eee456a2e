//! Clusters of the embedded tables, and scores.

use crate::table::{Hash, Table};
use purlin::cluster::preprocessing::{MinMaxScaler, Pca, RobustScaler, StandardScaler};
use purlin::cluster::{
    Affinity, Agglomerative, BisectingKMeans, ChooseK, ConstrainedKMeans, Covariance, Dbscan,
    GaussianMixture, Hdbscan, Init, KMeans, KMedoids, Linkage, MeanShift, Metric, MiniBatchKMeans,
    Optics, SpatialIndex, SpectralClustering, SphericalKMeans, Xi, metrics,
};
use purlin::core::{Matrix, MatrixView, Real};
use purlin::data::sets;

fn table<T: Real>() -> Matrix<T> {
    let wine = sets::wine();
    let scaled =
        StandardScaler::new().fit(wine.x.view()).unwrap().transform(wine.x.view()).unwrap();
    Matrix::from_fn(scaled.n_rows(), scaled.n_cols(), |i, j| T::from_f64(scaled[(i, j)]))
}

/// Noise is one more cluster.
fn partition(labels: &[Option<usize>]) -> Hash {
    let labels: Vec<usize> =
        labels.iter().map(|label| label.map_or(0, |label| label + 1)).collect();
    Hash::new().indices(&labels)
}

fn rows_of<T: Real>(x: MatrixView<'_, T>) -> Hash {
    x.rows().fold(Hash::new(), Hash::numbers)
}

pub(crate) fn rows<T: Real>(t: &mut Table) {
    let x = table::<T>();
    let x = x.view();
    let name = |word: &str| format!("cluster/{word}/{}", T::NAME);
    let starts = [
        ("plus_plus", Init::PlusPlus { n_local_trials: None }),
        ("parallel", Init::Parallel { rounds: 3, oversampling: 2.0 }),
        ("random", Init::Random),
    ];
    for (word, init) in starts {
        for seed in [0, 1] {
            let model = KMeans::new(7).init(init.clone()).seed(seed).fit(x).unwrap();
            let hash = rows_of(model.centroids()).indices(model.labels());
            t.row(name(&format!("kmeans/{word}")), seed, hash.numbers(&[model.inertia()]));
        }
    }
    let model = MiniBatchKMeans::new(7).batch_size(32).seed(1).fit(x).unwrap();
    let hash = rows_of(model.centroids()).indices(model.labels());
    t.row(name("mini_batch"), 1, hash);
    let model = BisectingKMeans::new(7).n_init(2).seed(1).fit(x).unwrap();
    let hash = rows_of(model.node_centroids()).indices(model.labels());
    t.row(name("bisecting"), 1, hash.numbers(&[model.inertia()]));
    let model = SphericalKMeans::new(7).seed(1).fit(x).unwrap();
    let hash = rows_of(model.centroids()).indices(model.labels());
    t.row(name("spherical"), 1, hash.numbers(&[model.objective()]));
    let model = ConstrainedKMeans::balanced(7).seed(1).fit(x).unwrap();
    let hash = rows_of(model.centroids()).indices(model.labels());
    t.row(name("constrained"), 1, hash);
    let model = KMedoids::new(7).metric(Metric::Manhattan).fit(x).unwrap();
    let hash = Hash::of(&[model.loss()]).indices(model.medoid_indices()).indices(model.labels());
    t.row(name("medoids"), 0, hash);
    for kind in [Covariance::Full, Covariance::Tied, Covariance::Diag, Covariance::Spherical] {
        let model = GaussianMixture::new(3).covariance(kind).seed(1).fit(x).unwrap();
        let hash = rows_of(model.means()).numbers(model.lower_bounds()).indices(model.labels());
        t.row(name(&format!("mixture/{kind:?}").to_lowercase()), 1, hash);
    }
    let model = MeanShift::new().fit(x).unwrap();
    t.row(name("mean_shift"), 0, partition(model.labels()).numbers(&[model.bandwidth()]));
    for (word, affinity) in
        [("neighbors", Affinity::NearestNeighbors(10)), ("rbf", Affinity::Rbf { gamma: 0.1 })]
    {
        let model = SpectralClustering::new(3).affinity(affinity).seed(1).fit(x).unwrap();
        let hash = rows_of(model.embedding()).indices(model.labels());
        t.row(name(&format!("spectral/{word}")), 1, hash.numbers(model.eigenvalues()));
    }
    for linkage in [
        Linkage::Single,
        Linkage::Complete,
        Linkage::Average,
        Linkage::Weighted,
        Linkage::Ward,
        Linkage::Centroid,
        Linkage::Median,
    ] {
        let tree = Agglomerative::new(linkage).fit(x).unwrap();
        let merges: Vec<usize> =
            tree.merges().iter().flat_map(|merge| [merge.left, merge.right]).collect();
        let heights: Vec<f64> = tree.heights();
        t.row(name(&format!("{linkage:?}").to_lowercase()), 0, Hash::of(&heights).indices(&merges));
    }
    t.row(name("dbscan"), 0, partition(Dbscan::new(2.5, 5).fit(x).unwrap().labels()));
    let model = Hdbscan::new(5).fit(x).unwrap();
    let hash = partition(model.labels()).numbers(model.probabilities());
    t.row(name("hdbscan"), 0, hash.numbers(model.outlier_scores()));
    let model = Optics::new(5).fit(x).unwrap();
    let xi = model.extract_xi(&Xi::new(0.05)).unwrap();
    t.row(
        name("optics"),
        0,
        partition(&xi.labels).indices(model.ordering()).numbers(model.reachability()),
    );
    let index = SpatialIndex::new(x, Metric::Manhattan).unwrap();
    let nearest: Vec<usize> = index
        .nearest_batch(x, 4)
        .unwrap()
        .iter()
        .flatten()
        .map(|neighbor| neighbor.index)
        .collect();
    t.row(name("nearest"), 0, Hash::new().indices(&nearest));
    let classes = sets::wine().labels;
    let scores = [
        metrics::silhouette(x, &classes, &Metric::Euclidean).unwrap(),
        metrics::davies_bouldin(x, &classes).unwrap(),
        metrics::calinski_harabasz(x, &classes).unwrap(),
        metrics::dunn(x, &classes, &Metric::Euclidean).unwrap(),
    ];
    t.row(name("scores"), 0, Hash::of(&scores));
}

pub(crate) fn columns(t: &mut Table) {
    let wine = sets::wine();
    let x = wine.x.view();
    let choices = ChooseK::new(2..=4).n_references(2).seed(1).fit(table::<f64>().view()).unwrap();
    let gaps: Vec<f64> = choices.rows().iter().filter_map(|row| row.gap).collect();
    t.row("cluster/choose_k", 1, Hash::of(&gaps));
    let scaled = [
        ("standard", StandardScaler::new().fit(x).unwrap().transform(x).unwrap()),
        ("min_max", MinMaxScaler::new().fit(x).unwrap().transform(x).unwrap()),
        ("robust", RobustScaler::new().fit(x).unwrap().transform(x).unwrap()),
        ("pca", Pca::new(2).fit(x).unwrap().transform(x).unwrap()),
    ];
    for (word, table) in scaled {
        t.row(format!("cluster/{word}"), 0, Hash::of(table.as_slice()));
    }
}
