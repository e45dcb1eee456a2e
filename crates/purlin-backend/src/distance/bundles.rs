//! Some rows against a few others, one bundle of a vector's width at a time.
//!
//! Where bounds have ruled out most centroids, each point asks about another few of them. Here the
//! lanes are the centroids of a bundle and the points are broadcast, so that points may lie
//! anywhere and need no copy; every value is the definition's.

use super::Panels;
use super::ranking::least_lane;
use crate::mono::once;
use crate::{Buffer, Kernel, dispatch};
use purlin_core::simd::{Isa, Lanes, MAX_LANES};
use purlin_core::{MatrixView, Real};

/// Rows in bundles of up to a vector each (16 of `f32`, 8 of `f64`), in any order; a row may be in
/// several.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Bundles, Panels};
/// use purlin_core::MatrixView;
///
/// let centroids = [[0.0f64], [4.0], [6.0]];
/// let mut members = vec![u32::MAX; Panels::<f64>::lanes()]; // one bundle: the last and the first
/// members[..2].copy_from_slice(&[0, 2]);
/// let bundles = Bundles::new(MatrixView::from_rows(&centroids), &members);
/// let x = [[9.0], [1.0]];
/// let mut least = Vec::new();
/// bundles.least(0, MatrixView::from_rows(&x), &[1, 0], &mut least);
/// assert_eq!((least[0].value, least[0].lane, least[0].second), (1.0, 0, 25.0));
/// assert_eq!((least[1].value, least[1].lane, least[1].second), (9.0, 1, 81.0));
/// ```
#[derive(Debug, Clone)]
pub struct Bundles<T: Real> {
    /// Bundle by bundle, feature by feature.
    data: Buffer<T>,
    /// What each sum starts from: 0, infinity where a lane is empty.
    starts: Buffer<T>,
    n_features: usize,
}

/// The nearest of a bundle.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Bundles, Least, Panels};
/// use purlin_core::MatrixView;
///
/// let mut members = vec![u32::MAX; Panels::<f32>::lanes()];
/// members[..2].copy_from_slice(&[1, 0]);
/// let bundles = Bundles::new(MatrixView::from_rows(&[[0.0f32], [5.0]]), &members);
/// let mut least = Vec::new();
/// bundles.least(0, MatrixView::from_rows(&[[1.0]]), &[0], &mut least);
/// assert_eq!(least, [Least { value: 1.0, lane: 1, second: 16.0 }]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Least<T> {
    /// The least squared distance.
    pub value: T,
    /// The first lane that has it.
    pub lane: u32,
    /// The least of the other lanes.
    pub second: T,
}

/// Points at once: with two registers a vector on AVX2, their sums leave room for one row of the
/// bundle and one difference.
const HEIGHT: usize = 5;

impl<T: Real> Bundles<T> {
    /// Bundles of the rows that `members` names, a vector's width each; `u32::MAX` leaves a lane
    /// empty.
    ///
    /// # Panics
    ///
    /// When `members` does not fill whole bundles, or names a row that is not there.
    #[track_caller]
    pub fn new(rows: MatrixView<'_, T>, members: &[u32]) -> Self {
        let (lanes, n_features) = (Panels::<T>::lanes(), rows.n_cols());
        let n = members.len();
        assert!(
            n.is_multiple_of(lanes),
            "bundles: expected bundles of {lanes} members, got {n} members"
        );
        let mut data = Buffer::zeroed(n * n_features);
        let mut starts = Buffer::zeroed(n);
        for (i, &member) in members.iter().enumerate() {
            if member == u32::MAX {
                starts[i] = T::INFINITY;
                continue;
            }
            let bundle = &mut data[i / lanes * lanes * n_features..][..lanes * n_features];
            let out = bundle.iter_mut().skip(i % lanes).step_by(lanes);
            for (out, &value) in out.zip(rows.row(member as usize)) {
                *out = value;
            }
        }
        Self { data, starts, n_features }
    }

    /// The number of bundles.
    pub fn n_bundles(&self) -> usize {
        self.starts.len() / Panels::<T>::lanes()
    }

    #[track_caller]
    fn check(&self, bundle: usize, x: MatrixView<'_, T>) {
        let (n, d) = (self.n_bundles(), self.n_features);
        assert!(
            bundle < n && x.n_cols() == d,
            "bundles: expected a bundle below {n} and x with {d} features, got {bundle} and {}",
            x.n_cols()
        );
    }

    /// Finds for each of the rows of `x` that `rows` names the nearest of a bundle, and puts them
    /// into `out` instead of what it holds.
    ///
    /// Runs on the calling thread.
    ///
    /// # Panics
    ///
    /// When there is no such bundle or row, or the numbers of features differ.
    #[track_caller]
    pub fn least(
        &self,
        bundle: usize,
        x: MatrixView<'_, T>,
        rows: &[u32],
        out: &mut Vec<Least<T>>,
    ) {
        self.check(bundle, x);
        let none = Least { value: T::INFINITY, lane: 0, second: T::INFINITY };
        out.clear();
        out.resize(rows.len(), none);
        let (bundles, out) = (self, &mut out[..]);
        once!(|bundles: &Bundles<T>,
               bundle: usize,
               x: MatrixView<'_, T>,
               rows: &[u32],
               out: &mut [Least<T>]| {
            dispatch(Sweep { bundles, bundle, x, rows, out: Out::Least(out) });
        });
    }

    /// The squared distances of those rows from every lane of a bundle, row by row; infinite in
    /// an empty lane. Puts them into `out` instead of what it holds.
    ///
    /// # Panics
    ///
    /// As [`Bundles::least`].
    #[track_caller]
    pub fn distances(&self, bundle: usize, x: MatrixView<'_, T>, rows: &[u32], out: &mut Vec<T>) {
        self.check(bundle, x);
        out.clear();
        out.resize(rows.len() * Panels::<T>::lanes(), T::ZERO);
        let (bundles, out) = (self, &mut out[..]);
        once!(|bundles: &Bundles<T>,
               bundle: usize,
               x: MatrixView<'_, T>,
               rows: &[u32],
               out: &mut [T]| {
            dispatch(Sweep { bundles, bundle, x, rows, out: Out::All(out) });
        });
    }
}

enum Out<'a, T> {
    Least(&'a mut [Least<T>]),
    All(&'a mut [T]),
}

struct Sweep<'a, T: Real> {
    bundles: &'a Bundles<T>,
    bundle: usize,
    x: MatrixView<'a, T>,
    rows: &'a [u32],
    out: Out<'a, T>,
}

impl<T: Real> Kernel for Sweep<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { bundles, bundle, x, rows, mut out } = self;
        let lanes = T::Lanes::<I>::LANES;
        let size = lanes * bundles.n_features;
        let data = &bundles.data[bundle * size..(bundle + 1) * size];
        let start = T::Lanes::<I>::load(&bundles.starts[bundle * lanes..]);
        let mut numbers = [T::ZERO; MAX_LANES];
        for (i, number) in numbers.iter_mut().enumerate() {
            *number = T::from_usize(i);
        }
        let numbers = T::Lanes::<I>::load(&numbers);
        for (c, chunk) in rows.chunks(HEIGHT).enumerate() {
            // The last row again where fewer are left.
            let row = |i: usize| x.row(chunk[i.min(chunk.len() - 1)] as usize);
            let sums = tile(start, data, [row(0), row(1), row(2), row(3), row(4)]);
            for (i, sum) in sums.into_iter().enumerate().take(chunk.len()) {
                let place = c * HEIGHT + i;
                match &mut out {
                    Out::Least(out) => out[place] = least_of(sum, numbers),
                    Out::All(out) => sum.store(&mut out[place * lanes..(place + 1) * lanes]),
                }
            }
        }
    }
}

/// Squared distances of five rows from a bundle. Nested pairs: each step is free of checks.
#[inline(always)]
fn tile<V: Lanes>(start: V, data: &[V::Scalar], rows: [&[V::Scalar]; HEIGHT]) -> [V; HEIGHT] {
    let mut sums = [start; HEIGHT];
    let [a, b, c, d, e] = rows;
    let rows = a.iter().zip(b).zip(c).zip(d).zip(e);
    for (lane, ((((a, b), c), d), e)) in data.chunks_exact(V::LANES).zip(rows) {
        let lane = V::load(lane);
        let values = [*a, *b, *c, *d, *e];
        for i in 0..HEIGHT {
            let t = V::splat(values[i]) - lane;
            sums[i] = t.mul_add(t, sums[i]);
        }
    }
    sums
}

#[inline(always)]
fn least_of<V: Lanes>(sums: V, numbers: V) -> Least<V::Scalar> {
    let infinity = V::splat(V::Scalar::INFINITY);
    let value = least_lane(sums);
    let lane = least_lane(V::select(sums.eq(V::splat(value)), numbers, infinity));
    let others = V::select(numbers.eq(V::splat(lane)), infinity, sums);
    Least { value, lane: lane.to_f64() as u32, second: least_lane(others) }
}

/// About the squared distance of the rows of `x` that `rows` names from the centroid at the same
/// place in `labels`: off by a factor of at most `1 + (n_features + 2) epsilon`, for bounds. Vectors
/// run along the features.
///
/// # Panics
///
/// When a length does not fit, or a row is missing.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::roughly_to_assigned;
/// use purlin_core::MatrixView;
///
/// let (x, centroids) = ([[1.0f32, 2.0], [3.0, 4.0]], [[0.0, 0.0], [1.0, 1.0]]);
/// let (x, centroids) = (MatrixView::from_rows(&x), MatrixView::from_rows(&centroids));
/// let mut out = [0.0; 1];
/// roughly_to_assigned(x, centroids, &[1], &[0], &mut out);
/// assert_eq!(out, [25.0]);
/// ```
#[track_caller]
pub fn roughly_to_assigned<T: Real>(
    x: MatrixView<'_, T>,
    centroids: MatrixView<'_, T>,
    rows: &[u32],
    labels: &[u32],
    out: &mut [T],
) {
    let n = rows.len();
    assert!(
        labels.len() == n && out.len() == n && x.n_cols() == centroids.n_cols(),
        "roughly_to_assigned: expected {n} labels and distances and {} features, got {}, {} and {}",
        x.n_cols(),
        labels.len(),
        out.len(),
        centroids.n_cols()
    );
    once!(|x: MatrixView<'_, T>,
           centroids: MatrixView<'_, T>,
           rows: &[u32],
           labels: &[u32],
           out: &mut [T]| {
        dispatch(Roughly { x, centroids, rows, labels, out });
    });
}

struct Roughly<'a, T> {
    x: MatrixView<'a, T>,
    centroids: MatrixView<'a, T>,
    rows: &'a [u32],
    labels: &'a [u32],
    out: &'a mut [T],
}

impl<T: Real> Kernel for Roughly<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { x, centroids, rows, labels, out } = self;
        let lanes = T::Lanes::<I>::LANES;
        for ((out, &row), &label) in out.iter_mut().zip(rows).zip(labels) {
            let (a, b) = (x.row(row as usize), centroids.row(label as usize));
            let mut sum = T::Lanes::<I>::splat(T::ZERO);
            for (a, b) in a.chunks(lanes).zip(b.chunks(lanes)) {
                let t = T::Lanes::<I>::load_partial(a, T::ZERO)
                    - T::Lanes::<I>::load_partial(b, T::ZERO);
                sum = t.mul_add(t, sum);
            }
            *out = sum.sum();
        }
    }
}
