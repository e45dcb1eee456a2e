//! What stands around the data: title, legend, and the room that is left.

use crate::color::Color;
use crate::font::{self, Weight};
use crate::marker::Marker;
use crate::raster::Point;
use crate::scene::{Anchor, Rect, Scene, Stroke, Text, single_line};
use crate::theme::Palette;

/// Font size of titles, in pixels.
pub(crate) const TITLE_SIZE: f64 = 17.0;
/// Font size of axis names, legends and labels.
pub(crate) const LABEL_SIZE: f64 = 13.0;
/// Font size of the numbers on axes, and of notes.
pub(crate) const TICK_SIZE: f64 = 11.0;
/// Free border of a picture.
pub(crate) const MARGIN: f64 = 16.0;

const LEGEND_ROW: f64 = 20.0;
const LEGEND_MAX_ROWS: usize = 3;

/// A picture whose free area shrinks as things are put at its top.
pub(crate) struct Page {
    pub(crate) scene: Scene,
    pub(crate) palette: &'static Palette,
    /// What is still free.
    pub(crate) area: Rect,
}

/// The sign in front of a name in the legend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Key {
    Line(Stroke),
    Marker(Marker, Color),
}

impl Page {
    /// A page with its title, which is left out if empty.
    pub(crate) fn new(scene: Scene, palette: &'static Palette, title: &str) -> Self {
        let (w, h) = (scene.width as f64, scene.height as f64);
        let area = Rect::new(MARGIN, MARGIN, w - 2.0 * MARGIN, h - 2.0 * MARGIN);
        let mut page = Self { scene, palette, area };
        if !title.is_empty() {
            let at = [MARGIN, MARGIN + TITLE_SIZE * font::CAP_HEIGHT];
            let style = TextStyle::new(TITLE_SIZE, palette.text).weight(Weight::Semibold);
            style.put(&mut page.scene, title, at, page.area.w);
            page.take_top(title_height(title));
        }
        page
    }

    /// Moves the top of the free area down.
    pub(crate) fn take_top(&mut self, height: f64) {
        self.area.y += height;
        self.area.h -= height;
    }

    /// Puts a legend at the top of the free area, in as many rows as it needs, at most three.
    ///
    /// What finds no room is counted: `+ 7 more`. Above the axes it can never hide data.
    pub(crate) fn legend(&mut self, entries: &[(Key, String)]) {
        let Rect { x: left, y: top, w: width, .. } = self.area;
        let more = |n: usize| if n == 0 { String::new() } else { format!("+ {n} more") };
        let style = TextStyle::new(LABEL_SIZE, self.palette.text);
        let (mut x, mut row) = (0.0, 0);
        for (index, (key, name)) in entries.iter().enumerate() {
            let key_width = match key {
                Key::Line(_) => 24.0,
                Key::Marker(..) => 12.0,
            };
            let room = (width - key_width - 7.0).max(0.0);
            let text_width =
                font::reserved_width(&single_line(name), LABEL_SIZE, Weight::Regular).min(room);
            let entry_width = key_width + 7.0 + text_width;
            // In the last row the count of those left out must fit after this entry.
            let rest = more(entries.len() - index - 1);
            let tail = if row + 1 == LEGEND_MAX_ROWS && !rest.is_empty() {
                20.0 + font::reserved_width(&rest, LABEL_SIZE, Weight::Regular)
            } else {
                0.0
            };
            if x > 0.0 && x + entry_width + tail > width {
                if row + 1 == LEGEND_MAX_ROWS {
                    let at = [
                        left + x,
                        baseline(top + row as f64 * LEGEND_ROW + LEGEND_ROW / 2.0, LABEL_SIZE),
                    ];
                    let style = TextStyle::new(LABEL_SIZE, self.palette.muted);
                    style.put(&mut self.scene, &more(entries.len() - index), at, width - x);
                    break;
                }
                (x, row) = (0.0, row + 1);
            }
            let middle = top + row as f64 * LEGEND_ROW + LEGEND_ROW / 2.0;
            match key {
                Key::Line(stroke) => {
                    let ends = [left + x + 1.0, left + x + key_width - 1.0];
                    self.scene.line(ends.map(|x| [x, middle]).to_vec(), *stroke);
                }
                Key::Marker(marker, color) => {
                    marker.draw(&mut self.scene, [left + x + key_width / 2.0, middle], 5.0, *color);
                }
            }
            let at = [left + x + key_width + 7.0, baseline(middle, LABEL_SIZE)];
            style.put(&mut self.scene, name, at, text_width);
            x += entry_width + 20.0;
        }
        if !entries.is_empty() {
            self.take_top((row + 1) as f64 * LEGEND_ROW + 6.0);
        }
    }
}

/// The room that a title takes, with the gap below it.
pub(crate) fn title_height(title: &str) -> f64 {
    if title.is_empty() { 0.0 } else { (TITLE_SIZE * font::CAP_HEIGHT + 14.0).ceil() }
}

/// Where the baseline goes so that capitals and digits are centred on `middle`.
pub(crate) fn baseline(middle: f64, size: f64) -> f64 {
    (middle + (font::CAP_HEIGHT * size).round_ties_even() / 2.0).round_ties_even()
}

/// How a text is set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextStyle {
    size: f64,
    weight: Weight,
    color: Color,
    anchor: Anchor,
    upwards: bool,
}

impl TextStyle {
    pub(crate) fn new(size: f64, color: Color) -> Self {
        Self { size, weight: Weight::Regular, color, anchor: Anchor::Start, upwards: false }
    }

    pub(crate) fn weight(self, weight: Weight) -> Self {
        Self { weight, ..self }
    }

    pub(crate) fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    pub(crate) fn upwards(self) -> Self {
        Self { upwards: true, ..self }
    }

    /// Puts `text` with its baseline at `at`, shortened to `max_width`.
    pub(crate) fn put(self, scene: &mut Scene, text: &str, at: Point, max_width: f64) {
        let line = single_line(text);
        let shown = font::elide(&line, max_width, self.size, self.weight);
        let full = (shown != line).then_some(line);
        let Self { size, weight, color, anchor, upwards } = self;
        scene.text(Text { shown, full, at, size, weight, color, anchor, upwards });
    }
}
