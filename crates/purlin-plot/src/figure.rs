//! A finished picture, and the look that all pictures share.

use crate::scene::Scene;
use crate::theme::{Palette, Theme};
use crate::{png, svg};
use purlin_core::{Error, Result};
use std::path::Path;

/// The look of a picture: theme, size, pixels per unit.
///
/// | value         | unit                               | default                           |
/// |---------------|------------------------------------|-----------------------------------|
/// | `theme`       |                                    | [`Theme::Light`]                  |
/// | `width`       | pixels                             | chosen by the plot                |
/// | `height`      | pixels                             | chosen by the plot                |
/// | `pixel_ratio` | pixels of the PNG per unit of size | 1; take 2 for high-density screens |
///
/// # Examples
///
/// ```
/// use purlin_plot::{LinePlot, Style};
///
/// let style = Style::new().size(320, 240).pixel_ratio(2);
/// let figure = LinePlot::new().line("a", &[0.0, 1.0], &[1.0, 0.0]).style(style).draw()?;
/// assert_eq!((figure.width(), figure.height()), (320, 240));
/// assert_eq!(figure.to_png()[16..24], [0, 0, 2, 128, 0, 0, 1, 224]); // 640 x 480 in the header
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "hand it to the `style` method of a plot"]
pub struct Style {
    theme: Theme,
    size: Option<(usize, usize)>,
    pixel_ratio: usize,
}

/// The longest side of a picture, in pixels of the PNG.
const MAX_SIDE: usize = 16_384;
/// The largest picture, in pixels of the PNG; painting takes four bytes for each.
const MAX_PIXELS: usize = 1 << 26;
/// The smallest picture that has room for axes and their numbers.
const MIN_SIDE: usize = 120;

impl Default for Style {
    fn default() -> Self {
        Self::new()
    }
}

impl Style {
    /// Light, default size, one pixel per unit.
    pub fn new() -> Self {
        Self { theme: Theme::Light, size: None, pixel_ratio: 1 }
    }

    /// Colours for a light page, a dark page, or no background at all.
    pub fn theme(mut self, theme: Theme) -> Self {
        self.theme = theme;
        self
    }

    /// Width and height in pixels, each at least 120.
    ///
    /// Grids of images and confusion matrices, whose size follows from their cells, refuse it.
    pub fn size(mut self, width: usize, height: usize) -> Self {
        self.size = Some((width, height));
        self
    }

    /// Pixels of the PNG per unit of width and height, 1 to 8. SVG has no pixels and ignores it.
    pub fn pixel_ratio(mut self, ratio: usize) -> Self {
        self.pixel_ratio = ratio;
        self
    }

    pub(crate) fn palette(self) -> &'static Palette {
        Palette::of(self.theme)
    }

    /// The size asked for, or the plot's own.
    pub(crate) fn size_or(
        self,
        op: &'static str,
        default: (usize, usize),
    ) -> Result<(usize, usize)> {
        let (width, height) = self.size.unwrap_or(default);
        for (param, side) in [("width", width), ("height", height)] {
            if side < MIN_SIDE {
                return Err(Error::param(op, param, format!("at least {MIN_SIDE} pixels"), side));
            }
        }
        Ok((width, height))
    }

    /// Refuses a size for plots whose size follows from their cells.
    pub(crate) fn no_size(self, op: &'static str) -> Result<()> {
        match self.size {
            None => Ok(()),
            Some((width, height)) => Err(Error::param(
                op,
                "size",
                "left to the plot (its size follows from its cells; set `cell`)",
                format!("{width} x {height}"),
            )),
        }
    }

    /// An empty scene of this look, or the reason why there is none of this size.
    pub(crate) fn scene(
        self,
        op: &'static str,
        (width, height): (usize, usize),
        description: String,
    ) -> Result<Scene> {
        let ratio = self.pixel_ratio;
        if !(1..=8).contains(&ratio) {
            return Err(Error::param(op, "pixel_ratio", "in 1..=8", ratio));
        }
        check_size(op, (width, height), ratio)?;
        let background = self.palette().background;
        Ok(Scene { width, height, background, description, items: Vec::new() })
    }
}

/// Refuses a picture that is too large to paint.
fn check_size(op: &'static str, (width, height): (usize, usize), ratio: usize) -> Result<()> {
    let pixels = |side: usize| side.checked_mul(ratio).filter(|&side| side <= MAX_SIDE);
    match (pixels(width), pixels(height)) {
        (Some(w), Some(h)) if w * h <= MAX_PIXELS => Ok(()),
        _ => {
            let rule = format!(
                "at most {MAX_SIDE} pixels a side and {MAX_PIXELS} in all, pixel_ratio included"
            );
            Err(Error::param(op, "size", rule, format!("{width} x {height} x {ratio}^2")))
        }
    }
}

/// A finished picture: print it as SVG, paint it as PNG, or save it.
///
/// The same plot gives the same bytes on every machine: nothing depends on installed fonts, on the
/// instruction set or on the time of day.
///
/// # Examples
///
/// ```
/// use purlin_plot::LearningCurves;
///
/// let figure = LearningCurves::new().series("loss", &[0.9, 0.4, 0.2]).draw()?;
/// assert!(figure.to_svg().starts_with("<svg"));
/// assert_eq!(&figure.to_png()[1..4], b"PNG");
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    scene: Scene,
    pixel_ratio: usize,
}

impl Figure {
    pub(crate) fn new(scene: Scene, style: Style) -> Self {
        Self { scene, pixel_ratio: style.pixel_ratio }
    }

    /// This picture with another at its right, both at the top.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when they have not the same background and pixel ratio, or are too
    /// large together.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_plot::{LinePlot, Style};
    ///
    /// let draw = |name, size: (usize, usize)| {
    ///     let plot = LinePlot::new().line("a", &[0.0, 1.0], &[1.0, 0.0]).title(name);
    ///     plot.style(Style::new().size(size.0, size.1)).draw()
    /// };
    /// let both = draw("left", (320, 240))?.beside(&draw("right", (200, 300))?)?;
    /// assert_eq!((both.width(), both.height()), (520, 300));
    /// assert!(both.to_svg().contains(">right</text>"));
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn beside(&self, right: &Self) -> Result<Self> {
        const OP: &str = "beside";
        let (a, b) = (&self.scene, &right.scene);
        if self.pixel_ratio != right.pixel_ratio {
            let rule = format!("{} in both pictures", self.pixel_ratio);
            return Err(Error::param(OP, "pixel_ratio", rule, right.pixel_ratio));
        }
        if a.background != b.background {
            let got = "pictures of different themes";
            return Err(Error::param(OP, "theme", "the same in both pictures", got));
        }
        let size = (a.width + b.width, a.height.max(b.height));
        check_size(OP, size, self.pixel_ratio)?;
        let mut scene = a.clone();
        (scene.width, scene.height) = size;
        scene.description = format!("{}; {}", a.description, b.description);
        scene.items.extend(b.items.iter().map(|item| item.moved_right(a.width)));
        Ok(Self { scene, pixel_ratio: self.pixel_ratio })
    }

    /// Width in pixels, before the pixel ratio.
    pub fn width(&self) -> usize {
        self.scene.width
    }

    /// Height in pixels, before the pixel ratio.
    pub fn height(&self) -> usize {
        self.scene.height
    }

    /// The picture as an SVG document.
    ///
    /// Texts stay texts (searchable, in the viewer's sans-serif font); images are embedded as PNG.
    pub fn to_svg(&self) -> String {
        svg::document(&self.scene)
    }

    /// The picture as a PNG file, with the font that this crate carries.
    ///
    /// The font covers Latin, Greek and Cyrillic; a character beyond them is a box.
    pub fn to_png(&self) -> Vec<u8> {
        png::encode(&self.scene, self.pixel_ratio)
    }

    /// Writes the picture to `path`, as SVG or PNG by its extension (upper or lower case).
    ///
    /// # Errors
    ///
    /// - [`Error::UnsupportedFile`]: the extension is neither `svg` nor `png`.
    /// - [`Error::Io`]: the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_plot::LearningCurves;
    ///
    /// let figure = LearningCurves::new().series("loss", &[0.9, 0.4, 0.2]).draw()?;
    /// let err = figure.save("curves.bmp").unwrap_err();
    /// assert_eq!(err.to_string(), "save_figure: unsupported file curves.bmp: expected .svg or .png");
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        let bytes = if extension == "svg" {
            self.to_svg().into_bytes()
        } else if extension == "png" {
            self.to_png()
        } else {
            return Err(Error::unsupported("save_figure", path, "expected .svg or .png"));
        };
        std::fs::write(path, bytes).map_err(|source| Error::io("save_figure", path, source))
    }
}
