//! The series: where it comes from, and how a network sees it.

use purlin::core::MatrixView;
use purlin::core::rng::Stream;
use purlin::data::StandardScaler;
use purlin::data::csv::{ColumnData, CsvReader, Missing};
use std::error::Error;
use std::path::Path;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A quantity at equal distances in time.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) values: Vec<f64>,
}

impl Series {
    /// Twenty years of made-up months: growth, a season of two waves whose height grows along, and
    /// noise that lasts for some months.
    pub(crate) fn synthetic() -> Self {
        let mut rng = Stream::new(1949, "forecast").rng(0);
        let mut noise = 0.0;
        let value = |month: usize| {
            let (t, turn) = (month as f64, std::f64::consts::TAU * month as f64 / 12.0);
            noise = 0.7 * noise + 0.02 * rng.normal();
            let season = 0.18 * libm::sin(turn) + 0.07 * libm::sin(2.0 * turn + 1.0);
            libm::exp(4.8 + 0.006 * t + season + noise)
        };
        let name = "synthetic months (growth, season, noise)".to_owned();
        Self { name, values: (0..240).map(value).collect() }
    }

    /// A column of a CSV file with a header: the last one of numbers, unless it is named.
    pub(crate) fn read(path: &Path, column: Option<&str>) -> Result<Self> {
        let table = CsvReader::new().missing(Missing::Error).read(path)?;
        let is_numeric = |data: &ColumnData| matches!(data, ColumnData::Numeric(_));
        let name = match column {
            Some(name) => name.to_owned(),
            None => (table.columns().iter().rev())
                .find(|column| is_numeric(&column.data))
                .map(|column| column.name.clone())
                .ok_or_else(|| format!("{}: no column holds numbers only", path.display()))?,
        };
        Ok(Self { values: table.numeric(&name)?.to_vec(), name })
    }
}

/// From a series to what a network learns from, and back: logarithms if wanted, differences over
/// `lag` steps if that is above 0, mean 0 and deviation 1 of the first rows.
pub(crate) struct View {
    has_log: bool,
    lag: usize,
    scaler: StandardScaler,
    /// Behind the logarithm.
    levels: Vec<f64>,
    /// Differences, scaled: entry `i` belongs to row `i + lag` of the series.
    pub(crate) scaled: Vec<f64>,
}

impl View {
    /// `known` rows, more than `lag`, may be looked at to find mean and deviation.
    pub(crate) fn new(series: &[f64], has_log: bool, lag: usize, known: usize) -> Result<Self> {
        if let Some(row) = series.iter().position(|&value| has_log && value <= 0.0) {
            let value = series[row];
            return Err(format!(
                "values must be above 0 unless --levels is set, got {value} at row {row}"
            )
            .into());
        }
        let levels: Vec<f64> =
            series.iter().map(|&value| if has_log { libm::log(value) } else { value }).collect();
        let differences: Vec<f64> = if lag == 0 {
            levels.clone()
        } else {
            levels.iter().zip(&levels[lag..]).map(|(before, now)| now - before).collect()
        };
        let scaler = StandardScaler::fit(column(&differences[..known - lag])?)?;
        let scaled = scaler.transform(column(&differences)?)?.into_vec();
        Ok(Self { has_log, lag, scaler, levels, scaled })
    }

    /// Where row `row` of the series stands in `scaled`.
    pub(crate) fn place(&self, row: usize) -> usize {
        row - self.lag
    }

    /// A forecast of the rows from `origin` on, in the units of the series: differences are added up
    /// on what was known before.
    pub(crate) fn back(&self, origin: usize, forecast: &[f32]) -> Result<Vec<f64>> {
        let scaled: Vec<f64> = forecast.iter().map(|&x| f64::from(x)).collect();
        let changes = self.scaler.inverse_transform(column(&scaled)?)?.into_vec();
        let mut levels = self.levels[..origin].to_vec();
        for change in changes {
            let before = if self.lag == 0 { 0.0 } else { levels[levels.len() - self.lag] };
            levels.push(before + change);
        }
        let value = |&level: &f64| if self.has_log { libm::exp(level) } else { level };
        Ok(levels[origin..].iter().map(value).collect())
    }
}

/// Numbers as a table of one column.
pub(crate) fn column(values: &[f64]) -> Result<MatrixView<'_, f64>> {
    Ok(MatrixView::from_slice(values, values.len(), 1)?)
}
