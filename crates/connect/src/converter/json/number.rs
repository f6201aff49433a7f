//! A number as JSON text has it, and what it becomes: the caller decides, by its schema.
//!
//! Every conversion gives what Java's `BigDecimal` gives, which the original goes through (CONNECT-SPEC 1.4, 2.5.6).

use num_bigint::BigInt;

use crate::data_error::DataError;
use crate::value::Decimal;

/// A number as written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number<'a> {
    pub(crate) text: &'a str,
    /// Whether it has neither point nor exponent.
    pub(crate) integral: bool,
}

/// Longer numbers are refused, as Jackson does: big integers cost more than linear time.
const MAX_NUMBER_LENGTH: usize = 1000;

impl<'a> Number<'a> {
    /// The number of a text that is one, if it is neither too long nor too far away.
    pub(super) fn of(text: &'a str, integral: bool) -> Result<Self, DataError> {
        let number = Self { text, integral };
        if text.len() > MAX_NUMBER_LENGTH {
            let length = text.len();
            return Err(DataError::new(format!(
                "invalid JSON: number of {length} characters"
            )));
        }
        if !integral && !number.has_scale() {
            return Err(DataError::new(
                "invalid JSON: a number whose exponent is beyond 32 bits",
            ));
        }
        Ok(number)
    }
}

impl Number<'_> {
    /// The low 64 bits of the number without its fraction, as `BigDecimal.longValue` gives them.
    pub(crate) fn wrapping_i64(self) -> i64 {
        if self.integral {
            return wrapping(self.text, 0);
        }
        let (mantissa, exponent) = self.parts();
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if exponent == 0 {
            return wrapping(whole, 0);
        }
        let digits = format!("{whole}{fraction}");
        let scale = i64::try_from(fraction.len())
            .unwrap_or(0)
            .saturating_sub(exponent);
        if scale > 0 {
            let dropped = usize::try_from(scale).unwrap_or(usize::MAX);
            let kept = digits.len().saturating_sub(dropped);
            return wrapping(digits.get(..kept).unwrap_or_default(), 0);
        }
        wrapping(&digits, scale.unsigned_abs())
    }

    /// The nearest double; a zero has no sign, as `BigDecimal`'s has none.
    pub(crate) fn as_f64(self) -> f64 {
        if self.is_zero() {
            return 0.0;
        }
        self.text.parse().unwrap_or(f64::NAN)
    }

    /// The nearest float.
    pub(crate) fn as_f32(self) -> f32 {
        if self.is_zero() {
            return 0.0;
        }
        self.text.parse().unwrap_or(f32::NAN)
    }

    fn is_zero(&self) -> bool {
        let (mantissa, _) = self.parts();
        !mantissa.bytes().any(|digit| matches!(digit, b'1'..=b'9'))
    }

    /// The number as written, digits and scale kept; `None` where the exponent exceeds 32 bits.
    pub(crate) fn decimal(self) -> Option<Decimal> {
        let (mantissa, exponent) = self.parts();
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let unscaled: BigInt = format!("{whole}{fraction}").parse().ok()?;
        let scale = i64::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        Some(Decimal {
            unscaled,
            scale: i32::try_from(scale).ok()?,
        })
    }

    /// Whether exponent and scale have 32 bits, as `BigDecimal`'s must.
    fn has_scale(&self) -> bool {
        let (mantissa, exponent) = self.text.split_once(['e', 'E']).unwrap_or((self.text, "0"));
        let digits = mantissa
            .split_once('.')
            .map_or(0, |(_, digits)| digits.len());
        let scale = i32::try_from(digits)
            .ok()
            .zip(exponent.parse::<i32>().ok())
            .and_then(|(digits, exponent)| digits.checked_sub(exponent));
        scale.is_some()
    }

    fn parts(&self) -> (&str, i64) {
        let (mantissa, exponent) = self.text.split_once(['e', 'E']).unwrap_or((self.text, "0"));
        (mantissa, exponent.parse().unwrap_or(0))
    }
}

/// `digits x 10^zeros` modulo 2^64.
fn wrapping(digits: &str, zeros: u64) -> i64 {
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    let mut value = unsigned.bytes().fold(0_i64, |value, digit| {
        value
            .wrapping_mul(10)
            .wrapping_add(i64::from(digit.wrapping_sub(b'0')))
    });
    // 10^64 is divisible by 2^64: more zeros change nothing.
    for _ in 0..zeros.min(64) {
        value = value.wrapping_mul(10);
    }
    if unsigned.len() < digits.len() {
        value.wrapping_neg()
    } else {
        value
    }
}
