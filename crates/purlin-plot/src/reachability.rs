//! A reachability plot: valleys are clusters.

use crate::axes::{Axes, Axis, RangeRequest, Scale};
use crate::color::Color;
use crate::figure::{Figure, Style};
use crate::marker::Marker;
use crate::page::{Key, Page};
use crate::scene::{Rect, Stroke};
use crate::series::{not_empty, same_length, to_f64};
use crate::theme::Palette;
use purlin_core::{Error, Real, Result};

const OP: &str = "reachability_plot";

/// The reachability of samples in the order in which OPTICS visits them: a valley is a cluster, the
/// deeper the denser; a peak is the way to the next.
///
/// | value          | shape          | rule                                                        |
/// |----------------|----------------|-------------------------------------------------------------|
/// | `reachability` | `(n_samples,)` | in the order of the visit; at least 0, infinity where there is none |
/// | `labels`       | `(n_samples,)` | in the same order; `None` is noise                          |
///
/// Infinite ones reach the top, in the colour of noise. Where there are more samples than pixels, a
/// column shows the greatest of its samples, so that no peak is lost.
///
/// # Examples
///
/// ```
/// use purlin_plot::ReachabilityPlot;
///
/// let reachability = [f64::INFINITY, 0.2, 0.3, 2.0, 0.1, 0.1];
/// let labels = [Some(0), Some(0), Some(0), None, Some(1), Some(1)];
/// let figure = ReachabilityPlot::new(&reachability).labels(&labels).cut(1.0).draw()?;
/// assert!(figure.to_svg().contains(">noise</text>"));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `draw` is called"]
pub struct ReachabilityPlot {
    values: Vec<f64>,
    labels: Option<Vec<Option<usize>>>,
    cut: Option<f64>,
    title: String,
    y_label: String,
    style: Style,
}

impl ReachabilityPlot {
    /// The reachabilities, in the order of the visit.
    pub fn new<T: Real>(reachability: &[T]) -> Self {
        Self {
            values: to_f64(reachability),
            labels: None,
            cut: None,
            title: String::new(),
            y_label: "reachability".to_owned(),
            style: Style::new(),
        }
    }

    /// The cluster of each sample, in the order of the visit; `None` for noise.
    pub fn labels(mut self, labels: &[Option<usize>]) -> Self {
        self.labels = Some(labels.to_vec());
        self
    }

    /// Marks a reachability, such as that of a cut, by a dashed line.
    pub fn cut(mut self, reachability: f64) -> Self {
        self.cut = Some(reachability);
        self
    }

    /// The title above the picture.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The name of the y axis, `reachability` by default.
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y_label = label.into();
        self
    }

    /// Theme, size (800 x 400 by default) and pixel ratio.
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// Draws the plot.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewSamples`]: there is no sample.
    /// - [`Error::Shape`]: not one label for each sample, or no finite reachability.
    /// - [`Error::InvalidParam`]: a reachability that is NaN or negative, a cut that is not finite,
    ///   or a size out of bounds.
    pub fn draw(&self) -> Result<Figure> {
        self.check()?;
        let n = self.values.len();
        let request = RangeRequest {
            op: OP,
            name: "reachability",
            scale: Scale::Linear,
            explicit: None,
            pad: 0.05,
        };
        let (_, top) = request.resolve(self.values.iter().copied().chain(self.cut).chain([0.0]))?;
        let palette = self.style.palette();
        let description = format!("{} (reachability of {n} samples)", self.title);
        let scene = self.style.scene(OP, self.style.size_or(OP, (800, 400))?, description)?;
        let mut page = Page::new(scene, palette, &self.title);
        page.legend(&self.entries(palette));
        let x = Axis {
            label: "samples, in the order of the visit",
            scale: Scale::Linear,
            lo: 0.0,
            hi: n as f64,
            integers: true,
        };
        let y =
            Axis { label: &self.y_label, scale: Scale::Linear, lo: 0.0, hi: top, integers: false };
        let axes = Axes::draw(&mut page.scene, palette, page.area, &x, &y, 0.0);

        let columns = n.min(axes.area.w as usize);
        let bottom = axes.area.bottom();
        for column in 0..columns {
            let range = column * n / columns..(column + 1) * n / columns;
            let greatest = range.clone().max_by(|&a, &b| self.values[a].total_cmp(&self.values[b]));
            let Some(at) = greatest else { continue };
            let value = self.values[at];
            let left = axes.at(range.start as f64, 0.0)[0] - 0.5;
            let right = axes.at(range.end as f64, 0.0)[0] - 0.5;
            // Whole pixels where bars are narrow: neighbours then meet without a seam.
            let (left, right) = (left.round_ties_even(), right.round_ties_even());
            let gap = if right - left >= 4.0 { 1.0 } else { 0.0 };
            let height = axes.at(0.0, value.min(top))[1];
            let color = if value.is_finite() { self.color(at, palette) } else { palette.noise };
            let bar = Rect::new(left, height, right - left - gap, bottom - height);
            page.scene.rect(bar, color);
        }
        if let Some(cut) = self.cut {
            let y = axes.at(0.0, cut)[1];
            let stroke = Stroke { color: palette.text, width: 1.4, dash: &[6.0, 4.0] };
            page.scene.line(vec![[axes.area.x, y], [axes.area.right(), y]], stroke);
        }
        Ok(Figure::new(page.scene, self.style))
    }

    fn check(&self) -> Result<()> {
        not_empty(OP, self.values.len())?;
        if let Some(labels) = &self.labels {
            same_length(OP, ("reachability", self.values.len()), ("labels", labels.len()))?;
        }
        if let Some(i) = self.values.iter().position(|value| value.is_nan() || *value < 0.0) {
            let got = format!("{} at index {i}", self.values[i]);
            return Err(Error::param(OP, "reachability", "at least 0", got));
        }
        match self.cut.filter(|cut| !(cut.is_finite() && *cut >= 0.0)) {
            Some(cut) => Err(Error::param(OP, "cut", "finite and at least 0", cut)),
            None => Ok(()),
        }
    }

    fn color(&self, sample: usize, palette: &Palette) -> Color {
        match &self.labels {
            None => palette.color(0),
            Some(labels) => labels[sample].map_or(palette.noise, |label| palette.color(label)),
        }
    }

    fn entries(&self, palette: &Palette) -> Vec<(Key, String)> {
        let Some(labels) = &self.labels else { return Vec::new() };
        let mut groups: Vec<usize> = labels.iter().flatten().copied().collect();
        groups.sort_unstable();
        groups.dedup();
        let key = |color| Key::Marker(Marker::Square, color);
        let mut entries: Vec<(Key, String)> = (groups.into_iter())
            .map(|group| (key(palette.color(group)), group.to_string()))
            .collect();
        if labels.contains(&None) {
            entries.push((key(palette.noise), "noise".to_owned()));
        }
        entries
    }
}
