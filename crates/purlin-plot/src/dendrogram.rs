//! A tree of merges.

use crate::axes::{Axes, Axis, Scale};
use crate::figure::{Figure, Style};
use crate::font::{self, Weight};
use crate::marker::Marker;
use crate::page::{Key, LABEL_SIZE, Page, TICK_SIZE, TextStyle, baseline};
use crate::scene::{Anchor, Rect, Stroke, single_line};
use crate::series::{finite, not_empty, same_length, to_f64};
use crate::theme::Palette;
use crate::tree::Tree;
use purlin_core::{Error, Real, Result};

const OP: &str = "dendrogram_plot";
/// Pixels that a name set upwards needs.
const LINE: f64 = 14.0;

/// A dendrogram: which clusters are merged, and how far apart they lie.
///
/// | value     | shape          | rule                                                           |
/// |-----------|----------------|----------------------------------------------------------------|
/// | `merges`  | `(n - 1,)`     | merge `i` makes cluster `n + i` of two earlier ones            |
/// | `heights` | `(n - 1,)`     | finite, at least 0                                             |
/// | `labels`  | `(n,)`         | a branch of one label has its colour, branches of several none |
/// | `names`   | `(n,)`         | any text; left out where the leaves are too narrow             |
///
/// Leaves are samples, the left part of each merge to the left; with [`DendrogramPlot::truncate`] a
/// leaf may be a cluster: a wedge with the number of its samples, as high as its last merge.
///
/// # Examples
///
/// ```
/// use purlin_plot::DendrogramPlot;
///
/// let figure = DendrogramPlot::new(&[[0, 2], [1, 3], [4, 5]], &[1.0, 2.0, 5.0])
///     .names(&["ant", "cat", "bee", "dog"])
///     .labels(&[0, 1, 0, 1])
///     .cut(3.0)
///     .draw()?;
/// let svg = figure.to_svg();
/// assert!(svg.find(">bee</text>").unwrap() < svg.find(">cat</text>").unwrap());
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `draw` is called"]
pub struct DendrogramPlot {
    merges: Vec<[usize; 2]>,
    heights: Vec<f64>,
    labels: Option<Vec<usize>>,
    names: Option<Vec<String>>,
    n_leaves: Option<usize>,
    cut: Option<f64>,
    title: String,
    y_label: String,
    style: Style,
}

impl DendrogramPlot {
    /// The merges of `merges.len() + 1` samples and the height of each.
    pub fn new<T: Real>(merges: &[[usize; 2]], heights: &[T]) -> Self {
        Self {
            merges: merges.to_vec(),
            heights: to_f64(heights),
            labels: None,
            names: None,
            n_leaves: None,
            cut: None,
            title: String::new(),
            y_label: String::new(),
            style: Style::new(),
        }
    }

    /// The cluster of each sample, as a cut gives it.
    pub fn labels(mut self, labels: &[usize]) -> Self {
        self.labels = Some(labels.to_vec());
        self
    }

    /// The name of each sample.
    pub fn names<S: AsRef<str>>(mut self, names: &[S]) -> Self {
        self.names = Some(names.iter().map(|name| single_line(name.as_ref())).collect());
        self
    }

    /// Draws only the last merges, so that there are `n_leaves` leaves at most.
    pub fn truncate(mut self, n_leaves: usize) -> Self {
        self.n_leaves = Some(n_leaves);
        self
    }

    /// Marks a height, such as that of a cut, by a dashed line.
    pub fn cut(mut self, height: f64) -> Self {
        self.cut = Some(height);
        self
    }

    /// The title above the picture.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The name of the heights.
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y_label = label.into();
        self
    }

    /// Theme, size (800 x 480 by default) and pixel ratio.
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// Draws the tree.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewSamples`]: there is no merge.
    /// - [`Error::Shape`]: not one height for each merge, or not one label or name for each sample.
    /// - [`Error::NonFinite`]: a height is NaN or infinite (row: merge).
    /// - [`Error::InvalidParam`]: a merge of a cluster that does not exist yet or is part of another
    ///   already, a negative height, fewer than 2 leaves, a cut that is not finite, or a size out of
    ///   bounds.
    pub fn draw(&self) -> Result<Figure> {
        let tree = self.check()?;
        let leaves = tree.leaves(self.n_leaves.unwrap_or(usize::MAX));
        let places = tree.places(&leaves);
        let shared = self.labels.as_ref().map(|labels| tree.shared(labels));
        let palette = self.style.palette();
        let color = |cluster: usize| match &shared {
            None => palette.color(0),
            Some(shared) => shared[cluster].map_or(palette.muted, |label| palette.color(label)),
        };

        let n = tree.n;
        let description = format!("{} (dendrogram of {n} samples)", self.title);
        let scene = self.style.scene(OP, self.style.size_or(OP, (800, 480))?, description)?;
        let mut page = Page::new(scene, palette, &self.title);
        page.legend(&self.entries(palette));
        let names: Vec<String> = leaves.iter().map(|&leaf| self.name(&tree, leaf)).collect();
        let room = NameRoom::of(&names, page.area);
        let mut area = page.area;
        area.h -= room.height();
        let highest = tree.heights.iter().copied().chain(self.cut).fold(0.0, f64::max);
        let top = if highest > 0.0 { highest * 1.04 } else { 1.0 };
        let last = leaves.len() as f64 - 0.5;
        let x = Axis { label: "", scale: Scale::Bare, lo: -0.5, hi: last, integers: false };
        let y =
            Axis { label: &self.y_label, scale: Scale::Linear, lo: 0.0, hi: top, integers: false };
        let axes = Axes::draw(&mut page.scene, palette, area, &x, &y, 0.0);

        // The middle of a pixel, so that the legs are crisp.
        let crisp = |v: f64| v.floor() + 0.5;
        let at = |place: f64, height: f64| axes.at(place, height).map(crisp);
        let slot = axes.area.w / leaves.len() as f64;
        for &leaf in leaves.iter().filter(|&&leaf| leaf >= n) {
            let [x, top] = at(places[leaf], tree.height(leaf));
            let half = (slot * 0.36).min(9.0);
            let base = axes.area.bottom();
            let wedge = vec![[x, top], [x + half, base], [x - half, base]];
            page.scene.polygon(wedge, color(leaf).alpha(110));
        }
        let width = if slot < 3.0 { 1.0 } else { 1.6 };
        let first = tree.merges.len() + 1 - leaves.len();
        for (i, &[left, right]) in tree.merges.iter().enumerate().skip(first) {
            let ends = [at(places[left], tree.heights[i]), at(places[right], tree.heights[i])];
            for (end, cluster) in ends.into_iter().zip([left, right]) {
                let foot = at(places[cluster], tree.height(cluster));
                page.scene.line(vec![foot, end], Stroke::solid(color(cluster), width));
            }
            page.scene.line(ends.to_vec(), Stroke::solid(color(n + i), width));
        }
        if let Some(cut) = self.cut {
            let y = crisp(axes.at(0.0, cut)[1]);
            let stroke = Stroke { color: palette.wrong, width: 1.2, dash: &[6.0, 4.0] };
            page.scene.line(vec![[axes.area.x, y], [axes.area.right(), y]], stroke);
        }
        let middle = |leaf: usize| axes.at(places[leaf], 0.0)[0];
        let middles: Vec<f64> = leaves.iter().map(|&leaf| middle(leaf)).collect();
        room.put(&mut page, &names, &middles, axes.area.bottom());
        Ok(Figure::new(page.scene, self.style))
    }

    fn check(&self) -> Result<Tree> {
        let n_merges = self.merges.len();
        let n = n_merges + 1;
        not_empty(OP, n_merges.max(self.heights.len()))?;
        same_length(OP, ("merges", n_merges), ("heights", self.heights.len()))?;
        finite(OP, "heights", &self.heights, 0)?;
        if let Some(labels) = &self.labels {
            same_length(OP, ("samples", n), ("labels", labels.len()))?;
        }
        if let Some(names) = &self.names {
            same_length(OP, ("samples", n), ("names", names.len()))?;
        }
        if let Some(n_leaves) = self.n_leaves.filter(|&n_leaves| n_leaves < 2) {
            return Err(Error::param(OP, "truncate", "at least 2 leaves", n_leaves));
        }
        if let Some(cut) = self.cut.filter(|cut| !(cut.is_finite() && *cut >= 0.0)) {
            return Err(Error::param(OP, "cut", "finite and at least 0", cut));
        }
        Tree::new(OP, &self.merges, &self.heights, n)
    }

    /// What stands below a leaf.
    fn name(&self, tree: &Tree, leaf: usize) -> String {
        if leaf >= tree.n {
            return format!("({})", tree.sizes[leaf]);
        }
        self.names.as_ref().map_or_else(|| leaf.to_string(), |names| names[leaf].clone())
    }

    fn entries(&self, palette: &Palette) -> Vec<(Key, String)> {
        let labels = self.labels.as_deref().unwrap_or_default();
        let mut counts = vec![0; labels.iter().max().map_or(0, |most| most + 1)];
        for &label in labels {
            counts[label] += 1;
        }
        let key = |label: usize| Key::Marker(Marker::Square, palette.color(label));
        let entries = counts.iter().enumerate().filter(|&(_, &count)| count > 0);
        entries.map(|(label, count)| (key(label), format!("{label} ({count})"))).collect()
    }
}

/// How the names of the leaves are set.
#[derive(Debug, Clone, Copy, PartialEq)]
enum NameRoom {
    Flat,
    Upwards(f64),
    None,
}

impl NameRoom {
    fn of(names: &[String], area: Rect) -> Self {
        let slot = (area.w - 60.0) / names.len() as f64;
        let width = |name: &String| font::reserved_width(name, TICK_SIZE, Weight::Regular);
        let widest = names.iter().map(width).fold(0.0, f64::max);
        if widest + 6.0 <= slot {
            Self::Flat
        } else if slot >= LINE {
            Self::Upwards(widest.min(area.h / 3.0).ceil())
        } else {
            Self::None
        }
    }

    /// Pixels below the row that axes leave for numbers.
    fn height(self) -> f64 {
        match self {
            Self::Upwards(length) => (length - 12.0).max(0.0),
            _ => 0.0,
        }
    }

    fn put(self, page: &mut Page, names: &[String], middles: &[f64], bottom: f64) {
        let style = TextStyle::new(TICK_SIZE, page.palette.muted);
        match self {
            Self::Flat => {
                for (name, &x) in names.iter().zip(middles) {
                    let at = [x, bottom + 16.0];
                    style.anchor(Anchor::Middle).put(&mut page.scene, name, at, f64::INFINITY);
                }
            }
            Self::Upwards(length) => {
                for (name, &x) in names.iter().zip(middles) {
                    let at = [baseline(x, TICK_SIZE), bottom + 6.0];
                    style.anchor(Anchor::End).upwards().put(&mut page.scene, name, at, length);
                }
            }
            Self::None => {
                let text = format!("{} leaves", names.len());
                let at = [page.area.x + page.area.w / 2.0, bottom + 18.0];
                let style = TextStyle::new(LABEL_SIZE, page.palette.text).anchor(Anchor::Middle);
                style.put(&mut page.scene, &text, at, page.area.w);
            }
        }
    }
}
