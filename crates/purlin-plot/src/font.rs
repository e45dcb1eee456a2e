//! Text as outlines: the font that the crate carries, so that a PNG needs none from the system.
//!
//! `font/README.md` names the font and its licence. SVG files keep text as text and name common
//! fonts of similar width; [`reserved_width`] leaves room for the widest of them.

use crate::raster::Point;
use std::sync::OnceLock;
use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// Thickness of strokes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Semibold,
}

/// Height of a capital letter, as a fraction of the font size.
pub(crate) const CAP_HEIGHT: f64 = 1462.0 / 2048.0;
/// Height of an `x`, as a fraction of the font size.
const X_HEIGHT: f64 = 1096.0 / 2048.0;
/// A viewer of an SVG may lack our font. Arial is some 5 % narrower; DejaVu Sans, the widest of the
/// usual ones, is 9 % wider on average (digits 11 %), its bold 19 %.
const WIDEST_FALLBACK: [f64; 2] = [1.12, 1.22];

fn face(weight: Weight) -> &'static Face<'static> {
    static REGULAR: OnceLock<Face<'static>> = OnceLock::new();
    static SEMIBOLD: OnceLock<Face<'static>> = OnceLock::new();
    let parse = |bytes| Face::parse(bytes, 0).expect("the font in the crate is well-formed");
    match weight {
        Weight::Regular => {
            REGULAR.get_or_init(|| parse(include_bytes!("../font/OpenSans-Regular-subset.ttf")))
        }
        Weight::Semibold => {
            SEMIBOLD.get_or_init(|| parse(include_bytes!("../font/OpenSans-Semibold-subset.ttf")))
        }
    }
}

/// The glyph of a character; a box for what the font lacks.
fn glyph(face: &Face<'_>, c: char) -> GlyphId {
    face.glyph_index(c).unwrap_or(GlyphId(0))
}

/// Width of `text` at `size` pixels.
pub(crate) fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let face = face(weight);
    let units: u32 =
        text.chars().map(|c| u32::from(face.glyph_hor_advance(glyph(face, c)).unwrap_or(0))).sum();
    f64::from(units) * size / f64::from(face.units_per_em())
}

/// The room that `text` needs whatever font the viewer of an SVG has.
pub(crate) fn reserved_width(text: &str, size: f64, weight: Weight) -> f64 {
    width(text, size, weight) * WIDEST_FALLBACK[usize::from(weight == Weight::Semibold)]
}

/// `text`, or as much of it as fits `max_width` followed by an ellipsis.
pub(crate) fn elide(text: &str, max_width: f64, size: f64, weight: Weight) -> String {
    if reserved_width(text, size, weight) <= max_width {
        return text.to_owned();
    }
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    // Width grows with length, so the longest start that fits is found by bisection.
    let fits = |end: &usize| {
        let start = format!("{}…", text[..*end].trim_end());
        reserved_width(&start, size, weight) <= max_width
    };
    let n = ends.partition_point(fits);
    if n == 0 { String::new() } else { format!("{}…", text[..ends[n - 1]].trim_end()) }
}

/// The outlines of `text` with its baseline starting at the origin, y downwards, in pixels.
///
/// Heights are fitted to the pixel grid (x-height and capital height become whole pixels), as a
/// light hinter does: small letters get crisp edges without a change in width.
pub(crate) fn outlines(text: &str, size: f64, weight: Weight) -> Vec<Vec<Point>> {
    let face = face(weight);
    let scale = size / f64::from(face.units_per_em());
    let x_height = (X_HEIGHT * size).round_ties_even().max(1.0);
    let cap_height = (CAP_HEIGHT * size).round_ties_even().max(x_height + 1.0);
    let fit = Fit {
        x_height: X_HEIGHT * size,
        x_scale: x_height / (X_HEIGHT * size),
        cap_scale: (cap_height - x_height) / ((CAP_HEIGHT - X_HEIGHT) * size),
        x_height_fitted: x_height,
    };
    let mut pen = Pen { contours: Vec::new(), origin: 0.0, scale, fit, last: [0.0, 0.0] };
    for c in text.chars() {
        let id = glyph(face, c);
        face.outline_glyph(id, &mut pen);
        pen.origin += f64::from(face.glyph_hor_advance(id).unwrap_or(0)) * scale;
    }
    pen.contours
}

/// Maps heights so that x-height and capital height fall on whole pixels.
struct Fit {
    x_height: f64,
    x_scale: f64,
    cap_scale: f64,
    x_height_fitted: f64,
}

impl Fit {
    fn apply(&self, y: f64) -> f64 {
        if y <= 0.0 {
            y
        } else if y <= self.x_height {
            y * self.x_scale
        } else {
            self.x_height_fitted + (y - self.x_height) * self.cap_scale
        }
    }
}

/// Collects outlines as polygons.
struct Pen {
    contours: Vec<Vec<Point>>,
    origin: f64,
    scale: f64,
    fit: Fit,
    last: [f64; 2],
}

impl Pen {
    /// Adds a point given in pixels above the baseline.
    fn push(&mut self, x: f64, y: f64) {
        if let Some(contour) = self.contours.last_mut() {
            contour.push([self.origin + x, -self.fit.apply(y)]);
        }
        self.last = [x, y];
    }

    fn scaled(&self, x: f32, y: f32) -> [f64; 2] {
        [f64::from(x) * self.scale, f64::from(y) * self.scale]
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.contours.push(Vec::new());
        let [x, y] = self.scaled(x, y);
        self.push(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let [x, y] = self.scaled(x, y);
        self.push(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (p, c, q) = (self.last, self.scaled(x1, y1), self.scaled(x, y));
        let spread = (p[0] - 2.0 * c[0] + q[0]).abs() + (p[1] - 2.0 * c[1] + q[1]).abs();
        // A quadratic curve leaves its chord by at most a quarter of `spread`; n pieces divide
        // that by n^2. A twentieth of a pixel is invisible.
        let n = (spread * 5.0).sqrt().ceil().clamp(1.0, 32.0);
        for i in 1..=n as u32 {
            let t = f64::from(i) / n;
            let at =
                |k: usize| (1.0 - t) * (1.0 - t) * p[k] + 2.0 * t * (1.0 - t) * c[k] + t * t * q[k];
            self.push(at(0), at(1));
        }
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let p = self.last;
        let (c, d, q) = (self.scaled(x1, y1), self.scaled(x2, y2), self.scaled(x, y));
        for i in 1..=8u32 {
            let t = f64::from(i) / 8.0;
            let s = 1.0 - t;
            let at = |k: usize| {
                s * s * s * p[k]
                    + 3.0 * s * s * t * c[k]
                    + 3.0 * s * t * t * d[k]
                    + t * t * t * q[k]
            };
            self.push(at(0), at(1));
        }
    }

    fn close(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_adds_up_and_scales() {
        let of = |text| width(text, 20.0, Weight::Regular);
        assert!((of("ab") - of("a") - of("b")).abs() < 1e-12);
        assert!((width("abc", 40.0, Weight::Regular) - 2.0 * of("abc")).abs() < 1e-12);
        assert!(of("iii") < of("mmm"));
        assert_eq!(of("0"), of("7"), "digits share one width, so tick labels line up");
        assert_eq!(of(""), 0.0);
    }

    #[test]
    fn elided_text_fits_and_ends_in_an_ellipsis() {
        let text = "a rather long class name";
        let full = reserved_width(text, 12.0, Weight::Regular);
        assert_eq!(elide(text, full, 12.0, Weight::Regular), text);
        for room in [5.0, 12.0, 30.0, 80.0] {
            let short = elide(text, room, 12.0, Weight::Regular);
            assert!(reserved_width(&short, 12.0, Weight::Regular) <= room);
            assert!(short.is_empty() || short.ends_with('…'), "{short:?}");
        }
        assert_eq!(elide("äöü日本", 1.0, 12.0, Weight::Regular), "");
    }

    #[test]
    fn heights_fall_on_whole_pixels() {
        for size in [9.0, 11.0, 12.0, 13.0, 17.0, 26.0] {
            let top = |text: &str| {
                let points = outlines(text, size, Weight::Regular);
                points.iter().flatten().fold(0.0f64, |top, p| top.max(-p[1]))
            };
            for text in ["x", "H"] {
                let height = top(text);
                assert!((height - height.round()).abs() < 1e-9, "{text} at {size}: {height}");
            }
        }
    }

    #[test]
    fn a_character_that_the_font_lacks_is_a_box() {
        assert_eq!(outlines("日", 12.0, Weight::Regular), outlines("本", 12.0, Weight::Regular));
        assert!(!outlines("日", 12.0, Weight::Regular).is_empty());
        assert_ne!(outlines("é", 12.0, Weight::Regular), outlines("日", 12.0, Weight::Regular));
    }
}
