//! Where the numbers of an axis go.
//!
//! On a linear axis a step is 1, 2 or 5 times a power of ten: the smallest of these that leaves no
//! more marks than asked for. A mark is kept as a whole number times a power of ten, so that its
//! text is exact (never `0.30000000000000004`) and its value is the nearest `f64` to that text.

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Its place on the axis.
    pub value: f64,
    /// The text beside it; a minus is the typographic `−` (U+2212).
    pub label: String,
}

/// Marks between `lo` and `hi` (both may be met), evenly spaced by 1, 2 or 5 times a power of ten.
///
/// There are at most `max` of them, and as many as that allows. With `integers`, only whole
/// numbers are marked. The result is empty if `lo < hi` does not hold, if one is not finite, or if
/// no such number lies between them.
///
/// # Examples
///
/// ```
/// use purlin_plot::ticks::linear;
///
/// let labels: Vec<String> = linear(0.0, 0.93, 6, false).into_iter().map(|t| t.label).collect();
/// assert_eq!(labels, ["0.0", "0.2", "0.4", "0.6", "0.8"]);
/// ```
pub fn linear(lo: f64, hi: f64, max: usize, integers: bool) -> Vec<Tick> {
    let span = hi - lo;
    if !(span > 0.0 && span.is_finite()) || max == 0 {
        return Vec::new();
    }
    // One decade below the smallest step that could do.
    let lowest = libm::log10(span / max as f64).floor() as i32 - 1;
    let lowest = if integers { lowest.max(0) } else { lowest };
    for exponent in lowest..=308 {
        for digit in [1, 2, 5] {
            if let Some(ticks) = evenly(lo, hi, digit, exponent, max) {
                return label(&ticks, exponent);
            }
        }
    }
    Vec::new()
}

/// Marks on a logarithmic axis from `lo` to `hi`, at most `max`.
///
/// Powers of ten if at least three (or every second, third, ... of them where they are many), else
/// 1, 2 and 5 times powers of ten, else the marks of [`linear`]. The result is empty unless
/// `0 < lo < hi` and both are finite.
///
/// # Examples
///
/// ```
/// use purlin_plot::ticks::logarithmic;
///
/// let labels: Vec<String> = logarithmic(3e-4, 2.0, 6).into_iter().map(|t| t.label).collect();
/// assert_eq!(labels, ["0.001", "0.01", "0.1", "1"]);
/// ```
pub fn logarithmic(lo: f64, hi: f64, max: usize) -> Vec<Tick> {
    if !(0.0 < lo && lo < hi && hi.is_finite()) || max == 0 {
        return Vec::new();
    }
    let first = libm::log10(lo).floor() as i32;
    let last = libm::log10(hi).ceil() as i32;
    let inside = |digits: &[i64], stride: u16| -> Vec<(i64, i32)> {
        // From a multiple of the stride, so that 1 is among the marks wherever it can be.
        let start = first - first.rem_euclid(i32::from(stride));
        let decades = (start..=last).step_by(usize::from(stride));
        let all = decades.flat_map(|e| digits.iter().map(move |&digit| (digit, e)));
        all.filter(|&(digit, e)| (lo..=hi).contains(&decimal(digit, e))).collect()
    };
    let decades = inside(&[1], 1);
    let chosen = if decades.len() >= 3 {
        (1..=u16::MAX).map(|stride| inside(&[1], stride)).find(|ticks| ticks.len() <= max)
    } else {
        Some(inside(&[1, 2, 5], 1)).filter(|ticks| (3..=max).contains(&ticks.len()))
    };
    match chosen {
        Some(ticks) => {
            let plain = ticks.iter().all(|(_, e)| (-4..=5).contains(e));
            let text = |n, e| if plain { fixed(n, e) } else { scientific(n, e) };
            let tick = |(n, e)| Tick { value: decimal(n, e), label: text(n, e) };
            ticks.into_iter().map(tick).collect()
        }
        None => linear(lo, hi, max, false),
    }
}

/// `n * 10^exponent`, correctly rounded.
fn decimal(n: i64, exponent: i32) -> f64 {
    format!("{n}e{exponent}").parse().expect("digits, e, digits is a number")
}

/// The multiples of `digit * 10^exponent` in `lo..=hi`, counted in units of `10^exponent`, if
/// there are at most `max`.
fn evenly(lo: f64, hi: f64, digit: i64, exponent: i32, max: usize) -> Option<Vec<(i64, f64)>> {
    let step = decimal(digit, exponent);
    let (first, last) = ((lo / step).ceil(), (hi / step).floor());
    // Whole numbers beyond 2^53 cannot be told apart: the axis is finer than its numbers.
    let exact = 9_007_199_254_740_992.0 / digit as f64;
    if first.abs() > exact || last.abs() > exact || last - first > max as f64 + 1.0 {
        return None;
    }
    // The division may be off by a rounding; the comparison with the exact value is not.
    let (first, last) = (first as i64 - 1, last as i64 + 1);
    let ticks: Vec<(i64, f64)> = (first..=last)
        .map(|i| (i * digit, decimal(i * digit, exponent)))
        .filter(|(_, value)| (lo..=hi).contains(value))
        .collect();
    (ticks.len() <= max).then_some(ticks)
}

/// Texts for marks counted in units of `10^exponent`.
fn label(ticks: &[(i64, f64)], exponent: i32) -> Vec<Tick> {
    let largest = ticks.iter().fold(0.0f64, |largest, tick| largest.max(tick.1.abs()));
    let plain = largest < 1e6 && exponent >= -5 && (largest >= 1e-3 || largest == 0.0);
    ticks
        .iter()
        .map(|&(n, value)| {
            let label = if plain { fixed(n, exponent) } else { scientific(n, exponent) };
            Tick { value, label }
        })
        .collect()
}

/// `n * 10^exponent` with `-exponent` decimals.
fn fixed(n: i64, exponent: i32) -> String {
    let sign = if n < 0 { "−" } else { "" };
    let digits = n.unsigned_abs().to_string();
    if exponent >= 0 {
        let zeros = if n == 0 { 0 } else { exponent as usize };
        return format!("{sign}{digits}{}", "0".repeat(zeros));
    }
    let decimals = exponent.unsigned_abs() as usize;
    let digits = format!("{digits:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    format!("{sign}{whole}.{fraction}")
}

/// `n * 10^exponent` as `1.5e6`.
fn scientific(n: i64, exponent: i32) -> String {
    if n == 0 {
        return "0".to_owned();
    }
    let sign = if n < 0 { "−" } else { "" };
    let digits = n.unsigned_abs().to_string();
    let (first, rest) = digits.split_at(1);
    let exponent = exponent + i32::try_from(rest.len()).expect("an i64 has at most 19 digits");
    let rest = rest.trim_end_matches('0');
    let point = if rest.is_empty() { "" } else { "." };
    let power = match exponent {
        0 => String::new(),
        ..0 => format!("e−{}", exponent.unsigned_abs()),
        _ => format!("e{exponent}"),
    };
    format!("{sign}{first}{point}{rest}{power}")
}

/// A number in prose: four significant digits, `0.04312`, `97.1`, `1.2e−7`.
pub(crate) fn value_text(x: f64) -> String {
    if !x.is_finite() {
        return x.to_string();
    }
    // Rust prints and rounds decimals exactly, so the digits are the same everywhere.
    let text = format!("{x:.3e}");
    let (mantissa, exponent) = text.split_once('e').expect("LowerExp prints an e");
    let n: i64 = mantissa.replace('.', "").parse().expect("a digit, a point, three digits");
    let exponent: i32 = exponent.parse().expect("LowerExp prints a whole exponent");
    if n == 0 {
        return "0".to_owned();
    }
    if !(-4..6).contains(&exponent) {
        return scientific(n, exponent - 3);
    }
    let text = fixed(n, exponent - 3);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn linear_marks_of_known_ranges() {
        assert_eq!(labels(&linear(0.0, 1.0, 6, false)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&linear(-1.5, 1.5, 4, false)), ["−1", "0", "1"]);
        assert_eq!(labels(&linear(1.0, 30.0, 8, true)), ["5", "10", "15", "20", "25", "30"]);
        assert_eq!(labels(&linear(1.0, 3.0, 8, true)), ["1", "2", "3"]);
        assert_eq!(labels(&linear(0.0, 2.4e6, 5, false)), ["0", "5e5", "1e6", "1.5e6", "2e6"]);
        assert_eq!(labels(&linear(0.0, 4e-7, 3, false)), ["0", "2e−7", "4e−7"]);
        assert_eq!(labels(&linear(0.1 + 0.2, 0.55, 3, false)), ["0.4", "0.5"]);
    }

    #[test]
    fn logarithmic_marks_of_known_ranges() {
        assert_eq!(labels(&logarithmic(1.0, 30.0, 8)), ["1", "2", "5", "10", "20"]);
        assert_eq!(labels(&logarithmic(1e-8, 1e4, 5)), ["1e−6", "1e−3", "1", "1e3"]);
        assert_eq!(labels(&logarithmic(3.1, 4.2, 6)), ["3.2", "3.4", "3.6", "3.8", "4.0", "4.2"]);
    }

    #[test]
    fn what_has_no_marks_gives_none() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        for (lo, hi) in [(1.0, 1.0), (2.0, 1.0), (nan, 1.0), (0.0, nan), (0.0, inf), (-inf, 0.0)] {
            assert_eq!(linear(lo, hi, 5, false), []);
            assert_eq!(logarithmic(lo, hi, 5), []);
        }
        assert_eq!(logarithmic(0.0, 1.0, 5), []);
        assert_eq!(linear(0.2, 0.8, 5, true), []);
        assert_eq!(linear(0.0, 1.0, 0, false), []);
    }

    #[test]
    fn values_in_prose() {
        let cases: [(f64, &str); 9] = [
            (0.0, "0"),
            (0.043_121, "0.04312"),
            (97.1, "97.1"),
            (-2.0, "−2"),
            (99_999.6, "100000"),
            (1234.56, "1235"),
            (1.2e-7, "1.2e−7"),
            (3.5e9, "3.5e9"),
            (f64::NAN, "NaN"),
        ];
        for (x, expected) in cases {
            assert_eq!(value_text(x), expected);
        }
    }
}
