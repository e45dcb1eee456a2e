//! How strange each payment is, by seven measures.

use super::{Arguments, Payments};
use purlin::cluster::preprocessing::Pca;
use purlin::cluster::{Covariance, GaussianMixture, Hdbscan, KMeans, Metric, SpatialIndex};
use purlin::core::{Matrix, MatrixView};
use purlin::data::StandardScaler;
use std::error::Error;

/// A score for each payment: the greater, the stranger.
pub(crate) struct Score {
    pub(crate) name: &'static str,
    pub(crate) values: Vec<f64>,
}

/// Columns up to which HDBSCAN finds its way by a tree; beyond, its time grows with the square of
/// the rows.
const TREE_COLUMNS: usize = 16;
/// Rows up to which that does not matter.
const FEW_ROWS: usize = 20_000;

/// Scores of `new` payments by what `known` ones look like. Where they are the same, a payment is
/// its own nearest neighbour, which is not counted.
pub(crate) fn score(
    arguments: &Arguments,
    payments: &Payments,
    known: &[usize],
    new: &[usize],
) -> Result<Vec<Score>, Box<dyn Error>> {
    let is_same = known == new;
    let (known, new) = scaled(payments, known, new)?;
    let (known, new) = (known.view(), new.view());
    let [distance, relative] = by_neighbours(arguments, known, new, is_same)?;
    Ok(vec![
        Score { name: "neighbour distance", values: distance },
        Score { name: "relative density", values: relative },
        Score { name: "HDBSCAN (GLOSH)", values: by_hierarchy(arguments, known, new, is_same)? },
        Score { name: "k-means", values: by_clusters(arguments, known, new)? },
        Score { name: "one Gaussian", values: mahalanobis(known, new)? },
        Score {
            name: "mixture (one shape)",
            values: by_mixture(arguments, known, new, Covariance::Tied)?,
        },
        Score {
            name: "mixture (any shapes)",
            values: by_mixture(arguments, known, new, Covariance::Full)?,
        },
    ])
}

/// Both tables, scaled by what is known unless the command line says otherwise.
pub(crate) fn scaled(
    payments: &Payments,
    known: &[usize],
    new: &[usize],
) -> Result<(Matrix<f64>, Matrix<f64>), Box<dyn Error>> {
    let (known, new) = (payments.x.view().select_rows(known), payments.x.view().select_rows(new));
    if !payments.is_scaled {
        return Ok((known, new));
    }
    let scaler = StandardScaler::fit(known.view())?;
    Ok((scaler.transform(known.view())?, scaler.transform(new.view())?))
}

/// The distance to a neighbour, and the same beside that of the neighbours: strange for its
/// surroundings.
fn by_neighbours(
    arguments: &Arguments,
    known: MatrixView<'_, f64>,
    new: MatrixView<'_, f64>,
    is_same: bool,
) -> Result<[Vec<f64>; 2], Box<dyn Error>> {
    let k = (arguments.neighbours + usize::from(is_same)).min(known.n_rows());
    let index = SpatialIndex::new(known, Metric::Euclidean)?;
    let nearest = index.nearest_batch(new, k)?;
    let last = |row: &Vec<purlin::cluster::Neighbor<f64>>| row.last().map_or(0.0, |l| l.distance);
    let distances: Vec<f64> = nearest.iter().map(last).collect();

    let around = index.nearest_batch(known, (arguments.neighbours + 1).min(known.n_rows()))?;
    let around: Vec<f64> = around.iter().map(last).collect();
    let relative = nearest.iter().zip(&distances).map(|(row, distance)| {
        let mean = row.iter().map(|near| around[near.index]).sum::<f64>() / row.len() as f64;
        if mean > 0.0 { distance / mean } else { 1.0 }
    });
    let relative = relative.collect();
    Ok([distances, relative])
}

/// How much sparser it is around a payment than in the densest part of the cluster it leaves.
fn by_hierarchy(
    arguments: &Arguments,
    known: MatrixView<'_, f64>,
    new: MatrixView<'_, f64>,
    is_same: bool,
) -> Result<Vec<f64>, Box<dyn Error>> {
    let most = known.n_cols().min(known.n_rows());
    let few = if known.n_rows() > FEW_ROWS { TREE_COLUMNS.min(most) } else { most };
    let components = arguments.components.unwrap_or(few);
    let projection = Pca::new(components).fit(known)?;
    let [known, new] = [projection.transform(known)?, projection.transform(new)?];
    let min_samples = arguments.neighbours.min(known.n_rows());
    let hdbscan = Hdbscan::new(arguments.neighbours.max(2)).min_samples(min_samples);
    let model = hdbscan.fit(known.view())?;
    Ok(if is_same {
        model.outlier_scores().to_vec()
    } else {
        model.predict(new.view())?.outlier_scores
    })
}

/// The distance to the nearest of many centroids.
fn by_clusters(
    arguments: &Arguments,
    known: MatrixView<'_, f64>,
    new: MatrixView<'_, f64>,
) -> Result<Vec<f64>, Box<dyn Error>> {
    let clusters = arguments.n_clusters.min(known.n_rows());
    let kmeans = KMeans::new(clusters).n_init(5).seed(arguments.seed).fit(known)?;
    let least = |row: &[f64]| row.iter().copied().fold(f64::INFINITY, f64::min);
    Ok(kmeans.transform(new)?.rows().map(least).collect())
}

/// The distance from the mean, counted in deviations along each direction.
fn mahalanobis(
    known: MatrixView<'_, f64>,
    new: MatrixView<'_, f64>,
) -> Result<Vec<f64>, Box<dyn Error>> {
    let pca = Pca::new(known.n_cols().min(known.n_rows() - 1)).fit(known)?;
    let variances = pca.explained_variance();
    // Directions without variance would make everything infinitely strange.
    let floor = 1e-6 * variances[0];
    let distance = |row: &[f64]| {
        let squares =
            row.iter().zip(variances).filter(|(_, v)| **v > floor).map(|(z, v)| z * z / v);
        squares.sum::<f64>().sqrt()
    };
    Ok(pca.transform(new)?.rows().map(distance).collect())
}

/// The negative logarithm of the density of a mixture, whose size is the best by BIC.
fn by_mixture(
    arguments: &Arguments,
    known: MatrixView<'_, f64>,
    new: MatrixView<'_, f64>,
    covariance: Covariance,
) -> Result<Vec<f64>, Box<dyn Error>> {
    let fit = |k: usize| -> Result<_, Box<dyn Error>> {
        let mixture = GaussianMixture::new(k).covariance(covariance).reg_covar(1e-3);
        let model = mixture.seed(arguments.seed).fit(known)?;
        Ok((model.bic(known)?, model))
    };
    let mut best = fit(1)?;
    for k in 2..=known.n_rows().min(8) {
        let other = fit(k)?;
        if other.0 < best.0 {
            best = other;
        }
    }
    Ok(best.1.score_samples(new)?.into_iter().map(|density| -density).collect())
}
