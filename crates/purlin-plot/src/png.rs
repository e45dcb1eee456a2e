//! A scene as pixels, and pixels as PNG.

use crate::font;
use crate::raster::{Canvas, Point, RgbImage};
use crate::scene::{Anchor, Item, Scene, Text};
use crate::stroke;
use ::png::{BitDepth, ColorType, Compression, Encoder, Filter};

/// The scene as a PNG file, `ratio` pixels to a unit: RGB, or RGBA if there is no background.
pub(crate) fn encode(scene: &Scene, ratio: usize) -> Vec<u8> {
    let canvas = paint(scene, ratio);
    if scene.background.is_some() {
        let rgb: Vec<u8> = canvas.rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
        file(canvas.width, canvas.height, ColorType::Rgb, &rgb)
    } else {
        file(canvas.width, canvas.height, ColorType::Rgba, &canvas.rgba)
    }
}

/// An image as a PNG file.
pub(crate) fn encode_rgb(image: &RgbImage) -> Vec<u8> {
    file(image.width, image.height, ColorType::Rgb, &image.rgb)
}

fn file(width: usize, height: usize, color: ColorType, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, width as u32, height as u32);
    encoder.set_color(color);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::High);
    // Drawings are flat areas, which deflate finds best without a filter.
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header().expect("sizes were checked when the figure was drawn");
    writer.write_image_data(bytes).expect("one byte per channel of each pixel");
    writer.finish().expect("writing to memory cannot fail");
    out
}

fn paint(scene: &Scene, ratio: usize) -> Canvas {
    let mut canvas = Canvas::new(scene.width * ratio, scene.height * ratio, scene.background);
    let k = ratio as f64;
    let scaled = |points: &[Point]| points.iter().map(|p| [p[0] * k, p[1] * k]).collect::<Vec<_>>();
    for item in &scene.items {
        match item {
            Item::Rect { rect: r, fill } => {
                let corners =
                    [[r.x, r.y], [r.right(), r.y], [r.right(), r.bottom()], [r.x, r.bottom()]];
                canvas.fill(&[scaled(&corners)], *fill);
            }
            Item::Circle { center, radius, fill } => {
                canvas.fill(&[stroke::disc([center[0] * k, center[1] * k], radius * k)], *fill);
            }
            Item::Polygon { points, fill } => canvas.fill(&[scaled(points)], *fill),
            Item::Line { points, stroke: style } => {
                let (points, width) = (scaled(points), style.width * k);
                let polygons = if style.dash.is_empty() {
                    stroke::outline(&points, width, true)
                } else {
                    let pattern: Vec<f64> = style.dash.iter().map(|length| length * k).collect();
                    let pieces = stroke::dashes(&points, &pattern);
                    pieces.iter().flat_map(|piece| stroke::outline(piece, width, false)).collect()
                };
                canvas.fill(&polygons, style.color);
            }
            Item::Text(text) => canvas.fill(&letters(text, k), text.color),
            Item::Image { image, left, top, block } => {
                canvas.image(left * ratio, top * ratio, image, block * ratio);
            }
        }
    }
    canvas
}

/// The outlines of a text where it belongs; its baseline lies between two rows of pixels.
fn letters(text: &Text, k: f64) -> Vec<Vec<Point>> {
    let size = text.size * k;
    let width = font::width(&text.shown, size, text.weight);
    let shift = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -width / 2.0,
        Anchor::End => -width,
    };
    let [x, y] = [text.at[0] * k, text.at[1] * k];
    let mut contours = font::outlines(&text.shown, size, text.weight);
    for point in contours.iter_mut().flatten() {
        let [along, across] = [point[0] + shift, point[1]];
        *point = if text.upwards {
            [x.round_ties_even() + across, y - along]
        } else {
            [x + along, y.round_ties_even() + across]
        };
    }
    contours
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::Color;
    use crate::scene::Rect;

    #[test]
    fn a_rectangle_is_painted_at_its_place_at_every_ratio() {
        let scene = Scene {
            width: 4,
            height: 3,
            background: Some(Color::hex(0xff_ff_ff)),
            description: String::new(),
            items: vec![Item::Rect {
                rect: Rect::new(1.0, 1.0, 2.0, 1.0),
                fill: Color::hex(0x12_34_56),
            }],
        };
        for ratio in [1, 2, 3] {
            let canvas = paint(&scene, ratio);
            assert_eq!((canvas.width, canvas.height), (4 * ratio, 3 * ratio));
            for y in 0..canvas.height {
                for x in 0..canvas.width {
                    let inside = (1..3).contains(&(x / ratio)) && y / ratio == 1;
                    let expected = if inside { [0x12, 0x34, 0x56, 255] } else { [255; 4] };
                    let at = (y * canvas.width + x) * 4;
                    assert_eq!(canvas.rgba[at..at + 4], expected);
                }
            }
        }
    }
}
