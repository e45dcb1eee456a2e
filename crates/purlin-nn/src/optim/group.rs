//! Parameters with their own learning rate or weight decay.

use purlin_core::{Error, Result, Shape};

/// Some parameters of a model, and what is special about them.
///
/// A parameter belongs to the first group that selects it; the rest take the optimizer's own
/// settings. A group that selects nothing is an error at the first step: it is a misspelt name.
///
/// # Examples
///
/// ```
/// use purlin_nn::optim::{AdamW, ParamGroup};
///
/// // No decay for biases and norms, a tenth of the rate for the backbone.
/// let optimizer: AdamW = AdamW::new(1e-3)
///     .weight_decay(0.05)
///     .group(ParamGroup::vectors().weight_decay(0.0))
///     .group(ParamGroup::matching(["backbone.*"]).lr_scale(0.1));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ParamGroup {
    select: Select,
    lr_scale: f64,
    lr: Option<f64>,
    weight_decay: Option<f64>,
}

#[derive(Debug, Clone, PartialEq)]
enum Select {
    Patterns(Vec<String>),
    Vectors,
}

impl ParamGroup {
    fn new(select: Select) -> Self {
        Self { select, lr_scale: 1.0, lr: None, weight_decay: None }
    }

    /// The parameters whose dotted name fits one of the patterns; `*` stands for any characters,
    /// dots included.
    pub fn matching<const N: usize>(patterns: [&str; N]) -> Self {
        Self::new(Select::Patterns(patterns.map(str::to_owned).to_vec()))
    }

    /// As [`ParamGroup::matching`], for patterns in a list.
    pub fn matching_any(patterns: &[String]) -> Self {
        Self::new(Select::Patterns(patterns.to_vec()))
    }

    /// The parameters with at most one axis: biases, scales and shifts of norms.
    pub fn vectors() -> Self {
        Self::new(Select::Vectors)
    }

    /// Multiplies the optimizer's learning rate.
    #[must_use]
    pub fn lr_scale(self, lr_scale: f64) -> Self {
        Self { lr_scale, lr: None, ..self }
    }

    /// The learning rate while the optimizer has the one it was made with; schedules move both in
    /// proportion.
    #[must_use]
    pub fn lr(self, lr: f64) -> Self {
        Self { lr: Some(lr), ..self }
    }

    /// The weight decay instead of the optimizer's.
    #[must_use]
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        Self { weight_decay: Some(weight_decay), ..self }
    }

    pub(super) fn selects(&self, name: &str, shape: &Shape) -> bool {
        match &self.select {
            Select::Patterns(patterns) => patterns.iter().any(|pattern| fits(pattern, name)),
            Select::Vectors => shape.rank() <= 1,
        }
    }

    /// What the optimizer's rate is multiplied with, given the one it was made with.
    pub(super) fn scale(&self, initial_lr: f64) -> f64 {
        self.lr.map_or(self.lr_scale, |lr| lr / initial_lr)
    }

    pub(super) fn decay(&self) -> Option<f64> {
        self.weight_decay
    }

    pub(super) fn check(&self, op: &'static str, initial_lr: f64) -> Result<()> {
        let scale = self.scale(initial_lr);
        if !(scale.is_finite() && scale >= 0.0) {
            let rule = "finite and at least 0 (a group's lr needs an optimizer whose lr is not 0)";
            return Err(Error::param(op, "lr of a group", rule, self.lr.unwrap_or(scale)));
        }
        match self.weight_decay {
            Some(decay) if !(decay.is_finite() && decay >= 0.0) => {
                Err(Error::param(op, "weight_decay", "finite and at least 0", decay))
            }
            _ => Ok(()),
        }
    }

    /// What it selects, for error texts.
    pub(super) fn describe(&self) -> String {
        match &self.select {
            Select::Patterns(patterns) => patterns.join(", "),
            Select::Vectors => "parameters with at most one axis".to_owned(),
        }
    }
}

/// Whether `name` fits `pattern`, in which `*` stands for any characters.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    // The leftmost place for each part leaves the most room for those after it.
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        let yes = [
            ("a.weight", "a.weight"),
            ("*", "anything"),
            ("*", ""),
            ("*.bias", "block.0.bias"),
            ("block.*.weight", "block.0.conv.weight"),
            ("*a*a*", "aa"),
            ("", ""),
        ];
        let no = [
            ("a.weight", "a.weights"),
            ("*.bias", "bias"),
            ("a*b", "ab c"),
            ("*ab*ab*", "ab"),
            ("ab*b", "ab"),
            ("", "x"),
        ];
        for (pattern, name) in yes {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in no {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_group_rate_follows_the_optimizer_in_proportion() {
        assert_eq!(ParamGroup::vectors().lr(0.125).scale(0.5), 0.25);
        assert_eq!(ParamGroup::vectors().lr_scale(0.5).scale(0.1), 0.5);
        assert!(ParamGroup::vectors().lr(0.02).check("sgd", 0.0).is_err());
        assert!(ParamGroup::vectors().weight_decay(-1.0).check("sgd", 0.1).is_err());
    }
}
