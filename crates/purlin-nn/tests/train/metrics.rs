//! Metrics: known answers, agreement with scikit-learn, streaming, the doors that stay shut.
use flate2::read::GzDecoder;
use proptest::prelude::*;
use purlin_core::rng::Stream;
use purlin_data::{Loader, MemoryDataset, Targets};
use purlin_nn::layers::Linear;
use purlin_nn::losses::{BceWithLogits, CrossEntropy};
use purlin_nn::metrics::{
    Accuracy, Average, Bleu, ClassScore, ConfusionMatrix, Goal, LogLoss, Metric, Perplexity,
    Regression, RegressionScore, RocAuc, TopK,
};
use purlin_nn::optim::Adam;
use purlin_nn::trainer::Trainer;
use purlin_tensor::Tensor;
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
    for name in ["loss", "val_loss", "train_rmse", "mae", "val_mape", "val_error", "perplexity"] {
        assert_eq!(Goal::of_name(name), Goal::Minimize, "{name}");
    }
    for name in ["accuracy", "val_auc", "r2", "f1"] {
        assert_eq!(Goal::of_name(name), Goal::Maximize, "{name}");
    }
    assert!(!Goal::Minimize.is_better(f64::NAN, f64::INFINITY));
    assert!(!Goal::Maximize.is_better(1.0, 1.0));
}

#[test]
fn a_class_per_step_is_measured_by_rows() {
    let logits =
        Tensor::from([[[3.0, 0.0, 1.0], [0.0, 1.0, 2.0]], [[0.0, 5.0, 1.0], [2.0, 1.0, 0.0]]]);
    let targets = Targets::Classes(vec![0, 1, 1, 2]);
    let mut metrics: Vec<(Box<dyn Metric>, f64)> = vec![
        (Box::new(Accuracy::new()), 0.5),
        (Box::new(TopK::new(2)), 0.75),
        (Box::new(ClassScore::recall(3, Average::Class(1))), 0.5),
    ];
    for (metric, expected) in &mut metrics {
        metric.update(&logits, &targets).unwrap();
        assert_eq!(metric.value(), Some(*expected), "{}", metric.name());
    }
    let mut loss = LogLoss::new();
    Metric::update(&mut loss, &logits.softmax(-1), &targets).unwrap();
    let mut perplexity = Perplexity::new();
    Metric::update(&mut perplexity, &logits, &targets).unwrap();
    assert!((perplexity.value().unwrap() - loss.value().unwrap().exp()).abs() < 1e-6);
    // Two rows of three scores are not four rows of anything.
    for metric in [&mut Accuracy::new() as &mut dyn Metric, &mut perplexity, &mut TopK::new(1)] {
        let err = metric.update(&Tensor::zeros([2, 4]), &targets).unwrap_err().to_string();
        assert!(err.ends_with("expected scores (.., n_classes) of 4 targets, got (2, 4)"), "{err}");
    }
}

#[test]
fn a_trainer_learns_classes_per_step() {
    // The greater of two numbers, at each of three steps.
    let x = Tensor::uniform([64, 3, 2], -1.0, 1.0, &Stream::new(1, "data"));
    let y: Vec<usize> = x.data().chunks(2).map(|pair| usize::from(pair[1] > pair[0])).collect();
    let data = MemoryDataset::per_step(x, y, 3, 2).unwrap();
    let data = Loader::new(data).batch_size(16).shuffle(3);
    let mut model = Linear::new(2, 2, &Stream::new(2, "init"));
    let mut trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.05))
        .epochs(30)
        .metric(Accuracy::new())
        .metric(Perplexity::new());
    let history = trainer.fit(&mut model, &data, Some(&data)).unwrap();
    let last = history.last().unwrap();
    assert!(last.get("val_accuracy").unwrap() > 0.95, "{last:?}");
    let (loss, perplexity) = (last.get("val_loss").unwrap(), last.get("val_perplexity").unwrap());
    assert!((loss.exp() - perplexity).abs() < 1e-5);
    // One logit per step is trained against 0 and 1.
    let mut model = Linear::new(2, 1, &Stream::new(2, "init"));
    let mut binary = Trainer::new(BceWithLogits::new(), Adam::new(0.05))
        .epochs(30)
        .metric(Accuracy::binary(0.0));
    binary.fit(&mut model, &data, None).unwrap();
    assert!(binary.evaluate(&model, &data).unwrap().get("accuracy").unwrap() > 0.95);
}

#[test]
fn as_many_scores_as_classes_per_step_are_not_taken_for_binary_targets() {
    // Two samples of two steps; a model that forgets the steps gives (2, 2), four numbers.
    let data = MemoryDataset::per_step(Tensor::zeros([2, 3]), vec![0, 1, 1, 0], 2, 2).unwrap();
    let mut model = Linear::new(3, 2, &Stream::new(2, "init"));
    let mut trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.05));
    let err = trainer.fit(&mut model, &Loader::new(data), None).unwrap_err();
    assert_eq!(err.to_string(), "cross_entropy: expected 2 targets for prediction (2, 2), got 4");
}

#[test]
fn perplexity_is_the_number_of_equally_likely_symbols() {
    let mut perplexity = Perplexity::new().ignore_index(9);
    assert_eq!(perplexity.value(), None);
    perplexity.update(&[0.0; 10], &[3, 9]).unwrap();
    assert!((perplexity.value().unwrap() - 5.0).abs() < 1e-12);
    // By hand: probabilities 1/4 and 1/2, so the root of 4 times 2.
    perplexity.reset();
    let logits = [1f64.ln(), 3f64.ln(), 2f64.ln(), 2f64.ln(), 7.0, 7.0];
    perplexity.update(&logits, &[0, 1, 9]).unwrap();
    assert!((perplexity.value().unwrap() - 8f64.sqrt()).abs() < 1e-12);
    let before = perplexity.clone();
    for (logits, targets) in [([0.0, f64::NAN], [1]), ([0.0, 0.0], [2])] {
        assert!(perplexity.update(&logits, &targets).is_err());
    }
    assert_eq!(perplexity, before);
    let mut other = Perplexity::new();
    let err = other.load_state(&perplexity.state()).unwrap_err().to_string();
    assert_eq!(err, "perplexity: state must be that of ignore_index None, got Some(9)");
    let mut same = Perplexity::new().ignore_index(9);
    same.load_state(&perplexity.state()).unwrap();
    assert_eq!(same, perplexity);
    // Logits far apart lose nothing.
    perplexity.reset();
    perplexity.update(&[1e4, -1e4], &[0]).unwrap();
    assert_eq!(perplexity.value(), Some(1.0));
}

#[test]
fn percentages_of_a_target_of_zero_are_not_defined() {
    let mut errors = Regression::new();
    assert_eq!(errors.mape(), None);
    errors.update(&[-110.0, 40.0, 3.0], &[-100.0, 50.0, 3.0]).unwrap();
    assert!((errors.mape().unwrap() - 0.1).abs() < 1e-15);
    let mut score = RegressionScore::mape();
    let batch = |target: f32| {
        (Tensor::from([[1.0], [3.0]]), Targets::Values(Tensor::from([[2.0], [target]])))
    };
    let (output, targets) = batch(4.0);
    score.update(&output, &targets).unwrap();
    assert_eq!((score.name().as_str(), score.goal()), ("mape", Goal::Minimize));
    assert_eq!(score.value(), Some(0.375));
    let (output, targets) = batch(0.0);
    score.update(&output, &targets).unwrap();
    assert_eq!(score.value(), None);
    let mut again = RegressionScore::mape();
    again.load_state(&score.state()).unwrap();
    assert_eq!(again, score);
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

fn bleu_of(bleu: Bleu, candidate: &str, references: &[&str]) -> Bleu {
    let mut bleu = bleu;
    let references: Vec<_> = references.iter().map(|text| words(text)).collect();
    bleu.update(&words(candidate), &references).unwrap();
    bleu
}

#[test]
fn n_grams_count_at_most_as_often_as_in_a_reference() {
    // The example of Papineni et al.: 2 of 7 words.
    let references = ["the cat is on the mat", "there is a cat on the mat"];
    let bleu = bleu_of(Bleu::of_order(2), "the the the the the the the", &references);
    assert_eq!(bleu.precisions(), Some(vec![2.0 / 7.0, 0.0]));
    assert_eq!((bleu.brevity_penalty(), bleu.value()), (Some(1.0), Some(0.0)));
    // And their first: 17 of 18 words, 10 of 17 pairs.
    let references = [
        "It is a guide to action that ensures that the military will forever heed Party commands",
        "It is the guiding principle which guarantees the military forces always being under the          command of the Party",
        "It is the practical guide for the army always to heed the directions of the party",
    ];
    let candidate = "It is a guide to action which ensures that the military always obeys the                      commands of the party";
    let bleu = bleu_of(Bleu::new(), candidate, &references);
    let precisions = bleu.precisions().unwrap();
    assert_eq!(precisions[..2], [17.0 / 18.0, 10.0 / 17.0]);
    // Triples by hand: "It is a", "is a guide", "a guide to", "guide to action", "ensures that the",
    // "that the military", "of the party"; quadruples: the first three chains and "ensures that the
    // military".
    assert_eq!(precisions[2..], [7.0 / 16.0, 4.0 / 15.0]);
    let product: f64 = precisions.iter().product();
    assert!((bleu.value().unwrap() - product.powf(0.25)).abs() < 1e-12);
}

#[test]
fn brevity_is_judged_by_the_nearest_reference() {
    // Lengths 3 and 7 are equally near to 5: the shorter counts.
    let bleu = bleu_of(Bleu::of_order(1), "a b c d e", &["a b c", "a b c d e f g"]);
    assert_eq!(bleu.brevity_penalty(), Some(1.0));
    let bleu = bleu_of(Bleu::of_order(1), "a b", &["a b c d", "a b c d e"]);
    let expected = (1.0 - 4.0 / 2.0f64).exp();
    assert!((bleu.value().unwrap() - expected).abs() < 1e-15);
    // Lengths and counts of the corpus are added, not averaged.
    let mut corpus = bleu_of(Bleu::of_order(1), "a b", &["a b c d"]);
    corpus.update(&["x", "b", "c", "d"], &[["a", "b"]]).unwrap();
    assert_eq!(corpus.value(), Some(3.0 / 6.0));
    assert_eq!(corpus.brevity_penalty(), Some(1.0));
}

#[test]
fn smoothing_keeps_short_corpora_from_zero() {
    let bleu = bleu_of(Bleu::new().smooth(), "the cat", &["the dog"]);
    // 1 of 2 words; (0 + 1) / (1 + 1) pairs; none of the longer ones.
    assert_eq!(bleu.precisions(), Some(vec![0.5, 0.5, 1.0, 1.0]));
    assert!((bleu.value().unwrap() - 0.25f64.powf(0.25)).abs() < 1e-15);
    assert_eq!(bleu_of(Bleu::new(), "the cat", &["the dog"]).value(), Some(0.0));
    let mut empty = Bleu::new();
    assert_eq!(empty.value(), None);
    let err = empty.update(&["a"], &[] as &[Vec<&str>]).unwrap_err().to_string();
    assert_eq!(err, "bleu: references must be at least one, got none");
    assert_eq!(bleu_of(Bleu::new(), "", &["a b"]).value(), Some(0.0));
    let same = bleu_of(Bleu::new(), "a b c d e", &["a b c d e"]);
    assert_eq!(same.value(), Some(1.0));
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
