//! Colours, and how well one stands out from another.

/// An sRGB colour with straight alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Color {
    pub(crate) r: u8,
    pub(crate) g: u8,
    pub(crate) b: u8,
    pub(crate) a: u8,
}

impl Color {
    /// An opaque colour from `0xRRGGBB`.
    pub(crate) const fn hex(rgb: u32) -> Self {
        Self { r: (rgb >> 16) as u8, g: (rgb >> 8) as u8, b: rgb as u8, a: 255 }
    }

    /// The same colour with another alpha.
    pub(crate) const fn alpha(self, a: u8) -> Self {
        Self { a, ..self }
    }

    /// The colour a fraction `t` of the way to `other`, mixed in sRGB as browsers do.
    pub(crate) fn mix(self, other: Self, t: f64) -> Self {
        let channel = |from: u8, to: u8| {
            (f64::from(from) + (f64::from(to) - f64::from(from)) * t).round_ties_even() as u8
        };
        Self {
            r: channel(self.r, other.r),
            g: channel(self.g, other.g),
            b: channel(self.b, other.b),
            a: channel(self.a, other.a),
        }
    }

    /// Relative luminance in 0..=1 as WCAG 2 defines it (alpha is ignored).
    pub(crate) fn luminance(self) -> f64 {
        let [r, g, b] = self.linear();
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// The three channels as light intensities in 0..=1.
    pub(crate) fn linear(self) -> [f64; 3] {
        [self.r, self.g, self.b].map(|channel| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { libm::pow((c + 0.055) / 1.055, 2.4) }
        })
    }

    /// WCAG 2 contrast ratio, 1 (none) to 21 (black on white).
    pub(crate) fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_of_black_and_white_is_21_both_ways() {
        let (black, white) = (Color::hex(0), Color::hex(0xff_ff_ff));
        assert!((black.contrast(white) - 21.0).abs() < 1e-12);
        assert_eq!(black.contrast(white), white.contrast(black));
        assert_eq!(white.contrast(white), 1.0);
    }

    #[test]
    fn mixing_ends_at_the_ends() {
        let (a, b) = (Color::hex(0x12_34_56), Color::hex(0xfe_dc_ba));
        assert_eq!(a.mix(b, 0.0), a);
        assert_eq!(a.mix(b, 1.0), b);
        assert_eq!(Color::hex(0).mix(Color::hex(0xff_ff_ff), 0.5), Color::hex(0x80_80_80));
    }
}
