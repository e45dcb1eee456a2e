//! The laws of data sets and loaders.

use crate::Bits;
use purlin_core::rng::Stream;
use purlin_data::{Batch, Dataset, Label, Loader, TargetKind, Targets};

impl Bits for Label {
    fn append_bits(&self, out: &mut Vec<u64>) {
        match self {
            Self::Class(class) => (0u64, *class).append_bits(out),
            Self::Value(value) => (1u64, *value).append_bits(out),
            Self::Values(values) => (2u64, values.as_slice()).append_bits(out),
            Self::None => 3u64.append_bits(out),
            Self::Classes(classes) => (4u64, classes.as_slice()).append_bits(out),
        }
    }
}

impl Bits for Batch {
    fn append_bits(&self, out: &mut Vec<u64>) {
        (&self.x, &self.indices).append_bits(out);
        match &self.y {
            Targets::Classes(classes) => classes.append_bits(out),
            Targets::Values(values) => values.append_bits(out),
            Targets::None => {}
        }
    }
}

/// Holds a data set to its laws.
///
/// 1. reading a sample writes all of it, whatever was there before;
/// 2. the same draws give the same sample, in any order of reading and on any thread;
/// 3. labels are of the kind that [`Dataset::target`] says, classes in range and as
///    [`Dataset::labels`] lists them, which it does not where every step has a class; names of
///    classes, if any, are as many as classes.
///
/// Every sample is read four times.
///
/// # Panics
///
/// When a law is broken or a sample cannot be read.
///
/// # Examples
///
/// ```
/// use purlin_core::Matrix;
/// use purlin_data::MemoryDataset;
/// use purlin_testkit::check_dataset;
///
/// let x = Matrix::from_rows(&[[0.0f32, 1.0], [2.0, 3.0]]);
/// check_dataset(&MemoryDataset::classes(x.view(), &[1, 0], 2)?);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[track_caller]
pub fn check_dataset(dataset: &(impl Dataset + ?Sized)) {
    let (n, size) = (dataset.len(), dataset.sample_shape().numel());
    assert_eq!(dataset.is_empty(), n == 0, "law of data sets: is_empty is len() == 0");
    let stream = Stream::new(0, "data set check");
    let read = |i: usize, fill: f32| {
        let mut x = vec![fill; size];
        let label = dataset.read(i, &mut stream.rng(i as u64), &mut x);
        let label = label.unwrap_or_else(|err| panic!("law of data sets: sample {i}: {err}"));
        (x, label)
    };
    let samples: Vec<(Vec<f32>, Label)> = (0..n).map(|i| read(i, 0.0)).collect();
    for i in (0..n).rev() {
        let again = read(i, f32::NAN);
        assert!(
            again.to_words() == samples[i].to_words(),
            "law of data sets: sample {i} is written whole, and the same in any order"
        );
    }
    std::thread::scope(|scope| {
        for first in 0..2 {
            let (read, samples) = (&read, &samples);
            scope.spawn(move || {
                for i in (first..n).step_by(2) {
                    assert!(
                        read(i, -1.0).to_words() == samples[i].to_words(),
                        "law of data sets: sample {i} is the same on another thread"
                    );
                }
            });
        }
    });
    check_labels(dataset, samples.iter().map(|(_, label)| label));
}

#[track_caller]
fn check_labels<'a>(
    dataset: &(impl Dataset + ?Sized),
    read: impl ExactSizeIterator<Item = &'a Label>,
) {
    let (n, kind) = (dataset.len(), dataset.target());
    let listed = dataset.labels();
    if let Some(listed) = &listed {
        let is_per_step = matches!(kind, TargetKind::Steps { .. });
        assert!(!is_per_step, "law of data sets: labels() is None where every step has a class");
        assert_eq!(listed.len(), n, "law of data sets: labels() lists every sample");
    }
    for (i, label) in read.enumerate() {
        let fits = match (kind, label) {
            (TargetKind::Classes(n_classes), Label::Class(class)) => *class < n_classes,
            (TargetKind::Steps { steps, n_classes }, Label::Classes(classes)) => {
                classes.len() == steps && classes.iter().all(|&class| class < n_classes)
            }
            (TargetKind::Values(1), Label::Value(_)) | (TargetKind::None, Label::None) => true,
            (TargetKind::Values(width), Label::Values(values)) => values.len() == width,
            _ => false,
        };
        assert!(fits, "law of data sets: sample {i} has a label of {kind:?}, got {label:?}");
        if let (Some(listed), Label::Class(class)) = (&listed, label) {
            assert_eq!(listed[i], *class, "law of data sets: labels() is what is read, at {i}");
        }
    }
    let names = dataset.class_names();
    if let TargetKind::Classes(n_classes) | TargetKind::Steps { n_classes, .. } = kind
        && !names.is_empty()
    {
        assert_eq!(names.len(), n_classes, "law of data sets: a name for every class");
    }
}

/// Holds a loader to its laws, in epochs 0 and 1.
///
/// 1. the batches are the same bits with 0, 1, 2, 3 and 4 workers;
/// 2. an epoch has `n_batches` batches and visits samples as [`Loader::order`] says, none twice;
/// 3. `epoch_from(e, k)` is what is left of `epoch(e)` after `k` batches.
///
/// # Panics
///
/// When a law is broken or a sample cannot be read.
///
/// # Examples
///
/// ```
/// use purlin_core::Matrix;
/// use purlin_data::{Loader, MemoryDataset};
/// use purlin_testkit::check_loader;
///
/// let x = Matrix::from_rows(&[[0.0f32, 1.0], [2.0, 3.0], [4.0, 5.0]]);
/// let dataset = MemoryDataset::classes(x.view(), &[1, 0, 1], 2)?;
/// check_loader(&Loader::new(dataset).batch_size(2).shuffle(7));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[track_caller]
pub fn check_loader(loader: &Loader) {
    for epoch in 0..2 {
        let batches = |loader: &Loader, first: usize| -> Vec<Batch> {
            let batches: purlin_core::Result<_> = loader.epoch_from(epoch, first).collect();
            batches.unwrap_or_else(|err| panic!("law of loaders: epoch {epoch}: {err}"))
        };
        let expected = batches(&loader.clone().workers(0), 0);
        assert_eq!(expected.len(), loader.n_batches(), "law of loaders: n_batches counts them");
        let visited: Vec<usize> = expected.iter().flat_map(|b| b.indices.clone()).collect();
        let order = loader.order(epoch);
        assert_eq!(visited, order[..visited.len()], "law of loaders: in the order of order()");
        let mut sorted = order;
        sorted.sort_unstable();
        let all: Vec<usize> = (0..loader.dataset().len()).collect();
        assert_eq!(sorted, all, "law of loaders: every sample once");

        for n_workers in 1..=4 {
            let got = batches(&loader.clone().workers(n_workers), 0);
            assert_eq!(got.len(), expected.len(), "law of loaders: {n_workers} workers");
            for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
                assert!(
                    got.to_words() == expected.to_words(),
                    "law of loaders: epoch {epoch}, batch {i} is the same with {n_workers} workers"
                );
            }
        }
        for first in 0..=expected.len() {
            let rest = batches(&loader.clone().workers(first % 3), first);
            assert!(
                rest.to_words() == expected[first..].to_words(),
                "law of loaders: epoch {epoch} from batch {first} is the rest of the epoch"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use purlin_core::rng::Rng;
    use purlin_core::{Matrix, Result, Shape};
    use purlin_data::{MemoryDataset, series, text};
    use purlin_tensor::Tensor;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn windows_and_classes_per_step_obey_the_laws() {
        let windows = text::Windows::new((0..40).collect::<Vec<_>>(), 40, 7).unwrap();
        check_dataset(&windows);
        check_loader(&Loader::new(windows.stride(3).unwrap()).batch_size(4).shuffle(2));
        let table = Matrix::from_fn(30, 2, |i, j| (i * (j + 1)) as f64);
        let parts = series::Windows::new(table.view(), 4, 2).unwrap().standardized(0.6).unwrap();
        check_dataset(parts.train());
        check_loader(&Loader::new(parts.validation().clone()).batch_size(2));
        check_dataset(
            &MemoryDataset::per_step(Tensor::zeros([2, 3]), vec![0, 1, 2, 2, 1, 0], 3, 3).unwrap(),
        );
    }

    /// Two classes for each of two steps, with what is wrong.
    struct Steps {
        classes: Vec<usize>,
        lists: bool,
    }

    impl Dataset for Steps {
        fn len(&self) -> usize {
            1
        }
        fn sample_shape(&self) -> Shape {
            Shape::from([1])
        }
        fn target(&self) -> TargetKind {
            TargetKind::Steps { steps: 2, n_classes: 2 }
        }
        fn read(&self, _index: usize, _rng: &mut Rng, out: &mut [f32]) -> Result<Label> {
            out.fill(0.0);
            Ok(Label::Classes(self.classes.clone()))
        }
        fn labels(&self) -> Option<Vec<usize>> {
            self.lists.then(|| vec![0])
        }
    }

    #[test]
    fn broken_classes_per_step_are_caught() {
        for (classes, lists) in [(vec![0], false), (vec![0, 2], false), (vec![0, 1], true)] {
            let broken = Steps { classes, lists };
            assert!(catch_unwind(AssertUnwindSafe(|| check_dataset(&broken))).is_err());
        }
        check_dataset(&Steps { classes: vec![0, 1], lists: false });
    }
}
