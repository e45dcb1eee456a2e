//! Points in the plane, coloured by group.

use crate::axes::{Axes, Axis, RangeRequest, Scale};
use crate::color::Color;
use crate::figure::{Figure, Style};
use crate::marker::Marker;
use crate::page::{Key, Page};
use crate::scene::Stroke;
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
/// | `strengths` | `(n_points,)`  | from 0 (hardly seen) to 1                                  |
/// | ellipses    | any            | two standard deviations around a mean, in a group's colour |
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
    strengths: Option<Vec<f64>>,
    ellipses: Vec<Ellipse>,
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
            strengths: None,
            ellipses: Vec::new(),
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

    /// How surely each point belongs to its group: the less, the fainter it is.
    pub fn strengths<T: Real>(mut self, strengths: &[T]) -> Self {
        self.strengths = Some(to_f64(strengths));
        self
    }

    /// Outlines one and two standard deviations of a normal distribution in the colour of a group:
    /// its mean, the variances along both axes, and the covariance.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_plot::Scatter;
    ///
    /// let (x, y) = ([0.0, 1.0, 2.0], [0.1, 0.9, 2.1]);
    /// let figure = Scatter::new(&x, &y).ellipse(0, [1.0, 1.0], [0.7, 0.7], 0.6).draw()?;
    /// assert_eq!(figure.to_svg().matches("<polyline").count(), 2);
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn ellipse(
        mut self,
        group: usize,
        mean: [f64; 2],
        variances: [f64; 2],
        covariance: f64,
    ) -> Self {
        self.ellipses.push(Ellipse { group, mean, variances, covariance });
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
    /// - [`Error::Shape`]: `x`, `y`, `labels`, `strengths` (or the centroids) differ in length, or a
    ///   label has no name although names are given.
    /// - [`Error::NonFinite`]: NaN or an infinity in `x` or `y` (row: point).
    /// - [`Error::InvalidParam`]: a strength out of 0 to 1, an ellipse that no distribution has, or a
    ///   size out of bounds.
    pub fn draw(&self) -> Result<Figure> {
        self.check()?;
        let request =
            |name| RangeRequest { op: OP, name, scale: Scale::Linear, explicit: None, pad: 0.05 };
        let xs = self.x.iter().chain(&self.centroids.0).copied();
        let ys = self.y.iter().chain(&self.centroids.1).copied();
        let x_range =
            request("x").resolve(xs.chain(self.ellipses.iter().flat_map(|e| e.ends(0))))?;
        let y_range =
            request("y").resolve(ys.chain(self.ellipses.iter().flat_map(|e| e.ends(1))))?;

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
        let alpha = if n > 500 { 180.0 } else { 220.0 };
        // Noise first: it lies below.
        for noise in [true, false] {
            for i in (0..n).filter(|&i| (self.label(i) == Label::Noise) == noise) {
                let (marker, color) = self.label(i).look(palette);
                let at = axes.at(self.x[i], self.y[i]);
                // The faintest are still seen, as noise is.
                let strength = self.strengths.as_ref().map_or(1.0, |s| 0.15 + 0.85 * s[i]);
                let alpha = (alpha * strength) as u8;
                marker.draw(&mut page.scene, at, radius, color.alpha(alpha));
            }
        }
        for ellipse in &self.ellipses {
            let color = palette.color(ellipse.group);
            for (deviations, width) in [(1.0, 1.2), (2.0, 2.0)] {
                let points = ellipse.outline(deviations);
                let [x, y] = [0, 1].map(|axis| points.iter().map(|p| p[axis]).collect::<Vec<_>>());
                axes.line(&mut page.scene, &x, &y, Stroke::solid(color, width));
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
        if let Some(strengths) = &self.strengths {
            same_length(OP, ("x", self.x.len()), ("strengths", strengths.len()))?;
            if let Some(i) = strengths.iter().position(|s| !(0.0..=1.0).contains(s)) {
                let got = format!("{} at index {i}", strengths[i]);
                return Err(Error::param(OP, "strengths", "from 0 to 1", got));
            }
        }
        if let Some(ellipse) = self.ellipses.iter().find(|ellipse| !ellipse.is_possible()) {
            let Ellipse { mean, variances, covariance, .. } = ellipse;
            let got = format!("mean {mean:?}, variances {variances:?}, covariance {covariance}");
            return Err(Error::param(OP, "ellipse", "one of a finite distribution", got));
        }
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

/// A normal distribution in the plane.
#[derive(Debug, Clone, Copy)]
struct Ellipse {
    group: usize,
    mean: [f64; 2],
    variances: [f64; 2],
    covariance: f64,
}

impl Ellipse {
    fn is_possible(&self) -> bool {
        let [xx, yy] = self.variances;
        let numbers = [self.mean[0], self.mean[1], xx, yy, self.covariance];
        // A correlation of 1 may be rounded beyond it.
        let is_bound = self.covariance.abs() <= (xx.sqrt() * yy.sqrt()) * (1.0 + 1e-9);
        numbers.iter().all(|v| v.is_finite()) && xx >= 0.0 && yy >= 0.0 && is_bound
    }

    /// Two standard deviations both ways along an axis.
    fn ends(&self, axis: usize) -> [f64; 2] {
        let reach = 2.0 * self.variances[axis].sqrt();
        [self.mean[axis] - reach, self.mean[axis] + reach]
    }

    /// `mean + deviations * L (cos t, sin t)` with the Cholesky factor `L` of the covariance.
    fn outline(&self, deviations: f64) -> Vec<[f64; 2]> {
        let [xx, yy] = self.variances;
        let a = xx.sqrt();
        let b = if a > 0.0 { self.covariance / a } else { 0.0 };
        let c = (yy - b * b).max(0.0).sqrt();
        let point = |i: i32| {
            let (sin, cos) = libm::sincos(std::f64::consts::TAU * f64::from(i) / 120.0);
            [self.mean[0] + deviations * a * cos, self.mean[1] + deviations * (b * cos + c * sin)]
        };
        (0..=120).map(point).collect()
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
