//! Connectionist temporal classification: the loss of labels whose places in time are not known.

use super::ln_of;
use crate::mono::once;
use crate::reduce::row;
use crate::{Buffer, Kernel, dispatch, math, parallel};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// The probability of a sequence of labels under the softmax of each step, summed over all ways to
/// stretch it over time.
///
/// A path names a class for each step. Merging equal neighbours and then dropping the blanks gives
/// its labels; the loss of a sample is `-ln` of the probability of all paths that give the target.
/// With `l'` the target between blanks, `alpha` the probability of all beginnings of paths that end
/// at place `s` of `l'` and `beta` that of all ends that follow (both per step `t`):
///
/// `d loss / d x[t, k] = p[t, k] - 1 / P * sum over s with l'[s] = k of alpha[t, s] beta[t, s]`
///
/// All in logarithms and double precision, along `s` in vectors. Samples do not depend on each
/// other: each is one task.
///
/// # Examples
///
/// ```
/// use purlin_backend::softmax::{Ctc, ctc};
///
/// // Two steps, blank or "a", all equally likely: "aa", "-a" and "a-" give the target "a".
/// let spec = Ctc {
///     steps: 2,
///     n_classes: 2,
///     blank: 0,
///     lengths: &[2],
///     targets: &[1],
///     target_lengths: &[1],
///     zero_infinity: false,
/// };
/// let (mut loss, mut grad) = ([0.0f64], [0.0; 4]);
/// ctc(&spec, &[0.0; 4], &mut loss, Some(&mut grad));
/// assert!((loss[0] + 0.75f64.ln()).abs() < 1e-15);
/// assert!((grad[0] - (0.5 - 1.0 / 3.0)).abs() < 1e-15);
/// ```
///
/// # References
///
/// - A. Graves, S. Fernández, F. Gomez, J. Schmidhuber, *Connectionist temporal classification:
///   labelling unsegmented sequence data with recurrent neural networks*, ICML 2006.
#[derive(Debug, Clone, Copy)]
pub struct Ctc<'a> {
    /// Steps of each sample in memory.
    pub steps: usize,
    /// Classes, the blank among them.
    pub n_classes: usize,
    /// The class that stands for no label.
    pub blank: usize,
    /// Steps of each sample that count, `1..=steps`.
    pub lengths: &'a [usize],
    /// The targets of all samples, one after the other.
    pub targets: &'a [usize],
    /// Labels of each sample.
    pub target_lengths: &'a [usize],
    /// Whether a sample whose target no path gives has a loss and gradient of 0, not an infinite
    /// loss and a gradient of NaN.
    pub zero_infinity: bool,
}

/// Writes the loss of each sample of `logits`, `(n, steps, n_classes)`, and, where asked for, its
/// gradient, 0 from the length of a sample on.
///
/// # Panics
///
/// When a length differs from its shape, a target is the blank or no class, or a sample has no steps.
#[track_caller]
pub fn ctc<T: Real>(spec: &Ctc<'_>, logits: &[T], loss: &mut [T], grad: Option<&mut [T]>) {
    once!(|spec: &Ctc<'_>, logits: &[T], loss: &mut [T], grad: Option<&mut [T]>| {
        spec.check(logits.len(), loss.len(), grad.as_ref().map(|grad| grad.len()));
        let size = spec.steps * spec.n_classes;
        let mut starts = Vec::with_capacity(loss.len());
        let mut start = 0;
        for &n in spec.target_lengths {
            starts.push(start);
            start += n;
        }
        let longest = spec.target_lengths.iter().max().map_or(0, |&n| 2 * n + 1);
        let work = loss.len() * spec.steps * (12 * spec.n_classes + 60 * longest);
        let run = |i: usize, loss: &mut T, grad: Option<&mut [T]>| {
            let logits = &logits[i * size..][..size];
            let target = &spec.targets[starts[i]..][..spec.target_lengths[i]];
            dispatch(Sample { spec, length: spec.lengths[i], logits, target, loss, grad });
        };
        let Some(grad) = grad else {
            parallel::for_each_chunk(loss, 1, work, |i, loss| run(i, &mut loss[0], None));
            return;
        };
        let samples = loss.iter_mut().zip(grad.chunks_exact_mut(size.max(1)));
        parallel::for_each_task(samples, work, |i, (loss, grad)| run(i, loss, Some(grad)));
    });
}

impl Ctc<'_> {
    #[track_caller]
    fn check(&self, n_logits: usize, n: usize, n_grad: Option<usize>) {
        let Self { steps, n_classes, blank, .. } = *self;
        let size = n * steps * n_classes;
        assert_eq!(n_logits, size, "ctc: logits must have n * steps * n_classes elements");
        assert!(n_grad.is_none_or(|n| n == size), "ctc: grad must be as long as logits");
        assert_eq!(self.lengths.len(), n, "ctc: lengths must have one element per sample");
        assert_eq!(self.target_lengths.len(), n, "ctc: target_lengths must be one per sample");
        let n_targets: usize = self.target_lengths.iter().sum();
        assert_eq!(self.targets.len(), n_targets, "ctc: targets must be as many as their lengths");
        assert!(blank < n_classes, "ctc: blank must be below {n_classes}, got {blank}");
        if let Some(length) = self.lengths.iter().find(|length| !(1..=steps).contains(*length)) {
            panic!("ctc: lengths must be in 1..={steps}, got {length}");
        }
        if let Some(t) = self.targets.iter().find(|&&t| t == blank || t >= n_classes) {
            panic!("ctc: targets must be below {n_classes} and not the blank {blank}, got {t}");
        }
    }
}

struct Sample<'a, T> {
    spec: &'a Ctc<'a>,
    length: usize,
    logits: &'a [T],
    target: &'a [usize],
    loss: &'a mut T,
    grad: Option<&'a mut [T]>,
}

/// Places beyond the ends of `l'` that a path may come from, of probability 0.
const MARGIN: usize = 2;

impl<T: Real> Kernel for Sample<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { spec, length, logits, target, loss, grad } = self;
        let cols = spec.n_classes;
        let places: Vec<usize> = (0..=2 * target.len())
            .map(|s| if s % 2 == 1 { target[s / 2] } else { spec.blank })
            .collect();
        let n = places.len();
        // 0 where a path may come from two places before: a label unlike the one before it.
        let is_open = |s: usize| s % 2 == 1 && (3..n).contains(&s) && places[s] != places[s - 2];
        let skip: Vec<f64> =
            (0..n + MARGIN).map(|s| if is_open(s) { 0.0 } else { f64::NEG_INFINITY }).collect();
        let mut logp = Buffer::<f64>::scratch(length * cols);
        for (logp, x) in logp.iter_mut().zip(logits) {
            *logp = x.to_f64();
        }
        for row in logp.chunks_exact_mut(cols) {
            let most = row::max::<I, f64>(row);
            let log_sum = ln_of::<I, f64>(row::sum_exp::<I, f64>(row, most));
            for x in row {
                *x = *x - most - log_sum;
            }
        }

        let width = n + MARGIN;
        let mut alpha = Buffer::filled(length * width, f64::NEG_INFINITY);
        let mut emitted = vec![0.0; n];
        for t in 0..length {
            let row = &logp[t * cols..][..cols];
            for (e, &class) in emitted.iter_mut().zip(&places) {
                *e = row[class];
            }
            let (before, now) = alpha.split_at_mut(t * width);
            let now = &mut now[MARGIN..width];
            if t == 0 {
                let first = n.min(2);
                now[..first].copy_from_slice(&emitted[..first]);
            } else {
                let before = &before[(t - 1) * width..];
                step::<<f64 as Real>::Lanes<I>>(
                    [&before[MARGIN..], &before[1..], before],
                    &skip,
                    &emitted,
                    now,
                );
            }
        }
        let last = &alpha[length * width - n.min(2)..];
        let log_total = log_add(last[0], *last.last().unwrap_or(&f64::NEG_INFINITY), n > 1);
        let is_impossible = log_total == f64::NEG_INFINITY;
        *loss = match (is_impossible, spec.zero_infinity) {
            (true, true) => T::ZERO,
            _ => T::from_f64(-log_total),
        };
        let Some(grad) = grad else { return };
        grad.fill(T::ZERO);
        if is_impossible {
            if !spec.zero_infinity {
                grad[..length * cols].fill(T::NAN);
            }
            return;
        }

        // What follows each place, and the same with what the place itself emits.
        let mut beta = vec![f64::NEG_INFINITY; n];
        beta[n.saturating_sub(2)..].fill(0.0);
        let mut ahead = vec![f64::NEG_INFINITY; width];
        let mut grad_row = vec![0.0; cols];
        // As `skip`, but by the place that a path comes from.
        let skip_ahead: Vec<f64> = (0..n).map(|s| skip[s + 2]).collect();
        let none = vec![0.0; n];
        for t in (0..length).rev() {
            let row = &logp[t * cols..][..cols];
            if t + 1 < length {
                step::<<f64 as Real>::Lanes<I>>(
                    [&ahead, &ahead[1..], &ahead[2..]],
                    &skip_ahead,
                    &none,
                    &mut beta,
                );
            }
            exp_row::<<f64 as Real>::Lanes<I>>(row, &mut grad_row);
            let alpha = &alpha[t * width + MARGIN..][..n];
            occupied::<<f64 as Real>::Lanes<I>>(alpha, &beta, log_total, &mut emitted);
            for ((ahead, beta), (&class, &share)) in
                ahead.iter_mut().zip(&beta).zip(places.iter().zip(&emitted))
            {
                *ahead = beta + row[class];
                grad_row[class] -= share;
            }
            for (out, &x) in grad[t * cols..][..cols].iter_mut().zip(&grad_row) {
                *out = T::from_f64(x);
            }
        }
    }
}

/// `ln(e^a + e^b)`, or `a` where there is no `b`.
fn log_add(a: f64, b: f64, has_both: bool) -> f64 {
    let most = a.max(b);
    if !has_both || most == f64::NEG_INFINITY {
        return a;
    }
    most + libm::log(libm::exp(a - most) + libm::exp(b - most))
}

/// `out[s] = ln(e^a[s] + e^b[s] + e^(c[s] + skip[s])) + more[s]`, -inf where all three are.
#[inline(always)]
fn step<V: Lanes<Scalar = f64>>(from: [&[f64]; 3], skip: &[f64], more: &[f64], out: &mut [f64]) {
    let lanes = V::LANES;
    let at =
        |x: &[f64], s: usize| V::load_partial(&x[s..x.len().min(s + lanes)], f64::NEG_INFINITY);
    // A finite shift, so that -inf - shift is no NaN; below it nothing is left of a probability.
    let least = V::splat(-1e300);
    for s in (0..out.len()).step_by(lanes) {
        let (a, b, c) = (at(from[0], s), at(from[1], s), at(from[2], s) + at(skip, s));
        let most = a.max(b).max(c).max(least);
        let sum = math::exp(a - most) + math::exp(b - most) + math::exp(c - most);
        let y = most + math::ln(sum) + at(more, s);
        let end = out.len().min(s + lanes);
        y.store_partial(&mut out[s..end]);
    }
}

#[inline(always)]
fn exp_row<V: Lanes<Scalar = f64>>(x: &[f64], out: &mut [f64]) {
    let lanes = V::LANES;
    for (x, out) in x.chunks(lanes).zip(out.chunks_mut(lanes)) {
        math::exp(V::load_partial(x, 0.0)).store_partial(out);
    }
}

/// `out[s] = e^(alpha[s] + beta[s] - log_total)`: the probability that a path of the target is at `s`.
#[inline(always)]
fn occupied<V: Lanes<Scalar = f64>>(alpha: &[f64], beta: &[f64], log_total: f64, out: &mut [f64]) {
    let lanes = V::LANES;
    let total = V::splat(log_total);
    let parts = alpha.chunks(lanes).zip(beta.chunks(lanes));
    for ((alpha, beta), out) in parts.zip(out.chunks_mut(lanes)) {
        let (alpha, beta) = (V::load_partial(alpha, 0.0), V::load_partial(beta, 0.0));
        math::exp(alpha + beta - total).store_partial(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{IsaKind, pin};
    use purlin_core::rng::Stream;

    /// `-ln` of the summed probability of all paths that give the target.
    fn by_enumeration(logits: &[f64], cols: usize, blank: usize, target: &[usize]) -> f64 {
        let steps = logits.len() / cols;
        let mut total = 0.0;
        for code in 0..cols.pow(steps as u32) {
            let path: Vec<usize> = (0..steps).map(|t| code / cols.pow(t as u32) % cols).collect();
            let mut labels = path.clone();
            labels.dedup();
            labels.retain(|&class| class != blank);
            if labels != target {
                continue;
            }
            let mut p = 1.0;
            for (row, &class) in logits.chunks(cols).zip(&path) {
                p *= row[class].exp() / row.iter().map(|x| x.exp()).sum::<f64>();
            }
            total += p;
        }
        -total.ln()
    }

    fn random(n: usize, seed: u64) -> Vec<f64> {
        let mut rng = Stream::new(seed, "ctc").rng(0);
        (0..n).map(|_| 4.0 * rng.uniform() - 2.0).collect()
    }

    #[test]
    fn the_loss_is_that_of_all_paths() {
        let targets: [&[usize]; 7] = [&[], &[0], &[2], &[0, 2], &[0, 0], &[2, 0, 2], &[0, 0, 0]];
        for (seed, target) in targets.into_iter().enumerate() {
            for length in 1..=5 {
                let (steps, n_classes, blank) = (5, 3, 1);
                let logits = random(steps * n_classes, seed as u64);
                let spec = Ctc {
                    steps,
                    n_classes,
                    blank,
                    lengths: &[length],
                    targets: target,
                    target_lengths: &[target.len()],
                    zero_infinity: false,
                };
                let (mut loss, mut grad) = ([0.0], [7.0; 15]);
                ctc(&spec, &logits, &mut loss, Some(&mut grad));
                let expected =
                    by_enumeration(&logits[..length * n_classes], n_classes, blank, target);
                let what = format!("{target:?} in {length} steps");
                if expected == f64::INFINITY {
                    assert_eq!(loss[0], expected, "{what}");
                    assert!(grad[..length * n_classes].iter().all(|g| g.is_nan()), "{what}");
                    let spec = Ctc { zero_infinity: true, ..spec };
                    ctc(&spec, &logits, &mut loss, Some(&mut grad));
                    assert_eq!((loss[0], grad), (0.0, [0.0; 15]), "{what}");
                    continue;
                }
                assert!((loss[0] - expected).abs() < 1e-12, "{what}: {} {expected}", loss[0]);
                for (i, &slope) in grad.iter().enumerate() {
                    let moved = |h: f64| {
                        let mut x = logits.clone();
                        x[i] += h;
                        let mut loss = [0.0];
                        ctc(&spec, &x, &mut loss, None);
                        loss[0]
                    };
                    let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                    assert!((slope - difference).abs() < 1e-8, "{what}: {i} {slope} {difference}");
                }
            }
        }
    }

    #[test]
    fn classes_ruled_out_leave_the_other_paths() {
        // Step 0 cannot be blank: only "aa" and "a-" are left.
        let spec = Ctc {
            steps: 2,
            n_classes: 2,
            blank: 0,
            lengths: &[2],
            targets: &[1],
            target_lengths: &[1],
            zero_infinity: false,
        };
        let logits = [f64::NEG_INFINITY, 0.0, 0.0, 3f64.ln()];
        let (mut loss, mut grad) = ([0.0], [0.0; 4]);
        ctc(&spec, &logits, &mut loss, Some(&mut grad));
        assert!(loss[0].abs() < 1e-15, "{}", loss[0]);
        assert!(grad.iter().all(|g| g.abs() < 1e-15), "{grad:?}");
    }

    #[test]
    fn long_and_extreme_sequences_stay_finite() {
        let steps = 600;
        let target: Vec<usize> = (0..150).map(|i| 1 + i % 3).collect();
        let logits: Vec<f32> =
            random(steps * 4, 3).into_iter().map(|x| (50.0 * x) as f32).collect();
        let spec = Ctc {
            steps,
            n_classes: 4,
            blank: 0,
            lengths: &[steps],
            targets: &target,
            target_lengths: &[150],
            zero_infinity: false,
        };
        let (mut loss, mut grad) = ([0.0], vec![0.0; logits.len()]);
        ctc(&spec, &logits, &mut loss, Some(&mut grad));
        assert!(loss[0] > 1000.0 && loss[0].is_finite(), "{}", loss[0]);
        for row in grad.chunks(4) {
            assert!(row.iter().sum::<f32>().abs() < 1e-5, "{row:?}");
        }
    }

    #[test]
    fn bits_depend_neither_on_threads_nor_on_the_instruction_set() {
        let (n, steps, n_classes) = (9, 40, 11);
        let logits: Vec<f32> =
            random(n * steps * n_classes, 1).into_iter().map(|x| x as f32).collect();
        let lengths: Vec<usize> = (0..n).map(|i| steps - i).collect();
        let target_lengths: Vec<usize> = (0..n).map(|i| 2 * i).collect();
        let n_targets = target_lengths.iter().sum();
        let targets: Vec<usize> = (0..n_targets).map(|i| 1 + i * i % 10).collect();
        let spec = Ctc {
            steps,
            n_classes,
            blank: 0,
            lengths: &lengths,
            targets: &targets,
            target_lengths: &target_lengths,
            zero_infinity: false,
        };
        let run = || {
            let (mut loss, mut grad) = (vec![0.0; n], vec![0.0; logits.len()]);
            ctc(&spec, &logits, &mut loss, Some(&mut grad));
            let mut alone = vec![0.0; n];
            ctc(&spec, &logits, &mut alone, None);
            assert_eq!(loss, alone);
            loss.iter().chain(&grad).map(|x| x.to_bits()).collect::<Vec<u32>>()
        };
        let expected = run();
        for threads in [1, 2, 3, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert!(pool.install(run) == expected, "{threads} threads");
        }
        for kind in IsaKind::available() {
            let _pin = pin(kind);
            assert!(run() == expected, "{kind:?}");
        }
    }
}
