//! Which class was taken for which.

use crate::figure::{Figure, Style};
use crate::font::{self, Weight};
use crate::page::{LABEL_SIZE, MARGIN, Page, TICK_SIZE, TextStyle, baseline, title_height};
use crate::scene::{Anchor, Rect, Scene, single_line};
use crate::series::{not_empty, same_length};
use crate::theme::Palette;
use purlin_core::{Error, Result};

const OP: &str = "confusion_matrix";

/// A confusion matrix: counts, and as colour the share of each row.
///
/// Row `i`, column `j` holds how many samples of class `i` were predicted to be class `j`. The
/// colour and the percentage of a cell are its share of the row, so a rare class counts as much as
/// a frequent one, and the diagonal shows the recall of each class. A row without samples has no
/// shares and stays empty.
///
/// | value         | shape                    | meaning                        |
/// |---------------|--------------------------|--------------------------------|
/// | `counts`      | `(n_classes, n_classes)` | row-major; rows are the truth  |
/// | `class_names` | `(n_classes,)`           | in the order of the rows       |
///
/// # Examples
///
/// ```
/// use purlin_plot::ConfusionMatrix;
///
/// let figure = ConfusionMatrix::new(&[48, 2, 5, 45], &["cat", "dog"]).title("Pets").draw()?;
/// let svg = figure.to_svg();
/// assert!(svg.contains(">48</text>") && svg.contains(">96 %</text>"));
/// assert!(svg.contains("93 of 100 correct (93 %)"));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `draw` is called"]
pub struct ConfusionMatrix {
    counts: Vec<usize>,
    class_names: Vec<String>,
    title: String,
    cell: Option<usize>,
    style: Style,
}

/// Longest class name, in pixels.
const MAX_NAME: f64 = 150.0;

impl ConfusionMatrix {
    /// A matrix of `class_names.len()` rows and columns.
    pub fn new<S: AsRef<str>>(counts: &[usize], class_names: &[S]) -> Self {
        let class_names = class_names.iter().map(|name| single_line(name.as_ref())).collect();
        let (title, style) = (String::new(), Style::new());
        Self { counts: counts.to_vec(), class_names, title, cell: None, style }
    }

    /// Counts the pairs of true and predicted class.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`]: the two differ in length, or a class has no name.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_plot::ConfusionMatrix;
    ///
    /// let matrix = ConfusionMatrix::from_classes(&[0, 1, 1], &[0, 1, 0], &["cat", "dog"])?;
    /// assert!(matrix.draw()?.to_svg().contains("2 of 3 correct"));
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn from_classes<S: AsRef<str>>(
        truth: &[usize],
        predicted: &[usize],
        class_names: &[S],
    ) -> Result<Self> {
        same_length(OP, ("truth", truth.len()), ("predicted", predicted.len()))?;
        let n = class_names.len();
        let mut counts = vec![0; n * n];
        for (&row, &column) in truth.iter().zip(predicted) {
            if row.max(column) >= n {
                let names = format!("a name for class {}", row.max(column));
                return Err(Error::shape(OP, names, format!("{n} names")));
            }
            counts[row * n + column] += 1;
        }
        Ok(Self::new(&counts, class_names))
    }

    /// The title above the picture.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Side of a cell in pixels, 6 to 200; by default 64 for few classes, smaller for many.
    ///
    /// What does not fit a small cell is left out: first the percentage, then zeros, then counts.
    pub fn cell(mut self, pixels: usize) -> Self {
        self.cell = Some(pixels);
        self
    }

    /// Theme and pixel ratio. The size follows from the cells.
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// Draws the matrix.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewSamples`]: there is no class.
    /// - [`Error::Shape`]: `counts` is not `n_classes * n_classes` long.
    /// - [`Error::InvalidParam`]: `cell` out of bounds, a size was set, or the picture is too large.
    pub fn draw(&self) -> Result<Figure> {
        let n = self.class_names.len();
        not_empty(OP, n)?;
        if n.checked_mul(n) != Some(self.counts.len()) {
            let expected = format!("counts ({n}, {n}) for {n} class names");
            return Err(Error::shape(OP, expected, format!("{} counts", self.counts.len())));
        }
        self.style.no_size(OP)?;
        let cell = self.cell.unwrap_or(match n {
            ..=6 => 64,
            7..=12 => 52,
            13..=20 => 40,
            21..=40 => 24,
            _ => (960 / n).max(6),
        });
        if !(6..=200).contains(&cell) {
            return Err(Error::param(OP, "cell", "in 6..=200", cell));
        }

        let palette = self.style.palette();
        let layout = self.layout(n, cell as f64);
        let scene = self.style.scene(OP, layout.size, self.describe())?;
        let mut page = Page::new(scene, palette, &self.title);
        let at = [MARGIN, page.area.y + TICK_SIZE * font::CAP_HEIGHT];
        let note = TextStyle::new(LABEL_SIZE, palette.muted);
        note.put(&mut page.scene, &self.summary(), at, page.area.w);
        self.draw_cells(&mut page.scene, palette, &layout);
        self.draw_names(&mut page.scene, palette, &layout);
        draw_scale(&mut page.scene, palette, &layout);
        Ok(Figure::new(page.scene, self.style))
    }

    fn layout(&self, n: usize, cell: f64) -> Layout {
        let reserved = |name: &String| font::reserved_width(name, LABEL_SIZE, Weight::Regular);
        let widest = self.class_names.iter().map(reserved).fold(0.0, f64::max);
        let names = widest.min(MAX_NAME).ceil();
        let upwards = widest > cell - 6.0;
        let side = n as f64 * cell;
        let left = MARGIN + 24.0 + names + 8.0;
        let top = MARGIN + title_height(&self.title) + 26.0;
        let below = if upwards { names } else { LABEL_SIZE };
        let title = font::reserved_width(&self.title, crate::page::TITLE_SIZE, Weight::Semibold);
        let summary = font::reserved_width(&self.summary(), LABEL_SIZE, Weight::Regular);
        let width = (left + side + SCALE_ROOM + MARGIN)
            .max(title.min(900.0) + 2.0 * MARGIN)
            .max(summary + 2.0 * MARGIN)
            .ceil();
        let height = (top + side + 10.0 + below + 26.0 + MARGIN).ceil();
        let area = Rect::new(left, top, side, side);
        // Where a row is lower than a line of text, only every second, third, ... is named.
        let stride = (15.0 / cell).ceil() as usize;
        Layout { size: (width as usize, height as usize), area, cell, names, upwards, stride }
    }

    fn draw_cells(&self, scene: &mut Scene, palette: &Palette, layout: &Layout) {
        let &Layout { area, cell, .. } = layout;
        let n = self.class_names.len();
        // A line of ground between the cells, where they are large enough for one.
        let gap = if cell >= 16.0 { 1.0 } else { 0.0 };
        for (row, counts) in self.counts.chunks(n).enumerate() {
            let total = total(counts);
            for (column, &count) in counts.iter().enumerate() {
                let (x, y) = (area.x + column as f64 * cell, area.y + row as f64 * cell);
                let share = if total == 0 { 0.0 } else { count as f64 / total as f64 };
                let fill = palette.share(share);
                scene.rect(Rect::new(x, y, cell - gap, cell - gap), fill);
                let color = if count == 0 {
                    fill.mix(Palette::text_on(fill), 0.55)
                } else {
                    Palette::text_on(fill)
                };
                let (center, room) = ([x + (cell - gap) / 2.0, y + (cell - gap) / 2.0], cell - 4.0);
                let style = |size| TextStyle::new(size, color).anchor(Anchor::Middle);
                let fits = |text: &str, size| {
                    font::reserved_width(text, size, Weight::Regular) <= room && size + 2.0 <= room
                };
                if count == 0 && cell < 30.0 {
                    continue; // a crowd of zeros would hide the rest
                }
                let text = count.to_string();
                let percent = percent(count, total);
                let both = count > 0
                    && cell >= 44.0
                    && fits(&text, LABEL_SIZE)
                    && fits(&percent, TICK_SIZE);
                if both {
                    let upper = [center[0], baseline(center[1] - 8.0, LABEL_SIZE)];
                    style(LABEL_SIZE).put(scene, &text, upper, room);
                    let lower = [center[0], baseline(center[1] + 9.0, TICK_SIZE)];
                    style(TICK_SIZE).put(scene, &percent, lower, room);
                } else if let Some(size) =
                    [LABEL_SIZE, TICK_SIZE, 9.0].into_iter().find(|&size| fits(&text, size))
                {
                    style(size).put(scene, &text, [center[0], baseline(center[1], size)], room);
                }
            }
        }
    }

    fn draw_names(&self, scene: &mut Scene, palette: &Palette, layout: &Layout) {
        let &Layout { area, cell, names, upwards, stride, .. } = layout;
        let style = TextStyle::new(LABEL_SIZE, palette.text);
        for (index, name) in self.class_names.iter().enumerate().step_by(stride) {
            let middle = (index as f64 + 0.5) * cell - 0.5;
            let at = [area.x - 8.0, baseline(area.y + middle, LABEL_SIZE)];
            style.anchor(Anchor::End).put(scene, name, at, names);
            if upwards {
                let at = [baseline(area.x + middle, LABEL_SIZE), area.bottom() + 8.0];
                style.upwards().anchor(Anchor::End).put(scene, name, at, names);
            } else {
                let at = [area.x + middle, area.bottom() + 8.0 + LABEL_SIZE * font::CAP_HEIGHT];
                style.anchor(Anchor::Middle).put(scene, name, at, cell);
            }
        }
        let axis = TextStyle::new(LABEL_SIZE, palette.muted).anchor(Anchor::Middle);
        let below = if upwards { names } else { LABEL_SIZE };
        let at = [area.x + area.w / 2.0, area.bottom() + 10.0 + below + 20.0];
        axis.put(scene, "predicted class", at, area.w + 2.0 * names.min(area.x - MARGIN));
        let at = [MARGIN + LABEL_SIZE * font::CAP_HEIGHT, area.y + area.h / 2.0];
        axis.upwards().put(scene, "true class", at, area.h + below);
    }

    fn summary(&self) -> String {
        let n = self.class_names.len();
        let correct = (0..n).fold(0u128, |sum, i| sum + self.counts[i * n + i] as u128);
        let total = total(&self.counts);
        if total == 0 {
            return "no samples".to_owned();
        }
        // Two decimals, rounded down, so that 100 % means all.
        let hundredths = correct * 10_000 / total;
        let percent = format!("{}.{:02}", hundredths / 100, hundredths % 100);
        let percent = percent.trim_end_matches('0').trim_end_matches('.');
        format!("{correct} of {total} correct ({percent} %)")
    }

    fn describe(&self) -> String {
        format!("{} (confusion matrix of {})", self.title, self.class_names.join(", "))
    }
}

struct Layout {
    size: (usize, usize),
    area: Rect,
    cell: f64,
    /// Room for a class name.
    names: f64,
    /// The names below the matrix run upwards.
    upwards: bool,
    /// Every how many-th class is named.
    stride: usize,
}

/// Room for the colour scale.
const SCALE_ROOM: f64 = 80.0;

/// The colour scale to the right of the matrix.
fn draw_scale(scene: &mut Scene, palette: &Palette, layout: &Layout) {
    let area = layout.area;
    let (x, height) = (area.right() + 20.0, area.h.min(200.0));
    let steps = height as usize;
    for step in 0..steps {
        let share = 1.0 - (step as f64 + 0.5) / steps as f64;
        scene.rect(Rect::new(x, area.y + step as f64, 10.0, 1.0), palette.share(share));
    }
    let style = TextStyle::new(TICK_SIZE, palette.muted);
    let room = SCALE_ROOM - 36.0;
    let first = area.y + TICK_SIZE * font::CAP_HEIGHT;
    style.put(scene, "100 %", [x + 16.0, first], room);
    if height >= 60.0 {
        style.put(scene, "of row", [x + 16.0, first + 15.0], room);
    }
    style.put(scene, "0 %", [x + 16.0, area.y + height], room);
}

/// A sum that cannot overflow.
fn total(counts: &[usize]) -> u128 {
    counts.iter().map(|&count| count as u128).sum()
}

/// A share in whole percent that never rounds something to nothing, nor most to all.
fn percent(count: usize, total: u128) -> String {
    let count = count as u128;
    match total {
        0 => String::new(),
        _ if count == 0 => "0 %".to_owned(),
        _ if count == total => "100 %".to_owned(),
        _ if count * 200 < total => "<1 %".to_owned(),
        _ if (total - count) * 200 <= total => ">99 %".to_owned(),
        _ => format!("{} %", (count * 200 + total) / (total * 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_never_hide_a_sample() {
        let cases = [
            (0, 10, "0 %"),
            (10, 10, "100 %"),
            (1, 1000, "<1 %"),
            (999, 1000, ">99 %"),
            (1, 3, "33 %"),
            (2, 3, "67 %"),
            (1, 200, "1 %"),
            (199, 200, ">99 %"), // rounding half up would call it all
            (0, 0, ""),
        ];
        for (count, total, expected) in cases {
            assert_eq!(percent(count, total), expected);
        }
    }
}
