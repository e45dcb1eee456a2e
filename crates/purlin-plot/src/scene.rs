//! What a picture consists of: a flat list of shapes, texts and images, painted in order.
//!
//! Plots write this list; [`crate::svg`] prints it and [`crate::png`] paints it. Nothing else
//! knows about file formats, so both show the same thing at the same place.

use crate::color::Color;
use crate::font::Weight;
use crate::raster::{Point, RgbImage};

/// A rectangle: left, top, width, height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) w: f64,
    pub(crate) h: f64,
}

impl Rect {
    pub(crate) fn new(x: f64, y: f64, w: f64, h: f64) -> Self {
        Self { x, y, w, h }
    }

    pub(crate) fn right(&self) -> f64 {
        self.x + self.w
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.y + self.h
    }
}

/// Which end of a text lies at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// One line of text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text {
    pub(crate) shown: String,
    /// What `shown` was before it was shortened, if it was.
    pub(crate) full: Option<String>,
    /// Where the baseline starts, has its middle or ends.
    pub(crate) at: Point,
    pub(crate) size: f64,
    pub(crate) weight: Weight,
    pub(crate) color: Color,
    pub(crate) anchor: Anchor,
    /// Runs upwards instead of to the right.
    pub(crate) upwards: bool,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stroke {
    pub(crate) color: Color,
    pub(crate) width: f64,
    /// Lengths on, off, on, off, ...; empty for a solid line.
    pub(crate) dash: &'static [f64],
}

impl Stroke {
    pub(crate) fn solid(color: Color, width: f64) -> Self {
        Self { color, width, dash: &[] }
    }
}

/// One thing on the picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Rect {
        rect: Rect,
        fill: Color,
    },
    Circle {
        center: Point,
        radius: f64,
        fill: Color,
    },
    Polygon {
        points: Vec<Point>,
        fill: Color,
    },
    /// Round joints; round ends if solid.
    Line {
        points: Vec<Point>,
        stroke: Stroke,
    },
    Text(Text),
    /// Each pixel a square of `block` by `block`; `left` and `top` are whole pixels.
    Image {
        image: RgbImage,
        left: usize,
        top: usize,
        block: usize,
    },
}

impl Item {
    /// The same thing, `by` whole pixels further to the right.
    pub(crate) fn moved_right(&self, by: usize) -> Self {
        let dx = by as f64;
        let mut item = self.clone();
        match &mut item {
            Self::Rect { rect, .. } => rect.x += dx,
            Self::Circle { center, .. } => center[0] += dx,
            Self::Polygon { points, .. } | Self::Line { points, .. } => {
                for point in points {
                    point[0] += dx;
                }
            }
            Self::Text(text) => text.at[0] += dx,
            Self::Image { left, .. } => *left += by,
        }
        item
    }
}

/// A picture, not yet in any file format.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scene {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) background: Option<Color>,
    /// What the picture is, for people who cannot see it.
    pub(crate) description: String,
    pub(crate) items: Vec<Item>,
}

impl Scene {
    pub(crate) fn rect(&mut self, rect: Rect, fill: Color) {
        self.items.push(Item::Rect { rect, fill });
    }

    /// The border of a rectangle, `width` thick, inside it.
    pub(crate) fn frame(&mut self, rect: Rect, width: f64, color: Color) {
        let Rect { x, y, w, h } = rect;
        self.rect(Rect::new(x, y, w, width), color);
        self.rect(Rect::new(x, y + h - width, w, width), color);
        self.rect(Rect::new(x, y + width, width, h - 2.0 * width), color);
        self.rect(Rect::new(x + w - width, y + width, width, h - 2.0 * width), color);
    }

    pub(crate) fn circle(&mut self, center: Point, radius: f64, fill: Color) {
        self.items.push(Item::Circle { center, radius, fill });
    }

    pub(crate) fn polygon(&mut self, points: Vec<Point>, fill: Color) {
        self.items.push(Item::Polygon { points, fill });
    }

    pub(crate) fn line(&mut self, points: Vec<Point>, stroke: Stroke) {
        self.items.push(Item::Line { points, stroke });
    }

    pub(crate) fn text(&mut self, text: Text) {
        if !text.shown.is_empty() {
            self.items.push(Item::Text(text));
        }
    }
}

/// `text` on one line: line breaks, tabs and other control characters become spaces.
pub(crate) fn single_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
