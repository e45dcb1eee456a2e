//! Points in the plane, coloured by group.

use crate::axes::{Axes, Axis, RangeRequest, Scale};
use crate::color::Color;
use crate::figure::{Figure, Style};
use crate::marker::Marker;
use crate::page::{Key, Page};
use crate::series::{finite, not_empty, same_length, to_f64};
use crate::theme::Palette;
use purlin_core::{Error, Real, Result};

const OP: &str = "scatter";

/// Points in the plane; a label gives each its colour and shape, no label makes it noise.
///
/// | value       | shape          | rule                                                       |
/// |-------------|----------------|------------------------------------------------------------|
/// | `x`, `y`    | `(n_points,)`  | finite (a point without a place cannot be drawn)           |
/// | `labels`    | `(n_points,)`  | group of each point; `None` is noise: a small grey cross   |
/// | `centroids` | `(n_centers,)` | marked by a large ring with a dot                          |
///
/// After 8 groups (6 on transparent) the colours repeat, each with another shape.
///
/// # Examples
///
/// ```
/// use purlin_plot::Scatter;
///
/// let figure = Scatter::new(&[0.0, 0.1, 5.0, 9.0], &[0.0, 0.2, 5.0, 0.5])
///     .labels(&[Some(0), Some(0), Some(1), None])
///     .class_names(&["near", "far"])
///     .draw()?;
/// let svg = figure.to_svg();
/// assert!(svg.contains(">near</text>") && svg.contains(">noise</text>"));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `draw` is called"]
pub struct Scatter {
    x: Vec<f64>,
    y: Vec<f64>,
    labels: Option<Vec<Option<usize>>>,
    class_names: Vec<String>,
    centroids: (Vec<f64>, Vec<f64>),
    title: String,
    x_label: String,
    y_label: String,
    equal_axes: bool,
    style: Style,
}

impl Scatter {
    /// Points at `(x[i], y[i])`.
    pub fn new<T: Real>(x: &[T], y: &[T]) -> Self {
        Self {
            x: to_f64(x),
            y: to_f64(y),
            labels: None,
            class_names: Vec::new(),
            centroids: (Vec::new(), Vec::new()),
            title: String::new(),
            x_label: String::new(),
            y_label: String::new(),
            equal_axes: false,
            style: Style::new(),
        }
    }

    /// The group of each point; `None` for noise.
    pub fn labels(mut self, labels: &[Option<usize>]) -> Self {
        self.labels = Some(labels.to_vec());
        self
    }

    /// The class of each point, where all have one.
    pub fn classes(mut self, classes: &[usize]) -> Self {
        self.labels = Some(classes.iter().map(|&class| Some(class)).collect());
        self
    }

    /// Names of the groups; without them the legend counts: 0, 1, 2, ...
    pub fn class_names<S: AsRef<str>>(mut self, names: &[S]) -> Self {
        self.class_names = names.iter().map(|name| name.as_ref().to_owned()).collect();
        self
    }

    /// Places to mark, such as the centroids of a clustering.
    pub fn centroids<T: Real>(mut self, x: &[T], y: &[T]) -> Self {
        self.centroids = (to_f64(x), to_f64(y));
        self
    }

    /// The title above the picture.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The name of the x axis.
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.x_label = label.into();
        self
    }

    /// The name of the y axis.
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y_label = label.into();
        self
    }

    /// Makes a unit equally long on both axes, so that distances look as they are.
    pub fn equal_axes(mut self) -> Self {
        self.equal_axes = true;
        self
    }

    /// Theme, size (640 x 480 by default) and pixel ratio.
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// Draws the points.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewSamples`]: there is no point.
    /// - [`Error::Shape`]: `x`, `y`, `labels` (or the centroids) differ in length, or a label has
    ///   no name although names are given.
    /// - [`Error::NonFinite`]: NaN or an infinity in `x` or `y` (row: point).
    /// - [`Error::InvalidParam`]: the size is out of bounds.
    pub fn draw(&self) -> Result<Figure> {
        self.check()?;
        let request =
            |name| RangeRequest { op: OP, name, scale: Scale::Linear, explicit: None, pad: 0.05 };
        let xs = self.x.iter().chain(&self.centroids.0).copied();
        let ys = self.y.iter().chain(&self.centroids.1).copied();
        let x_range = request("x").resolve(xs)?;
        let y_range = request("y").resolve(ys)?;

        let palette = self.style.palette();
        let n = self.x.len();
        let description = format!("{} (scatter plot of {n} points)", self.title);
        let scene = self.style.scene(OP, self.style.size_or(OP, (640, 480))?, description)?;
        let mut page = Page::new(scene, palette, &self.title);
        page.legend(&self.entries(palette));
        let axis = |label, (lo, hi)| Axis { label, scale: Scale::Linear, lo, hi, integers: false };
        let (mut x, mut y) = (axis(&self.x_label, x_range), axis(&self.y_label, y_range));
        if self.equal_axes {
            let empty = page.scene.clone();
            let area = Axes::draw(&mut page.scene, palette, page.area, &x, &y, 0.0).area;
            page.scene = empty; // that drawing only told the size of the area
            let unit = ((x.hi - x.lo) / area.w).max((y.hi - y.lo) / area.h);
            widen(&mut x, unit * area.w);
            widen(&mut y, unit * area.h);
        }
        let axes = Axes::draw(&mut page.scene, palette, page.area, &x, &y, 0.0);

        let radius = if n > 2000 { 2.5 } else { 3.8 };
        let alpha = if n > 500 { 180 } else { 220 };
        // Noise first: it lies below.
        for noise in [true, false] {
            for i in (0..n).filter(|&i| (self.label(i) == Label::Noise) == noise) {
                let (marker, color) = self.label(i).look(palette);
                let at = axes.at(self.x[i], self.y[i]);
                marker.draw(&mut page.scene, at, radius, color.alpha(alpha));
            }
        }
        for (&x, &y) in self.centroids.0.iter().zip(&self.centroids.1) {
            let at = axes.at(x, y);
            let ground = palette.background.unwrap_or(Color::hex(0xff_ff_ff));
            page.scene.circle(at, 9.0, ground);
            page.scene.circle(at, 7.5, palette.text);
            page.scene.circle(at, 5.5, ground);
            page.scene.circle(at, 2.5, palette.text);
        }
        Ok(Figure::new(page.scene, self.style))
    }

    fn check(&self) -> Result<()> {
        not_empty(OP, self.x.len().max(self.y.len()))?;
        same_length(OP, ("x", self.x.len()), ("y", self.y.len()))?;
        finite(OP, "x", &self.x, 0)?;
        finite(OP, "y", &self.y, 1)?;
        let (cx, cy) = &self.centroids;
        same_length(OP, ("centroids x", cx.len()), ("centroids y", cy.len()))?;
        finite(OP, "centroids", cx, 0)?;
        finite(OP, "centroids", cy, 1)?;
        let Some(labels) = &self.labels else { return Ok(()) };
        same_length(OP, ("x", self.x.len()), ("labels", labels.len()))?;
        match labels.iter().flatten().max() {
            Some(&largest) if !self.class_names.is_empty() && largest >= self.class_names.len() => {
                let names = format!("a name for every label up to {largest}");
                Err(Error::shape(OP, names, format!("{} names", self.class_names.len())))
            }
            _ => Ok(()),
        }
    }

    fn label(&self, index: usize) -> Label {
        match &self.labels {
            None => Label::Group(0),
            Some(labels) => labels[index].map_or(Label::Noise, Label::Group),
        }
    }

    fn entries(&self, palette: &Palette) -> Vec<(Key, String)> {
        let Some(labels) = &self.labels else { return Vec::new() };
        let mut groups: Vec<usize> = labels.iter().flatten().copied().collect();
        groups.sort_unstable();
        groups.dedup();
        let name = |group: usize| match self.class_names.get(group) {
            Some(name) => name.clone(),
            None => group.to_string(),
        };
        let key = |label: Label| {
            let (marker, color) = label.look(palette);
            Key::Marker(marker, color)
        };
        let mut entries: Vec<(Key, String)> =
            groups.into_iter().map(|group| (key(Label::Group(group)), name(group))).collect();
        if labels.contains(&None) {
            entries.push((key(Label::Noise), "noise".to_owned()));
        }
        entries
    }
}

/// What a point belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    Group(usize),
    Noise,
}

impl Label {
    fn look(self, palette: &Palette) -> (Marker, Color) {
        match self {
            Self::Group(group) => (Marker::of(group), palette.color(group)),
            Self::Noise => (Marker::Cross, palette.noise),
        }
    }
}

/// Makes an axis span `span`, about its own middle.
fn widen(axis: &mut Axis<'_>, span: f64) {
    let room = (span - (axis.hi - axis.lo)) / 2.0;
    axis.lo -= room;
    axis.hi += room;
}
