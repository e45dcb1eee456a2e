//! Every kind of picture, in every theme. All data is made up.
//!
//! Run: `cargo run --release -p purlin-plot --example gallery -- pictures-of-mine`

#![allow(clippy::print_stdout, reason = "a program says what it wrote")]

use purlin_core::Result;
use purlin_plot::{
    BarChart, CondensedTreePlot, ConfusionMatrix, DendrogramPlot, Figure, Histogram, ImageGrid,
    LearningCurves, LinePlot, ReachabilityPlot, Scatter, SilhouettePlot, Style, Theme,
};
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(out) = std::env::args().nth(1).filter(|arg| !arg.starts_with('-')) else {
        println!("usage: gallery DIR   (draws every kind of picture into DIR, as SVG and PNG)");
        return Ok(());
    };
    let out = PathBuf::from(out);
    std::fs::create_dir_all(&out)?;
    let themes =
        [("light", Theme::Light), ("dark", Theme::Dark), ("transparent", Theme::Transparent)];
    for (theme_name, theme) in themes {
        let style = Style::new().theme(theme);
        let pictures = [
            ("learning_curves", learning_curves(style)?),
            ("confusion_matrix", confusion_matrix(style)?),
            ("image_grid", image_grid(style)?),
            ("scatter", scatter(style)?),
            ("line_plot", line_plot(style)?),
            ("histogram", histogram(style)?),
            ("bar_chart", bar_chart(style)?),
            ("dendrogram", dendrogram(style)?),
            ("dendrogram_top", dendrogram_top(style)?),
            ("condensed_tree", condensed_tree(style)?),
            ("reachability", reachability(style)?),
            ("silhouette", silhouette(style)?),
        ];
        for (name, figure) in pictures {
            for extension in ["svg", "png"] {
                let path = out.join(format!("{name}_{theme_name}.{extension}"));
                figure.save(&path)?;
                println!("{} ({} x {})", path.display(), figure.width(), figure.height());
            }
        }
    }
    Ok(())
}

/// Numbers in 0..1 that look random and are the same on every machine.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        // Knuth's MMIX constants; the upper bits are good enough for a picture.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// About normal: a sum of uniform numbers.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

fn learning_curves(style: Style) -> Result<Figure> {
    let mut noise = Noise(1);
    let mut curve = |start: f64, end: f64, rate: f64, rise: f64, wobble: f64| -> Vec<f64> {
        (0..40)
            .map(|epoch| {
                let t = f64::from(epoch);
                let trend = end + (start - end) / (1.0 + rate * t) + rise * t * t;
                trend + wobble * (noise.next() - 0.5)
            })
            .collect()
    };
    LearningCurves::new()
        .panel("loss")
        .series("training", &curve(2.2, -0.05, 0.35, 0.0, 0.03))
        .series("validation", &curve(2.1, 0.08, 0.4, 1.0e-4, 0.06))
        .mark_min()
        .panel("accuracy")
        .series("training", &curve(0.2, 1.02, 0.6, 0.0, 0.008))
        .series("validation", &curve(0.25, 1.0, 0.6, -1.5e-5, 0.02))
        .title("Learning curves (made-up data)")
        .style(style)
        .draw()
}

fn confusion_matrix(style: Style) -> Result<Figure> {
    let names = ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker"];
    let n = names.len();
    let mut noise = Noise(7);
    let counts: Vec<usize> = (0..n * n)
        .map(|at| {
            let (row, column) = (at / n, at % n);
            let alike = [0, 2, 4, 6].contains(&row) && [0, 2, 4, 6].contains(&column);
            match (row == column, alike) {
                (true, true) => 840 + (noise.next() * 90.0) as usize,
                (true, false) => 960 + (noise.next() * 40.0) as usize,
                (false, true) => (noise.next() * 110.0) as usize,
                (false, false) => (noise.next() * noise.next() * 12.0) as usize,
            }
        })
        .collect();
    ConfusionMatrix::new(&counts, &names)
        .title("Confusion matrix (made-up counts)")
        .style(style)
        .draw()
}

/// A ring, a disc, a cross or a bar on 16 x 16 grey pixels.
fn shape(kind: usize, noise: &mut Noise) -> Vec<f32> {
    let (cx, cy) = (7.5 + noise.next() * 2.0 - 1.0, 7.5 + noise.next() * 2.0 - 1.0);
    (0..256)
        .map(|at| {
            let (x, y) = (f64::from(at % 16) - cx, f64::from(at / 16) - cy);
            let distance = match kind {
                0 => ((x * x + y * y).sqrt() - 4.5).abs() - 1.2,
                1 => (x * x + y * y).sqrt() - 5.0,
                2 => (x - y).abs().min((x + y).abs()).max((x.abs().max(y.abs()) - 5.0) * 2.0) - 1.6,
                _ => x.abs() - 1.5,
            };
            (0.95 - distance).clamp(0.05, 0.95) as f32
        })
        .collect()
}

fn image_grid(style: Style) -> Result<Figure> {
    const NAMES: [&str; 4] = ["ring", "disc", "cross", "bar"];
    let mut noise = Noise(3);
    let mut grid = ImageGrid::new().columns(6).title("Predictions (made-up shapes and answers)");
    for i in 0..10 {
        let kind = i * 7 % 4;
        let image = shape(kind, &mut noise);
        let sure = 80.0 + noise.next() * 19.0;
        grid = if i % 5 == 3 {
            let label = format!("{} {sure:.0} %\n(is {})", NAMES[(kind + 1) % 4], NAMES[kind]);
            grid.judged(&image, 16, 16, 1, label, false)
        } else {
            grid.judged(&image, 16, 16, 1, format!("{} {sure:.0} %", NAMES[kind]), true)
        };
    }
    let photo: Vec<u8> = (0..120 * 90)
        .flat_map(|at| {
            let (x, y) = (at % 120, at / 120);
            [(x * 2) as u8, (y * 2 + 60) as u8, (200 - x) as u8]
        })
        .collect();
    grid.image(&photo, 90, 120, 3, "RGB, reduced").style(style).draw()
}

fn scatter(style: Style) -> Result<Figure> {
    let mut noise = Noise(11);
    let centers = [(0.0, 0.0), (5.0, 1.0), (2.0, 5.0), (7.0, 6.0), (-2.0, 4.0)];
    let (mut x, mut y, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..300 {
        let (cx, cy) = centers[i % 5];
        x.push(cx + noise.normal() * 0.7);
        y.push(cy + noise.normal() * 0.6);
        labels.push(Some(i % 5));
    }
    for _ in 0..25 {
        x.push(noise.next() * 13.0 - 4.0);
        y.push(noise.next() * 10.0 - 2.0);
        labels.push(None);
    }
    let (cx, cy): (Vec<f64>, Vec<f64>) = centers.into_iter().unzip();
    Scatter::new(&x, &y)
        .labels(&labels)
        .class_names(&["north", "east", "south", "west", "centre"])
        .centroids(&cx, &cy)
        .title("Five groups and some noise")
        .x_label("first component")
        .y_label("second component")
        .style(style)
        .draw()
}

fn line_plot(style: Style) -> Result<Figure> {
    let steps: Vec<f64> = (1..=200).map(f64::from).collect();
    let mut noise = Noise(5);
    let mut curve = |power: i32, floor: f64, rate: f64| -> Vec<f64> {
        let mut base = 1.0;
        steps
            .iter()
            .map(|_| {
                base *= rate;
                (base.powi(power) + floor) * (0.85 + 0.3 * noise.next())
            })
            .collect()
    };
    LinePlot::new()
        .line("SGD", &steps, &curve(1, 2e-2, 0.985))
        .line("momentum", &steps, &curve(2, 3e-4, 0.98))
        .line("Adam", &steps, &curve(2, 2e-6, 0.955))
        .line("L-BFGS", &steps[..60], &curve(4, 1e-9, 0.92)[..60])
        .title("Loss by optimizer (made-up data)")
        .x_label("step")
        .y_label("loss")
        .log_y()
        .style(style)
        .draw()
}

fn histogram(style: Style) -> Result<Figure> {
    let mut noise = Noise(13);
    let weights: Vec<f64> = (0..4000).map(|_| noise.normal() * 0.05).collect();
    Histogram::new(&weights)
        .bins(48)
        .title("Weights after initialisation (made-up data)")
        .x_label("weight")
        .style(style)
        .draw()
}

fn bar_chart(style: Style) -> Result<Figure> {
    let names = ["bmi", "s5", "blood pressure", "s3", "sex", "age", "s1"];
    let values = [24.73, 21.61, 15.42, 4.84, -11.43, -0.48, -37.68];
    BarChart::new(&names, &values).title("Coefficients (made-up data)").style(style).draw()
}

/// A tree over places on a line: neighbours merge first, the nearest of all before the others.
fn tree(places: &[f64]) -> (Vec<[usize; 2]>, Vec<f64>) {
    let n = places.len();
    let mut runs: Vec<(usize, f64, f64)> = places.iter().map(|&x| (1, x, x)).collect();
    let mut ids: Vec<usize> = (0..n).collect();
    let (mut merges, mut heights) = (Vec::new(), Vec::new());
    while runs.len() > 1 {
        // Complete linkage: the span of both together.
        let span = |i: usize| runs[i + 1].2 - runs[i].1;
        let next = (0..runs.len() - 1).min_by(|&a, &b| span(a).total_cmp(&span(b))).unwrap_or(0);
        heights.push(span(next));
        merges.push([ids[next], ids[next + 1]]);
        runs[next] = (runs[next].0 + runs[next + 1].0, runs[next].1, runs[next + 1].2);
        ids[next] = n + merges.len() - 1;
        runs.remove(next + 1);
        ids.remove(next + 1);
    }
    (merges, heights)
}

fn places(n: usize) -> (Vec<f64>, Vec<usize>) {
    let mut noise = Noise(17);
    let mut places: Vec<(f64, usize)> =
        (0..n).map(|i| (noise.normal() + [0.0, 7.0, 16.0][i % 3], i % 3)).collect();
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    places.into_iter().unzip()
}

fn dendrogram(style: Style) -> Result<Figure> {
    let (x, labels) = places(36);
    let (merges, heights) = tree(&x);
    let names: Vec<String> = x.iter().map(|x| format!("at {x:.2}")).collect();
    DendrogramPlot::new(&merges, &heights)
        .labels(&labels)
        .names(&names)
        .cut(5.5)
        .title("Places on a line (made-up data)")
        .y_label("span of both")
        .style(style)
        .draw()
}

fn dendrogram_top(style: Style) -> Result<Figure> {
    let (x, labels) = places(3000);
    let (merges, heights) = tree(&x);
    DendrogramPlot::new(&merges, &heights)
        .labels(&labels)
        .truncate(30)
        .title("The last 29 merges of 3,000 places (made-up data)")
        .style(style)
        .draw()
}

fn condensed_tree(style: Style) -> Result<Figure> {
    // Clusters 1000 (root), 1001 and 1002, and 1003 and 1004 inside the latter.
    let mut noise = Noise(23);
    let (mut parents, mut children, mut lambdas, mut sizes) = (vec![], vec![], vec![], vec![]);
    let mut row = |parent: usize, child: usize, lambda: f64, size: usize| {
        parents.push(parent);
        children.push(child);
        lambdas.push(lambda);
        sizes.push(size);
    };
    let mut sample = 0;
    let spans = [(1000, 120, 0.0, 0.5), (1001, 380, 0.5, 2.4), (1002, 100, 0.5, 1.1)];
    for (cluster, n, from, to) in
        spans.into_iter().chain([(1003, 250, 1.1, 3.1), (1004, 150, 1.1, 2.2)])
    {
        for _ in 0..n {
            row(cluster, sample, from + (to - from) * noise.next().max(noise.next()), 1);
            sample += 1;
        }
    }
    for (parent, child, lambda, size) in [
        (1000, 1001, 0.5, 380),
        (1000, 1002, 0.5, 500),
        (1002, 1003, 1.1, 250),
        (1002, 1004, 1.1, 150),
    ] {
        row(parent, child, lambda, size);
    }
    CondensedTreePlot::new(&parents, &children, &lambdas, &sizes)
        .selected(&[1001, 1003, 1004])
        .title("Three clusters of 1,000 samples (made-up data)")
        .style(style)
        .draw()
}

fn reachability(style: Style) -> Result<Figure> {
    let mut noise = Noise(29);
    let (mut values, mut labels) = (vec![], vec![]);
    for (label, n, depth) in
        [(Some(0), 300, 0.2), (None, 40, 1.6), (Some(1), 500, 0.5), (Some(2), 160, 0.1)]
    {
        for i in 0..n {
            let edge = if i == 0 { 1.8 } else { depth };
            values.push(if values.is_empty() {
                f64::INFINITY
            } else {
                edge * (0.8 + 0.5 * noise.next())
            });
            labels.push(label);
        }
    }
    ReachabilityPlot::new(&values)
        .labels(&labels)
        .cut(0.9)
        .title("Valleys are clusters (made-up data)")
        .style(style)
        .draw()
}

fn silhouette(style: Style) -> Result<Figure> {
    let mut noise = Noise(31);
    let labels: Vec<usize> = (0..600).map(|i| [0, 0, 0, 1, 1, 2][i % 6]).collect();
    let middle = [0.7, 0.5, 0.15];
    let values: Vec<f64> = labels
        .iter()
        .map(|&label| (middle[label] + 0.13 * noise.normal()).clamp(-1.0, 1.0))
        .collect();
    SilhouettePlot::new(&values, &labels).title("Three clusters (made-up data)").style(style).draw()
}
