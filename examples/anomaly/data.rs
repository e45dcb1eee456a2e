//! Series with the stretches in which something was wrong.

use purlin::core::rng::Stream;
use purlin::data::csv::{CsvReader, Missing};
use std::collections::BTreeMap;
use std::error::Error;
use std::ops::Range;
use std::path::Path;

/// A series with its labels.
pub(crate) struct Labelled {
    pub(crate) name: String,
    pub(crate) values: Vec<f64>,
    /// Rows in which something was wrong.
    pub(crate) windows: Vec<Range<usize>>,
}

impl Labelled {
    /// Whether something was wrong at each row.
    pub(crate) fn is_wrong(&self, row: usize) -> bool {
        self.windows.iter().any(|window| window.contains(&row))
    }
}

/// Half-hours in a day.
const DAY: usize = 48;

/// Sixty made-up days of half-hours, weekends lower, with four planted anomalies in the last two
/// thirds: a day without its evening, hours that stand still, a day that comes six hours late, hours
/// of wild swings.
pub(crate) fn synthetic() -> Labelled {
    let mut rng = Stream::new(48, "anomaly").rng(0);
    let windows = vec![
        27 * DAY + 30..28 * DAY,
        36 * DAY + 10..36 * DAY + 30,
        45 * DAY..46 * DAY,
        54 * DAY + 16..54 * DAY + 28,
    ];
    let shape = |row: usize| {
        let hour = (row % DAY) as f64 / 2.0;
        let hump = |at: f64, width: f64| libm::exp(-((hour - at) / width).powi(2));
        let level = if row / DAY % 7 >= 5 { 0.6 } else { 1.0 };
        20.0 + level * (60.0 * hump(9.0, 2.5) + 80.0 * hump(18.5, 3.0))
    };
    let value = |row: usize| {
        let noise = 3.0 * rng.normal();
        let wild = 25.0 * rng.normal();
        match windows.iter().position(|window| window.contains(&row)) {
            Some(0) => 20.0 + noise,
            Some(1) => shape(36 * DAY + 10),
            Some(2) => shape(row - 12) + noise,
            Some(_) => shape(row) + wild,
            None => shape(row) + noise,
        }
    };
    let values = (0..60 * DAY).map(value).collect();
    Labelled { name: "synthetic days".to_owned(), values, windows }
}

/// The series of a folder in the manner of the Numenta Anomaly Benchmark: `windows.json` names the
/// files (`timestamp,value`) and the first and last times of what was wrong. Those without a window
/// are left out, unless one is asked for.
pub(crate) fn read(folder: &Path, only: Option<&str>) -> Result<Vec<Labelled>, Box<dyn Error>> {
    let path = folder.join("windows.json");
    let text = purlin::data::text::read(&path)?;
    let all: BTreeMap<String, Vec<[String; 2]>> =
        serde_json::from_str(&text).map_err(|err| format!("{}: {err}", path.display()))?;
    let mut series = Vec::new();
    for (file, times) in &all {
        let is_asked_for = only.map_or(!times.is_empty(), |name| file.contains(name));
        if is_asked_for {
            series.push(read_one(folder, file, times)?);
        }
    }
    if series.is_empty() {
        let names: Vec<&str> = all.keys().map(String::as_str).collect();
        let only = only.unwrap_or_default();
        return Err(format!("no series has {only:?} in its name: {}", names.join(", ")).into());
    }
    Ok(series)
}

fn read_one(folder: &Path, file: &str, times: &[[String; 2]]) -> Result<Labelled, Box<dyn Error>> {
    let table = CsvReader::new().categorical("timestamp").missing(Missing::Error);
    let table = table.read(folder.join(file))?;
    let (codes, names) = table.labels("timestamp")?;
    // `2014-04-10 07:15:00` sorts as it passes; the labels have fractions of a second behind.
    let mut windows = Vec::with_capacity(times.len());
    for [first, last] in times {
        let [first, last] = [first, last].map(|time| time.get(..19).unwrap_or(time));
        let is_in = |&row: &usize| (first..=last).contains(&names[codes[row]].as_str());
        let mut rows = (0..codes.len()).filter(is_in);
        let begin = rows.next().ok_or_else(|| format!("{file}: no row from {first} to {last}"))?;
        windows.push(begin..rows.next_back().unwrap_or(begin) + 1);
    }
    let name = Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Labelled { name, values: table.numeric("value")?.to_vec(), windows })
}
