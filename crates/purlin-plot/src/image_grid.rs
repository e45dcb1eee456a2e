//! Images side by side, with what was said about them.

use crate::color::Color;
use crate::figure::{Figure, Style};
use crate::font::{self, Weight};
use crate::page::{MARGIN, Page, TextStyle, title_height};
use crate::pixels::{Pixel, Source, ValueRange};
use crate::scene::{Anchor, Rect, Scene, Stroke, single_line};
use crate::series::not_empty;
use purlin_core::{Error, Result};

const OP: &str = "image_grid";

/// Images in rows and columns, each with a label below it.
///
/// | value      | shape                       | rule                                            |
/// |------------|-----------------------------|-------------------------------------------------|
/// | `pixels`   | `(height, width, channels)` | row-major, channels last: 1 (grey) or 3 (RGB)   |
/// | `f32, f64` |                             | 0 is black, 1 is white; see [`value_range`](Self::value_range) |
/// | `u8`       |                             | 0 is black, 255 is white, whatever the range    |
///
/// An image smaller than a cell is enlarged by a whole factor, so pixels stay square and sharp; a
/// larger one is reduced by averaging areas. A label may have several lines (`\n`). An image added
/// by [`judged`](Self::judged) has a coloured frame and a tick or a cross beside its label.
///
/// # Examples
///
/// ```
/// use purlin_plot::ImageGrid;
///
/// let (zero, one) = ([0u8, 255, 255, 0], [0.0f32, 1.0, 0.0, 1.0]);
/// let figure = ImageGrid::new()
///     .image(&zero, 2, 2, 1, "input")
///     .judged(&one, 2, 2, 1, "one", true)
///     .judged(&one, 2, 2, 1, "seven\n(one)", false)
///     .columns(3)
///     .draw()?;
/// assert!(figure.to_svg().contains("data:image/png;base64,"));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `draw` is called"]
pub struct ImageGrid {
    entries: Vec<Entry>,
    columns: usize,
    cell: usize,
    range: ValueRange,
    title: String,
    style: Style,
}

#[derive(Debug, Clone)]
struct Entry {
    source: Source,
    /// The lines of the label.
    label: Vec<String>,
    correct: Option<bool>,
}

const LABEL: f64 = 12.0;
const LINE: f64 = 16.0;
/// Room between cells, which labels may use.
const GAP: f64 = 18.0;
const ICON: f64 = 13.0;

impl Default for ImageGrid {
    fn default() -> Self {
        Self::new()
    }
}

impl ImageGrid {
    /// An empty grid: 8 columns, cells of 84 pixels.
    pub fn new() -> Self {
        let (columns, cell, range) = (8, 84, ValueRange::Given(0.0, 1.0));
        Self {
            entries: Vec::new(),
            columns,
            cell,
            range,
            title: String::new(),
            style: Style::new(),
        }
    }

    /// Adds an image with its label.
    pub fn image<P: Pixel>(
        self,
        pixels: &[P],
        height: usize,
        width: usize,
        channels: usize,
        label: impl AsRef<str>,
    ) -> Self {
        self.add(Source::new(pixels, height, width, channels), label.as_ref(), None)
    }

    /// Adds an image whose label is right or wrong, such as a prediction.
    pub fn judged<P: Pixel>(
        self,
        pixels: &[P],
        height: usize,
        width: usize,
        channels: usize,
        label: impl AsRef<str>,
        correct: bool,
    ) -> Self {
        self.add(Source::new(pixels, height, width, channels), label.as_ref(), Some(correct))
    }

    fn add(mut self, source: Source, label: &str, correct: Option<bool>) -> Self {
        let label = label.lines().map(single_line).collect();
        self.entries.push(Entry { source, label, correct });
        self
    }

    /// Images to a row, at least 1.
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns;
        self
    }

    /// Side of a cell in pixels, 16 to 1024.
    pub fn cell(mut self, pixels: usize) -> Self {
        self.cell = pixels;
        self
    }

    /// Which float is black and which is white, for example -1 and 1; the default is 0 and 1.
    ///
    /// A value outside is an error, not a silent black or white.
    pub fn value_range(mut self, black: f64, white: f64) -> Self {
        self.range = ValueRange::Given(black, white);
        self
    }

    /// Spreads each image of floats from its least value (black) to its greatest (white), for
    /// standardised images and feature maps.
    pub fn auto_range(mut self) -> Self {
        self.range = ValueRange::PerImage;
        self
    }

    /// The title above the picture.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Theme and pixel ratio. The size follows from the cells.
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// Draws the grid.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewSamples`]: there is no image.
    /// - [`Error::Shape`]: an image's length is not `height * width * channels`, a side is 0, or
    ///   `channels` is neither 1 nor 3.
    /// - [`Error::NonFinite`]: NaN or an infinity in an image (row: image, column: offset).
    /// - [`Error::InvalidParam`]: a pixel outside the value range, an empty range, `columns` of 0,
    ///   `cell` out of bounds, a size was set, or the picture is too large.
    pub fn draw(&self) -> Result<Figure> {
        let n = self.entries.len();
        not_empty(OP, n)?;
        self.style.no_size(OP)?;
        if self.columns == 0 {
            return Err(Error::param(OP, "columns", "at least 1", 0));
        }
        if !(16..=1024).contains(&self.cell) {
            return Err(Error::param(OP, "cell", "in 16..=1024", self.cell));
        }
        let columns = self.columns.min(n);
        let rows = n.div_ceil(columns);
        let cell = self.cell as f64;
        let lines = self.entries.iter().map(|entry| entry.label.len()).max().unwrap_or(0);
        let row_height = cell + 6.0 + lines as f64 * LINE + 10.0;
        let title = font::reserved_width(&self.title, crate::page::TITLE_SIZE, Weight::Semibold);
        let wide = columns as f64 * (cell + GAP) - GAP;
        let width = wide.max(title.min(600.0)) + 2.0 * MARGIN;
        let height = title_height(&self.title) + rows as f64 * row_height - 10.0 + 2.0 * MARGIN;
        let size = (width.ceil() as usize, height.ceil() as usize);

        let palette = self.style.palette();
        let scene = self.style.scene(OP, size, format!("{} ({n} images)", self.title))?;
        let mut page = Page::new(scene, palette, &self.title);
        let top = page.area.y.round_ties_even();
        for (index, entry) in self.entries.iter().enumerate() {
            let (row, column) = (index / columns, index % columns);
            let cell = Rect::new(
                MARGIN + column as f64 * (cell + GAP),
                top + row as f64 * row_height,
                cell,
                cell,
            );
            let color = match entry.correct {
                None => None,
                Some(true) => Some(palette.correct),
                Some(false) => Some(palette.wrong),
            };
            self.draw_image(&mut page.scene, cell, index, color.unwrap_or(palette.axis))?;
            draw_label(&mut page.scene, cell, entry, color.unwrap_or(palette.text));
        }
        Ok(Figure::new(page.scene, self.style))
    }

    fn draw_image(&self, scene: &mut Scene, cell: Rect, index: usize, frame: Color) -> Result<()> {
        let entry = &self.entries[index];
        let image = entry.source.to_rgb(OP, index, self.range)?;
        let thickness = if entry.correct.is_some() { 3.0 } else { 1.0 };
        let room = self.cell - 2 * 3;
        let (image, block) = image.fit(room);
        let (w, h) = ((image.width * block) as f64, (image.height * block) as f64);
        let x = (cell.x + (cell.w - w) / 2.0).floor();
        let y = (cell.y + (cell.h - h) / 2.0).floor();
        let t = thickness;
        scene.frame(Rect::new(x - t, y - t, w + 2.0 * t, h + 2.0 * t), t, frame);
        let (left, top) = (x as usize, y as usize);
        scene.items.push(crate::scene::Item::Image { image, left, top, block });
        Ok(())
    }
}

/// The label below a cell; a tick or a cross before its first line if it was judged.
fn draw_label(scene: &mut Scene, cell: Rect, entry: &Entry, color: Color) {
    let style = TextStyle::new(LABEL, color);
    let middle = cell.x + cell.w / 2.0;
    let mut y = (cell.bottom() + 6.0 + LABEL * font::CAP_HEIGHT + 2.0).round_ties_even();
    let icon = if entry.correct.is_some() { ICON } else { 0.0 };
    if let (Some(correct), true) = (entry.correct, entry.label.is_empty()) {
        draw_icon(scene, [middle - 4.0, y], correct, color);
    }
    for (index, line) in entry.label.iter().enumerate() {
        let icon = if index == 0 { icon } else { 0.0 };
        let room = cell.w + GAP - 6.0 - icon;
        let shown = font::elide(line, room, LABEL, Weight::Regular);
        let width = font::width(&shown, LABEL, Weight::Regular);
        let left = middle - f64::midpoint(width, icon);
        if let (Some(correct), 0) = (entry.correct, index) {
            draw_icon(scene, [left, y], correct, color);
        }
        // A viewer with another font keeps the text in the middle, or away from the sign.
        if icon > 0.0 {
            style.put(scene, line, [left + icon, y], room);
        } else {
            style.anchor(Anchor::Middle).put(scene, line, [middle, y], room);
        }
        y += LINE;
    }
}

/// A tick or a cross, 8 pixels high, standing on the baseline at `at`.
fn draw_icon(scene: &mut Scene, [x, y]: [f64; 2], correct: bool, color: Color) {
    let stroke = Stroke::solid(color, 2.0);
    if correct {
        scene.line(vec![[x + 0.5, y - 3.5], [x + 3.5, y - 0.5], [x + 8.5, y - 7.5]], stroke);
    } else {
        scene.line(vec![[x + 1.0, y - 7.5], [x + 8.0, y - 0.5]], stroke);
        scene.line(vec![[x + 1.0, y - 0.5], [x + 8.0, y - 7.5]], stroke);
    }
}
