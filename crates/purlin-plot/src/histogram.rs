//! How values are spread.

use crate::axes::{Axes, Axis, Scale};
use crate::figure::{Figure, Style};
use crate::page::Page;
use crate::scene::Rect;
use crate::series::{finite, not_empty, to_f64};
use purlin_core::{Error, Real, Result};

const OP: &str = "histogram";

/// Counts of values in bins of equal width.
///
/// By default there are `ceil(log2 n) + 1` bins (H. A. Sturges, *The choice of a class interval*,
/// JASA 21, 1926), from the least to the greatest value; the last bin includes its upper end.
///
/// # Examples
///
/// ```
/// use purlin_plot::Histogram;
///
/// let figure = Histogram::new(&[0.1, 0.2, 0.2, 0.9]).bins(4).x_label("probability").draw()?;
/// assert!(figure.to_svg().contains(">probability</text>"));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `draw` is called"]
pub struct Histogram {
    values: Vec<f64>,
    bins: Option<usize>,
    title: String,
    x_label: String,
    y_label: String,
    style: Style,
}

impl Histogram {
    /// The histogram of `values`, which must be finite.
    pub fn new<T: Real>(values: &[T]) -> Self {
        Self {
            values: to_f64(values),
            bins: None,
            title: String::new(),
            x_label: String::new(),
            y_label: "count".to_owned(),
            style: Style::new(),
        }
    }

    /// The number of bins, 1 to 2000.
    pub fn bins(mut self, bins: usize) -> Self {
        self.bins = Some(bins);
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

    /// The name of the y axis, `count` by default.
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y_label = label.into();
        self
    }

    /// Theme, size (640 x 400 by default) and pixel ratio.
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// Draws the histogram.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewSamples`]: there is no value.
    /// - [`Error::NonFinite`]: a value is NaN or infinite.
    /// - [`Error::InvalidParam`]: `bins` or the size is out of bounds, or the values span more than
    ///   `f64` can hold.
    pub fn draw(&self) -> Result<Figure> {
        let n = self.values.len();
        not_empty(OP, n)?;
        finite(OP, "values", &self.values, 0)?;
        let sturges = n.next_power_of_two().trailing_zeros() as usize + 1;
        let bins = self.bins.unwrap_or(sturges);
        if !(1..=2000).contains(&bins) {
            return Err(Error::param(OP, "bins", "in 1..=2000", bins));
        }
        let (edges, counts) = count(&self.values, bins)?;
        let (lo, hi) = (edges[0], edges[bins]);
        let highest = counts.iter().copied().max().unwrap_or(0);

        let palette = self.style.palette();
        let description = format!("{} (histogram of {n} values)", self.title);
        let scene = self.style.scene(OP, self.style.size_or(OP, (640, 400))?, description)?;
        let mut page = Page::new(scene, palette, &self.title);
        let room = (hi - lo) * 0.02;
        let (x_lo, x_hi) = (lo - room, hi + room);
        let x = Axis {
            label: &self.x_label,
            scale: Scale::Linear,
            lo: x_lo,
            hi: x_hi,
            integers: false,
        };
        let top = highest as f64 * 1.05;
        let y =
            Axis { label: &self.y_label, scale: Scale::Linear, lo: 0.0, hi: top, integers: true };
        let axes = Axes::draw(&mut page.scene, palette, page.area, &x, &y, 0.0);
        for (bin, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let [left, top] = axes.at(edges[bin], count as f64);
            let [right, bottom] = axes.at(edges[bin + 1], 0.0);
            // A line of ground between the bars, where they are wide enough for one.
            let gap = if right - left >= 4.0 { 1.0 } else { 0.0 };
            let (left, right) = (left.floor(), right.floor() - gap);
            let (top, bottom) = (top - 0.5, bottom - 0.5);
            let bar = Rect::new(left, top, (right - left).max(1.0), bottom - top);
            page.scene.rect(bar, palette.color(0));
        }
        Ok(Figure::new(page.scene, self.style))
    }
}

/// The edges of the bins (one more than bins) and what falls into each.
fn count(values: &[f64], bins: usize) -> Result<(Vec<f64>, Vec<usize>)> {
    let lo = values.iter().copied().fold(f64::INFINITY, f64::min);
    let hi = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Equal values get a bin of some width around them.
    let narrow = (lo.abs().max(hi.abs()) * 1e-9).max(f64::MIN_POSITIVE);
    let room = if hi - lo < narrow { lo.abs().max(1.0) * 0.5 } else { 0.0 };
    let (lo, hi) = (lo - room, hi + room);
    if !(hi - lo).is_finite() {
        return Err(Error::param(
            OP,
            "values",
            "of a span that f64 can hold",
            format!("{lo}..{hi}"),
        ));
    }
    let edges: Vec<f64> = (0..=bins).map(|i| lo + (hi - lo) * (i as f64 / bins as f64)).collect();
    let mut counts = vec![0; bins];
    for value in values {
        // Comparing with the edges themselves, a value on an edge belongs to the bin above it.
        let bin = edges[1..bins].partition_point(|edge| edge <= value);
        counts[bin] += 1;
    }
    Ok((edges, counts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_once_and_edges_belong_to_the_bin_above() {
        let (edges, counts) = count(&[0.0, 0.25, 0.5, 0.75, 1.0, 0.1], 4).unwrap();
        assert_eq!(edges, [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(counts, [2, 1, 1, 2]);
        let (edges, counts) = count(&[3.0, 3.0], 3).unwrap();
        assert_eq!((edges[0], edges[3], counts), (1.5, 4.5, vec![0, 2, 0]));
        assert!(count(&[-1.7e308, 1.7e308], 2).is_err());
    }
}
