//! Metrics: known answers, agreement with scikit-learn, streaming, the doors that stay shut.
use flate2::read::GzDecoder;
use proptest::prelude::*;
use purlin_nn::metrics::{
    Accuracy, Average, ConfusionMatrix, Goal, LogLoss, Regression, RocAuc, TopK,
};
use purlin_testkit::reference::data_file;
use serde_json::Value;

/// Double precision on both sides, sums in another order.
const TOL: f64 = 1e-12;

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn classes(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as usize).collect()
}

fn reference() -> Option<Value> {
    let path = data_file("reference/clustering/classification-metrics.json.gz")?;
    let file = std::fs::File::open(path).unwrap();
    Some(serde_json::from_reader(GzDecoder::new(file)).unwrap())
}

#[track_caller]
fn close(got: Option<f64>, expected: &Value) {
    let (got, expected) = (got.unwrap(), expected.as_f64().unwrap());
    assert!(
        (got - expected).abs() <= TOL * expected.abs().max(1.0),
        "expected {expected}, got {got}"
    );
}

#[test]
fn binary_problems_agree_with_the_reference() {
    let Some(reference) = reference() else { return };
    let case = &reference["binary"];
    let (y, score) = (classes(&case["y"]), floats(&case["score"]));
    let threshold = case["threshold"].as_f64().unwrap();

    let mut auc = RocAuc::new();
    auc.update(&score, &y).unwrap();
    close(auc.value(), &case["roc_auc"]);
    close(auc.average_precision(), &case["average_precision"]);

    let mut loss = LogLoss::new();
    loss.update(&score, &y).unwrap();
    close(loss.value(), &case["log_loss"]);

    // The reference counts a score at the threshold as positive; the next number below it does the
    // same here, where it must be exceeded.
    let below = threshold.next_down();
    let mut accuracy = Accuracy::binary(below);
    accuracy.update(&score, &y).unwrap();
    close(accuracy.value(), &case["accuracy"]);

    let predicted: Vec<usize> = score.iter().map(|&s| usize::from(s > below)).collect();
    let mut cm = ConfusionMatrix::new(2);
    cm.update(&y, &predicted).unwrap();
    let positive = Average::Class(1);
    close(cm.accuracy(), &case["accuracy"]);
    close(cm.precision(positive), &case["precision"]);
    close(cm.recall(positive), &case["recall"]);
    close(cm.f1(positive), &case["f1"]);
    close(cm.f_score(positive, 2.0), &case["f_beta_2"]);
    close(cm.matthews(), &case["matthews"]);
    close(cm.kappa(), &case["cohen_kappa"]);
    close(cm.balanced_accuracy(), &case["balanced_accuracy"]);
    for (target, row) in case["confusion_rows_true"].as_array().unwrap().iter().enumerate() {
        for (prediction, &count) in classes(row).iter().enumerate() {
            assert_eq!(cm.count(target, prediction), count as u64);
        }
    }
}

#[test]
fn problems_of_several_classes_agree_with_the_reference() {
    let Some(reference) = reference() else { return };
    let case = &reference["multiclass"];
    let y = classes(&case["y"]);
    let probs: Vec<f64> =
        case["probabilities"].as_array().unwrap().iter().flat_map(floats).collect();
    let n_classes = probs.len() / y.len();

    let mut accuracy = Accuracy::new();
    accuracy.update(&probs, &y).unwrap();
    close(accuracy.value(), &case["accuracy"]);
    let mut top2 = TopK::new(2);
    top2.update(&probs, &y).unwrap();
    close(top2.value(), &case["top_2_accuracy"]);
    let mut loss = LogLoss::new();
    loss.update(&probs, &y).unwrap();
    close(loss.value(), &case["log_loss"]);

    let predicted: Vec<usize> = probs
        .chunks(n_classes)
        .map(|row| (0..n_classes).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap())
        .collect();
    let mut cm = ConfusionMatrix::new(n_classes);
    cm.update(&y, &predicted).unwrap();
    for (average, name) in
        [(Average::Macro, "macro"), (Average::Micro, "micro"), (Average::Weighted, "weighted")]
    {
        close(cm.precision(average), &case[format!("precision_{name}")]);
        close(cm.recall(average), &case[format!("recall_{name}")]);
        close(cm.f1(average), &case[format!("f1_{name}")]);
    }
    let per_class = &case["per_class"];
    for class in 0..n_classes {
        close(cm.precision(Average::Class(class)), &per_class["precision"][class]);
        close(cm.recall(Average::Class(class)), &per_class["recall"][class]);
        close(cm.f1(Average::Class(class)), &per_class["f1"][class]);
    }
    close(cm.matthews(), &case["matthews"]);
    close(cm.kappa(), &case["cohen_kappa"]);

    let one_against_rest = (0..n_classes).map(|class| {
        let mut auc = RocAuc::new();
        let score: Vec<f64> = probs.iter().skip(class).step_by(n_classes).copied().collect();
        let is_class: Vec<usize> = y.iter().map(|&t| usize::from(t == class)).collect();
        auc.update(&score, &is_class).unwrap();
        auc.value().unwrap()
    });
    let mean = one_against_rest.sum::<f64>() / n_classes as f64;
    close(Some(mean), &case["roc_auc_one_vs_rest_macro"]);
}

#[test]
fn regression_agrees_with_the_reference() {
    let Some(reference) = reference() else { return };
    let case = &reference["regression"];
    let mut errors = Regression::new();
    errors.update(&floats(&case["prediction"]), &floats(&case["y"])).unwrap();
    close(errors.mse(), &case["mse"]);
    close(errors.rmse(), &case["rmse"]);
    close(errors.mae(), &case["mae"]);
    close(errors.r2(), &case["r2"]);
}

#[test]
fn without_samples_there_is_no_value() {
    assert_eq!(Accuracy::new().value(), None);
    assert_eq!(TopK::new(1).value(), None);
    assert_eq!(LogLoss::new().value(), None);
    assert_eq!(RocAuc::new().value(), None);
    assert_eq!(RocAuc::new().average_precision(), None);
    assert_eq!(Regression::new().mae(), None);
    let cm = ConfusionMatrix::new(3);
    assert_eq!((cm.accuracy(), cm.kappa(), cm.matthews()), (None, None, None));
    assert_eq!((cm.f1(Average::Macro), cm.balanced_accuracy()), (None, None));
    let none: [f32; 0] = [];
    let mut accuracy = Accuracy::new();
    accuracy.update(&none, &[]).unwrap();
    assert_eq!(accuracy.value(), None);
    LogLoss::new().update(&none, &[]).unwrap();
}

#[test]
fn what_is_not_defined_is_none_and_not_nan() {
    let mut auc = RocAuc::new();
    auc.update(&[0.1, 0.2], &[1, 1]).unwrap();
    assert_eq!(auc.value(), None, "no negative sample");
    let mut errors = Regression::new();
    errors.update(&[1.0, 2.0], &[3.0, 3.0]).unwrap();
    assert_eq!(errors.r2(), None, "targets without spread");
    let mut cm = ConfusionMatrix::new(3);
    cm.update(&[1, 1], &[1, 1]).unwrap();
    assert_eq!((cm.kappa(), cm.matthews()), (None, Some(0.0)));
    assert_eq!(cm.precision(Average::Class(0)), Some(0.0));
    assert_eq!(cm.f1(Average::Macro), Some(1.0), "classes that never occur are left out");
}

#[test]
fn ties_go_to_the_smallest_index() {
    let mut accuracy = Accuracy::new();
    accuracy.update(&[1.0, 1.0, 1.0, 1.0], &[0, 1]).unwrap();
    assert_eq!(accuracy.value(), Some(0.5));
    for (k, expected) in [(1, 0.0), (2, 1.0)] {
        let mut top = TopK::new(k);
        top.update(&[0.5, 0.5, 0.5], &[1]).unwrap();
        assert_eq!(top.value(), Some(expected), "k = {k}");
    }
    let mut auc = RocAuc::new();
    auc.update(&[0.0, -0.0, 1.0, 1.0], &[1, 0, 0, 1]).unwrap();
    assert_eq!(auc.value(), Some(0.5));
}

#[test]
fn bad_input_is_refused_and_leaves_the_count_alone() {
    let mut accuracy = Accuracy::new();
    accuracy.update(&[0.0, 1.0], &[1]).unwrap();
    let before = accuracy.clone();
    let errors = [
        accuracy.update(&[0.0, 1.0, 2.0], &[0, 1]),
        accuracy.update(&[0.0, 1.0], &[2]),
        accuracy.update(&[0.0, f64::NAN], &[0]),
        accuracy.update(&[0.0], &[]),
    ]
    .map(|result| result.unwrap_err().to_string());
    assert_eq!(
        errors,
        [
            "accuracy: expected 2 rows of 1 scores (at least one), got 3 scores",
            "accuracy: class must be less than 2, got 2",
            "accuracy: scores must be finite, got NaN at row 0, column 1",
            "accuracy: expected 0 rows of 1 scores (at least one), got 1 scores",
        ]
    );
    assert_eq!(accuracy, before);

    let mut cm = ConfusionMatrix::new(2);
    assert!(cm.update(&[0, 1], &[0]).is_err());
    assert!(cm.update(&[0, 2], &[0, 1]).is_err());
    assert!(cm.update(&[0, 1], &[0, 2]).is_err());
    assert_eq!(cm.n_samples(), 0);
    assert!(cm.merge(&ConfusionMatrix::new(3)).is_err());

    assert!(TopK::new(0).update(&[0.5, 0.5], &[0]).is_err());
    assert!(TopK::new(3).update(&[0.5, 0.5], &[0]).is_err());
    let mut loss = LogLoss::new();
    assert!(loss.update(&[0.5, 0.6], &[0]).is_err(), "rows must sum to 1");
    assert!(loss.update(&[1.5, -0.5], &[0]).is_err(), "probabilities lie in 0..=1");
    assert!(loss.update(&[1.5], &[0]).is_err());
    assert_eq!(loss.value(), None);
    assert!(RocAuc::new().update(&[f64::INFINITY], &[1]).is_err());
    assert!(RocAuc::new().update(&[0.5], &[2]).is_err());
    assert!(Regression::new().update(&[1.0], &[f32::NAN]).is_err());
}

#[test]
fn a_probability_of_zero_costs_a_finite_amount() {
    let mut loss = LogLoss::new();
    loss.update(&[0.0, 1.0], &[0]).unwrap();
    assert!((loss.value().unwrap() - 36.04).abs() < 0.01);
}

#[test]
fn names_tell_the_goal() {
    for name in ["loss", "val_loss", "train_rmse", "mae", "val_error"] {
        assert_eq!(Goal::of_name(name), Goal::Minimize, "{name}");
    }
    for name in ["accuracy", "val_auc", "r2", "f1"] {
        assert_eq!(Goal::of_name(name), Goal::Maximize, "{name}");
    }
    assert!(!Goal::Minimize.is_better(f64::NAN, f64::INFINITY));
    assert!(!Goal::Maximize.is_better(1.0, 1.0));
}

fn labelled() -> impl Strategy<Value = Vec<(f64, usize)>> {
    // Few different scores, so that ties are common.
    prop::collection::vec(((0..6i32).prop_map(|x| f64::from(x) / 4.0), 0..2usize), 1..60)
}

proptest! {
    #[test]
    fn the_area_is_the_share_of_ordered_pairs(samples in labelled()) {
        let (scores, targets): (Vec<f64>, Vec<usize>) = samples.iter().copied().unzip();
        let mut auc = RocAuc::new();
        auc.update(&scores, &targets).unwrap();
        let (mut ordered, mut pairs) = (0.0, 0.0);
        for (a, ta) in &samples {
            for (b, tb) in &samples {
                if (*ta, *tb) == (1, 0) {
                    pairs += 1.0;
                    ordered += if a > b { 1.0 } else if a == b { 0.5 } else { 0.0 };
                }
            }
        }
        prop_assert_eq!(auc.value(), (pairs > 0.0).then(|| ordered / pairs));
    }

    #[test]
    fn batches_do_not_matter(samples in labelled(), cut in 0..60usize) {
        let (scores, targets): (Vec<f64>, Vec<usize>) = samples.into_iter().unzip();
        let cut = cut.min(scores.len());
        let parts = [(&scores[..cut], &targets[..cut]), (&scores[cut..], &targets[cut..])];
        let values: Vec<f64> = targets.iter().map(|&t| t as f64).collect();

        let mut auc = [RocAuc::new(), RocAuc::new()];
        let mut accuracy = [Accuracy::binary(0.5), Accuracy::binary(0.5)];
        let mut errors = [Regression::new(), Regression::new()];
        auc[0].update(&scores, &targets).unwrap();
        accuracy[0].update(&scores, &targets).unwrap();
        errors[0].update(&scores, &values).unwrap();
        errors[1].update(&scores[..cut], &values[..cut]).unwrap();
        errors[1].update(&scores[cut..], &values[cut..]).unwrap();
        for (scores, targets) in parts {
            auc[1].update(scores, targets).unwrap();
            accuracy[1].update(scores, targets).unwrap();
        }
        prop_assert_eq!(auc[0].value(), auc[1].value());
        prop_assert_eq!(&accuracy[0], &accuracy[1]);
        prop_assert_eq!(&errors[0], &errors[1]);
    }

    #[test]
    fn top_one_is_accuracy(scores in prop::collection::vec(-3.0..3.0f64, 12), targets in prop::collection::vec(0..4usize, 3)) {
        let (mut accuracy, mut top) = (Accuracy::new(), TopK::new(1));
        accuracy.update(&scores, &targets).unwrap();
        top.update(&scores, &targets).unwrap();
        prop_assert_eq!(accuracy.value(), top.value());
    }

    #[test]
    fn the_micro_average_is_accuracy(pairs in prop::collection::vec((0..4usize, 0..4usize), 1..40)) {
        let (targets, predictions): (Vec<usize>, Vec<usize>) = pairs.into_iter().unzip();
        let mut cm = ConfusionMatrix::new(4);
        cm.update(&targets, &predictions).unwrap();
        prop_assert_eq!(cm.precision(Average::Micro), cm.accuracy());
        let f1 = cm.f1(Average::Micro).unwrap();
        prop_assert!((f1 - cm.accuracy().unwrap()).abs() < 1e-15);
        prop_assert!((cm.recall(Average::Weighted).unwrap() - f1).abs() < 1e-12);
    }
}
