//! Text as numbers, by the rules of Java's `parseLong`, `parseDouble` and `BigDecimal` (CONNECT-SPEC 2.3, 2.4).

use num_bigint::BigInt;

use crate::value::Decimal;

/// First of the ten digits of each script in the Basic Multilingual Plane: `parseLong` takes them all.
const ZEROS: [u32; 37] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66,
    0xde6, 0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90,
    0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
];

/// `Character.digit(character, 10)`.
pub(crate) fn digit(character: char) -> Option<char> {
    let code = u32::from(character);
    let zero = ZEROS
        .into_iter()
        .find(|zero| (*zero..zero + 10).contains(&code))?;
    char::from_digit(code - zero, 10)
}

/// A sign and digits, nothing else.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (if text.starts_with('-') { "-" } else { "" }, digits),
        None => ("", text),
    };
    let digits: String = digits.chars().map(digit).collect::<Option<_>>()?;
    format!("{sign}{digits}").parse().ok()
}

/// `Double.parseDouble`: trims, takes `NaN`, `Infinity`, hexadecimal, and a type's letter at the end.
pub(crate) fn double(text: &str) -> Option<f64> {
    floating(text, |text| text.parse().ok(), |value| value)
}

/// `Float.parseFloat`.
pub(crate) fn float(text: &str) -> Option<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "rounds, as the original")]
    floating(text, |text| text.parse().ok(), |value| value as f32)
}

fn floating<T: std::ops::Neg<Output = T>>(
    text: &str,
    decimal: impl Fn(&str) -> Option<T>,
    special: impl Fn(f64) -> T,
) -> Option<T> {
    let text = text.trim_matches(|character| character <= ' ');
    let (negative, unsigned) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let lower = unsigned.to_ascii_lowercase();
    let value = match unsigned {
        "NaN" => special(f64::NAN),
        "Infinity" => special(f64::INFINITY),
        _ => {
            let number = lower.strip_suffix(['f', 'd']).unwrap_or(&lower);
            match lower.strip_prefix("0x") {
                Some(_) => special(hexadecimal(&lower)?),
                // One sign is all, and it is taken.
                None if !number.starts_with(['+', '-'])
                    && number.bytes().all(|byte| b"0123456789.e+-".contains(&byte)) =>
                {
                    decimal(number)?
                }
                None => return None,
            }
        }
    };
    Some(if negative { -value } else { value })
}

/// `0x1.8p3`: digits, and a power of two that must be there.
fn hexadecimal(lower: &str) -> Option<f64> {
    let (mantissa, exponent) = lower.strip_prefix("0x")?.split_once('p')?;
    let exponent = exponent.strip_suffix(['f', 'd']).unwrap_or(exponent);
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 13 {
        return None;
    }
    let unscaled = u64::from_str_radix(&digits, 16).ok()?;
    let shift = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    #[expect(clippy::cast_precision_loss, reason = "at most 52 bits")]
    Some(unscaled as f64 * 2_f64.powi(exponent.checked_sub(shift)?))
}

/// The longest text that is read as a decimal: the time for more grows with its square, and peers send it.
const MAX_DECIMAL: usize = 4_000;

/// `new BigDecimal(text)`: digits and scale as written; exponents beyond 32 bits, and endless texts, are refused.
pub(crate) fn decimal(text: &str) -> Option<Decimal> {
    if text.len() > MAX_DECIMAL {
        return None;
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (sign, unsigned) = match mantissa.strip_prefix(['+', '-']) {
        Some(unsigned) => (if mantissa.starts_with('-') { "-" } else { "" }, unsigned),
        None => ("", mantissa),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = format!("{whole}{fraction}");
    let digits: String = digits.chars().map(digit).collect::<Option<_>>()?;
    let unscaled: BigInt = format!("{sign}{digits}").parse().ok()?;
    let exponent = integer(exponent).filter(|exponent| i32::try_from(*exponent).is_ok())?;
    let scale = i64::try_from(fraction.chars().count()).ok()? - exponent;
    Some(Decimal {
        unscaled,
        scale: i32::try_from(scale).ok()?,
    })
}

/// `BigDecimal.longValue`: without its fraction, the low 64 bits.
pub(crate) fn wrapping_i64(decimal: &Decimal) -> i64 {
    // 10^64 is divisible by 2^64, so more zeros leave nothing; no text here has so many digits as to be cut to them.
    let whole = match u32::try_from(decimal.scale) {
        Ok(scale) if u64::from(scale) > decimal.unscaled.bits() => return 0,
        Ok(scale) => &decimal.unscaled / BigInt::from(10).pow(scale),
        Err(_) if decimal.scale < -64 => return 0,
        Err(_) => &decimal.unscaled * BigInt::from(10).pow(decimal.scale.unsigned_abs()),
    };
    let low = whole.iter_u64_digits().next().unwrap_or(0).cast_signed();
    if whole.sign() == num_bigint::Sign::Minus {
        low.wrapping_neg()
    } else {
        low
    }
}

/// `BigDecimal.doubleValue`.
pub(crate) fn to_f64(decimal: &Decimal) -> f64 {
    let text = format!("{}e{}", decimal.unscaled, -i64::from(decimal.scale));
    text.parse().unwrap_or(f64::NAN)
}

/// `BigDecimal.floatValue`.
pub(crate) fn to_f32(decimal: &Decimal) -> f32 {
    let text = format!("{}e{}", decimal.unscaled, -i64::from(decimal.scale));
    text.parse().unwrap_or(f32::NAN)
}

/// `BigDecimal.longValueExact`: the number, if it is whole and 64 bits hold it.
pub(crate) fn exact_i64(decimal: &Decimal) -> Option<i64> {
    let text = decimal.unscaled.to_string();
    let whole = text.trim_end_matches('0');
    if whole.is_empty() {
        return Some(0);
    }
    let zeros = i64::try_from(text.len() - whole.len()).ok()? - i64::from(decimal.scale);
    // A long has no more than 19 digits.
    let zeros = usize::try_from(zeros).ok().filter(|zeros| *zeros < 19)?;
    format!("{whole}{}", "0".repeat(zeros)).parse().ok()
}
