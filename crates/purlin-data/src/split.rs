//! Splitting into training and validation parts, and weights of classes.

use crate::{Dataset, Subset};
use purlin_core::rng::Stream;
use purlin_core::{Error, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Splits indices `0..n` at random; part `i` gets `fractions[i]` of them, in ascending order.
///
/// Borders lie at the rounded running sums of the fractions, so every index is in exactly one part.
///
/// # Errors
///
/// [`Error::InvalidParam`]: a fraction outside `0..=1`, or fractions that do not sum to 1.
///
/// # Examples
///
/// ```
/// let parts = purlin_data::split_indices(10, &[0.7, 0.3], 42)?;
/// assert_eq!((parts[0].len(), parts[1].len()), (7, 3));
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn split_indices(n: usize, fractions: &[f64], seed: u64) -> Result<Vec<Vec<usize>>> {
    check(fractions)?;
    let order = Stream::new(seed, "split").rng(0).permutation(n);
    let mut parts = cut(&order, fractions);
    for part in &mut parts {
        part.sort_unstable();
    }
    Ok(parts)
}

/// Splits so that each part has the same share of every class, up to rounding; parts are in
/// ascending order of index.
///
/// # Errors
///
/// As [`split_indices`].
///
/// # Examples
///
/// ```
/// let labels = [0, 0, 0, 0, 1, 1, 1, 1];
/// let parts = purlin_data::stratified_indices(&labels, &[0.5, 0.5], 42)?;
/// assert_eq!(parts[0].iter().filter(|&&i| labels[i] == 1).count(), 2);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn stratified_indices(
    labels: &[usize],
    fractions: &[f64],
    seed: u64,
) -> Result<Vec<Vec<usize>>> {
    check(fractions)?;
    let mut by_class: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (i, &label) in labels.iter().enumerate() {
        by_class.entry(label).or_default().push(i);
    }
    let stream = Stream::new(seed, "stratified split");
    let mut parts = vec![Vec::new(); fractions.len()];
    for (class, mut members) in by_class {
        stream.rng(class as u64).shuffle(&mut members);
        for (part, more) in parts.iter_mut().zip(cut(&members, fractions)) {
            part.extend(more);
        }
    }
    for part in &mut parts {
        part.sort_unstable();
    }
    Ok(parts)
}

/// Splits a data set at random; see [`split_indices`].
///
/// # Errors
///
/// As [`split_indices`].
///
/// # Examples
///
/// ```
/// use purlin_data::{Dataset, sets, split};
///
/// let parts = split(sets::iris().to_dataset(), &[0.8, 0.2], 1)?;
/// assert_eq!((parts[0].len(), parts[1].len()), (120, 30));
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn split(dataset: impl Dataset + 'static, fractions: &[f64], seed: u64) -> Result<Vec<Subset>> {
    let dataset: Arc<dyn Dataset> = Arc::new(dataset);
    subsets(&dataset, split_indices(dataset.len(), fractions, seed)?)
}

/// Splits a data set by class; see [`stratified_indices`].
///
/// # Errors
///
/// As [`stratified_indices`], and [`Error::InvalidParam`] for a data set that does not know its
/// labels.
///
/// # Examples
///
/// ```
/// use purlin_data::{Dataset, sets, stratified_split};
///
/// let parts = stratified_split(sets::iris().to_dataset(), &[0.8, 0.2], 1)?;
/// let labels = parts[1].labels().unwrap();
/// assert_eq!(labels.iter().filter(|&&label| label == 2).count(), 10);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn stratified_split(
    dataset: impl Dataset + 'static,
    fractions: &[f64],
    seed: u64,
) -> Result<Vec<Subset>> {
    let dataset: Arc<dyn Dataset> = Arc::new(dataset);
    let labels = dataset.labels().ok_or_else(|| {
        Error::param("stratified_split", "dataset", "one that knows its labels", "none")
    })?;
    subsets(&dataset, stratified_indices(&labels, fractions, seed)?)
}

fn subsets(dataset: &Arc<dyn Dataset>, parts: Vec<Vec<usize>>) -> Result<Vec<Subset>> {
    parts.into_iter().map(|part| Subset::shared(Arc::clone(dataset), part)).collect()
}

fn check(fractions: &[f64]) -> Result<()> {
    if let Some(f) = fractions.iter().find(|f| !(0.0..=1.0).contains(*f)) {
        return Err(Error::param("split", "fractions", "in 0..=1", f));
    }
    // A sum of nothing is -0, which reads badly.
    let sum = fractions.iter().fold(0.0, |sum, f| sum + f);
    // 0.7 + 0.2 + 0.1 is not exactly 1.
    if (sum - 1.0).abs() > 1e-9 {
        return Err(Error::param("split", "sum of fractions", "1", sum));
    }
    Ok(())
}

fn cut(order: &[usize], fractions: &[f64]) -> Vec<Vec<usize>> {
    let mut sum = 0.0;
    let mut from = 0;
    let last = fractions.len() - 1;
    fractions
        .iter()
        .enumerate()
        .map(|(i, fraction)| {
            sum += fraction;
            let border = (sum * order.len() as f64).round_ties_even() as usize;
            let to = if i == last { order.len() } else { border.clamp(from, order.len()) };
            let part = order[from..to].to_vec();
            from = to;
            part
        })
        .collect()
}

/// Weights that give every class the same say: `n_samples / (n_classes * count)`, as
/// scikit-learn's `class_weight="balanced"`.
///
/// # Errors
///
/// [`Error::InvalidParam`]: a label of `n_classes` or above, or a class without samples.
///
/// # Examples
///
/// ```
/// let weights = purlin_data::class_weights(&[0, 0, 0, 1], 2)?;
/// assert_eq!(weights, [4.0 / 6.0, 2.0]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn class_weights(labels: &[usize], n_classes: usize) -> Result<Vec<f64>> {
    let mut counts = vec![0usize; n_classes];
    for &label in labels {
        let Some(count) = counts.get_mut(label) else {
            let rule = format!("below {n_classes}");
            return Err(Error::param("class_weights", "labels", rule, label));
        };
        *count += 1;
    }
    if let Some(class) = counts.iter().position(|&count| count == 0) {
        let rule = "present in every class";
        return Err(Error::param(
            "class_weights",
            "labels",
            rule,
            format!("none of class {class}"),
        ));
    }
    let total = labels.len() as f64;
    Ok(counts.iter().map(|&count| total / (n_classes as f64 * count as f64)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_index_is_in_one_part(n in 0usize..300, a in 0.0f64..1.0, seed: u64) {
            let fractions = [a, (1.0 - a) / 2.0, 1.0 - a - (1.0 - a) / 2.0];
            let labels: Vec<usize> = (0..n).map(|i| i * i % 7).collect();
            for parts in [
                split_indices(n, &fractions, seed).unwrap(),
                stratified_indices(&labels, &fractions, seed).unwrap(),
            ] {
                let mut all = parts.concat();
                all.sort_unstable();
                prop_assert_eq!(all, (0..n).collect::<Vec<_>>());
                prop_assert!(parts.iter().all(|part| part.is_sorted()));
            }
        }

        #[test]
        fn classes_keep_their_shares(n in 1usize..300, a in 0.0f64..1.0, seed: u64) {
            let labels: Vec<usize> = (0..n).map(|i| i * i % 5).collect();
            let parts = stratified_indices(&labels, &[a, 1.0 - a], seed).unwrap();
            for class in 0..5 {
                let of = |v: &[usize]| v.iter().filter(|&&i| labels[i] == class).count() as f64;
                let all: Vec<usize> = (0..n).collect();
                prop_assert!((of(&parts[0]) - a * of(&all)).abs() <= 0.5 + 1e-9);
            }
        }
    }

    #[test]
    fn senseless_fractions_and_labels_are_refused() {
        let text = |f: &[f64]| split_indices(9, f, 0).unwrap_err().to_string();
        assert_eq!(text(&[0.5, 0.4]), "split: sum of fractions must be 1, got 0.9");
        assert_eq!(text(&[1.5, -0.5]), "split: fractions must be in 0..=1, got 1.5");
        assert_eq!(text(&[]), "split: sum of fractions must be 1, got 0");
        assert_eq!(
            class_weights(&[0, 3], 2).unwrap_err().to_string(),
            "class_weights: labels must be below 2, got 3"
        );
        assert_eq!(
            class_weights(&[0, 2], 3).unwrap_err().to_string(),
            "class_weights: labels must be present in every class, got none of class 1"
        );
    }
}
