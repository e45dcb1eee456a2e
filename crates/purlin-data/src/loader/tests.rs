use super::*;
use crate::{Concat, Label, Map, MemoryDataset, Subset, TargetKind};
use purlin_core::rng::Rng;
use purlin_core::{Matrix, Shape};
use purlin_tensor::Tensor;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sample `i` is `[i, a draw]`; chosen samples fail or panic.
struct Probe {
    n: usize,
    fails: Vec<usize>,
    panics: Vec<usize>,
    reads: Arc<AtomicUsize>,
}

impl Probe {
    fn new(n: usize) -> Self {
        Self { n, fails: vec![], panics: vec![], reads: Arc::default() }
    }
}

impl Dataset for Probe {
    fn len(&self) -> usize {
        self.n
    }
    fn sample_shape(&self) -> Shape {
        Shape::from([2])
    }
    fn target(&self) -> TargetKind {
        TargetKind::Classes(7)
    }
    fn read(&self, index: usize, rng: &mut Rng, out: &mut [f32]) -> Result<Label> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        if self.fails.contains(&index) {
            return Err(Error::shape("probe", "a whole sample", index));
        }
        assert!(!self.panics.contains(&index), "sample {index} exploded");
        out[0] = index as f32;
        out[1] = rng.uniform() as f32;
        Ok(Label::Class(index % 7))
    }
}

type Content = (Vec<usize>, Vec<u32>, Vec<usize>);

fn content(batch: &Batch) -> Content {
    let bits = batch.x.data().iter().map(|x| x.to_bits()).collect();
    (batch.indices.clone(), bits, batch.y.classes().unwrap().to_vec())
}

fn epoch(loader: &Loader, epoch: u64) -> Vec<Content> {
    loader.epoch(epoch).map(|batch| content(&batch.unwrap())).collect()
}

#[test]
fn the_same_batches_with_any_number_of_workers() {
    let loader = Loader::new(Probe::new(103)).batch_size(8).shuffle(5);
    let expected = epoch(&loader, 2);
    assert_eq!(expected.len(), 13);
    assert_eq!(expected[12].0.len(), 7);
    for workers in [1, 2, 4, 9, 40] {
        for prefetch in [0, 1, 3, 100] {
            let loader = loader.clone().workers(workers).prefetch(workers + prefetch);
            assert_eq!(epoch(&loader, 2), expected, "{workers} workers, prefetch {prefetch}");
        }
    }
}

#[test]
fn every_epoch_visits_all_samples_in_its_own_order_with_its_own_draws() {
    let loader = Loader::new(Probe::new(50)).batch_size(50).shuffle(1);
    let (a, b) = (epoch(&loader, 0).remove(0), epoch(&loader, 1).remove(0));
    for epoch in [&a, &b] {
        let mut order = epoch.0.clone();
        order.sort_unstable();
        assert_eq!(order, (0..50).collect::<Vec<_>>());
    }
    assert_ne!(a.0, b.0);
    let draw = |e: &Content, i| e.1[2 * e.0.iter().position(|&x| x == i).unwrap() + 1];
    assert!((0..50).all(|i| draw(&a, i) != draw(&b, i)));
    assert_ne!(epoch(&loader.clone().shuffle(2), 0).remove(0).0, a.0);
    // The draws belong to the sample, not to its place: without shuffling they are the same.
    let plain = epoch(&Loader::new(Probe::new(50)).batch_size(50).seed(1), 0).remove(0);
    assert_eq!(plain.0, (0..50).collect::<Vec<_>>());
    assert!((0..50).all(|i| draw(&a, i) == draw(&plain, i)));
}

#[test]
fn an_epoch_goes_on_in_the_middle() {
    for workers in [0, 3] {
        let loader = Loader::new(Probe::new(40)).batch_size(6).shuffle(3).workers(workers);
        let whole = epoch(&loader, 4);
        for first in 0..=8 {
            let rest: Vec<_> =
                loader.epoch_from(4, first).map(|batch| content(&batch.unwrap())).collect();
            assert_eq!(rest, whole[first.min(7)..]);
        }
        let mut batches = loader.epoch_from(4, 2);
        assert_eq!((batches.position(), batches.len()), (2, 5));
        batches.next();
        assert_eq!((batches.position(), batches.len()), (3, 4));
    }
}

#[test]
fn a_short_last_batch_is_kept_or_dropped() {
    let loader = Loader::new(Probe::new(10)).batch_size(4);
    assert_eq!((loader.n_batches(), epoch(&loader, 0).len()), (3, 3));
    let loader = loader.drop_last(true);
    assert_eq!((loader.n_batches(), epoch(&loader, 0).len()), (2, 2));
    let empty = Loader::new(Probe::new(0)).workers(2);
    assert_eq!((empty.n_batches(), epoch(&empty, 0).len()), (0, 0));
    let all = Loader::new(Probe::new(10)).batch_size(3).all().unwrap();
    assert_eq!((all.len(), all.x.dims()), (10, &[10, 2][..]));
}

#[test]
fn errors_and_panics_come_as_the_error_of_their_batch() {
    for workers in [0, 1, 4] {
        let mut probe = Probe::new(20);
        probe.fails = vec![5];
        probe.panics = vec![13];
        let loader = Loader::new(probe).batch_size(4).workers(workers);
        let results: Vec<_> = loader.epoch(0).collect();
        assert_eq!(results.len(), 5);
        for (i, result) in results.into_iter().enumerate() {
            match i {
                1 => assert_eq!(
                    result.unwrap_err().to_string(),
                    "probe: expected a whole sample, got 5"
                ),
                3 => assert_eq!(
                    result.unwrap_err().to_string(),
                    "loader: batch 3 panicked: sample 13 exploded"
                ),
                _ => assert_eq!(result.unwrap().indices[0], 4 * i),
            }
        }
    }
    let mut none = Loader::new(Probe::new(3)).batch_size(0).epoch(0);
    assert_eq!(
        none.next().unwrap().unwrap_err().to_string(),
        "loader: batch_size must be at least 1, got 0"
    );
    assert!(none.next().is_none());
}

#[test]
fn dropping_the_iterator_stops_the_workers() {
    let probe = Probe::new(1_000_000);
    let reads = Arc::clone(&probe.reads);
    let loader = Loader::new(probe).batch_size(10).workers(3).prefetch(6);
    let mut batches = loader.epoch(0);
    batches.next().unwrap().unwrap();
    drop(batches);
    // The drop waits for the workers, so nothing is read after it.
    let after = reads.load(Ordering::Relaxed);
    assert!(after <= 60, "{after} samples were read for one batch");
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(reads.load(Ordering::Relaxed), after);
}

#[test]
fn prefetching_is_bounded() {
    let probe = Probe::new(10_000);
    let reads = Arc::clone(&probe.reads);
    let mut batches = Loader::new(probe).batch_size(10).workers(2).prefetch(4).epoch(0);
    for taken in 1..20 {
        batches.next().unwrap().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(2));
        let made = reads.load(Ordering::Relaxed) / 10;
        assert!(made <= taken + 4, "{made} batches made, {taken} taken");
    }
}

#[test]
fn fewer_batches_ahead_than_workers_are_refused() {
    let loader = Loader::new(Probe::new(100)).workers(4).prefetch(2);
    let mut items = loader.epoch(0);
    assert_eq!(
        items.next().unwrap().unwrap_err().to_string(),
        "loader: prefetch must be at least the number of workers (4), got 2"
    );
    assert!(items.next().is_none());
    assert!(loader.workers(0).epoch(0).all(|batch| batch.is_ok()));
}

#[test]
fn weighted_samples_come_as_often_as_they_weigh() {
    let weights = [0.0, 3.0, 1.0, 0.0, 4.0, 0.0];
    let loader = Loader::new(Probe::new(6)).batch_size(4).weighted(&weights, 3).unwrap();
    let mut counts = [0usize; 6];
    for epoch in 0..4000 {
        for i in loader.order(epoch) {
            counts[i] += 1;
        }
    }
    for (count, weight) in counts.iter().zip(weights) {
        // 24,000 draws of probability weight / 8: sigma at most 78.
        assert!((*count as f64 - 3000.0 * weight).abs() < 400.0, "{counts:?}");
        assert!(weight > 0.0 || *count == 0, "{counts:?}");
    }
    // A sample that comes twice has two draws, the same on any number of workers.
    let only = Loader::new(Probe::new(3)).weighted(&[0.0, 1.0, 0.0], 3).unwrap().batch_size(2);
    let inline = epoch(&only, 1);
    let bits: std::collections::BTreeSet<u32> =
        inline.iter().flat_map(|batch| batch.1.iter().copied().skip(1).step_by(2)).collect();
    assert_eq!(bits.len(), 3);
    for workers in [1, 2, 4] {
        assert_eq!(epoch(&only.clone().workers(workers), 1), inline);
    }
    let rest: Vec<Content> = only.epoch_from(1, 1).map(|batch| content(&batch.unwrap())).collect();
    assert_eq!(rest, inline[1..]);
}

#[test]
fn senseless_weights_are_refused() {
    let text =
        |weights: &[f64]| Loader::new(Probe::new(2)).weighted(weights, 1).unwrap_err().to_string();
    assert_eq!(text(&[1.0]), "loader: expected 2 weights, got 1 weights");
    assert_eq!(
        text(&[1.0, -1.0]),
        "loader: weights must be at least 0 and finite, got -1 at sample 1"
    );
    assert_eq!(text(&[0.0, 0.0]), "loader: weights must be of a positive, finite sum, got sum 0");
    assert_eq!(
        text(&[f64::MAX, f64::MAX]),
        "loader: weights must be of a positive, finite sum, got sum inf"
    );
    assert_eq!(
        Loader::new(Probe::new(2)).balanced(1).unwrap_err().to_string(),
        "loader: expected a data set with known labels, got one without"
    );
}

#[test]
fn labels_that_do_not_fit_are_refused() {
    struct Wrong(Label, TargetKind);
    impl Dataset for Wrong {
        fn len(&self) -> usize {
            1
        }
        fn sample_shape(&self) -> Shape {
            Shape::SCALAR
        }
        fn target(&self) -> TargetKind {
            self.1
        }
        fn read(&self, _: usize, _: &mut Rng, out: &mut [f32]) -> Result<Label> {
            out[0] = 1.0;
            Ok(self.0.clone())
        }
    }
    let text = |label, kind| Loader::new(Wrong(label, kind)).all().unwrap_err().to_string();
    assert_eq!(
        text(Label::Class(3), TargetKind::Classes(3)),
        "loader: expected a class below 3, got Class(3) for sample 0"
    );
    assert_eq!(
        text(Label::None, TargetKind::Values(2)),
        "loader: expected 2 values, got None for sample 0"
    );
    assert_eq!(
        text(Label::Value(1.0), TargetKind::None),
        "loader: expected no label, got Value(1.0) for sample 0"
    );
    let fine = Loader::new(Wrong(Label::Values(vec![1.0, 2.0]), TargetKind::Values(2)));
    let batch = fine.all().unwrap();
    assert_eq!((batch.x.dims(), batch.y.values().unwrap().dims()), (&[1][..], &[1, 2][..]));
}

#[test]
fn data_sets_of_data_sets() {
    let x = Matrix::from_fn(6, 2, |i, j| (10 * i + j) as f32);
    let base: Arc<dyn Dataset> =
        Arc::new(MemoryDataset::classes(x.view(), &[0, 1, 2, 0, 1, 2], 3).unwrap());
    let subset: Arc<dyn Dataset> = Arc::new(Subset::new(Arc::clone(&base), vec![5, 0, 5]).unwrap());
    let concat = Concat::new(vec![Arc::clone(&base), Arc::clone(&subset)]).unwrap();
    assert_eq!(concat.labels(), Some(vec![0, 1, 2, 0, 1, 2, 2, 0, 2]));
    let mapped = Map::new(concat, Shape::from([1]), |x, rng, out| {
        out[0] = x[0] + x[1] + rng.below(1) as f32;
        Ok(())
    });
    let all = Loader::new(mapped).all().unwrap();
    assert_eq!(all.x.data(), [1.0, 21.0, 41.0, 61.0, 81.0, 101.0, 101.0, 1.0, 101.0]);
    assert_eq!(all.y.classes().unwrap(), [0, 1, 2, 0, 1, 2, 2, 0, 2]);

    assert_eq!(
        Subset::new(Arc::clone(&base), vec![6]).unwrap_err().to_string(),
        "subset: indices must be below 6, got 6"
    );
    let other = MemoryDataset::classes(x.view().column_range(0..1), &[0; 6], 3).unwrap();
    assert_eq!(
        Concat::new(vec![base, Arc::new(other)]).unwrap_err().to_string(),
        "concat: expected samples (2,) with Classes(3), got samples (1,) with Classes(3) in part 1"
    );
    assert!(Concat::new(vec![]).is_err());
}

#[test]
fn memory_data_sets_check_their_targets() {
    let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]]);
    let text = |r: Result<MemoryDataset>| r.unwrap_err().to_string();
    assert_eq!(
        text(MemoryDataset::classes(x.view(), &[0], 1)),
        "memory_dataset: expected 2 targets, got 1 classes"
    );
    assert_eq!(
        text(MemoryDataset::classes(x.view(), &[0, 5], 3)),
        "memory_dataset: classes must be below 3, got 5"
    );
    assert!(MemoryDataset::values(x.view(), &[1.0, 2.0, 3.0]).is_err());
    let values = MemoryDataset::values(x.view(), &[0.5, 1.5]).unwrap();
    assert_eq!(values.target(), TargetKind::Values(1));
    let all = Loader::new(values).all().unwrap();
    assert_eq!(all.y.values().unwrap().data(), [0.5, 1.5]);
}

#[test]
fn classes_per_step_come_row_by_row_and_are_checked() {
    struct Steps(Label);
    impl Dataset for Steps {
        fn len(&self) -> usize {
            2
        }
        fn sample_shape(&self) -> Shape {
            Shape::from([1])
        }
        fn target(&self) -> TargetKind {
            TargetKind::Steps { steps: 3, n_classes: 4 }
        }
        fn read(&self, _index: usize, _rng: &mut Rng, out: &mut [f32]) -> Result<Label> {
            out.fill(0.0);
            Ok(self.0.clone())
        }
    }
    let all =
        |label| Loader::new(Steps(label)).all().map(|batch| batch.y.classes().map(<[_]>::to_vec));
    assert_eq!(all(Label::Classes(vec![3, 0, 1])).unwrap(), Some(vec![3, 0, 1, 3, 0, 1]));
    let text = |label| all(label).unwrap_err().to_string();
    assert_eq!(
        text(Label::Classes(vec![3, 0])),
        "loader: expected 3 classes below 4, got 2 classes for sample 0"
    );
    assert_eq!(
        text(Label::Classes(vec![3, 4, 0])),
        "loader: expected 3 classes below 4, got class 4 at step 1 for sample 0"
    );
    assert_eq!(
        text(Label::Class(3)),
        "loader: expected 3 classes below 4, got Class(3) for sample 0"
    );
}

#[test]
fn classes_per_step_go_through_subsets_and_unions() {
    let x = Tensor::from_fn([3, 2], |i| i as f32);
    let tagged = MemoryDataset::per_step(x, vec![0, 1, 2, 0, 1, 2], 2, 3).unwrap();
    assert_eq!(tagged.target(), TargetKind::Steps { steps: 2, n_classes: 3 });
    assert_eq!((tagged.labels(), Loader::new(tagged.clone()).balanced(1).is_err()), (None, true));
    let some = Subset::new(tagged.clone(), vec![2, 0]).unwrap();
    assert_eq!(Loader::new(some).all().unwrap().y.classes().unwrap(), [1, 2, 0, 1]);
    let both = Concat::new(vec![Arc::new(tagged.clone()), Arc::new(tagged)]).unwrap();
    assert_eq!(Loader::new(both).all().unwrap().y.classes().unwrap().len(), 12);
    let x = || Tensor::zeros([2, 1]);
    let text = |classes: Vec<usize>, n| {
        MemoryDataset::per_step(x(), classes, 2, n).unwrap_err().to_string()
    };
    assert_eq!(
        text(vec![0; 3], 1),
        "memory_dataset: expected 2 times 2 classes, one per step, got 3 classes"
    );
    assert_eq!(text(vec![0, 0, 0, 3], 3), "memory_dataset: classes must be below 3, got 3");
}
