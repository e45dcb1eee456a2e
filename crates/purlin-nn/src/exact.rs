//! `f64` in JSON without loss: numbers where they are finite, `"nan"`, `"inf"`, `"-inf"` where not.
//!
//! For `#[serde(with = "exact")]`. JSON has no words for the others, and a record of a training run
//! must hold them: the loss of a diverged epoch is one.

use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};

/// One number; also the element of [`option`] and [`list`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Exact(pub(crate) f64);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            x if x.is_finite() => serializer.serialize_f64(x),
            x if x.is_nan() => serializer.serialize_str("nan"),
            x if x > 0.0 => serializer.serialize_str("inf"),
            _ => serializer.serialize_str("-inf"),
        }
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(f64),
            Word(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(x) => Ok(Self(x)),
            Either::Word(word) => match word.as_str() {
                "nan" => Ok(Self(f64::NAN)),
                "inf" => Ok(Self(f64::INFINITY)),
                "-inf" => Ok(Self(f64::NEG_INFINITY)),
                _ => Err(de::Error::custom(format!("expected a number, got {word:?}"))),
            },
        }
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference to the field"
)]
pub(crate) fn serialize<S: Serializer>(x: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Exact(*x).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Exact::deserialize(deserializer).map(|x| x.0)
}

/// `Option<f64>`.
pub(crate) mod option {
    use super::{Deserialize, Deserializer, Exact, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "serde calls it with a reference to the field")]
    pub(crate) fn serialize<S: Serializer>(
        x: &Option<f64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        x.map(Exact).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<f64>, D::Error> {
        Ok(Option::<Exact>::deserialize(deserializer)?.map(|x| x.0))
    }
}

/// `Vec<f64>`.
pub(crate) mod list {
    use super::{Deserialize, Deserializer, Exact, Serializer};

    pub(crate) fn serialize<S: Serializer>(xs: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(xs.iter().map(|&x| Exact(x)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<f64>, D::Error> {
        Ok(Vec::<Exact>::deserialize(deserializer)?.into_iter().map(|x| x.0).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Serialize, Deserialize)]
    struct Record {
        #[serde(with = "super")]
        one: f64,
        #[serde(with = "super::option")]
        maybe: Option<f64>,
        #[serde(with = "super::list")]
        many: Vec<f64>,
    }

    fn round_trip(x: f64) -> Record {
        let record = Record { one: x, maybe: Some(x), many: vec![x, 1.0] };
        serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap()
    }

    #[test]
    fn the_numbers_that_json_lacks_come_back() {
        for x in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            let back = round_trip(x);
            assert_eq!(back.one.is_nan(), x.is_nan());
            assert!(x.is_nan() || (back.one == x && back.maybe == Some(x) && back.many[0] == x));
        }
        let none = r#"{"one":1,"maybe":null,"many":[]}"#;
        assert_eq!(serde_json::from_str::<Record>(none).unwrap().maybe, None);
        assert!(serde_json::from_str::<Record>(r#"{"one":"x","maybe":null,"many":[]}"#).is_err());
    }

    proptest! {
        #[test]
        fn every_finite_number_comes_back_with_its_bits(x in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
            let back = round_trip(x);
            prop_assert_eq!(back.one.to_bits(), x.to_bits());
            prop_assert_eq!(back.maybe.unwrap().to_bits(), x.to_bits());
            prop_assert_eq!(back.many[0].to_bits(), x.to_bits());
        }
    }
}
