//! A pair of axes: ranges, numbers, grid, and the way from values to pixels.

use crate::font::{self, Weight};
use crate::page::{LABEL_SIZE, TICK_SIZE, TextStyle, baseline};
use crate::raster::Point;
use crate::scene::{Anchor, Rect, Scene, Stroke};
use crate::theme::Palette;
use crate::ticks::{self, Tick};
use purlin_core::{Error, Result};

/// How values are spread along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    Linear,
    Log,
    /// As `Linear`, from the far end to the near one: downwards, on a y axis.
    Descending,
    /// As `Linear`, without numbers.
    Bare,
}

/// One axis before it has a place.
#[derive(Debug, Clone)]
pub(crate) struct Axis<'a> {
    pub(crate) label: &'a str,
    pub(crate) scale: Scale,
    pub(crate) lo: f64,
    pub(crate) hi: f64,
    /// Only whole numbers are marked.
    pub(crate) integers: bool,
}

/// What an axis should span, and who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RangeRequest {
    pub(crate) op: &'static str,
    /// The argument that holds the values, `x` or `y`.
    pub(crate) name: &'static str,
    pub(crate) scale: Scale,
    /// Set by the user; else from the values.
    pub(crate) explicit: Option<(f64, f64)>,
    /// Free space beyond the values at each end, as a share of their span.
    pub(crate) pad: f64,
}

impl RangeRequest {
    /// The range that shows all finite numbers among `values`.
    pub(crate) fn resolve(self, values: impl Iterator<Item = f64>) -> Result<(f64, f64)> {
        let Self { op, name, scale, explicit, pad } = self;
        let log = scale == Scale::Log;
        if let Some((lo, hi)) = explicit {
            if !(lo < hi && (hi - lo).is_finite() && (!log || lo > 0.0)) {
                let rule =
                    if log { "finite with 0 < low < high" } else { "finite with low < high" };
                return Err(Error::param(op, "range", rule, format!("{lo}..{hi}")));
            }
            return Ok((lo, hi));
        }
        let (mut lo, mut hi) = (f64::INFINITY, f64::NEG_INFINITY);
        for (index, value) in values.enumerate().filter(|(_, value)| value.is_finite()) {
            if log && value <= 0.0 {
                let got = format!("{value} at index {index}");
                return Err(Error::param(op, name, "positive on a logarithmic axis", got));
            }
            lo = lo.min(value);
            hi = hi.max(value);
        }
        if lo > hi {
            return Err(Error::shape(op, format!("at least one finite number in {name}"), "none"));
        }
        let (lo, hi) = if log {
            let (l, h) = (libm::log10(lo), libm::log10(hi));
            let room = ((h - l) * pad).max(if h - l < 1e-9 { 0.5 } else { 0.0 });
            (libm::pow(10.0, l - room), libm::pow(10.0, h + room))
        } else {
            // A range too narrow for its numbers (one value, say) is widened around them.
            let size = lo.abs().max(hi.abs());
            let room = if size == 0.0 {
                0.5
            } else if hi - lo <= size * 1e-9 {
                size * 0.1
            } else {
                (hi - lo) * pad
            };
            (lo - room, hi + room)
        };
        if lo < hi && (hi - lo).is_finite() && (!log || lo > 0.0) {
            Ok((lo, hi))
        } else {
            Err(Error::param(op, name, "of a span that f64 can hold", format!("{lo}..{hi}")))
        }
    }
}

/// From values on an axis to pixels.
#[derive(Debug, Clone, Copy)]
struct Map {
    scale: Scale,
    lo: f64,
    hi: f64,
    start: f64,
    end: f64,
}

impl Map {
    fn new(axis: &Axis<'_>, start: f64, end: f64) -> Self {
        let place = |value: f64| if axis.scale == Scale::Log { libm::log10(value) } else { value };
        let is_turned = axis.scale == Scale::Descending;
        let (start, end) = if is_turned { (end, start) } else { (start, end) };
        Self { scale: axis.scale, lo: place(axis.lo), hi: place(axis.hi), start, end }
    }

    fn at(&self, value: f64) -> f64 {
        let value = if self.scale == Scale::Log { libm::log10(value) } else { value };
        let pixel = self.start + (value - self.lo) / (self.hi - self.lo) * (self.end - self.start);
        pixel.clamp(-1e7, 1e7) // far outside the picture; lines are cut at its edge anyway
    }
}

/// Axes on a picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axes {
    /// Where the data goes.
    pub(crate) area: Rect,
    x: Map,
    y: Map,
}

const TICK_GAP: f64 = 7.0;
const TICK_ROW: f64 = 20.0;
const LABEL_ROW: f64 = 20.0;

impl Axes {
    /// Draws axes into `outer`, numbers and names included; `note_row` is kept free above them.
    pub(crate) fn draw(
        scene: &mut Scene,
        palette: &Palette,
        outer: Rect,
        x: &Axis<'_>,
        y: &Axis<'_>,
        note_row: f64,
    ) -> Self {
        let top = (outer.y + note_row.max(4.0)).round_ties_even();
        let x_label_row = if x.label.is_empty() { 0.0 } else { LABEL_ROW };
        let bottom = (outer.bottom() - TICK_ROW - x_label_row).round_ties_even().max(top + 1.0);

        let y_ticks = marks(y, ((bottom - top) / 34.0) as usize);
        let width = |tick: &Tick| font::reserved_width(&tick.label, TICK_SIZE, Weight::Regular);
        let widest = y_ticks.iter().map(width).fold(0.0, f64::max);
        let y_label_column = if y.label.is_empty() { 0.0 } else { LABEL_ROW + 2.0 };
        let left = (outer.x + y_label_column + widest + TICK_GAP).round_ties_even();
        // Half of the last number may stand beyond the axis.
        let right = (outer.right() - 14.0).round_ties_even().max(left + 1.0);

        let x_ticks = (1..=((right - left) / 40.0) as usize + 1)
            .rev()
            .map(|max| marks(x, max))
            .find(|ticks| fit_side_by_side(ticks, x, left, right))
            .unwrap_or_default();

        let area = Rect::new(left, top, right - left, bottom - top);
        let axes = Self { area, x: Map::new(x, left, right), y: Map::new(y, bottom, top) };
        let number = TextStyle::new(TICK_SIZE, palette.muted);
        for tick in &y_ticks {
            let at = axes.y.at(tick.value).round_ties_even();
            scene.rect(Rect::new(left, at, area.w, 1.0), palette.grid);
            let place = [left - TICK_GAP, baseline(at + 0.5, TICK_SIZE)];
            number.anchor(Anchor::End).put(scene, &tick.label, place, f64::INFINITY);
        }
        for tick in &x_ticks {
            let at = axes.x.at(tick.value).round_ties_even();
            scene.rect(Rect::new(at, top, 1.0, area.h), palette.grid);
            scene.rect(Rect::new(at, bottom, 1.0, 4.0), palette.axis);
            let place = [at + 0.5, bottom + 16.0];
            number.anchor(Anchor::Middle).put(scene, &tick.label, place, f64::INFINITY);
        }
        scene.rect(Rect::new(left, bottom, area.w + 1.0, 1.0), palette.axis);

        let name = TextStyle::new(LABEL_SIZE, palette.text).anchor(Anchor::Middle);
        let place = [left + area.w / 2.0, (bottom + TICK_ROW + 16.0).round_ties_even()];
        name.put(scene, x.label, place, area.w + widest);
        let place = [outer.x + LABEL_SIZE * font::CAP_HEIGHT + 1.0, top + area.h / 2.0];
        name.upwards().put(scene, y.label, place, area.h + TICK_ROW);
        axes
    }

    /// The place of a pair of values: half a pixel in, where the middle of a grid line is.
    pub(crate) fn at(&self, x: f64, y: f64) -> Point {
        [self.x.at(x) + 0.5, self.y.at(y) + 0.5]
    }

    /// Draws the line through `(x[i], y[i])`, cut at the edge of the area.
    ///
    /// A non-finite value leaves a gap; a value between two gaps is a dot.
    pub(crate) fn line(&self, scene: &mut Scene, x: &[f64], y: &[f64], stroke: Stroke) {
        let mut run: Vec<Point> = Vec::new();
        let mut finish = |run: &mut Vec<Point>| {
            match run.as_slice() {
                [] => {}
                &[dot] if self.contains(dot) => {
                    scene.circle(dot, stroke.width * 1.25, stroke.color);
                }
                points => {
                    for piece in self.cut(&thin(points)) {
                        scene.line(piece, stroke);
                    }
                }
            }
            run.clear();
        };
        for (&x, &y) in x.iter().zip(y) {
            if x.is_finite() && y.is_finite() {
                run.push(self.at(x, y));
            } else {
                finish(&mut run);
            }
        }
        finish(&mut run);
    }

    pub(crate) fn contains(&self, point: Point) -> bool {
        let Rect { x, y, w, h } = self.limits();
        (x..=x + w).contains(&point[0]) && (y..=y + h).contains(&point[1])
    }

    /// The area with the outer half of its border lines.
    fn limits(&self) -> Rect {
        Rect { w: self.area.w + 1.0, h: self.area.h + 1.0, ..self.area }
    }

    /// The parts of a line that lie inside the area.
    fn cut(&self, points: &[Point]) -> Vec<Vec<Point>> {
        let mut pieces: Vec<Vec<Point>> = Vec::new();
        let mut open = false;
        for pair in points.windows(2) {
            let Some([a, b]) = cut_segment(pair[0], pair[1], &self.limits()) else {
                open = false;
                continue;
            };
            match pieces.last_mut() {
                Some(piece) if open => piece.push(b),
                _ => pieces.push(vec![a, b]),
            }
            open = b == pair[1];
        }
        pieces
    }
}

/// The marks of an axis, at most `max` (at least 2, so that a scale can be read).
fn marks(axis: &Axis<'_>, max: usize) -> Vec<Tick> {
    match axis.scale {
        Scale::Bare => Vec::new(),
        Scale::Linear | Scale::Descending => {
            ticks::linear(axis.lo, axis.hi, max.max(2), axis.integers)
        }
        Scale::Log => ticks::logarithmic(axis.lo, axis.hi, max.max(2)),
    }
}

fn fit_side_by_side(ticks: &[Tick], axis: &Axis<'_>, left: f64, right: f64) -> bool {
    let map = Map::new(axis, left, right);
    let ends = |tick: &Tick| {
        let half = font::reserved_width(&tick.label, TICK_SIZE, Weight::Regular) / 2.0;
        let at = map.at(tick.value);
        (at - half, at + half)
    };
    ticks.windows(2).all(|pair| ends(&pair[0]).1 + 12.0 <= ends(&pair[1]).0)
}

/// The same line with at most four points to a pixel column: first, lowest, highest, last.
///
/// What is left out lies within the line's own width. Lines that go back in x are kept whole.
fn thin(points: &[Point]) -> Vec<Point> {
    const SHORT: usize = 4000;
    if points.len() <= SHORT || points.windows(2).any(|pair| pair[1][0] < pair[0][0]) {
        return points.to_vec();
    }
    let mut kept = Vec::new();
    for column in points.chunk_by(|a, b| a[0].floor() == b[0].floor()) {
        let by_height = |a: &&Point, b: &&Point| a[1].total_cmp(&b[1]);
        let lowest = column.iter().min_by(by_height);
        let highest = column.iter().max_by(by_height);
        let mut four: Vec<&Point> =
            [column.first(), lowest, highest, column.last()].into_iter().flatten().collect();
        four.sort_by(|a, b| a[0].total_cmp(&b[0]));
        kept.extend(four.into_iter().copied());
    }
    kept.dedup();
    kept
}

/// The part of a segment inside a rectangle (Y.-D. Liang, B. A. Barsky, *A new concept and method
/// for line clipping*, ACM Transactions on Graphics 3(1), 1984).
fn cut_segment(a: Point, b: Point, area: &Rect) -> Option<[Point; 2]> {
    let along = [b[0] - a[0], b[1] - a[1]];
    let (mut from, mut to) = (0.0f64, 1.0f64);
    let limits = [(area.x, area.right()), (area.y, area.bottom())];
    for (axis, (low, high)) in limits.into_iter().enumerate() {
        // Inside means direction * t <= room, for the low and for the high side.
        for (direction, room) in [(-along[axis], a[axis] - low), (along[axis], high - a[axis])] {
            if direction == 0.0 && room < 0.0 {
                return None;
            } else if direction < 0.0 {
                from = from.max(room / direction);
            } else if direction > 0.0 {
                to = to.min(room / direction);
            }
        }
    }
    if from > to {
        return None;
    }
    let at = |t: f64| [a[0] + along[0] * t, a[1] + along[1] * t];
    Some([if from > 0.0 { at(from) } else { a }, if to < 1.0 { at(to) } else { b }])
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: Rect = Rect { x: 0.0, y: 0.0, w: 10.0, h: 10.0 };

    fn request(scale: Scale, explicit: Option<(f64, f64)>) -> RangeRequest {
        RangeRequest { op: "test", name: "y", scale, explicit, pad: 0.1 }
    }

    #[test]
    fn segments_are_cut_at_the_edge() {
        let cut = |a, b| cut_segment(a, b, &UNIT);
        assert_eq!(cut([1.0, 1.0], [9.0, 9.0]), Some([[1.0, 1.0], [9.0, 9.0]]));
        assert_eq!(cut([-5.0, 5.0], [15.0, 5.0]), Some([[0.0, 5.0], [10.0, 5.0]]));
        assert_eq!(cut([5.0, 5.0], [5.0, 30.0]), Some([[5.0, 5.0], [5.0, 10.0]]));
        assert_eq!(cut([-5.0, -5.0], [-1.0, 20.0]), None);
        assert_eq!(cut([8.0, -5.0], [15.0, 2.0]), None);
        assert_eq!(cut([3.0, 3.0], [3.0, 3.0]), Some([[3.0, 3.0], [3.0, 3.0]]));
    }

    #[test]
    fn ranges_show_every_value_with_room() {
        let resolve = |scale, values: &[f64]| request(scale, None).resolve(values.iter().copied());
        assert_eq!(resolve(Scale::Linear, &[0.0, f64::NAN, 10.0]).unwrap(), (-1.0, 11.0));
        assert_eq!(resolve(Scale::Linear, &[0.0]).unwrap(), (-0.5, 0.5));
        let (lo, hi) = resolve(Scale::Linear, &[5.0, 5.0]).unwrap();
        assert!(lo < 5.0 && 5.0 < hi);
        let (lo, hi) = resolve(Scale::Log, &[1e-3, 1e3]).unwrap();
        assert!(lo > 1e-4 && lo < 1e-3 && hi > 1e3 && hi < 1e4);
    }

    #[test]
    fn ranges_that_cannot_be_drawn_are_refused_with_the_value() {
        let text = |scale, explicit, values: &[f64]| {
            request(scale, explicit).resolve(values.iter().copied()).unwrap_err().to_string()
        };
        let (linear, log) = (Scale::Linear, Scale::Log);
        assert_eq!(
            text(linear, None, &[f64::NAN]),
            "test: expected at least one finite number in y, got none"
        );
        assert_eq!(
            text(log, None, &[1.0, 0.0]),
            "test: y must be positive on a logarithmic axis, got 0 at index 1"
        );
        assert!(text(linear, None, &[-1.7e308, 1.7e308]).contains("of a span that f64 can hold"));
        assert_eq!(
            text(linear, Some((1.0, 1.0)), &[]),
            "test: range must be finite with low < high, got 1..1"
        );
        assert!(text(log, Some((0.0, 1.0)), &[]).contains("0 < low < high"));
    }

    #[test]
    fn thinning_keeps_the_extremes_of_each_column() {
        let n = 20_000;
        let points: Vec<Point> =
            (0..n).map(|i| [f64::from(i) / 200.0, f64::from(i * 7919 % 1000)]).collect();
        let kept = thin(&points);
        assert!(kept.len() <= 4 * 100);
        let range = |points: &[Point]| {
            let ys = points.iter().map(|p| p[1]);
            (ys.clone().fold(f64::INFINITY, f64::min), ys.fold(0.0, f64::max))
        };
        for column in 0..100 {
            let of = |points: &[Point]| -> Vec<Point> {
                points.iter().copied().filter(|p| p[0].floor() == f64::from(column)).collect()
            };
            assert_eq!(range(&of(&points)), range(&of(&kept)));
        }
        let short = &points[..100];
        assert_eq!(thin(short), short);
    }
}
