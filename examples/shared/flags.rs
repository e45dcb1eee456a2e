//! What flags may hold; clap prints the text beside the flag.
#![allow(dead_code, reason = "each example takes what it needs")]

/// A count.
pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("expected at least 1".into()),
        Ok(n) => Ok(n),
        Err(err) => Err(err.to_string()),
    }
}

/// A rate, a temperature.
pub(crate) fn positive(text: &str) -> Result<f64, String> {
    number(text, "a number above 0", |x| x > 0.0)
}

/// A probability that leaves something over.
pub(crate) fn probability(text: &str) -> Result<f64, String> {
    number(text, "a number from 0 to below 1", |x| (0.0..1.0).contains(&x))
}

fn number(text: &str, rule: &str, is_met: impl Fn(f64) -> bool) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if x.is_finite() && is_met(x) => Ok(x),
        Ok(_) => Err(format!("expected {rule}")),
        Err(err) => Err(err.to_string()),
    }
}
