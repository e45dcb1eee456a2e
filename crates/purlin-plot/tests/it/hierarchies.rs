//! Any tree can be drawn: nothing leaves the picture, whatever its shape, its heights, its size.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use proptest::prelude::*;
use purlin_plot::{CondensedTreePlot, DendrogramPlot, Figure, ReachabilityPlot, SilhouettePlot};

/// Every place named in a document lies in the picture, give or take half a line.
fn check_inside(figure: &Figure) -> Result<(), TestCaseError> {
    let svg = figure.to_svg();
    prop_assert!(!svg.contains("NaN") && !svg.contains("inf"));
    let (w, h) = (figure.width() as f64, figure.height() as f64);
    for points in svg.split(" points=\"").skip(1) {
        for pair in points.split('"').next().unwrap().split(' ') {
            let (x, y) = pair.split_once(',').unwrap();
            let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
            prop_assert!((-1.0..=w + 1.0).contains(&x) && (-1.0..=h + 1.0).contains(&y), "{pair}");
        }
    }
    prop_assert!(figure.to_png().len() > 100);
    Ok(())
}

/// Merges of `n` samples: each takes two of the clusters that are left, as the numbers say.
fn merges(n: usize, picks: &[(usize, usize)]) -> Vec<[usize; 2]> {
    let mut left: Vec<usize> = (0..n).collect();
    let merge = |(i, &(a, b)): (usize, &(usize, usize))| {
        let a = left.swap_remove(a % left.len());
        let b = left.swap_remove(b % left.len());
        left.push(n + i);
        [a, b]
    };
    picks[..n - 1].iter().enumerate().map(merge).collect()
}

fn heights() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), 0.0..10.0, Just(1e-300), Just(1e200)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn dendrograms(
        n in 2usize..60,
        picks in prop::collection::vec((any::<usize>(), any::<usize>()), 60),
        heights in prop::collection::vec(heights(), 60),
        labels in prop::collection::vec(0usize..12, 60),
        n_leaves in 2usize..70,
    ) {
        let merges = merges(n, &picks);
        let plot = DendrogramPlot::new(&merges, &heights[..n - 1]).labels(&labels[..n]);
        check_inside(&plot.draw().unwrap())?;
        check_inside(&plot.truncate(n_leaves).cut(heights[0]).draw().unwrap())?;
    }

    #[test]
    fn condensed_trees(
        splits in prop::collection::vec((any::<usize>(), heights()), 0..6),
        samples in prop::collection::vec((any::<usize>(), heights(), any::<bool>()), 1..80),
    ) {
        let n = samples.len() + 2 * splits.len() + 1;
        // Cluster numbers from `n` on; each split adds two to one that has none yet.
        let mut leaves = vec![n];
        let (mut parents, mut children, mut lambdas) = (vec![], vec![], vec![]);
        for (i, &(pick, lambda)) in splits.iter().enumerate() {
            let parent = leaves.swap_remove(pick % leaves.len());
            for child in [n + 1 + 2 * i, n + 2 + 2 * i] {
                parents.push(parent);
                children.push(child);
                lambdas.push(lambda);
                leaves.push(child);
            }
        }
        let n_clusters = 2 * splits.len() + 1;
        let n_rows = parents.len();
        // Every cluster loses one sample at least.
        let first = (0..n_clusters).map(|cluster| (cluster, 0.5, false));
        for (sample, (pick, lambda, is_infinite)) in first.chain(samples).enumerate() {
            parents.push(n + pick % n_clusters);
            children.push(sample);
            lambdas.push(if is_infinite { f64::INFINITY } else { lambda });
        }
        let mut sizes = vec![1; parents.len()];
        for row in (0..n_rows).rev() {
            let inside = (0..parents.len()).filter(|&other| parents[other] == children[row]);
            sizes[row] = inside.map(|other| sizes[other]).sum();
        }
        let plot = CondensedTreePlot::new(&parents, &children, &lambdas, &sizes);
        check_inside(&plot.selected(&leaves).draw().unwrap())?;
    }

    #[test]
    fn reachabilities_and_silhouettes(
        values in prop::collection::vec((heights(), -1.0..=1.0f64, 0usize..9), 1..900),
    ) {
        let reachability: Vec<f64> = values.iter().map(|v| v.0).collect();
        let labels: Vec<Option<usize>> = values.iter().map(|v| Some(v.2)).collect();
        check_inside(&ReachabilityPlot::new(&reachability).labels(&labels).draw().unwrap())?;
        let silhouettes: Vec<f64> = values.iter().map(|v| v.1).collect();
        let labels: Vec<usize> = values.iter().map(|v| v.2).collect();
        check_inside(&SilhouettePlot::new(&silhouettes, &labels).draw().unwrap())?;
    }
}

#[test]
fn a_chain_of_a_hundred_thousand_samples_is_drawn() {
    let n = 100_000;
    let merges: Vec<[usize; 2]> =
        (0..n - 1).map(|i| [if i == 0 { 0 } else { n + i - 1 }, i + 1]).collect();
    let heights: Vec<f64> = (0..n - 1).map(|i| i as f64).collect();
    let plot = DendrogramPlot::new(&merges, &heights).truncate(50);
    let svg = plot.draw().unwrap().to_svg();
    assert!(svg.contains(">(99951)</text>")); // all but the 49 that come last
}
