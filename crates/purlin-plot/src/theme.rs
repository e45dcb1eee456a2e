//! Light, dark and transparent pictures: which colours each is drawn with.

use crate::color::Color;

/// The page a picture is made for.
///
/// `Light` and `Dark` paint their own opaque background, so either reads well on any page.
/// `Transparent` paints none and uses middle tones that keep a contrast of at least 3 : 1 (text
/// 4 : 1) on white and on near-black pages alike.
///
/// The colours of series differ by at least 0.06 in OKLab for people with normal vision,
/// protanopia, deuteranopia and tritanopia (the first four by at least 0.1), and stand out from
/// their background by 3 : 1 or more; a test of this crate measures it. What a colour says, a
/// dash pattern, a marker shape or a sign says too.
///
/// # Examples
///
/// ```
/// use purlin_plot::{LinePlot, Style, Theme};
///
/// let figure = LinePlot::new()
///     .line("y = x", &[0.0, 1.0], &[0.0, 1.0])
///     .style(Style::new().theme(Theme::Dark))
///     .draw()?;
/// assert!(figure.to_svg().contains("#14181d")); // the dark background
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Theme {
    /// White background, dark text.
    #[default]
    Light,
    /// Near-black background, light text.
    Dark,
    /// No background; middle tones for white and for dark pages.
    Transparent,
}

/// The colours of one theme.
pub(crate) struct Palette {
    /// Painted behind everything, if at all.
    pub(crate) background: Option<Color>,
    pub(crate) text: Color,
    /// Tick labels and notes.
    pub(crate) muted: Color,
    pub(crate) axis: Color,
    pub(crate) grid: Color,
    /// Series, in order of use.
    pub(crate) series: &'static [Color],
    pub(crate) correct: Color,
    pub(crate) wrong: Color,
    /// Noise, or "no label".
    pub(crate) noise: Color,
    /// Shares from 0 to 1: fixed points of a scale whose lightness changes in one direction.
    pub(crate) ramp: &'static [Color],
}

impl Palette {
    pub(crate) fn of(theme: Theme) -> &'static Self {
        match theme {
            Theme::Light => &LIGHT,
            Theme::Dark => &DARK,
            Theme::Transparent => &TRANSPARENT,
        }
    }

    /// The colour of series `index`; after the last it starts again (see [`Palette::dash`]).
    pub(crate) fn color(&self, index: usize) -> Color {
        self.series[index % self.series.len()]
    }

    /// The dash pattern of series `index`: solid until the colours are used up.
    pub(crate) fn dash(&self, index: usize) -> &'static [f64] {
        const DASHES: [&[f64]; 4] = [&[], &[7.0, 4.0], &[2.0, 3.0], &[9.0, 3.0, 2.0, 3.0]];
        DASHES[index / self.series.len() % DASHES.len()]
    }

    /// The colour of a share in 0..=1.
    pub(crate) fn share(&self, share: f64) -> Color {
        let place = share * (self.ramp.len() - 1) as f64;
        let lower = (place.floor() as usize).min(self.ramp.len() - 2);
        self.ramp[lower].mix(self.ramp[lower + 1], place - lower as f64)
    }

    /// White or near-black, whichever reads better on `fill`.
    pub(crate) fn text_on(fill: Color) -> Color {
        let (dark, light) = (Color::hex(0x12_1a_24), Color::hex(0xff_ff_ff));
        if fill.contrast(dark) >= fill.contrast(light) { dark } else { light }
    }
}

const LIGHT: Palette = Palette {
    background: Some(Color::hex(0xff_ff_ff)),
    text: Color::hex(0x1f_29_33),
    muted: Color::hex(0x52_60_6d),
    axis: Color::hex(0x9a_a5_b1),
    grid: Color::hex(0xe4_e8_ec),
    series: &[
        Color::hex(0x0b_4f_a8),
        Color::hex(0xea_4a_08),
        Color::hex(0x07_98_68),
        Color::hex(0xb0_62_c8),
        Color::hex(0x7a_36_08),
        Color::hex(0xa8_2a_67),
        Color::hex(0x40_94_fa),
        Color::hex(0x24_1a_40),
    ],
    correct: Color::hex(0x0a_6f_8a),
    wrong: Color::hex(0xc7_3a_04),
    noise: Color::hex(0x7b_87_94),
    ramp: &[
        Color::hex(0xf4_f8_fc),
        Color::hex(0xc3_da_f0),
        Color::hex(0x7f_b2_de),
        Color::hex(0x2f_7c_c0),
        Color::hex(0x0a_42_8c),
    ],
};

const DARK: Palette = Palette {
    background: Some(Color::hex(0x14_18_1d)),
    text: Color::hex(0xe8_eb_ee),
    muted: Color::hex(0xa9_b3_bd),
    axis: Color::hex(0x6b_76_83),
    grid: Color::hex(0x2a_31_39),
    series: &[
        Color::hex(0x3f_86_d0),
        Color::hex(0xe8_70_4a),
        Color::hex(0x35_c7_9f),
        Color::hex(0xc3_ad_ff),
        Color::hex(0xf2_cc_3e),
        Color::hex(0xb8_5a_a8),
        Color::hex(0xa4_f0_e8),
        Color::hex(0x8a_8f_94),
    ],
    correct: Color::hex(0x4f_b3_d9),
    wrong: Color::hex(0xff_8a_5c),
    noise: Color::hex(0x7b_87_94),
    ramp: &[
        Color::hex(0x1c_23_2b),
        Color::hex(0x1d_3f_62),
        Color::hex(0x1f_68_a8),
        Color::hex(0x4b_9f_e0),
        Color::hex(0xb5_df_ff),
    ],
};

const TRANSPARENT: Palette = Palette {
    background: None,
    text: Color::hex(0x76_7d_84),
    muted: Color::hex(0x76_7d_84),
    axis: Color::hex(0x85_8d_95),
    grid: Color::hex(0x85_8d_95).alpha(72),
    series: &[
        Color::hex(0x3e_60_d0),
        Color::hex(0xf5_5f_0a),
        Color::hex(0x2f_a7_7d),
        Color::hex(0xa6_81_e8),
        Color::hex(0x8b_6c_57),
        Color::hex(0xbb_5e_ac),
    ],
    correct: Color::hex(0x1c_85_a6),
    wrong: Color::hex(0xe0_4f_10),
    noise: Color::hex(0x85_8d_95),
    ramp: LIGHT.ramp,
};

#[cfg(test)]
mod tests {
    use super::*;

    type Matrix3 = [[f64; 3]; 3];

    /// Full protanopia, deuteranopia and tritanopia on linear RGB.
    ///
    /// G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, *A physiologically-based model for
    /// simulation of color vision deficiency*, IEEE TVCG 15(6), 2009, table of severity 1.0.
    const VISIONS: [Matrix3; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ];

    /// OKLab (B. Ottosson, 2020): linear RGB to cone responses, cube root, to lightness and hue.
    const LMS: Matrix3 = [
        [0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9],
        [0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6],
        [0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5],
    ];
    const LAB: Matrix3 = [
        [0.210_454_255_3, 0.793_617_785_0, -0.004_072_046_8],
        [1.977_998_495_1, -2.428_592_205_0, 0.450_593_709_9],
        [0.025_904_037_1, 0.782_771_766_2, -0.808_675_766_0],
    ];

    fn apply(m: &Matrix3, v: [f64; 3]) -> [f64; 3] {
        m.map(|row| row[0] * v[0] + row[1] * v[1] + row[2] * v[2])
    }

    fn seen(color: Color, vision: &Matrix3) -> [f64; 3] {
        let rgb = apply(vision, color.linear()).map(|c| c.clamp(0.0, 1.0));
        apply(&LAB, apply(&LMS, rgb).map(libm::cbrt))
    }

    /// OKLab distance for the kind of vision that tells the two apart worst.
    fn least_difference(a: Color, b: Color) -> f64 {
        VISIONS.iter().fold(f64::INFINITY, |least, vision| {
            let (p, q) = (seen(a, vision), seen(b, vision));
            let square: f64 = p.iter().zip(q).map(|(p, q)| (p - q) * (p - q)).sum();
            least.min(square.sqrt())
        })
    }

    const WHITE: Color = Color::hex(0xff_ff_ff);

    /// The pages each theme is read on.
    fn pages(palette: &Palette) -> Vec<Color> {
        palette.background.map_or(vec![WHITE, Color::hex(0x14_18_1d)], |color| vec![color])
    }

    #[test]
    fn series_are_told_apart_with_every_kind_of_colour_vision() {
        for palette in [&LIGHT, &DARK, &TRANSPARENT] {
            for (i, a) in palette.series.iter().enumerate() {
                for (j, b) in palette.series.iter().enumerate().take(i) {
                    let needed = if i < 4 { 0.1 } else { 0.06 };
                    let difference = least_difference(*a, *b);
                    assert!(difference >= needed, "{i} {j}: {difference}");
                }
            }
            assert!(least_difference(palette.correct, palette.wrong) >= 0.1);
        }
    }

    #[test]
    fn everything_stands_out_from_its_page() {
        for palette in [&LIGHT, &DARK, &TRANSPARENT] {
            for page in pages(palette) {
                for color in palette.series.iter().chain([&palette.noise]) {
                    assert!(color.contrast(page) >= 3.0, "{color:?} {}", color.contrast(page));
                }
                let (text, sign) =
                    if palette.background.is_some() { (4.5, 4.5) } else { (4.0, 3.5) };
                for color in [palette.text, palette.muted] {
                    assert!(color.contrast(page) >= text, "{color:?} {}", color.contrast(page));
                }
                for color in [palette.correct, palette.wrong] {
                    assert!(color.contrast(page) >= sign, "{color:?} {}", color.contrast(page));
                }
            }
        }
    }

    #[test]
    fn shares_change_lightness_in_one_direction_and_carry_readable_text() {
        for palette in [&LIGHT, &DARK] {
            let colors: Vec<Color> =
                (0..=100).map(|i| palette.share(f64::from(i) / 100.0)).collect();
            let rising = colors[100].luminance() > colors[0].luminance();
            for pair in colors.windows(2) {
                assert_eq!(pair[1].luminance() > pair[0].luminance(), rising);
            }
            for color in colors {
                assert!(Palette::text_on(color).contrast(color) >= 4.0, "{color:?}");
            }
        }
    }
}
