//! Sums over the rows of each label that follow the labels from round to round.

use super::mean::two_sum;
use crate::mono::once;
use crate::{Buffer, Kernel, dispatch, isa, parallel};
use purlin_core::simd::Isa;
use purlin_core::{MatrixView, Real};

/// The sum of the rows of each label, times their weights, and of the weights.
///
/// Each sum is a pair of `f64`: what the first loses to rounding, known exactly by the sum of two
/// numbers of Knuth (The Art of Computer Programming 2, section 4.2.2, theorem B), is added up in
/// the second, so that rows leave a sum as they came to it: `n` rows leave some `n^2 2^-106` of the
/// greatest number that was ever in it.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::LabelSums;
/// use purlin_core::MatrixView;
///
/// let x = [[1.0f32, 2.0], [3.0, 4.0]];
/// let x = MatrixView::from_rows(&x);
/// let mut sums = LabelSums::new(2, 2);
/// sums.follow(x, None, &[u32::MAX; 2], &[1, 1]);
/// sums.follow(x, None, &[1, 1], &[0, 1]);
/// let mut all = [0.0; 6];
/// LabelSums::total(&[&sums], &mut all);
/// assert_eq!(all[..4], [1.0, 2.0, 3.0, 4.0]);
/// assert_eq!(all[4..], [1.0, 1.0]);
/// ```
#[derive(Debug, Clone)]
pub struct LabelSums {
    /// For each label its sums, and at the end of their place that of its weights; then what they
    /// lost to rounding.
    data: Buffer<f64>,
    /// Rows of each label whose weight is above 0.
    counts: Vec<u64>,
    n_features: usize,
}

impl LabelSums {
    /// Sums of nothing.
    pub fn new(n_labels: usize, n_features: usize) -> Self {
        let data = Buffer::zeroed(n_labels * 2 * width(n_features));
        Self { data, counts: vec![0; n_labels], n_features }
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.data.fill(0.0);
        self.counts.fill(0);
    }

    /// Moves rows from the sums of the labels `before` to those of `labels`; `u32::MAX` is no label.
    ///
    /// A label that is left without a row of a weight above 0 has sums of 0. Runs on the calling
    /// thread: callers cut the rows into blocks, each with its own sums.
    ///
    /// # Panics
    ///
    /// When a length does not fit, or there is no such label.
    #[track_caller]
    pub fn follow<T: Real>(
        &mut self,
        x: MatrixView<'_, T>,
        weights: Option<&[T]>,
        before: &[u32],
        labels: &[u32],
    ) {
        let ((n, d), n_weights) = (x.shape(), weights.map(<[T]>::len));
        assert!(
            before.len() == n && labels.len() == n && n_weights.is_none_or(|got| got == n),
            "label_sums: expected {n} labels and weights, got {}, {} and {n_weights:?}",
            before.len(),
            labels.len()
        );
        assert!(d == self.n_features, "label_sums: expected {} features, got {d}", self.n_features);
        let sums = self;
        once!(|sums: &mut LabelSums,
               x: MatrixView<'_, T>,
               weights: Option<&[T]>,
               before: &[u32],
               labels: &[u32]| {
            let LabelSums { data, counts, .. } = sums;
            dispatch(Follow { x, weights, before, labels, data, counts });
        });
    }

    /// Writes the sum of each label over all of `parts`, label after label, then their weights; over
    /// several threads.
    ///
    /// # Panics
    ///
    /// When a length does not fit.
    #[track_caller]
    pub fn total(parts: &[&Self], out: &mut [f64]) {
        let Some(first) = parts.first() else { return out.fill(0.0) };
        let (n, d) = (first.counts.len(), first.n_features);
        let is_same = |part: &&Self| (part.counts.len(), part.n_features) == (n, d);
        assert!(
            out.len() == n * (d + 1) && parts.iter().all(is_same),
            "label_sums: expected {} sums, as in all parts, got {}",
            n * (d + 1),
            out.len()
        );
        let (rows, totals) = out.split_at_mut(n * d);
        // A run of labels.
        let size = (RUN / (d + 1)).max(1);
        let runs = rows.chunks_mut((size * d).max(1)).zip(totals.chunks_mut(size));
        let mut runs: Vec<_> = runs.collect();
        parallel::for_each_chunk(&mut runs, 1, parts.len() * n * (d + 1), |i, run| {
            let (rows, totals) = &mut run[0];
            dispatch(Total { parts, first: i * size, n_features: d, rows, totals });
        });
    }
}

/// Numbers of a label: its sums, of whole cache lines, and that of its weights.
fn width(n_features: usize) -> usize {
    (n_features + 1).next_multiple_of(8)
}

/// Sums of a run of labels.
const RUN: usize = 1024;

struct Total<'a> {
    parts: &'a [&'a LabelSums],
    first: usize,
    n_features: usize,
    rows: &'a mut [f64],
    totals: &'a mut [f64],
}

impl Kernel for Total<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { parts, first, n_features, rows, totals } = self;
        let step = width(n_features);
        let mut sums = vec![0.0; 2 * step];
        for (i, (row, total)) in rows.chunks_exact_mut(n_features).zip(totals).enumerate() {
            sums.fill(0.0);
            let (high, low) = sums.split_at_mut(step);
            for part in parts {
                let pair = &part.data[(first + i) * 2 * step..][..2 * step];
                let (other_high, other_low) = pair.split_at(step);
                for j in 0..step {
                    (high[j], low[j]) = add_to(high[j], low[j] + other_low[j], other_high[j]);
                }
            }
            for (sum, (high, low)) in row.iter_mut().zip(high.iter().zip(&*low)) {
                *sum = high + low;
            }
            *total = high[step - 1] + low[step - 1];
        }
    }
}

/// Rows that are sorted out at a time.
const BATCH: usize = 1024;

/// How many rows ahead the processor is told of.
const AHEAD: usize = 16;

struct Follow<'a, T> {
    x: MatrixView<'a, T>,
    weights: Option<&'a [T]>,
    before: &'a [u32],
    labels: &'a [u32],
    data: &'a mut [f64],
    counts: &'a mut [u64],
}

impl<T: Real> Kernel for Follow<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let (before, labels) = (self.before, self.labels);
        let mut first = 0;
        let mut moved = [0u16; BATCH + 1];
        for (before, labels) in before.chunks(BATCH).zip(labels.chunks(BATCH)) {
            // No branch among eight: which rows have moved has no pattern.
            let mut n_moved = 0;
            let eights = before.chunks(8).zip(labels.chunks(8)).enumerate();
            for (eight, (before, labels)) in eights.filter(|(_, (before, labels))| before != labels)
            {
                for (i, (from, to)) in before.iter().zip(labels).enumerate() {
                    moved[n_moved] = (8 * eight + i) as u16;
                    n_moved += usize::from(from != to);
                }
            }
            for &i in &moved[..n_moved.min(AHEAD)] {
                self.prefetch(first + usize::from(i));
            }
            for place in 0..n_moved {
                self.prefetch(first + usize::from(moved[(place + AHEAD).min(n_moved - 1)]));
                let i = usize::from(moved[place]);
                self.go(first + i, before[i], labels[i]);
            }
            first += labels.len();
        }
    }
}

impl<T: Real> Follow<'_, T> {
    #[inline(always)]
    fn sums(&mut self, label: u32) -> &mut [f64] {
        let step = 2 * width(self.x.n_cols());
        &mut self.data[label as usize * step..][..step]
    }

    /// Asks for a row that will go.
    #[inline(always)]
    fn prefetch(&self, row: usize) {
        for item in self.x.row(row).iter().step_by(64 / size_of::<T>()) {
            isa::prefetch(item);
        }
    }

    /// Moves a row from the sums of one label to those of another.
    #[inline(always)]
    fn go(&mut self, row: usize, from: u32, to: u32) {
        let weight = match self.weights {
            Some(weights) => weights[row].to_f64(),
            None => 1.0,
        };
        let one = u64::from(weight > 0.0);
        if from != u32::MAX {
            self.counts[from as usize] -= one;
            self.add(row, -weight, from);
            if self.counts[from as usize] == 0 {
                // No rounding is left where no row is.
                self.sums(from).fill(0.0);
            }
        }
        if to != u32::MAX {
            self.counts[to as usize] += one;
            self.add(row, weight, to);
        }
    }

    #[inline(always)]
    fn add(&mut self, row: usize, weight: f64, label: u32) {
        let (row, is_counted) = (self.x.row(row), self.weights.is_none());
        let sums = self.sums(label);
        let (high, low) = sums.split_at_mut(width(row.len()));
        add(row, weight, &mut high[..row.len()], &mut low[..row.len()]);
        let last = high.len() - 1;
        let (high, low) = (&mut high[last], &mut low[last]);
        if is_counted {
            *high += weight;
        } else {
            (*high, *low) = add_to(*high, *low, weight);
        }
    }
}

/// Adds a row times its weight, eight numbers at a time so that the compiler makes vectors of them.
#[inline(always)]
fn add<T: Real>(row: &[T], weight: f64, high: &mut [f64], low: &mut [f64]) {
    let (rows, row_tail) = row.as_chunks::<8>();
    let (highs, high_tail) = high.as_chunks_mut::<8>();
    let (lows, low_tail) = low.as_chunks_mut::<8>();
    for ((row, high), low) in rows.iter().zip(highs).zip(lows) {
        let (mut new_high, mut new_low) = ([0.0; 8], [0.0; 8]);
        for i in 0..8 {
            (new_high[i], new_low[i]) = add_to(high[i], low[i], row[i].to_f64() * weight);
        }
        (*high, *low) = (new_high, new_low);
    }
    for ((high, low), x) in high_tail.iter_mut().zip(low_tail).zip(row_tail) {
        (*high, *low) = add_to(*high, *low, x.to_f64() * weight);
    }
}

/// `high + low + x`, of which the first is rounded and the second takes what that loses.
#[inline(always)]
fn add_to(high: f64, low: f64, x: f64) -> (f64, f64) {
    let (sum, lost) = two_sum(high, x);
    (sum, low + lost)
}
