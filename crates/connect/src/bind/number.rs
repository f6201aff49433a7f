//! Numbers: integers in range, integral doubles, numeric strings; nothing is rounded or wrapped.

use num_bigint::BigInt;

use super::{invalid, mismatch};
use crate::cql_type::CqlType;
use crate::data_error::DataError;
use crate::row::CqlValue;
use crate::value::{Decimal, Value};
use crate::{java_number, java_text};

/// Digits a decimal may gain when its exponent is written out; more is not a number anyone measured.
const MAX_ZEROS: u32 = 1000;

/// An integer of the width of `T`.
pub(super) fn integer<T: TryFrom<i64>>(value: &Value, cql_type: &CqlType) -> Result<T, DataError> {
    let wide = match value {
        Value::I8(value) => i64::from(*value),
        Value::I16(value) => i64::from(*value),
        Value::I32(value) => i64::from(*value),
        Value::I64(value) => *value,
        other => wide(other)
            .ok_or_else(|| mismatch(value, cql_type, "an integer or a numeric string"))?,
    };
    T::try_from(wide).map_err(|_error| invalid(format!("{wide} is out of range for `{cql_type}`")))
}

/// An integer that came as something else.
fn wide(value: &Value) -> Option<i64> {
    match value {
        Value::F32(value) => integral(f64::from(*value)),
        Value::F64(value) => integral(*value),
        Value::Str(text) => text.parse().ok(),
        Value::Decimal(decimal) => i64::try_from(whole(decimal)?).ok(),
        // The classic sink's JSON has milliseconds here.
        Value::Timestamp(millis) => Some(*millis),
        _ => None,
    }
}

/// A double without a fraction that 64 bits hold.
pub(super) fn integral(value: f64) -> Option<i64> {
    // 2^63 is the first double beyond; -2^63 is still one.
    let fits = value.fract() == 0.0
        && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
    #[expect(clippy::cast_possible_truncation, reason = "just checked")]
    fits.then_some(value as i64)
}

/// A decimal without a fraction.
fn whole(decimal: &Decimal) -> Option<BigInt> {
    let ten = BigInt::from(10);
    if decimal.scale <= 0 {
        let zeros = decimal.scale.unsigned_abs();
        return (zeros <= MAX_ZEROS).then(|| &decimal.unscaled * ten.pow(zeros));
    }
    let digits = decimal.scale.unsigned_abs();
    if digits > MAX_ZEROS {
        return (decimal.unscaled == BigInt::ZERO).then_some(BigInt::ZERO);
    }
    let power = ten.pow(digits);
    let whole = &decimal.unscaled / &power;
    (&whole * power == decimal.unscaled).then_some(whole)
}

pub(super) fn varint(value: &Value) -> Result<CqlValue, DataError> {
    let bound = match value {
        Value::I8(value) => Some(BigInt::from(*value)),
        Value::I16(value) => Some(BigInt::from(*value)),
        Value::I32(value) => Some(BigInt::from(*value)),
        Value::I64(value) | Value::Timestamp(value) => Some(BigInt::from(*value)),
        Value::Str(text) if text.len() <= 1000 => text.parse().ok(),
        Value::Decimal(decimal) => whole(decimal),
        _ => None,
    };
    let bound =
        bound.ok_or_else(|| mismatch(value, &CqlType::Varint, "an integer or a numeric string"))?;
    Ok(CqlValue::Varint(bound))
}

/// A floating point type; a double narrows to the nearest float.
pub(super) trait Float: Sized {
    fn narrow(value: f64) -> Self;
    fn parse(text: &str) -> Option<Self>;
}

impl Float for f64 {
    fn narrow(value: f64) -> Self {
        value
    }

    fn parse(text: &str) -> Option<Self> {
        java_number::double(text)
    }
}

impl Float for f32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to the nearest float is what the column does"
    )]
    fn narrow(value: f64) -> Self {
        value as Self
    }

    fn parse(text: &str) -> Option<Self> {
        java_number::float(text)
    }
}

pub(super) fn float<T: Float>(value: &Value, cql_type: &CqlType) -> Result<T, DataError> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "rounding to the nearest double is what the column does"
    )]
    let bound = match value {
        Value::I8(value) => Some(T::narrow(f64::from(*value))),
        Value::I16(value) => Some(T::narrow(f64::from(*value))),
        Value::I32(value) => Some(T::narrow(f64::from(*value))),
        Value::I64(value) | Value::Timestamp(value) => Some(T::narrow(*value as f64)),
        Value::F32(value) => Some(T::narrow(f64::from(*value))),
        Value::F64(value) => Some(T::narrow(*value)),
        Value::Str(text) => T::parse(text),
        Value::Decimal(decimal) => T::parse(&format!(
            "{}e{}",
            decimal.unscaled,
            -i64::from(decimal.scale)
        )),
        _ => None,
    };
    bound.ok_or_else(|| mismatch(value, cql_type, "a number or a numeric string"))
}

fn written(write: impl FnOnce(&mut String)) -> String {
    let mut text = String::with_capacity(24);
    write(&mut text);
    text
}

/// A decimal; of a double the shortest digits that mean it as Java writes them, which is what a server reads.
pub(super) fn decimal(value: &Value) -> Result<CqlValue, DataError> {
    let bound = match value {
        Value::I8(value) => Some((BigInt::from(*value), 0)),
        Value::I16(value) => Some((BigInt::from(*value), 0)),
        Value::I32(value) => Some((BigInt::from(*value), 0)),
        Value::I64(value) | Value::Timestamp(value) => Some((BigInt::from(*value), 0)),
        Value::F32(value) => digits(&written(|out| java_text::float(*value, out))),
        Value::F64(value) => digits(&written(|out| java_text::double(*value, out))),
        Value::Str(text) if text.len() <= 1000 => digits(text),
        Value::Decimal(decimal) => Some((decimal.unscaled.clone(), decimal.scale)),
        _ => None,
    };
    let bound =
        bound.ok_or_else(|| mismatch(value, &CqlType::Decimal, "a number or a numeric string"));
    bound.map(|(unscaled, scale)| CqlValue::Decimal(unscaled, scale))
}

/// Digits, sign, point and exponent as an unscaled value and its scale, every written digit kept.
fn digits(text: &str) -> Option<(BigInt, i32)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let unscaled = format!("{whole}{fraction}").parse().ok()?;
    let scale = i64::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    Some((unscaled, i32::try_from(scale).ok()?))
}
