//! Lines with a width, as polygons.

use crate::raster::Point;

/// The polygons whose union is the line through `points`, `width` pixels wide.
///
/// Joints are round; so are the ends if `round_ends`, else the line stops flat at its last point.
pub(crate) fn outline(points: &[Point], width: f64, round_ends: bool) -> Vec<Vec<Point>> {
    let mut polygons = Vec::new();
    for pair in points.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let along = [b[0] - a[0], b[1] - a[1]];
        let length = (along[0] * along[0] + along[1] * along[1]).sqrt();
        if length > 0.0 {
            let half = width / 2.0 / length;
            let n = [-along[1] * half, along[0] * half];
            // Always in the same sense, so that the nonzero rule makes a union of the pieces.
            polygons.push(vec![
                [a[0] + n[0], a[1] + n[1]],
                [a[0] - n[0], a[1] - n[1]],
                [b[0] - n[0], b[1] - n[1]],
                [b[0] + n[0], b[1] + n[1]],
            ]);
        }
    }
    let joints = match points {
        [] => points,
        _ if round_ends => points,
        [_, inner @ .., _] => inner,
        _ => &[],
    };
    // Below a pixel and a half a joint is hardly a pixel wide and the pieces overlap enough.
    if width >= 1.25 || round_ends {
        polygons.extend(joints.iter().map(|&p| disc(p, width / 2.0)));
    }
    polygons
}

/// A circle as a polygon, in the same sense as the pieces of [`outline`].
pub(crate) fn disc(center: Point, radius: f64) -> Vec<Point> {
    // The deviation of an n-gon is about 5 r / n^2: below a fiftieth of a pixel.
    let n = ((radius * 250.0).sqrt().ceil() as u32).clamp(8, 256);
    (0..n)
        .map(|i| {
            let angle = std::f64::consts::TAU * f64::from(i) / f64::from(n);
            let (sin, cos) = libm::sincos(angle);
            [center[0] + radius * cos, center[1] + radius * sin]
        })
        .collect()
}

/// Cuts the line through `points` into dashes: `pattern` is on, off, on, off, ... in pixels.
pub(crate) fn dashes(points: &[Point], pattern: &[f64]) -> Vec<Vec<Point>> {
    let mut pieces = Vec::new();
    let (mut index, mut left) = (0, pattern[0]);
    let mut piece: Vec<Point> = points.first().map(|&p| vec![p]).unwrap_or_default();
    for pair in points.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let along = [b[0] - a[0], b[1] - a[1]];
        let length = (along[0] * along[0] + along[1] * along[1]).sqrt();
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let t = done / length;
            let at = [a[0] + along[0] * t, a[1] + along[1] * t];
            if index % 2 == 0 {
                piece.push(at);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![at];
            }
            index = (index + 1) % pattern.len();
            left = pattern[index];
        }
        left -= length - done;
        if index % 2 == 0 {
            piece.push(b);
        }
    }
    if index % 2 == 0 && piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(polygon: &[Point]) -> f64 {
        let next = polygon.iter().cycle().skip(1);
        polygon.iter().zip(next).map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum::<f64>() / 2.0
    }

    #[test]
    fn all_pieces_turn_the_same_way_and_have_the_area_of_the_line() {
        let pieces = outline(&[[0.0, 0.0], [3.0, 4.0], [3.0, -2.0], [-5.0, -2.0]], 2.0, true);
        assert!(pieces.iter().all(|piece| area(piece) > 0.0));
        assert!((area(&pieces[0]) - 10.0).abs() < 1e-12); // length 5, width 2
        let round = std::f64::consts::PI;
        assert!((area(&disc([1.0, 1.0], 1.0)) - round).abs() < 0.09);
        assert!((area(&disc([1.0, 1.0], 50.0)) - 2500.0 * round).abs() < 5.0);
    }

    #[test]
    fn dashes_follow_the_pattern_around_corners() {
        let line = [[0.0, 0.0], [5.0, 0.0], [5.0, 5.0]];
        let pieces = dashes(&line, &[4.0, 2.0]);
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[0], [[0.0, 0.0], [4.0, 0.0]]);
        assert_eq!(pieces[1], [[5.0, 1.0], [5.0, 5.0]]);
        assert_eq!(dashes(&line[..1], &[4.0, 2.0]), Vec::<Vec<Point>>::new());
    }
}
