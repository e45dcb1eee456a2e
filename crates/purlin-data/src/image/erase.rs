//! Random erasing: a rectangle of a training picture is covered.

use purlin_core::rng::Rng;
use purlin_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// What a covered rectangle shows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Erase {
    /// One value in all channels.
    Constant(f32),
    /// A draw from the standard normal distribution for each number.
    Noise,
}

/// Covers, with some probability, one random rectangle of each training picture.
///
/// A rectangle takes a share of the area drawn from `area`, with a ratio of height to width drawn
/// uniformly in the logarithm from `ratio`; one that does not fit is drawn again, ten times at
/// most, after which the picture stays whole.
///
/// # References
///
/// - Z. Zhong, L. Zheng, G. Kang, S. Li, Y. Yang, *Random erasing data augmentation*, AAAI 2020.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RandomErasing {
    probability: f64,
    area: [f64; 2],
    ratio: [f64; 2],
    value: Erase,
}

impl RandomErasing {
    /// Covers with this probability 2 to 33 % of the area, ratio 0.3 to 1/0.3, with zeros.
    pub fn new(probability: f64) -> Self {
        Self {
            probability,
            area: [0.02, 0.33],
            ratio: [0.3, 1.0 / 0.3],
            value: Erase::Constant(0.0),
        }
    }

    /// The share of the area.
    #[must_use]
    pub fn area(mut self, low: f64, high: f64) -> Self {
        self.area = [low, high];
        self
    }

    /// Height over width.
    #[must_use]
    pub fn ratio(mut self, low: f64, high: f64) -> Self {
        self.ratio = [low, high];
        self
    }

    /// What the rectangle shows.
    #[must_use]
    pub fn value(mut self, value: Erase) -> Self {
        self.value = value;
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        let p = self.probability;
        if !(0.0..=1.0).contains(&p) {
            return Err(Error::param("random_erasing", "probability", "in 0..=1", p));
        }
        let rules = [
            ("area", self.area, f64::MIN_POSITIVE, 1.0, "0 < low <= high <= 1"),
            ("ratio", self.ratio, 1e-3, 1e3, "0.001 <= low <= high <= 1000"),
        ];
        for (param, [low, high], least, most, rule) in rules {
            if !(low >= least && low <= high && high <= most) {
                return Err(Error::param("random_erasing", param, rule, format!("{low}..{high}")));
            }
        }
        match self.value {
            Erase::Constant(v) if !v.is_finite() => {
                Err(Error::param("random_erasing", "value", "finite", v))
            }
            _ => Ok(()),
        }
    }

    /// Covers a rectangle of `image`, `(height, width, channels)`, in place.
    pub(crate) fn run(
        &self,
        height: usize,
        width: usize,
        channels: usize,
        rng: &mut Rng,
        image: &mut [f32],
    ) {
        if rng.uniform() >= self.probability {
            return;
        }
        for _ in 0..10 {
            let area = (height * width) as f64 * rng.uniform_in(self.area[0], self.area[1]);
            let [low, high] = self.ratio.map(libm::log);
            let ratio = libm::exp(low + (high - low) * rng.uniform());
            let h = (area * ratio).sqrt().round_ties_even() as usize;
            let w = (area / ratio).sqrt().round_ties_even() as usize;
            if h > height || w > width {
                continue;
            }
            let (top, left) = (rng.below(height - h + 1), rng.below(width - w + 1));
            for row in top..top + h {
                let pixels = &mut image[(row * width + left) * channels..][..w * channels];
                match self.value {
                    Erase::Constant(value) => pixels.fill(value),
                    Erase::Noise => pixels.fill_with(|| rng.normal() as f32),
                }
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use purlin_core::rng::Stream;

    #[test]
    fn covers_one_rectangle_of_the_asked_size() {
        let erasing = RandomErasing::new(1.0).area(0.1, 0.2).value(Erase::Constant(-1.0));
        for i in 0..200 {
            let mut image = vec![1.0; 20 * 30 * 2];
            erasing.run(20, 30, 2, &mut Stream::new(5, "erase").rng(i), &mut image);
            let covered: Vec<(usize, usize)> =
                (0..600).filter(|p| image[2 * p] == -1.0).map(|p| (p / 30, p % 30)).collect();
            assert!((0..600).all(|p| image[2 * p] == image[2 * p + 1]));
            let rows = covered.iter().map(|c| c.0);
            let columns = covered.iter().map(|c| c.1);
            let h = rows.clone().max().unwrap() - rows.min().unwrap() + 1;
            let w = columns.clone().max().unwrap() - columns.min().unwrap() + 1;
            assert_eq!(covered.len(), h * w, "not a rectangle");
            // 60 to 120 pixels, each side rounded by half a pixel at most.
            assert!((45..=145).contains(&covered.len()), "{}", covered.len());
        }
    }

    #[test]
    fn probability_and_noise() {
        let count = |p| {
            (0..400)
                .filter(|&i| {
                    let mut image = vec![7.0; 100];
                    let rng = &mut Stream::new(1, "erase").rng(i);
                    RandomErasing::new(p).value(Erase::Noise).run(10, 10, 1, rng, &mut image);
                    image.iter().any(|&x| x != 7.0)
                })
                .count()
        };
        assert_eq!(count(0.0), 0);
        assert_eq!(count(1.0), 400);
        assert!((150..250).contains(&count(0.5))); // 200 expected, sigma 10
    }

    #[test]
    fn senseless_settings_are_refused() {
        let text = |e: RandomErasing| e.check().unwrap_err().to_string();
        assert_eq!(
            text(RandomErasing::new(1.5)),
            "random_erasing: probability must be in 0..=1, got 1.5"
        );
        assert_eq!(
            text(RandomErasing::new(0.5).area(0.5, 0.1)),
            "random_erasing: area must be 0 < low <= high <= 1, got 0.5..0.1"
        );
        assert_eq!(
            text(RandomErasing::new(0.5).ratio(0.0, 2.0)),
            "random_erasing: ratio must be 0.001 <= low <= high <= 1000, got 0..2"
        );
    }
}
