//! Doors that stay shut: each kind of bad input, and the words it is refused with.

use purlin_core::Result;
use purlin_plot::{
    BarChart, CondensedTreePlot, ConfusionMatrix, DendrogramPlot, Figure, Histogram, ImageGrid,
    LearningCurves, LinePlot, ReachabilityPlot, Scatter, SilhouettePlot, Style, Theme,
};

const NONE: [f64; 0] = [];
const NAN: f64 = f64::NAN;

fn check(cases: Vec<(Result<Figure>, &str)>) {
    for (result, expected) in cases {
        match result {
            Ok(_) => panic!("drawn, but should say: {expected}"),
            Err(err) => assert_eq!(err.to_string(), expected),
        }
    }
}

#[test]
fn line_plots() {
    let line = |x: &[f64], y: &[f64]| LinePlot::new().line("a", x, y);
    let size = |w, h| line(&[1.0], &[1.0]).style(Style::new().size(w, h)).draw();
    let ratio = |r| line(&[1.0], &[1.0]).style(Style::new().pixel_ratio(r)).draw();
    check(vec![
        (LinePlot::new().draw(), "line_plot: expected at least 1 samples, got 0"),
        (line(&NONE, &NONE).draw(), "line_plot: expected at least 1 samples, got 0"),
        (line(&[1.0, 2.0], &[1.0]).draw(), "line_plot: expected y as long as x (2), got 1"),
        (
            line(&[1.0, NAN], &[1.0, 2.0]).draw(),
            "line_plot: x must be finite, got NaN at row 1, column 0",
        ),
        (
            line(&[1.0], &[NAN]).draw(),
            "line_plot: expected at least one finite number in y, got none",
        ),
        (
            line(&[1.0, 2.0], &[3.0, 0.0]).log_y().draw(),
            "line_plot: y must be positive on a logarithmic axis, got 0 at index 1",
        ),
        (
            line(&[-1.0, 2.0], &[3.0, 0.0]).log_x().draw(),
            "line_plot: x must be positive on a logarithmic axis, got -1 at index 0",
        ),
        (
            line(&[1.0], &[1.0]).y_range(3.0, 3.0).draw(),
            "line_plot: range must be finite with low < high, got 3..3",
        ),
        (
            line(&[1.0], &[1.0]).x_range(NAN, 3.0).draw(),
            "line_plot: range must be finite with low < high, got NaN..3",
        ),
        (size(119, 200), "line_plot: width must be at least 120 pixels, got 119"),
        (size(200, 0), "line_plot: height must be at least 120 pixels, got 0"),
        (
            size(20_000, 200),
            "line_plot: size must be at most 16384 pixels a side and 67108864 in all, \
             pixel_ratio included, got 20000 x 200 x 1^2",
        ),
        (
            size(usize::MAX, usize::MAX),
            &format!(
                "line_plot: size must be at most 16384 pixels a side and 67108864 in all, \
                 pixel_ratio included, got {} x {} x 1^2",
                usize::MAX,
                usize::MAX
            ),
        ),
        (ratio(0), "line_plot: pixel_ratio must be in 1..=8, got 0"),
        (ratio(9), "line_plot: pixel_ratio must be in 1..=8, got 9"),
    ]);
}

#[test]
fn learning_curves() {
    let one = || LearningCurves::new().series("loss", &[1.0, 0.0]);
    check(vec![
        (LearningCurves::new().draw(), "learning_curves: expected at least 1 samples, got 0"),
        (
            LearningCurves::new().series("loss", &NONE).draw(),
            "learning_curves: expected at least 1 samples, got 0",
        ),
        (one().panel("empty").draw(), "learning_curves: expected at least 1 samples, got 0"),
        (
            LearningCurves::new().series("loss", &[NAN, NAN]).draw(),
            "learning_curves: expected at least one finite number in series, got none",
        ),
        (
            one().series("b", &[NAN]).mark_min().draw(),
            "learning_curves: expected a finite value in the series to mark, got none",
        ),
        (
            LearningCurves::new().mark_max().series("loss", &[1.0]).draw(),
            "learning_curves: expected a series before the call that marks its best epoch, got none",
        ),
        (one().mark_epoch(3).draw(), "learning_curves: mark_epoch must be in 1..=2, got 3"),
        (
            one().log_y().draw(),
            "learning_curves: series must be positive on a logarithmic axis, got 0 at index 1",
        ),
    ]);
}

#[test]
fn scatter_plots() {
    let points = || Scatter::new(&[1.0, 2.0], &[3.0, 4.0]);
    check(vec![
        (Scatter::new(&NONE, &NONE).draw(), "scatter: expected at least 1 samples, got 0"),
        (Scatter::new(&[1.0], &NONE).draw(), "scatter: expected y as long as x (1), got 0"),
        (
            Scatter::new(&[1.0, 1.0], &[0.0, f64::INFINITY]).draw(),
            "scatter: y must be finite, got inf at row 1, column 1",
        ),
        (points().labels(&[None]).draw(), "scatter: expected labels as long as x (2), got 1"),
        (
            points().classes(&[0, 2]).class_names(&["a", "b"]).draw(),
            "scatter: expected a name for every label up to 2, got 2 names",
        ),
        (
            points().centroids(&[NAN], &[0.0]).draw(),
            "scatter: centroids must be finite, got NaN at row 0, column 0",
        ),
        (
            Scatter::new(&[-1.7e308, 1.7e308], &[0.0, 0.0]).draw(),
            &format!(
                "scatter: x must be of a span that f64 can hold, got {}..{}",
                -1.7e308, 1.7e308
            )
            .replace(&format!("{}", -1.7e308), "-inf")
            .replace(&format!("{}", 1.7e308), "inf"),
        ),
    ]);
}

#[test]
fn confusion_matrices() {
    let none: [&str; 0] = [];
    let two = || ConfusionMatrix::new(&[1, 0, 0, 1], &["a", "b"]);
    check(vec![
        (
            ConfusionMatrix::new(&[], &none).draw(),
            "confusion_matrix: expected at least 1 samples, got 0",
        ),
        (
            ConfusionMatrix::new(&[1, 2], &["a", "b"]).draw(),
            "confusion_matrix: expected counts (2, 2) for 2 class names, got 2 counts",
        ),
        (two().cell(3).draw(), "confusion_matrix: cell must be in 6..=200, got 3"),
        (
            two().style(Style::new().size(300, 200)).draw(),
            "confusion_matrix: size must be left to the plot (its size follows from its cells; set `cell`), \
             got 300 x 200",
        ),
        (
            ConfusionMatrix::from_classes(&[0, 1], &[0], &["a", "b"]).and_then(|m| m.draw()),
            "confusion_matrix: expected predicted as long as truth (2), got 1",
        ),
        (
            ConfusionMatrix::from_classes(&[0, 1], &[0, 7], &["a", "b"]).and_then(|m| m.draw()),
            "confusion_matrix: expected a name for class 7, got 2 names",
        ),
    ]);
    let huge = ConfusionMatrix::new(&[usize::MAX; 4], &["a", "b"]).draw().unwrap();
    assert!(huge.to_svg().contains("correct (50 %)"), "sums of huge counts do not overflow");
}

#[test]
fn image_grids() {
    let image = |pixels: &[f64], h, w, c| ImageGrid::new().image(pixels, h, w, c, "label");
    check(vec![
        (ImageGrid::new().draw(), "image_grid: expected at least 1 samples, got 0"),
        (
            image(&[0.0; 8], 2, 2, 2).draw(),
            "image_grid: expected image 0 (height, width, 1 or 3), got (2, 2, 2) with 8 values",
        ),
        (
            image(&[0.0; 5], 2, 2, 1).draw(),
            "image_grid: expected image 0 of height * width * channels values, at least 1, \
             got (2, 2, 1) with 5 values",
        ),
        (
            image(&[], 0, 2, 1).draw(),
            "image_grid: expected image 0 of height * width * channels values, at least 1, \
             got (0, 2, 1) with 0 values",
        ),
        (
            image(&[0.0, NAN], 1, 2, 1).draw(),
            "image_grid: pixels must be finite, got NaN at row 0, column 1",
        ),
        (
            image(&[0.0, -0.5], 1, 2, 1).draw(),
            "image_grid: pixels must be in 0..=1 (see value_range and auto_range), \
             got -0.5 in image 0 at offset 1",
        ),
        (
            image(&[0.0], 1, 1, 1).value_range(1.0, 1.0).draw(),
            "image_grid: value_range must be two different numbers, got 1..1",
        ),
        (image(&[0.0], 1, 1, 1).columns(0).draw(), "image_grid: columns must be at least 1, got 0"),
        (
            image(&[0.0], 1, 1, 1).cell(5000).draw(),
            "image_grid: cell must be in 16..=1024, got 5000",
        ),
        (
            image(&[0.0], 1, 1, 1).style(Style::new().size(300, 200)).draw(),
            "image_grid: size must be left to the plot (its size follows from its cells; set `cell`), \
             got 300 x 200",
        ),
    ]);
    // Overflowing dimensions are a wrong shape, not a panic.
    assert!(image(&[0.0], usize::MAX, 2, 3).draw().is_err());
}

#[test]
fn histograms_and_bars() {
    check(vec![
        (Histogram::new(&NONE).draw(), "histogram: expected at least 1 samples, got 0"),
        (
            Histogram::new(&[1.0, NAN]).draw(),
            "histogram: values must be finite, got NaN at row 1, column 0",
        ),
        (Histogram::new(&[1.0]).bins(0).draw(), "histogram: bins must be in 1..=2000, got 0"),
        (
            BarChart::new(&["a"], &NONE).draw(),
            "bar_chart: expected values as long as names (1), got 0",
        ),
        (
            BarChart::new::<&str, f64>(&[], &[]).draw(),
            "bar_chart: expected at least 1 samples, got 0",
        ),
        (
            BarChart::new(&["a"], &[f64::NEG_INFINITY]).draw(),
            "bar_chart: values must be finite, got -inf at row 0, column 0",
        ),
        (
            BarChart::new(&["a"; 30], &[1.0; 30]).style(Style::new().size(300, 200)).draw(),
            "bar_chart: height must be at least 512 for 30 bars, got 200",
        ),
    ]);
}

#[test]
fn mixtures() {
    let points = || Scatter::new(&[1.0, 2.0], &[3.0, 4.0]);
    check(vec![
        (points().strengths(&[0.5]).draw(), "scatter: expected strengths as long as x (2), got 1"),
        (
            points().strengths(&[0.5, 1.5]).draw(),
            "scatter: strengths must be from 0 to 1, got 1.5 at index 1",
        ),
        (
            points().ellipse(0, [0.0, 0.0], [1.0, 1.0], 2.0).draw(),
            "scatter: ellipse must be one of a finite distribution, got mean [0.0, 0.0], \
             variances [1.0, 1.0], covariance 2",
        ),
    ]);
}

#[test]
fn dendrograms() {
    let tree = |merges: &[[usize; 2]], heights: &[f64]| DendrogramPlot::new(merges, heights);
    let good = || tree(&[[0, 1], [2, 3]], &[1.0, 2.0]);
    check(vec![
        (tree(&[], &[]).draw(), "dendrogram_plot: expected at least 1 samples, got 0"),
        (
            tree(&[[0, 1]], &[1.0, 2.0]).draw(),
            "dendrogram_plot: expected heights as long as merges (1), got 2",
        ),
        (
            tree(&[[0, 1]], &[NAN]).draw(),
            "dendrogram_plot: heights must be finite, got NaN at row 0, column 0",
        ),
        (
            tree(&[[0, 1]], &[-1.0]).draw(),
            "dendrogram_plot: heights must be at least 0, got -1 in merge 0",
        ),
        (
            tree(&[[0, 1], [1, 3]], &[1.0, 2.0]).draw(),
            "dendrogram_plot: merges must be of clusters that are not part of another, got 1 in \
             merge 1",
        ),
        (
            tree(&[[0, 4], [1, 3]], &[1.0, 2.0]).draw(),
            "dendrogram_plot: merges must be of clusters below 3, got 4 in merge 0",
        ),
        (
            good().labels(&[0, 1]).draw(),
            "dendrogram_plot: expected labels as long as samples (3), got 2",
        ),
        (
            good().names(&["a"]).draw(),
            "dendrogram_plot: expected names as long as samples (3), got 1",
        ),
        (good().truncate(1).draw(), "dendrogram_plot: truncate must be at least 2 leaves, got 1"),
        (good().cut(NAN).draw(), "dendrogram_plot: cut must be finite and at least 0, got NaN"),
    ]);
}

#[test]
fn condensed_trees() {
    let tree = |parents: &[usize], children: &[usize], lambdas: &[f64]| {
        CondensedTreePlot::new(parents, children, lambdas, &vec![1; parents.len()])
    };
    let good = || tree(&[2, 2], &[0, 1], &[1.0, 2.0]);
    check(vec![
        (tree(&[], &[], &[]).draw(), "condensed_tree_plot: expected at least 1 samples, got 0"),
        (
            tree(&[2], &[0, 1], &[1.0]).draw(),
            "condensed_tree_plot: expected children as long as parents (1), got 2",
        ),
        (
            tree(&[2, 2], &[0, 1], &[1.0, NAN]).draw(),
            "condensed_tree_plot: lambdas must be at least 0, got NaN in row 1",
        ),
        (
            tree(&[2, 2], &[0, 0], &[1.0, 2.0]).draw(),
            "condensed_tree_plot: children must be of one parent, got 0",
        ),
        (
            tree(&[2, 3], &[0, 1], &[1.0, 2.0]).draw(),
            "condensed_tree_plot: children must be of one parent, got 3",
        ),
        (
            tree(&[2, 3], &[0, 3], &[1.0, 2.0]).draw(),
            "condensed_tree_plot: children must be above their parents, got 3",
        ),
        (
            CondensedTreePlot::new(&[2], &[0], &[1.0], &[0]).draw(),
            "condensed_tree_plot: sizes must be at least 1, got 0 in row 0",
        ),
        (
            CondensedTreePlot::new(&[2, 2, 3], &[0, 3, 1], &[1.0; 3], &[1, 2, 1]).draw(),
            "condensed_tree_plot: sizes must be 1 for cluster 3, whose rows hold so many, got 2",
        ),
        (
            good().selected(&[7]).draw(),
            "condensed_tree_plot: selected must be clusters of the tree, got 7",
        ),
        (
            good().max_lambda(0.0).draw(),
            "condensed_tree_plot: max_lambda must be finite and above 0, got 0",
        ),
    ]);
}

#[test]
fn reachability_plots() {
    let plot = ReachabilityPlot::new::<f64>;
    check(vec![
        (plot(&NONE).draw(), "reachability_plot: expected at least 1 samples, got 0"),
        (
            plot(&[1.0, -1.0]).draw(),
            "reachability_plot: reachability must be at least 0, got -1 at index 1",
        ),
        (
            plot(&[1.0]).labels(&[]).draw(),
            "reachability_plot: expected labels as long as reachability (1), got 0",
        ),
        (
            plot(&[1.0]).cut(-1.0).draw(),
            "reachability_plot: cut must be finite and at least 0, got -1",
        ),
    ]);
    assert!(plot(&[f64::INFINITY]).draw().is_ok(), "one sample has no reachability");
}

#[test]
fn silhouette_plots() {
    let plot = SilhouettePlot::new::<f64>;
    check(vec![
        (plot(&NONE, &[]).draw(), "silhouette_plot: expected at least 1 samples, got 0"),
        (
            plot(&[1.0], &[0, 1]).draw(),
            "silhouette_plot: expected labels as long as values (1), got 2",
        ),
        (
            plot(&[NAN], &[0]).draw(),
            "silhouette_plot: values must be finite, got NaN at row 0, column 0",
        ),
        (
            plot(&[0.5, -1.5], &[0, 0]).draw(),
            "silhouette_plot: values must be from -1 to 1, got -1.5 at index 1",
        ),
    ]);
}

#[test]
fn pictures_side_by_side() {
    let draw = |style| LinePlot::new().line("a", &[1.0], &[1.0]).style(style).draw();
    let beside = |a, b: Style| draw(a).and_then(|a: Figure| a.beside(&draw(b)?));
    let style = Style::new();
    check(vec![
        (
            beside(style, style.pixel_ratio(2)),
            "beside: pixel_ratio must be 1 in both pictures, got 2",
        ),
        (
            beside(style, style.theme(Theme::Dark)),
            "beside: theme must be the same in both pictures, got pictures of different themes",
        ),
        (
            beside(style.size(9000, 200), style.size(9000, 200)),
            "beside: size must be at most 16384 pixels a side and 67108864 in all, pixel_ratio \
             included, got 18000 x 200 x 1^2",
        ),
    ]);
}
