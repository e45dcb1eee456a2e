//! A scene as SVG text.

use crate::color::Color;
use crate::font::Weight;
use crate::png;
use crate::raster::Point;
use crate::scene::{Anchor, Item, Rect, Scene, Stroke, Text};
use std::fmt::Write;

/// Fonts of similar width; the crate's own first, so that SVG and PNG agree where it is installed.
const FONTS: &str =
    "'Open Sans','Noto Sans',Arial,'Liberation Sans',Helvetica,'DejaVu Sans',sans-serif";

/// The scene as a complete SVG document.
pub(crate) fn document(scene: &Scene) -> String {
    let (w, h) = (scene.width, scene.height);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" \
         viewBox=\"0 0 {w} {h}\" role=\"img\" font-family=\"{FONTS}\">\n<title>{}</title>\n",
        escape(&scene.description)
    );
    if let Some(color) = scene.background {
        writeln!(out, "<rect width=\"{w}\" height=\"{h}\"{}/>", fill(color)).expect(INFALLIBLE);
    }
    for item in &scene.items {
        out.push_str(&element(item));
        out.push('\n');
    }
    out.push_str("</svg>\n");
    out
}

const INFALLIBLE: &str = "writing to a String cannot fail";

fn element(item: &Item) -> String {
    match item {
        Item::Rect { rect: Rect { x, y, w, h }, fill: color } => format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{}/>",
            number(*x),
            number(*y),
            number(*w),
            number(*h),
            fill(*color)
        ),
        Item::Circle { center: [x, y], radius, fill: color } => format!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"{}/>",
            number(*x),
            number(*y),
            number(*radius),
            fill(*color)
        ),
        Item::Polygon { points, fill: color } => {
            format!("<polygon points=\"{}\"{}/>", coordinates(points), fill(*color))
        }
        Item::Line { points, stroke } => {
            format!("<polyline points=\"{}\"{}/>", coordinates(points), line_style(stroke))
        }
        Item::Text(text) => text_element(text),
        Item::Image { image, left, top, block } => format!(
            "<image x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" \
             preserveAspectRatio=\"none\" image-rendering=\"optimizeSpeed\" \
             style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{}\"/>",
            image.width * block,
            image.height * block,
            base64(&png::encode_rgb(image))
        ),
    }
}

fn text_element(text: &Text) -> String {
    let (x, y) = (number(text.at[0]), number(text.at[1]));
    let mut out = format!("<text x=\"{x}\" y=\"{y}\" font-size=\"{}\"", number(text.size));
    if text.weight == Weight::Semibold {
        out.push_str(" font-weight=\"600\"");
    }
    match text.anchor {
        Anchor::Start => {}
        Anchor::Middle => out.push_str(" text-anchor=\"middle\""),
        Anchor::End => out.push_str(" text-anchor=\"end\""),
    }
    if text.upwards {
        write!(out, " transform=\"rotate(-90 {x} {y})\"").expect(INFALLIBLE);
    }
    let full = text.full.as_ref().map(|full| format!("<title>{}</title>", escape(full)));
    write!(out, "{}>{}{}</text>", fill(text.color), full.unwrap_or_default(), escape(&text.shown))
        .expect(INFALLIBLE);
    out
}

fn line_style(stroke: &Stroke) -> String {
    let mut out = format!(
        " fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"",
        hex(stroke.color),
        number(stroke.width)
    );
    if stroke.color.a < 255 {
        let opacity = number(f64::from(stroke.color.a) / 255.0);
        write!(out, " stroke-opacity=\"{opacity}\"").expect(INFALLIBLE);
    }
    if stroke.dash.is_empty() {
        out.push_str(" stroke-linecap=\"round\"");
    } else {
        let pattern: Vec<String> = stroke.dash.iter().map(|&length| number(length)).collect();
        write!(out, " stroke-dasharray=\"{}\"", pattern.join(" ")).expect(INFALLIBLE);
    }
    out
}

fn fill(color: Color) -> String {
    if color.a == 255 {
        format!(" fill=\"{}\"", hex(color))
    } else {
        let opacity = number(f64::from(color.a) / 255.0);
        format!(" fill=\"{}\" fill-opacity=\"{opacity}\"", hex(color))
    }
}

fn hex(color: Color) -> String {
    format!("#{:02x}{:02x}{:02x}", color.r, color.g, color.b)
}

fn coordinates(points: &[Point]) -> String {
    let pairs: Vec<String> =
        points.iter().map(|[x, y]| format!("{},{}", number(*x), number(*y))).collect();
    pairs.join(" ")
}

/// A number with at most two decimals and no trailing zeros.
fn number(x: f64) -> String {
    let text = format!("{x:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Text that is safe between tags and inside quotes; what XML cannot hold becomes U+FFFD.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\0'..='\x1f' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// RFC 4648, section 4, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, &byte| group << 8 | u32::from(byte));
        let group = group << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let sextet = (group >> (18 - 6 * place)) & 63;
            out.push(if place <= chunk.len() {
                char::from(ALPHABET[sextet as usize])
            } else {
                '='
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_agrees_with_the_vectors_of_rfc_4648() {
        let cases = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (n, expected) in cases.iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..n]), *expected);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfb]), "//77");
    }

    #[test]
    fn numbers_are_short() {
        let cases = [(1.0, "1"), (0.5, "0.5"), (1.256, "1.26"), (-0.001, "0"), (100.0, "100")];
        for (x, expected) in cases {
            assert_eq!(number(x), expected);
        }
    }

    #[test]
    fn markup_in_text_stays_text() {
        let escaped = escape("a<b> & \"c\" 'd'\u{0}\n");
        assert_eq!(escaped, "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;\u{fffd} ");
    }
}
