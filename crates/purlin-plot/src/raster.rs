//! Polygons to pixels.
//!
//! Each pixel row is cut into 16 sub-rows; along a sub-row the inside (nonzero winding) is a list
//! of intervals with exact ends, and their lengths add up to the coverage of the pixels. Only
//! `+ - * /` in a fixed order, so the same picture has the same bytes on every machine.

use crate::color::Color;

/// A place on the picture: x to the right, y down, in pixels.
pub(crate) type Point = [f64; 2];

/// Sub-rows per pixel row.
const SUB: usize = 16;

/// A picture being painted: straight-alpha RGBA, rows from the top.
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgba: Vec<u8>,
}

/// An edge of a polygon, from its upper to its lower end.
struct Edge {
    /// First sub-row whose centre is not above the edge's upper end.
    first: usize,
    /// One past the last sub-row.
    end: usize,
    x: f64,
    y: f64,
    slope: f64,
    /// 1 downwards, -1 upwards.
    winding: i32,
}

impl Canvas {
    /// An empty canvas: `background` everywhere, or transparent.
    pub(crate) fn new(width: usize, height: usize, background: Option<Color>) -> Self {
        let c = background.unwrap_or(Color::hex(0).alpha(0));
        Self { width, height, rgba: [c.r, c.g, c.b, c.a].repeat(width * height) }
    }

    /// Fills the union of `polygons` (nonzero winding rule; each closes itself).
    pub(crate) fn fill(&mut self, polygons: &[Vec<Point>], color: Color) {
        let mut edges = self.edges(polygons);
        edges.sort_by_key(|edge| edge.first); // stable, so equal starts keep their order
        let Some(top) = edges.first().map(|edge| edge.first) else { return };
        let bottom = edges.iter().map(|edge| edge.end).max().unwrap_or(top);

        let mut active: Vec<Edge> = Vec::new();
        let mut waiting = edges.into_iter().peekable();
        let mut crossings: Vec<(f64, i32)> = Vec::new();
        let mut row = CoverageRow::new(self.width);
        for sub in top..bottom {
            active.retain(|edge| edge.end > sub);
            while let Some(edge) = waiting.next_if(|edge| edge.first <= sub) {
                active.push(edge);
            }
            let y = (sub as f64 + 0.5) / SUB as f64;
            crossings.clear();
            crossings.extend(active.iter().map(|e| (e.x + (y - e.y) * e.slope, e.winding)));
            crossings.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut winding = 0;
            let mut start = 0.0;
            for &(x, change) in &crossings {
                if winding == 0 {
                    start = x;
                }
                winding += change;
                if winding == 0 {
                    row.add(start, x);
                }
            }
            if sub % SUB == SUB - 1 || sub + 1 == bottom {
                self.paint_row(sub / SUB, &mut row, color);
            }
        }
    }

    fn edges(&self, polygons: &[Vec<Point>]) -> Vec<Edge> {
        let limit = (self.height * SUB) as f64;
        let mut edges = Vec::new();
        for polygon in polygons {
            for (i, &a) in polygon.iter().enumerate() {
                let b = polygon[(i + 1) % polygon.len()];
                let (upper, lower, winding) = if a[1] <= b[1] { (a, b, 1) } else { (b, a, -1) };
                // Sub-row s has its centre at (s + 0.5) / SUB.
                let row = |y: f64| (y * SUB as f64 - 0.5).ceil().clamp(0.0, limit) as usize;
                let (first, end) = (row(upper[1]), row(lower[1]));
                if first < end {
                    let slope = (lower[0] - upper[0]) / (lower[1] - upper[1]);
                    edges.push(Edge { first, end, x: upper[0], y: upper[1], slope, winding });
                }
            }
        }
        edges
    }

    fn paint_row(&mut self, y: usize, row: &mut CoverageRow, color: Color) {
        let line = &mut self.rgba[y * self.width * 4..(y + 1) * self.width * 4];
        row.drain(|x, coverage| {
            let alpha = (coverage * f64::from(color.a)).round_ties_even() as u32;
            blend(&mut line[x * 4..x * 4 + 4], color, alpha);
        });
    }

    /// Copies an opaque RGB image, each pixel as a block of `block` by `block`.
    pub(crate) fn image(&mut self, left: usize, top: usize, image: &RgbImage, block: usize) {
        for y in 0..(image.height * block).min(self.height.saturating_sub(top)) {
            for x in 0..(image.width * block).min(self.width.saturating_sub(left)) {
                let from = ((y / block) * image.width + x / block) * 3;
                let to = ((top + y) * self.width + left + x) * 4;
                self.rgba[to..to + 3].copy_from_slice(&image.rgb[from..from + 3]);
                self.rgba[to + 3] = 255;
            }
        }
    }
}

/// Source over destination, straight alpha, in sRGB as browsers do.
fn blend(pixel: &mut [u8], color: Color, alpha: u32) {
    let under = u32::from(pixel[3]) * (255 - alpha); // in 255ths of an alpha step
    let total = alpha * 255 + under;
    if alpha == 0 || total == 0 {
        return;
    }
    for (below, above) in pixel.iter_mut().zip([color.r, color.g, color.b]) {
        let sum = u32::from(above) * alpha * 255 + u32::from(*below) * under;
        *below = ((sum + total / 2) / total) as u8;
    }
    pixel[3] = ((total + 127) / 255) as u8;
}

/// Coverage of the pixels of one row, gathered sub-row by sub-row.
struct CoverageRow {
    /// Coverage that belongs to one pixel only.
    own: Vec<f64>,
    /// Changes of the coverage shared by all pixels from here to the right.
    change: Vec<f64>,
    /// The touched range.
    left: usize,
    right: usize,
}

impl CoverageRow {
    fn new(width: usize) -> Self {
        Self { own: vec![0.0; width + 1], change: vec![0.0; width + 1], left: width, right: 0 }
    }

    /// Adds the interval from `start` to `end` of one sub-row.
    fn add(&mut self, start: f64, end: f64) {
        let width = (self.own.len() - 1) as f64;
        let (start, end) = (start.clamp(0.0, width), end.clamp(0.0, width));
        if start >= end {
            return;
        }
        let (i, j) = (start as usize, end as usize);
        if i == j {
            self.own[i] += end - start;
        } else {
            self.own[i] += (i + 1) as f64 - start;
            self.own[j] += end - j as f64;
            self.change[i + 1] += 1.0;
            self.change[j] -= 1.0;
        }
        self.left = self.left.min(i);
        self.right = self.right.max(j + 1);
    }

    /// Hands over the covered pixels with their coverage in 0..=1 and clears the row.
    fn drain(&mut self, mut paint: impl FnMut(usize, f64)) {
        let width = self.own.len() - 1;
        let mut shared = 0.0;
        for x in self.left..self.right {
            shared += self.change[x];
            let coverage = ((shared + self.own[x]) / SUB as f64).min(1.0);
            if x < width && coverage > 0.0 {
                paint(x, coverage);
            }
            self.own[x] = 0.0;
            self.change[x] = 0.0;
        }
        (self.left, self.right) = (width, 0);
    }
}

/// An opaque picture inside a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RgbImage {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgb: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLACK: Color = Color::hex(0);
    const WHITE: Color = Color::hex(0xff_ff_ff);

    fn rect(x0: f64, y0: f64, x1: f64, y1: f64) -> Vec<Point> {
        vec![[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
    }

    fn red(canvas: &Canvas, x: usize, y: usize) -> u8 {
        canvas.rgba[(y * canvas.width + x) * 4]
    }

    #[test]
    fn coverage_of_a_rectangle_is_its_area_in_each_pixel() {
        let mut canvas = Canvas::new(4, 3, Some(WHITE));
        canvas.fill(&[rect(0.5, 1.0, 2.25, 1.5)], BLACK);
        let row: Vec<u8> = (0..4).map(|x| red(&canvas, x, 1)).collect();
        // Shares 1/4, 1/2, 1/8, 0 of black on white.
        assert_eq!(row, [191, 127, 223, 255]);
        assert!((0..4).all(|x| red(&canvas, x, 0) == 255 && red(&canvas, x, 2) == 255));
    }

    #[test]
    fn overlapping_polygons_are_one_shape_and_holes_stay_open() {
        let mut union = Canvas::new(8, 8, Some(WHITE));
        union.fill(&[rect(1.0, 1.0, 5.5, 5.0), rect(3.0, 3.0, 7.0, 7.0)], BLACK.alpha(128));
        assert_eq!(red(&union, 1, 1), 127);
        assert_eq!(red(&union, 4, 4), 127, "covered twice, painted once");
        let mut ring = Canvas::new(8, 8, Some(WHITE));
        let mut hole = rect(2.0, 2.0, 6.0, 6.0);
        hole.reverse();
        ring.fill(&[rect(0.0, 0.0, 8.0, 8.0), hole], BLACK);
        assert_eq!((red(&ring, 1, 4), red(&ring, 4, 4)), (0, 255));
    }

    #[test]
    fn shapes_beyond_the_canvas_are_cut_and_nothing_panics() {
        let mut canvas = Canvas::new(4, 4, Some(WHITE));
        canvas.fill(&[rect(-10.0, -10.0, 2.0, 2.0)], BLACK);
        canvas.fill(&[rect(3.0, 3.0, 99.0, 1e9)], BLACK);
        canvas.fill(&[rect(-5.0, 9.0, -1.0, 12.0), vec![], vec![[1.0, 1.0]]], BLACK);
        assert_eq!((red(&canvas, 1, 1), red(&canvas, 2, 2), red(&canvas, 3, 3)), (0, 255, 0));
    }

    #[test]
    fn painting_on_nothing_keeps_the_colour_and_takes_the_alpha() {
        let mut canvas = Canvas::new(2, 1, None);
        canvas.fill(&[rect(0.0, 0.0, 0.5, 1.0)], Color::hex(0x20_40_60));
        assert_eq!(canvas.rgba, [0x20, 0x40, 0x60, 128, 0, 0, 0, 0]);
    }
}
