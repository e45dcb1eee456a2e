//! Lines through points.

use crate::axes::{Axes, Axis, RangeRequest, Scale};
use crate::figure::{Figure, Style};
use crate::page::{Key, Page};
use crate::scene::{Scene, Stroke};
use crate::series::{finite, not_empty, same_length, to_f64};
use crate::theme::Palette;
use purlin_core::{Real, Result};

const OP: &str = "line_plot";

/// Several lines over a common pair of axes, each linear or logarithmic.
///
/// | value | shape         | rule                                                            |
/// |-------|---------------|-----------------------------------------------------------------|
/// | `x`   | `(n_points,)` | finite; in any order (the line follows it)                      |
/// | `y`   | `(n_points,)` | NaN and infinities leave a gap; positive on a logarithmic axis |
///
/// A line of more than 4,000 points is thinned to the lowest and highest of each pixel column.
///
/// # Examples
///
/// ```
/// use purlin_plot::LinePlot;
///
/// let steps: Vec<f32> = (1..=100).map(|i| i as f32).collect();
/// let sgd: Vec<f32> = steps.iter().map(|i| 1.0 / i).collect();
/// let figure = LinePlot::new()
///     .line("SGD", &steps, &sgd)
///     .title("Convergence")
///     .x_label("step")
///     .y_label("loss")
///     .log_y()
///     .draw()?;
/// assert!(figure.to_svg().contains(">Convergence</text>"));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `draw` is called"]
pub struct LinePlot {
    lines: Vec<Line>,
    title: String,
    x_label: String,
    y_label: String,
    x_scale: Scale,
    y_scale: Scale,
    x_range: Option<(f64, f64)>,
    y_range: Option<(f64, f64)>,
    markers: bool,
    style: Style,
}

#[derive(Debug, Clone)]
struct Line {
    name: String,
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Default for LinePlot {
    fn default() -> Self {
        Self::new()
    }
}

impl LinePlot {
    /// An empty plot.
    pub fn new() -> Self {
        Self {
            lines: Vec::new(),
            title: String::new(),
            x_label: String::new(),
            y_label: String::new(),
            x_scale: Scale::Linear,
            y_scale: Scale::Linear,
            x_range: None,
            y_range: None,
            markers: false,
            style: Style::new(),
        }
    }

    /// Adds a line; an empty name stays out of the legend.
    pub fn line<T: Real>(mut self, name: impl Into<String>, x: &[T], y: &[T]) -> Self {
        self.lines.push(Line { name: name.into(), x: to_f64(x), y: to_f64(y) });
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

    /// Makes the x axis logarithmic.
    pub fn log_x(mut self) -> Self {
        self.x_scale = Scale::Log;
        self
    }

    /// Makes the y axis logarithmic.
    pub fn log_y(mut self) -> Self {
        self.y_scale = Scale::Log;
        self
    }

    /// Shows x from `lo` to `hi` instead of all of it.
    pub fn x_range(mut self, lo: f64, hi: f64) -> Self {
        self.x_range = Some((lo, hi));
        self
    }

    /// Shows y from `lo` to `hi` instead of all of it.
    pub fn y_range(mut self, lo: f64, hi: f64) -> Self {
        self.y_range = Some((lo, hi));
        self
    }

    /// Marks each point with a dot.
    pub fn markers(mut self) -> Self {
        self.markers = true;
        self
    }

    /// Theme, size (640 x 400 by default) and pixel ratio.
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// Draws the plot.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewSamples`](purlin_core::Error::TooFewSamples): there is no line, or a line has no point.
    /// - [`Error::Shape`](purlin_core::Error::Shape): `x` and `y` differ in length, or no y is finite.
    /// - [`Error::NonFinite`](purlin_core::Error::NonFinite): NaN or an infinity in `x` (row: point, column: line).
    /// - [`Error::InvalidParam`](purlin_core::Error::InvalidParam): a value that is not positive on a logarithmic
    ///   axis, an empty range, or a size out of bounds.
    pub fn draw(&self) -> Result<Figure> {
        not_empty(OP, self.lines.len())?;
        for (index, line) in self.lines.iter().enumerate() {
            not_empty(OP, line.x.len().max(line.y.len()))?;
            same_length(OP, ("x", line.x.len()), ("y", line.y.len()))?;
            finite(OP, "x", &line.x, index)?;
        }
        let request =
            |name, scale, explicit, pad| RangeRequest { op: OP, name, scale, explicit, pad };
        let xs = self.lines.iter().flat_map(|line| line.x.iter().copied());
        let ys = self.lines.iter().flat_map(|line| line.y.iter().copied());
        let x_range = request("x", self.x_scale, self.x_range, 0.02).resolve(xs)?;
        let y_range = request("y", self.y_scale, self.y_range, 0.05).resolve(ys)?;

        let palette = self.style.palette();
        let scene = self.style.scene(OP, self.style.size_or(OP, (640, 400))?, self.describe())?;
        let mut page = Page::new(scene, palette, &self.title);
        let named: Vec<(Key, String)> = (0..)
            .zip(&self.lines)
            .filter(|(_, line)| !line.name.is_empty())
            .map(|(index, line)| (Key::Line(stroke(palette, index)), line.name.clone()))
            .collect();
        page.legend(&named);
        let axis = |label, scale, (lo, hi)| Axis { label, scale, lo, hi, integers: false };
        let x = axis(&self.x_label, self.x_scale, x_range);
        let y = axis(&self.y_label, self.y_scale, y_range);
        let axes = Axes::draw(&mut page.scene, palette, page.area, &x, &y, 0.0);
        for (index, line) in self.lines.iter().enumerate() {
            let stroke = stroke(palette, index);
            axes.line(&mut page.scene, &line.x, &line.y, stroke);
            if self.markers {
                dots(&mut page.scene, &axes, line, stroke);
            }
        }
        Ok(Figure::new(page.scene, self.style))
    }

    fn describe(&self) -> String {
        let names: Vec<&str> = self.lines.iter().map(|line| line.name.as_str()).collect();
        format!("{} (line plot: {})", self.title, names.join(", "))
    }
}

fn stroke(palette: &Palette, index: usize) -> Stroke {
    Stroke { color: palette.color(index), width: 2.0, dash: palette.dash(index) }
}

fn dots(scene: &mut Scene, axes: &Axes, line: &Line, stroke: Stroke) {
    for (&x, &y) in line.x.iter().zip(&line.y) {
        let at = axes.at(x, y);
        if y.is_finite() && axes.contains(at) {
            scene.circle(at, 3.5, stroke.color);
        }
    }
}
