//! Which centroids lie together, and how far apart they are.

use super::bounds::Margin;
use purlin_backend::distance::{Bundles, Panels, squared_euclidean};
use purlin_backend::parallel;
use purlin_core::{Matrix, MatrixView, Real};

/// Rows of centroids that one task compares with the others.
const BLOCK: usize = 16;

/// The numbers `0..k` in whole bundles.
pub(super) fn in_order<T: Real>(k: usize) -> Vec<u32> {
    let mut members: Vec<u32> = (0..k as u32).collect();
    members.resize(k.next_multiple_of(Panels::<T>::lanes()), u32::MAX);
    members
}

/// Bundles of centroids that are close: the first that is left with its nearest of those that are
/// left, again and again. A bundle is sorted, so that the first of equals is the smallest.
pub(super) fn close_groups<T: Real>(centroids: MatrixView<'_, T>) -> Vec<u32> {
    let (k, lanes) = (centroids.n_rows(), Panels::<T>::lanes());
    let panels = Panels::pack(centroids, None);
    let mut left: Vec<u32> = (0..k as u32).collect();
    let mut members = Vec::with_capacity(k.next_multiple_of(lanes));
    let mut row = vec![T::ZERO; k];
    while let Some(&first) = left.first() {
        let first = first as usize;
        let one = centroids.row_range(first..first + 1);
        squared_euclidean(one, &panels, 0..panels.n_panels(), &mut row);
        row[first] = T::NEG_INFINITY;
        let order = |a: &u32, b: &u32| row[*a as usize].total_cmp(&row[*b as usize]).then(a.cmp(b));
        left.sort_unstable_by(order);
        let rest = left.split_off(left.len().min(lanes));
        left.sort_unstable();
        members.append(&mut left);
        left = rest;
        left.sort_unstable();
    }
    members.resize(k.next_multiple_of(lanes), u32::MAX);
    members
}

/// What is known of the distances between centroids.
#[derive(Debug)]
pub(super) struct Between<T> {
    /// For each centroid at most the distance of the nearest other one.
    pub(super) nearest: Vec<T>,
    /// For each centroid at most the distance of every one: in their order, or sorted by it.
    pub(super) all: Vec<T>,
}

/// Compares all centroids. `keep` says whether [`Between::all`] is wanted; `members`, where given,
/// takes for each centroid all of them by their distance from it, in whole bundles.
pub(super) fn between<T: Real>(
    centroids: MatrixView<'_, T>,
    margin: &Margin<T>,
    keep: bool,
    members: Option<&mut Vec<u32>>,
) -> Between<T> {
    let (k, d) = centroids.shape();
    let lanes = Panels::<T>::lanes();
    let width = k.next_multiple_of(lanes);
    let panels = Panels::pack(centroids, None);
    let sorts = members.is_some();
    let mut parts: Vec<(Vec<T>, Vec<T>, Vec<u32>)> =
        (0..k.div_ceil(BLOCK)).map(|_| Default::default()).collect();
    parallel::for_each_chunk(&mut parts, 1, k * k * d, |i, part| {
        let rows = i * BLOCK..k.min((i + 1) * BLOCK);
        let (nearest, all, orders) = &mut part[0];
        let mut squared = vec![T::ZERO; rows.len() * k];
        let range = 0..panels.n_panels();
        squared_euclidean(centroids.row_range(rows.clone()), &panels, range, &mut squared);
        for (a, row) in rows.zip(squared.chunks_exact_mut(k)) {
            row[a] = T::INFINITY;
            let least = row.iter().fold(T::INFINITY, |least, &x| least.min(x));
            nearest.push(margin.below(least));
            row[a] = T::NEG_INFINITY;
            let lower = |x: T| margin.below(x.max(T::ZERO));
            if sorts {
                let mut order: Vec<u32> = (0..k as u32).collect();
                let of = |b: u32| row[b as usize];
                order.sort_unstable_by(|&a, &b| of(a).total_cmp(&of(b)).then(a.cmp(&b)));
                all.extend(order.iter().map(|&b| lower(of(b))));
                // Inside of a bundle by number: the first of equals is the smallest.
                order.chunks_mut(lanes).for_each(<[u32]>::sort_unstable);
                order.resize(width, u32::MAX);
                orders.append(&mut order);
            } else if keep {
                all.extend(row.iter().map(|&x| lower(x)));
            }
        }
    });
    let mut between = Between { nearest: Vec::with_capacity(k), all: Vec::new() };
    let mut sorted = Vec::new();
    for (mut nearest, mut all, mut order) in parts {
        between.nearest.append(&mut nearest);
        between.all.append(&mut all);
        sorted.append(&mut order);
    }
    if let Some(members) = members {
        *members = sorted;
    }
    between
}

/// The bundles of `members`.
pub(super) fn bundles<T: Real>(centroids: &Matrix<T>, members: &[u32]) -> Bundles<T> {
    Bundles::new(centroids.view(), members)
}
