//! How well each sample lies in its cluster.

use crate::axes::{Axes, Axis, Scale};
use crate::figure::{Figure, Style};
use crate::font::{self, Weight};
use crate::page::{Key, LABEL_SIZE, Page, TICK_SIZE, TextStyle, baseline};
use crate::raster::Point;
use crate::scene::{Anchor, Stroke};
use crate::series::{finite, not_empty, same_length, to_f64};
use crate::ticks::value_text;
use purlin_core::{Error, Real, Result};

const OP: &str = "silhouette_plot";
/// Pixels between two clusters.
const GAP: f64 = 7.0;

/// A silhouette diagram: one band for each cluster, as high as its samples are many, whose bars are
/// the silhouette of each sample in falling order; a dashed line at the mean of all.
///
/// | value    | shape          | rule                             |
/// |----------|----------------|----------------------------------|
/// | `values` | `(n_samples,)` | from -1 to 1                     |
/// | `labels` | `(n_samples,)` | the cluster of each sample       |
///
/// A band that ends left of the line is a weak cluster; bars below 0 lie nearer to another one.
///
/// # Examples
///
/// ```
/// use purlin_plot::SilhouettePlot;
///
/// let figure = SilhouettePlot::new(&[0.9, 0.7, 0.8, -0.2], &[0, 0, 1, 1]).draw()?;
/// let svg = figure.to_svg();
/// assert!(svg.contains(">mean 0.55</text>")); // of all samples
/// assert!(svg.contains(">0 (2): 0.8</text>") && svg.contains(">1 (2): 0.3</text>"));
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// P. J. Rousseeuw, *Silhouettes: a graphical aid to the interpretation and validation of cluster
/// analysis*, Journal of Computational and Applied Mathematics 20, 1987.
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `draw` is called"]
pub struct SilhouettePlot {
    values: Vec<f64>,
    labels: Vec<usize>,
    title: String,
    style: Style,
}

impl SilhouettePlot {
    /// The silhouette and the cluster of each sample.
    pub fn new<T: Real>(values: &[T], labels: &[usize]) -> Self {
        Self {
            values: to_f64(values),
            labels: labels.to_vec(),
            title: String::new(),
            style: Style::new(),
        }
    }

    /// The title above the picture.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Theme, size (640 x 480 by default) and pixel ratio.
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// Draws the diagram.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewSamples`]: there is no sample.
    /// - [`Error::Shape`]: not one label for each value.
    /// - [`Error::NonFinite`]: a value is NaN or infinite.
    /// - [`Error::InvalidParam`]: a value out of -1 to 1, or a size out of bounds.
    pub fn draw(&self) -> Result<Figure> {
        self.check()?;
        let n = self.values.len();
        let bands = self.bands();
        let palette = self.style.palette();
        let description = format!("{} (silhouettes of {n} samples)", self.title);
        let scene = self.style.scene(OP, self.style.size_or(OP, (640, 480))?, description)?;
        let mut page = Page::new(scene, palette, &self.title);
        let mean = self.values.iter().sum::<f64>() / n as f64;
        let line = Stroke { color: palette.text, width: 1.4, dash: &[5.0, 4.0] };
        page.legend(&[(Key::Line(line), format!("mean {}", short(mean)))]);

        let names: Vec<String> = bands.iter().map(Band::name).collect();
        let width = |name: &String| font::reserved_width(name, TICK_SIZE, Weight::Regular);
        let column = names.iter().map(width).fold(0.0, f64::max).min(page.area.w / 3.0).ceil();
        let mut area = page.area;
        area.x += column;
        area.w -= column;
        let least = self.values.iter().copied().fold(0.0, f64::min);
        let lo = if least < 0.0 { (least * 1.1).max(-1.0) } else { 0.0 };
        let x = Axis { label: "silhouette", scale: Scale::Linear, lo, hi: 1.0, integers: false };
        let y = Axis { label: "", scale: Scale::Bare, lo: 0.0, hi: 1.0, integers: false };
        let axes = Axes::draw(&mut page.scene, palette, area, &x, &y, 0.0);

        let zero = axes.at(0.0, 0.0)[0];
        // With many clusters the gaps take a third of the height at most.
        let gap = GAP.min(axes.area.h / 3.0 / bands.len() as f64);
        let unit = (axes.area.h - gap * (bands.len() + 1) as f64) / n as f64;
        let mut top = axes.area.y + gap;
        let mut free = axes.area.y; // below the last name
        for (band, name) in bands.iter().zip(&names) {
            let height = unit * band.values.len() as f64;
            let at = |value: f64| axes.at(value, 0.0)[0];
            let outline = band.outline(zero, top, height, at);
            page.scene.polygon(outline, palette.color(band.label));
            let middle = top + height / 2.0;
            if middle - TICK_SIZE / 2.0 >= free {
                let style = TextStyle::new(TICK_SIZE, palette.muted).anchor(Anchor::End);
                let place = [axes.area.x - 6.0, baseline(middle, TICK_SIZE)];
                style.put(&mut page.scene, name, place, column);
                free = middle + LABEL_SIZE / 2.0;
            }
            top += height + gap;
        }
        let x = axes.at(mean, 0.0)[0];
        let ends = vec![[x, axes.area.y], [x, axes.area.bottom()]];
        if let Some(ground) = palette.background {
            // A line of ground under the dashes, which dark bands would hide.
            page.scene.line(ends.clone(), Stroke::solid(ground.alpha(200), 3.5));
        }
        page.scene.line(ends, line);
        Ok(Figure::new(page.scene, self.style))
    }

    fn check(&self) -> Result<()> {
        not_empty(OP, self.values.len().max(self.labels.len()))?;
        same_length(OP, ("values", self.values.len()), ("labels", self.labels.len()))?;
        finite(OP, "values", &self.values, 0)?;
        match self.values.iter().position(|value| value.abs() > 1.0) {
            Some(i) => {
                let got = format!("{} at index {i}", self.values[i]);
                Err(Error::param(OP, "values", "from -1 to 1", got))
            }
            None => Ok(()),
        }
    }

    /// The clusters that have samples, by label.
    fn bands(&self) -> Vec<Band> {
        let mut samples: Vec<(usize, f64)> =
            self.labels.iter().copied().zip(self.values.iter().copied()).collect();
        samples.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        let band = |samples: &[(usize, f64)]| Band {
            label: samples[0].0,
            values: samples.iter().map(|sample| sample.1).collect(),
        };
        samples.chunk_by(|a, b| a.0 == b.0).map(band).collect()
    }
}

/// One cluster, its values in falling order.
struct Band {
    label: usize,
    values: Vec<f64>,
}

impl Band {
    fn name(&self) -> String {
        let n = self.values.len();
        format!("{} ({n}): {}", self.label, short(self.values.iter().sum::<f64>() / n as f64))
    }

    /// Steps from the top down; not more than two to a pixel.
    fn outline(&self, zero: f64, top: f64, height: f64, at: impl Fn(f64) -> f64) -> Vec<Point> {
        let n = self.values.len();
        let steps = n.min((height * 2.0).ceil().max(1.0) as usize);
        let y = |step: usize| top + height * step as f64 / steps as f64;
        let mut points = vec![[zero, top]];
        for step in 0..steps {
            let x = at(self.values[step * n / steps]);
            points.extend([[x, y(step)], [x, y(step + 1)]]);
        }
        points.push([zero, top + height]);
        points
    }
}

/// A mean with two digits.
fn short(value: f64) -> String {
    value_text((value * 100.0).round_ties_even() / 100.0)
}
