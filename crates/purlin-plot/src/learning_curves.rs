//! How a training went.

use crate::axes::{Axes, Axis, RangeRequest, Scale};
use crate::figure::{Figure, Style};
use crate::font::{self, Weight};
use crate::page::{Key, Page, TICK_SIZE, TextStyle, title_height};
use crate::scene::{Anchor, Rect, Scene, Stroke};
use crate::series::{not_empty, to_f64};
use crate::theme::Palette;
use crate::ticks::value_text;
use purlin_core::{Error, Real, Result};

const OP: &str = "learning_curves";
/// Room between panels.
const GAP: f64 = 20.0;

/// Losses and metrics over the epochs, in one panel or several, with the best epoch marked.
///
/// Each [`panel`](Self::panel) has its own y axis; series of the same name have the same colour in
/// all of them and one place in the legend. A series holds one value per epoch; NaN and infinities
/// leave a gap, so the curves of a training that diverged show where it did. Series may differ in
/// length (a run that stopped early).
///
/// # Examples
///
/// ```
/// use purlin_plot::LearningCurves;
///
/// let figure = LearningCurves::new()
///     .panel("loss")
///     .series("training", &[0.9, 0.5, 0.3, 0.2])
///     .series("validation", &[0.8, 0.5, 0.4, 0.5])
///     .mark_min() // of the series above: epoch 3
///     .panel("accuracy")
///     .series("training", &[0.6, 0.8, 0.9, 0.95])
///     .series("validation", &[0.6, 0.8, 0.85, 0.84])
///     .title("Digits")
///     .draw()?;
/// assert!(figure.to_svg().contains("best: epoch 3 (0.4)"));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `draw` is called"]
pub struct LearningCurves {
    panels: Vec<Panel>,
    mark: Option<Mark>,
    first_epoch: usize,
    title: String,
    x_label: String,
    style: Style,
}

#[derive(Debug, Clone)]
struct Panel {
    label: String,
    log: bool,
    series: Vec<Series>,
}

#[derive(Debug, Clone)]
struct Series {
    name: String,
    values: Vec<f64>,
}

/// Which epoch to mark.
#[derive(Debug, Clone, Copy)]
enum Mark {
    /// Where the last series added so far is lowest (or highest).
    Extreme {
        highest: bool,
        place: Option<(usize, usize)>,
    },
    Epoch(usize),
}

/// The marked epoch, found.
#[derive(Debug, Clone, Copy)]
struct Best {
    epoch: usize,
    /// Panel, series and value, if it is the extreme of one.
    of: Option<(usize, usize, f64)>,
}

impl Default for LearningCurves {
    fn default() -> Self {
        Self::new()
    }
}

impl LearningCurves {
    /// No curves yet; epochs count from 1.
    pub fn new() -> Self {
        Self {
            panels: Vec::new(),
            mark: None,
            first_epoch: 1,
            title: String::new(),
            x_label: "epoch".to_owned(),
            style: Style::new(),
        }
    }

    /// Starts a panel whose y axis is named `label`; the series that follow go into it.
    pub fn panel(mut self, label: impl Into<String>) -> Self {
        self.panels.push(Panel { label: label.into(), log: false, series: Vec::new() });
        self
    }

    /// Makes the y axis of the current panel logarithmic: its values must be positive.
    pub fn log_y(mut self) -> Self {
        self.current_panel().log = true;
        self
    }

    /// Adds a series to the current panel: one value per epoch.
    pub fn series<T: Real>(mut self, name: impl Into<String>, values: &[T]) -> Self {
        let series = Series { name: name.into(), values: to_f64(values) };
        self.current_panel().series.push(series);
        self
    }

    /// Marks the epoch where the series added last is lowest (the first of equal ones).
    pub fn mark_min(self) -> Self {
        self.mark_extreme(false)
    }

    /// Marks the epoch where the series added last is highest (the first of equal ones).
    pub fn mark_max(self) -> Self {
        self.mark_extreme(true)
    }

    /// Marks a given epoch, as counted from [`first_epoch`](Self::first_epoch).
    ///
    /// There is one mark; the last call decides.
    pub fn mark_epoch(mut self, epoch: usize) -> Self {
        self.mark = Some(Mark::Epoch(epoch));
        self
    }

    /// The number of the first value's epoch, 1 by default.
    pub fn first_epoch(mut self, epoch: usize) -> Self {
        self.first_epoch = epoch;
        self
    }

    /// The title above the picture.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The name of the x axis, `epoch` by default.
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.x_label = label.into();
        self
    }

    /// Theme, size (640 x 400 by default, 960 wide for two panels) and pixel ratio.
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    fn current_panel(&mut self) -> &mut Panel {
        if self.panels.is_empty() {
            self.panels.push(Panel { label: String::new(), log: false, series: Vec::new() });
        }
        self.panels.last_mut().expect("there is one now")
    }

    fn mark_extreme(mut self, highest: bool) -> Self {
        let panel = self.panels.len().checked_sub(1);
        let place = panel.and_then(|panel| {
            self.panels[panel].series.len().checked_sub(1).map(|series| (panel, series))
        });
        self.mark = Some(Mark::Extreme { highest, place });
        self
    }

    /// Draws the curves.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewSamples`]: no series, a panel without one, or a series without values.
    /// - [`Error::Shape`]: a panel, or the series to mark, has no finite value.
    /// - [`Error::InvalidParam`]: the marked epoch is not among the epochs, a value is not positive
    ///   on a logarithmic axis, or the size is out of bounds.
    pub fn draw(&self) -> Result<Figure> {
        not_empty(OP, self.panels.len())?;
        for panel in &self.panels {
            not_empty(OP, panel.series.len())?;
            for series in &panel.series {
                not_empty(OP, series.values.len())?;
            }
        }
        let best = self.best()?;
        let columns = self.panels.len().min(2);
        let rows = self.panels.len().div_ceil(2);
        let default = (if columns == 1 { 640 } else { 960 }, 60 + 340 * rows);
        let size = self.style.size_or(OP, default)?;

        let palette = self.style.palette();
        let scene = self.style.scene(OP, size, self.describe())?;
        let mut page = Page::new(scene, palette, &self.title);
        let names = self.names();
        let key = |index: usize| Stroke {
            color: palette.color(index),
            width: 2.0,
            dash: palette.dash(index),
        };
        let entries: Vec<(Key, String)> = names
            .iter()
            .enumerate()
            .filter(|(_, name)| !name.is_empty())
            .map(|(index, &name)| (Key::Line(key(index)), name.to_owned()))
            .collect();
        page.legend(&entries);

        let Rect { x, y, w, h } = page.area;
        let width = (w - GAP * (columns - 1) as f64) / columns as f64;
        let height = (h - GAP * (rows - 1) as f64) / rows as f64;
        for (index, panel) in self.panels.iter().enumerate() {
            let (row, column) = (index / columns, index % columns);
            let outer = Rect::new(
                x + column as f64 * (width + GAP),
                y + row as f64 * (height + GAP),
                width,
                height,
            );
            let strokes: Vec<Stroke> = panel
                .series
                .iter()
                .map(|series| key(names.iter().position(|&n| n == series.name).unwrap_or(0)))
                .collect();
            self.draw_panel(&mut page.scene, palette, outer, (index, panel), &strokes, best)?;
        }
        Ok(Figure::new(page.scene, self.style))
    }

    fn draw_panel(
        &self,
        scene: &mut Scene,
        palette: &Palette,
        outer: Rect,
        (index, panel): (usize, &Panel),
        strokes: &[Stroke],
        best: Option<Best>,
    ) -> Result<()> {
        let scale = if panel.log { Scale::Log } else { Scale::Linear };
        let values = panel.series.iter().flat_map(|series| series.values.iter().copied());
        let request = RangeRequest { op: OP, name: "series", scale, explicit: None, pad: 0.05 };
        let (lo, hi) = request.resolve(values)?;
        let (first, last) =
            (self.first_epoch as f64, (self.first_epoch + self.n_epochs() - 1) as f64);
        let room = if first < last { (last - first) * 0.02 } else { 0.5 };
        let (x_lo, x_hi) = (first - room, last + room);
        let x =
            Axis { label: &self.x_label, scale: Scale::Linear, lo: x_lo, hi: x_hi, integers: true };
        let y = Axis { label: &panel.label, scale, lo, hi, integers: false };
        let note_row = if best.is_some() { 18.0 } else { 0.0 };
        let axes = Axes::draw(scene, palette, outer, &x, &y, note_row);

        if let Some(best) = best {
            draw_mark(scene, palette, &axes, index, best);
        }
        for (series, stroke) in panel.series.iter().zip(strokes) {
            let epochs: Vec<f64> =
                (0..series.values.len()).map(|i| (self.first_epoch + i) as f64).collect();
            axes.line(scene, &epochs, &series.values, *stroke);
        }
        if let Some(Best { epoch, of: Some((of_panel, of_series, value)) }) = best
            && of_panel == index
        {
            let at = axes.at(epoch as f64, value);
            scene.circle(at, 6.0, strokes[of_series].color);
            scene.circle(at, 3.5, palette.background.unwrap_or(palette.text));
        }
        Ok(())
    }

    /// Names of all series, in order of first appearance.
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for series in self.panels.iter().flat_map(|panel| &panel.series) {
            if !names.contains(&series.name.as_str()) {
                names.push(&series.name);
            }
        }
        names
    }

    fn n_epochs(&self) -> usize {
        let series = self.panels.iter().flat_map(|panel| &panel.series);
        series.map(|series| series.values.len()).max().unwrap_or(0)
    }

    fn best(&self) -> Result<Option<Best>> {
        match self.mark {
            None => Ok(None),
            Some(Mark::Epoch(epoch)) => {
                let last = self.first_epoch + self.n_epochs() - 1;
                if !(self.first_epoch..=last).contains(&epoch) {
                    let rule = format!("in {}..={last}", self.first_epoch);
                    return Err(Error::param(OP, "mark_epoch", rule, epoch));
                }
                Ok(Some(Best { epoch, of: None }))
            }
            Some(Mark::Extreme { place: None, .. }) => {
                Err(Error::shape(OP, "a series before the call that marks its best epoch", "none"))
            }
            Some(Mark::Extreme { highest, place: Some((panel, series)) }) => {
                let values = &self.panels[panel].series[series].values;
                let sign = if highest { -1.0 } else { 1.0 };
                let finite = values.iter().enumerate().filter(|(_, value)| value.is_finite());
                // The first of equal values: `min_by` keeps it.
                let (i, &value) =
                    finite.min_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1))).ok_or_else(
                        || Error::shape(OP, "a finite value in the series to mark", "none"),
                    )?;
                Ok(Some(Best { epoch: self.first_epoch + i, of: Some((panel, series, value)) }))
            }
        }
    }

    fn describe(&self) -> String {
        let title = if title_height(&self.title) > 0.0 { &self.title } else { "Learning curves" };
        format!("{title}: {} over {} epochs", self.names().join(", "), self.n_epochs())
    }
}

/// The dashed line at the best epoch, and its note above the axes, where no data is.
fn draw_mark(scene: &mut Scene, palette: &Palette, axes: &Axes, panel: usize, best: Best) {
    let area = axes.area;
    let x = axes.at(best.epoch as f64, 1.0)[0].floor() + 0.5;
    let stroke = Stroke { color: palette.muted, width: 1.0, dash: &[4.0, 3.0] };
    scene.line(vec![[x, area.y - 4.0], [x, area.bottom()]], stroke);
    let note = match best.of {
        Some((of_panel, _, value)) if of_panel == panel => {
            format!("best: epoch {} ({})", best.epoch, value_text(value))
        }
        _ => format!("epoch {}", best.epoch),
    };
    // Centred on the line, but never beyond the axes.
    let half = font::reserved_width(&note, TICK_SIZE, Weight::Regular) / 2.0;
    let middle = x.min(area.right() - half).max(area.x + half);
    let style = TextStyle::new(TICK_SIZE, palette.muted).anchor(Anchor::Middle);
    style.put(scene, &note, [middle, area.y - 8.0], area.w);
}
