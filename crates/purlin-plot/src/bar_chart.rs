//! One value per name.

use crate::figure::{Figure, Style};
use crate::font::{self, Weight};
use crate::page::{LABEL_SIZE, MARGIN, Page, TICK_SIZE, TextStyle, baseline, title_height};
use crate::scene::{Anchor, Rect, single_line};
use crate::series::{finite, not_empty, same_length, to_f64};
use crate::ticks::value_text;
use purlin_core::{Error, Real, Result};

const OP: &str = "bar_chart";
/// The lowest row that still holds a line of text.
const MIN_ROW: f64 = 16.0;

/// Horizontal bars from zero, each with its name and its value: accuracy per class, importance of
/// features.
///
/// | value    | shape     | rule                                          |
/// |----------|-----------|-----------------------------------------------|
/// | `names`  | `(n,)`    | any text; shortened to a third of the width   |
/// | `values` | `(n,)`    | finite; negative ones go to the left of zero  |
///
/// # Examples
///
/// ```
/// use purlin_plot::BarChart;
///
/// let figure = BarChart::new(&["cat", "dog"], &[0.96, 0.9]).title("Recall").draw()?;
/// assert!(figure.to_svg().contains(">0.96</text>"));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `draw` is called"]
pub struct BarChart {
    names: Vec<String>,
    values: Vec<f64>,
    title: String,
    style: Style,
}

impl BarChart {
    /// One bar for each name, from the top.
    pub fn new<S: AsRef<str>, T: Real>(names: &[S], values: &[T]) -> Self {
        let names = names.iter().map(|name| single_line(name.as_ref())).collect();
        Self { names, values: to_f64(values), title: String::new(), style: Style::new() }
    }

    /// The title above the picture.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Theme, size (by default 640 wide, 26 high for each bar) and pixel ratio.
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// Draws the bars.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewSamples`]: there is no bar.
    /// - [`Error::Shape`]: names and values differ in number.
    /// - [`Error::NonFinite`]: a value is NaN or infinite.
    /// - [`Error::InvalidParam`]: a size out of bounds or too low for the number of bars.
    pub fn draw(&self) -> Result<Figure> {
        let n = self.values.len();
        not_empty(OP, n.max(self.names.len()))?;
        same_length(OP, ("names", self.names.len()), ("values", n))?;
        finite(OP, "values", &self.values, 0)?;
        let around = title_height(&self.title) + 2.0 * MARGIN;
        let natural = (around + n as f64 * 26.0).ceil() as usize;
        let size = self.style.size_or(OP, (640, natural.max(120)))?;
        let row = ((size.1 as f64 - around) / n as f64).min(40.0);
        if row < MIN_ROW {
            let least = (around + n as f64 * MIN_ROW).ceil();
            return Err(Error::param(
                OP,
                "height",
                format!("at least {least} for {n} bars"),
                size.1,
            ));
        }

        let palette = self.style.palette();
        let description = format!("{} (bar chart: {})", self.title, self.names.join(", "));
        let scene = self.style.scene(OP, size, description)?;
        let mut page = Page::new(scene, palette, &self.title);
        let Rect { x, y, w, .. } = page.area;
        let texts: Vec<String> = self.values.iter().map(|&value| value_text(value)).collect();
        let widest = |texts: &[String], size| {
            let widths = texts.iter().map(|text| font::reserved_width(text, size, Weight::Regular));
            widths.fold(0.0, f64::max)
        };
        let names = widest(&self.names, LABEL_SIZE).min(w / 3.0).ceil();
        let number = widest(&texts, TICK_SIZE).ceil() + 8.0;
        let lo = self.values.iter().copied().fold(0.0, f64::min);
        let hi = self.values.iter().copied().fold(0.0, f64::max);
        // Room for the numbers beyond the ends of the bars.
        let left = x + names + 10.0 + if lo < 0.0 { number } else { 0.0 };
        let right = (x + w - number).max(left + 1.0);
        // Halves, so that a span beyond f64 stays finite.
        let span = (hi / 2.0 - lo / 2.0).max(f64::MIN_POSITIVE);
        let at = |value: f64| left + (value / 2.0 - lo / 2.0) / span * (right - left);
        let zero = at(0.0).round_ties_even();
        for (index, (name, &value)) in self.names.iter().zip(&self.values).enumerate() {
            let top = y + index as f64 * row;
            let middle = top + row / 2.0;
            let style = TextStyle::new(LABEL_SIZE, palette.text).anchor(Anchor::End);
            style.put(&mut page.scene, name, [x + names, baseline(middle, LABEL_SIZE)], names);
            let end = at(value);
            let thick = (row * 0.66).round_ties_even();
            let (start, length) = (zero.min(end), (end - zero).abs());
            let place = Rect::new(start, (middle - thick / 2.0).round_ties_even(), length, thick);
            page.scene.rect(place, palette.color(0));
            let style = TextStyle::new(TICK_SIZE, palette.muted);
            let (style, x) = if value < 0.0 {
                (style.anchor(Anchor::End), end - 6.0)
            } else {
                (style, end + 6.0)
            };
            let at = [x, baseline(middle, TICK_SIZE)];
            style.put(&mut page.scene, &texts[index], at, number);
        }
        page.scene.rect(Rect::new(zero, y, 1.0, row * n as f64), palette.axis);
        Ok(Figure::new(page.scene, self.style))
    }
}
