//! What every picture keeps: well-formed SVG, a PNG of the right size, the same bytes each time,
//! texts inside the picture and apart from each other, colours where they belong.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use purlin_plot::{
    BarChart, CondensedTreePlot, ConfusionMatrix, DendrogramPlot, Figure, Histogram, ImageGrid,
    LearningCurves, LinePlot, ReachabilityPlot, Scatter, SilhouettePlot, Style, Theme,
};
use quick_xml::events::Event;

/// One figure of each kind, in one style.
fn gallery(style: Style) -> Vec<(&'static str, Figure)> {
    let x: Vec<f64> = (0..50).map(f64::from).collect();
    let y: Vec<f64> = x.iter().map(|x| (x - 20.0) * (x - 31.0)).collect();
    let awkward = ["<script>", "R&D \"quoted\"", "tab\there\u{1}"];
    vec![
        (
            "learning curves",
            LearningCurves::new()
                .panel("loss")
                .series(awkward[0], &[0.9, 0.5, f64::NAN, 0.2])
                .series(awkward[1], &[0.8, 0.4, 0.45, 0.5])
                .mark_min()
                .panel("accuracy")
                .series(awkward[0], &[0.3, 0.5])
                .title("A & B")
                .style(style)
                .draw()
                .unwrap(),
        ),
        (
            "confusion matrix",
            ConfusionMatrix::new(&[9, 1, 0, 0, 10, 0, 2, 3, 5], &awkward)
                .title("C < D")
                .style(style)
                .draw()
                .unwrap(),
        ),
        (
            "image grid",
            ImageGrid::new()
                .image(&[0u8, 255, 128, 3], 2, 2, 1, awkward[0])
                .judged(&[0.5f32; 12], 2, 2, 3, awkward[1], true)
                .judged(&[0.5f64; 12], 2, 2, 3, awkward[2], false)
                .style(style)
                .draw()
                .unwrap(),
        ),
        (
            "scatter",
            Scatter::new(&x, &y)
                .labels(&(0..50).map(|i| (i % 9 > 0).then_some(i % 4)).collect::<Vec<_>>())
                .centroids(&[10.0], &[100.0])
                .x_label("x")
                .y_label("y")
                .equal_axes()
                .style(style)
                .draw()
                .unwrap(),
        ),
        (
            "line plot",
            LinePlot::new()
                .line("parabola", &x, &y)
                .line("half", &x[..25], &y[..25])
                .y_range(-20.0, 200.0)
                .markers()
                .title("Title")
                .style(style)
                .draw()
                .unwrap(),
        ),
        ("histogram", Histogram::new(&y).title("H").style(style).draw().unwrap()),
        ("bar chart", BarChart::new(&awkward, &[0.5, -2.0, 1e9]).style(style).draw().unwrap()),
        (
            "scatter of a mixture",
            Scatter::new(&x, &y)
                .classes(&(0..50).map(|i| i / 25).collect::<Vec<_>>())
                .strengths(&x.iter().map(|x| x / 50.0).collect::<Vec<_>>())
                .ellipse(0, [10.0, 100.0], [9.0, 900.0], 60.0)
                .style(style)
                .draw()
                .unwrap(),
        ),
        (
            "dendrogram",
            DendrogramPlot::new(&[[0, 2], [1, 3], [5, 6], [4, 7]], &[0.5, 1.0, 0.9, 3.0])
                .names(&[awkward[0], awkward[1], awkward[2], "d", "e"])
                .labels(&[0, 1, 0, 1, 1])
                .cut(2.0)
                .style(style)
                .draw()
                .unwrap(),
        ),
        (
            "condensed tree",
            CondensedTreePlot::new(
                &[4, 4, 5, 5, 6, 6],
                &[5, 6, 0, 1, 2, 3],
                &[1.0, 1.0, 3.0, f64::INFINITY, 2.0, 2.0],
                &[2, 2, 1, 1, 1, 1],
            )
            .selected(&[5, 6])
            .title(awkward[0])
            .style(style)
            .draw()
            .unwrap(),
        ),
        (
            "reachability",
            ReachabilityPlot::new(&[f64::INFINITY, 0.2, 0.3, 2.0, 0.1])
                .labels(&[Some(0), Some(0), Some(0), None, Some(1)])
                .cut(1.0)
                .style(style)
                .draw()
                .unwrap(),
        ),
        (
            "silhouettes",
            SilhouettePlot::new(&[0.9, 0.7, 0.8, -0.2, 0.0, 0.4], &[0, 0, 3, 3, 1, 0])
                .title(awkward[1])
                .style(style)
                .draw()
                .unwrap(),
        ),
    ]
}

struct Decoded {
    width: usize,
    channels: usize,
    bytes: Vec<u8>,
}

impl Decoded {
    fn of(figure: &Figure, ratio: usize) -> Self {
        let bytes = figure.to_png();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(info.width as usize, figure.width() * ratio);
        assert_eq!(info.height as usize, figure.height() * ratio);
        let channels = info.color_type.samples();
        Self { width: info.width as usize, channels, bytes: pixels }
    }

    fn at(&self, x: usize, y: usize) -> &[u8] {
        let start = (y * self.width + x) * self.channels;
        &self.bytes[start..start + self.channels]
    }

    fn count(&self, color: [u8; 3]) -> usize {
        self.bytes.chunks(self.channels).filter(|pixel| pixel[..3] == color).count()
    }
}

#[test]
fn svg_is_well_formed_and_keeps_awkward_texts() {
    for theme in [Theme::Light, Theme::Dark, Theme::Transparent] {
        for (name, figure) in gallery(Style::new().theme(theme)) {
            let svg = figure.to_svg();
            let mut reader = quick_xml::Reader::from_str(&svg);
            let (mut depth, mut elements) = (0, 0);
            loop {
                match reader.read_event().unwrap_or_else(|err| panic!("{name}: {err}")) {
                    Event::Start(tag) => {
                        tag.attributes().for_each(|attribute| {
                            attribute.unwrap();
                        });
                        depth += 1;
                        elements += 1;
                    }
                    Event::Empty(tag) => {
                        tag.attributes().for_each(|attribute| {
                            attribute.unwrap();
                        });
                        elements += 1;
                    }
                    Event::End(_) => depth -= 1,
                    Event::Eof => break,
                    _ => {}
                }
            }
            assert_eq!(depth, 0, "{name}");
            assert!(elements > 10, "{name}: {elements}");
            assert!(!svg.contains("<script>") && !svg.contains('\u{1}'), "{name}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
        }
    }
}

#[test]
fn png_has_the_size_asked_for_and_its_theme_behind_everything() {
    for ratio in [1, 2] {
        let style = Style::new().pixel_ratio(ratio);
        for (_, figure) in gallery(style) {
            let png = Decoded::of(&figure, ratio);
            assert_eq!(png.at(0, 0), [255, 255, 255]);
            assert!(png.count([255, 255, 255]) * 3 < png.bytes.len(), "something is drawn");
        }
    }
    for (_, figure) in gallery(Style::new().theme(Theme::Dark)) {
        assert_eq!(Decoded::of(&figure, 1).at(0, 0), [0x14, 0x18, 0x1d]);
    }
    for (_, figure) in gallery(Style::new().theme(Theme::Transparent)) {
        assert_eq!(Decoded::of(&figure, 1).at(0, 0)[3], 0);
    }
}

#[test]
fn the_same_plot_gives_the_same_bytes() {
    for (a, b) in gallery(Style::new()).into_iter().zip(gallery(Style::new())) {
        assert_eq!(a.1.to_svg(), b.1.to_svg(), "{}", a.0);
        assert_eq!(a.1.to_png(), b.1.to_png(), "{}", a.0);
    }
}

/// FNV-1a, to notice when pixels change.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Pixels (not the compressed file) of one picture that uses lines, text, images and shapes.
///
/// A change here is a visible change of every picture: look at them, then announce it.
#[test]
fn value_stability() {
    let hashes: Vec<u64> = gallery(Style::new())
        .iter()
        .map(|(_, figure)| hash(&Decoded::of(figure, 1).bytes))
        .collect();
    assert_eq!(hashes, PIXELS);
}

const PIXELS: [u64; 12] = [
    0x6514_b447_404d_aaea,
    0x0d14_a060_47b2_780f,
    0x23f1_9e7c_269f_f08f,
    0xcad2_0141_bc37_fc84,
    0x571b_2e8c_d501_7327,
    0xa344_b08e_0928_e32e,
    0xa8a0_6909_01fc_09ac,
    0xc938_24e8_8487_470a,
    0xef48_9b88_1909_cfcf,
    0x457b_da5d_77d1_bbb8,
    0x8b5c_9e9d_813f_05d7,
    0x3271_3da3_9e83_087b,
];

/// A text of the SVG with its left and right end, its top and bottom.
struct TextBox {
    text: String,
    x: [f64; 2],
    y: [f64; 2],
}

/// The width of a text in the font of the crate, and a little more for other fonts of a viewer.
fn width(text: &str, size: f64, semibold: bool) -> f64 {
    let regular: &[u8] = include_bytes!("../../font/OpenSans-Regular-subset.ttf");
    let bold: &[u8] = include_bytes!("../../font/OpenSans-Semibold-subset.ttf");
    let face = ttf_parser::Face::parse(if semibold { bold } else { regular }, 0).unwrap();
    let glyph = |c| face.glyph_index(c).unwrap_or_default();
    let units: f64 =
        text.chars().map(|c| f64::from(face.glyph_hor_advance(glyph(c)).unwrap())).sum();
    units * size / 2048.0 * if semibold { 1.2 } else { 1.1 }
}

fn unescape(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, c)| text.replace(entity, c))
}

/// Boxes of all texts, from the baseline to the top of the capitals.
fn text_boxes(svg: &str) -> Vec<TextBox> {
    let mut boxes = Vec::new();
    for line in svg.lines().filter(|line| line.starts_with("<text")) {
        let attribute = |name: &str| {
            let start = line.find(&format!(" {name}=\""))? + name.len() + 3;
            line[start..].split('"').next()
        };
        let number = |name| attribute(name).unwrap().parse::<f64>().unwrap();
        let (x, y, size) = (number("x"), number("y"), number("font-size"));
        let body = line.trim_end_matches("</text>");
        let text = unescape(&body[body.rfind('>').unwrap() + 1..]);
        let length = width(&text, size, attribute("font-weight").is_some());
        let start = match attribute("text-anchor") {
            None => 0.0,
            Some("middle") => -length / 2.0,
            Some(_) => -length,
        };
        let (along, across) = ([start, start + length], [-0.72 * size, 0.0]);
        let (x, y) = if attribute("transform").is_some() {
            ([x + across[0], x], [y - along[1], y - along[0]])
        } else {
            ([x + along[0], x + along[1]], [y + across[0], y])
        };
        boxes.push(TextBox { text, x, y });
    }
    boxes
}

#[test]
fn texts_stay_inside_the_picture_and_apart() {
    let names: Vec<String> = (0..14).map(|i| format!("class {i}")).collect();
    let counts: Vec<usize> = (0..196).map(|i| i * 37 % 91).collect();
    let mut many =
        LinePlot::new().title("A title that is much too long for the picture it heads, by far");
    for i in 0..30 {
        many = many.line(format!("series {i}"), &[0.0, 1.0], &[f64::from(i), 1e5]);
    }
    let small = Style::new().size(240, 200);
    let mut figures = gallery(Style::new());
    figures.push(("many classes", ConfusionMatrix::new(&counts, &names).draw().unwrap()));
    figures.push(("many lines", many.clone().draw().unwrap()));
    figures.push(("many lines, small", many.x_label("x").style(small).draw().unwrap()));
    for (name, figure) in figures {
        let boxes = text_boxes(&figure.to_svg());
        assert!(!boxes.is_empty());
        let (w, h) = (figure.width() as f64, figure.height() as f64);
        for a in &boxes {
            assert!(a.x[0] >= 0.0 && a.x[1] <= w, "{name}: {:?} at {:?} of {w}", a.text, a.x);
            assert!(a.y[0] >= 0.0 && a.y[1] <= h, "{name}: {:?} at {:?} of {h}", a.text, a.y);
        }
        for (i, a) in boxes.iter().enumerate() {
            for b in &boxes[..i] {
                let apart =
                    a.x[1] <= b.x[0] || b.x[1] <= a.x[0] || a.y[1] <= b.y[0] || b.y[1] <= a.y[0];
                assert!(apart, "{name}: {:?} over {:?}", a.text, b.text);
            }
        }
    }
}

#[test]
fn a_matrix_cell_has_the_colour_of_its_share() {
    let figure = ConfusionMatrix::new(&[10, 0, 0, 10], &["a", "b"]).draw().unwrap();
    let png = Decoded::of(&figure, 1);
    // Two full cells of 63 x 63 pixels in the darkest blue, two empty ones in the lightest, less
    // what the texts cover.
    let full = png.count([0x0a, 0x42, 0x8c]);
    let empty = png.count([0xf4, 0xf8, 0xfc]);
    assert!((7000..=2 * 63 * 63).contains(&full), "{full}");
    assert!((7000..=2 * 63 * 63).contains(&empty), "{empty}");
}

#[test]
fn images_appear_pixel_for_pixel_enlarged() {
    let pixels = [[255u8, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]].concat();
    let figure = ImageGrid::new().image(&pixels, 2, 2, 3, "colours").draw().unwrap();
    let png = Decoded::of(&figure, 1);
    for color in pixels.chunks(3) {
        // A cell of 84 leaves 78 for the image: each pixel is a square of 39.
        assert_eq!(png.count([color[0], color[1], color[2]]), 39 * 39);
    }
    // Grey: all channels the same.
    let figure = ImageGrid::new().image(&[0.2f32], 1, 1, 1, "").draw().unwrap();
    assert_eq!(Decoded::of(&figure, 1).count([51, 51, 51]), 78 * 78);
}

#[test]
fn right_and_wrong_differ_in_colour_and_sign() {
    let of = |correct| {
        let figure = ImageGrid::new().judged(&[0u8], 1, 1, 1, "label", correct).draw().unwrap();
        (Decoded::of(&figure, 1), figure.to_svg())
    };
    let ((right, right_svg), (wrong, wrong_svg)) = (of(true), of(false));
    let (blue, red) = ([0x0a, 0x6f, 0x8a], [0xc7, 0x3a, 0x04]);
    assert!(right.count(blue) > 900 && right.count(red) == 0);
    assert!(wrong.count(red) > 900 && wrong.count(blue) == 0);
    // A tick is one line, a cross two.
    let lines = |svg: &str| svg.matches("<polyline").count();
    assert_eq!((lines(&right_svg), lines(&wrong_svg)), (1, 2));
}

#[test]
fn a_gap_is_a_gap_and_a_lonely_value_a_dot() {
    let y = [1.0, 2.0, f64::NAN, 3.0, f64::INFINITY, 2.0, 1.0];
    let x: Vec<f64> = (0..7).map(f64::from).collect();
    let svg = LinePlot::new().line("", &x, &y).draw().unwrap().to_svg();
    assert_eq!(svg.matches("<polyline").count(), 2);
    assert_eq!(svg.matches("<circle").count(), 1);
}

#[test]
fn lines_stay_inside_a_given_range() {
    let x: Vec<f64> = (0..100).map(f64::from).collect();
    let y: Vec<f64> = x.iter().map(|x| x * x * if x % 2.0 == 0.0 { 1.0 } else { -1.0 }).collect();
    let style = Style::new().size(400, 300);
    let figure = LinePlot::new()
        .line("", &x, &y)
        .x_range(10.0, 50.0)
        .y_range(-100.0, 100.0)
        .style(style)
        .draw()
        .unwrap();
    let svg = figure.to_svg();
    for points in svg.split("<polyline points=\"").skip(1) {
        for pair in points.split('"').next().unwrap().split(' ') {
            let (x, y) = pair.split_once(',').unwrap();
            let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
            assert!((16.0..=385.0).contains(&x) && (16.0..=285.0).contains(&y), "{pair}");
        }
    }
}

#[test]
fn the_best_epoch_is_the_first_of_equal_ones() {
    let svg = |curves: LearningCurves| curves.draw().unwrap().to_svg();
    let base = || LearningCurves::new().series("v", &[0.5, f64::NAN, 0.25, 0.25, 0.5]);
    assert!(svg(base().mark_min()).contains("best: epoch 3 (0.25)"));
    assert!(svg(base().mark_max()).contains("best: epoch 1 (0.5)"));
    assert!(svg(base().first_epoch(10).mark_min()).contains("best: epoch 12 (0.25)"));
    assert!(svg(base().mark_epoch(4)).contains(">epoch 4</text>"));
    assert!(!svg(base()).contains("best"));
}

/// The fills of the polygons of a document, with their points.
fn polygons(svg: &str) -> Vec<(String, Vec<[f64; 2]>)> {
    let attribute = |tag: &str, name: &str| {
        let start = tag.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
        tag[start..].split('"').next().unwrap().to_owned()
    };
    let point = |pair: &str| {
        let (x, y) = pair.split_once(',').unwrap();
        [x.parse().unwrap(), y.parse().unwrap()]
    };
    let tags = svg.split("<polygon ").skip(1);
    tags.map(|tag| {
        (attribute(tag, "fill"), attribute(tag, "points").split(' ').map(point).collect())
    })
    .collect()
}

fn area(points: &[[f64; 2]]) -> f64 {
    let next = points.iter().cycle().skip(1);
    points.iter().zip(next).map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum::<f64>().abs() / 2.0
}

#[test]
fn a_branch_of_one_cluster_has_its_colour() {
    let merges = [[0, 1], [2, 3], [4, 5]];
    let plot = DendrogramPlot::new(&merges, &[1.0, 2.0, 4.0]).labels(&[0, 0, 1, 1]);
    let svg = plot.draw().unwrap().to_svg();
    let count = |color: &str| svg.matches(&format!("stroke=\"{color}\"")).count();
    // Each branch: two legs and a bar of its own, and the leg that leads to the root.
    assert_eq!((count("#0b4fa8"), count("#ea4a08")), (4, 4));
    assert_eq!(count("#52606d"), 1, "the bar of the root is of no cluster");
}

#[test]
fn the_top_of_a_tree_shows_how_many_samples_lie_below() {
    let merges = [[0, 1], [2, 3], [5, 4], [6, 7]];
    let plot = DendrogramPlot::new(&merges, &[1.0, 2.0, 3.0, 4.0]);
    let texts = |plot: &DendrogramPlot| {
        let boxes = text_boxes(&plot.draw().unwrap().to_svg());
        let mut boxes: Vec<TextBox> = boxes.into_iter().filter(|t| t.y[1] > 450.0).collect();
        boxes.sort_by(|a, b| a.x[0].total_cmp(&b.x[0]));
        boxes.into_iter().map(|text| text.text).collect::<Vec<_>>()
    };
    assert_eq!(texts(&plot), ["2", "3", "0", "1", "4"]);
    assert_eq!(texts(&plot.clone().truncate(3)), ["(2)", "(2)", "4"]);
    assert_eq!(texts(&plot.clone().truncate(2)), ["(2)", "(3)"]);
    assert_eq!(polygons(&plot.truncate(2).draw().unwrap().to_svg()).len(), 2);
}

#[test]
fn the_area_of_an_icicle_is_the_stability_of_its_cluster() {
    // Cluster 5 appears at 1 and loses its samples at 3 and 4, cluster 6 both of its at 2.
    let plot = CondensedTreePlot::new(
        &[4, 4, 5, 5, 6, 6],
        &[5, 6, 0, 1, 2, 3],
        &[1.0, 1.0, 3.0, 4.0, 2.0, 2.0],
        &[2, 2, 1, 1, 1, 1],
    );
    let svg = plot.selected(&[5, 6]).max_lambda(5.0).draw().unwrap().to_svg();
    let area_of = |color: &str| {
        let polygons = polygons(&svg);
        polygons.iter().filter(|p| p.0 == color).map(|p| area(&p.1)).fold(0.0, f64::max)
    };
    let ratio = area_of("#0b4fa8") / area_of("#ea4a08");
    assert!((ratio - 5.0 / 2.0).abs() < 0.01, "{ratio}");
}

#[test]
fn bands_of_silhouettes_are_as_high_as_their_clusters_are_large() {
    let labels: Vec<usize> = (0..5000).map(|i| usize::from(i % 5 == 0)).collect();
    let values: Vec<f64> = (0..5000).map(|i| f64::from(i % 100) / 100.0).collect();
    let svg = SilhouettePlot::new(&values, &labels).draw().unwrap().to_svg();
    let heights: Vec<f64> = (polygons(&svg).iter().filter(|p| p.1.len() > 4))
        .map(|p| p.1.last().unwrap()[1] - p.1[0][1])
        .collect();
    assert_eq!(heights.len(), 2);
    assert!((heights[0] / heights[1] - 4.0).abs() < 0.01, "{heights:?}");
    assert!(svg.contains(">0 (4000): ") && svg.contains(">1 (1000): "));
}

#[test]
fn no_peak_of_a_reachability_plot_is_lost() {
    let mut values = vec![0.1; 50_000];
    values[23_456] = 1.0;
    let figure = ReachabilityPlot::new(&values).draw().unwrap();
    let png = Decoded::of(&figure, 1);
    let blue = [0x0b, 0x4f, 0xa8];
    let column = |x: usize| (0..400).filter(|&y| png.at(x, y) == blue).count();
    let heights: Vec<usize> = (0..800).map(column).collect();
    let peaks = heights.iter().filter(|&&height| height > 200).count();
    assert_eq!(peaks, 1, "one column is high");
}

#[test]
fn an_ellipse_spans_two_standard_deviations() {
    let scatter = Scatter::new(&[0.0, 10.0], &[0.0, 10.0]).equal_axes();
    let svg = scatter.ellipse(0, [5.0, 5.0], [4.0, 1.0], 0.0).draw().unwrap().to_svg();
    let last = svg.rsplit("<polyline points=\"").next().unwrap().split('"').next().unwrap();
    let points = last.split(' ').map(|pair| pair.split_once(',').unwrap());
    let xs: Vec<f64> = points.clone().map(|p| p.0.parse().unwrap()).collect();
    let ys: Vec<f64> = points.map(|p| p.1.parse().unwrap()).collect();
    let span = |v: &[f64]| {
        v.iter().copied().fold(0.0, f64::max) - v.iter().copied().fold(f64::MAX, f64::min)
    };
    assert!((span(&xs) / span(&ys) - 2.0).abs() < 0.01, "{} {}", span(&xs), span(&ys));
}

#[test]
fn a_figure_is_saved_by_its_extension() {
    let dir = tempfile::tempdir().unwrap();
    let figure = Histogram::new(&[1.0f32, 2.0]).draw().unwrap();
    for name in ["a.svg", "a.PNG"] {
        figure.save(dir.path().join(name)).unwrap();
    }
    assert_eq!(std::fs::read_to_string(dir.path().join("a.svg")).unwrap(), figure.to_svg());
    assert_eq!(std::fs::read(dir.path().join("a.PNG")).unwrap(), figure.to_png());
    let err = figure.save(dir.path().join("missing/a.svg")).unwrap_err().to_string();
    assert!(err.starts_with("save_figure: ") && err.contains("missing"), "{err}");
    let err = figure.save("figure").unwrap_err().to_string();
    assert_eq!(err, "save_figure: unsupported file figure: expected .svg or .png");
}
