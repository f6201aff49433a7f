//! Numbers as Java writes them: `1.0`, `1.0E21`, `1.0E-7`, `NaN`, `Infinity` (CONNECT-SPEC 2.4).

use std::fmt::{LowerExp, Write as _};

use crate::value::Decimal;

/// `String.trim`: without the control characters and blanks of ASCII around it, and no others.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|character| character <= ' ')
}

/// `Double.toString`, with the shortest digits.
pub(crate) fn double(value: f64, out: &mut String) {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    } else {
        finite(
            value,
            value == 0.0,
            value.abs() >= 1e-3 && value.abs() < 1e7,
            out,
        );
    }
}

/// `Float.toString`, with the shortest digits.
pub(crate) fn float(value: f32, out: &mut String) {
    if value.is_finite() {
        finite(
            value,
            value == 0.0,
            value.abs() >= 1e-3 && value.abs() < 1e7,
            out,
        );
    } else {
        double(f64::from(value), out);
    }
}

fn finite(value: impl LowerExp, zero: bool, plain: bool, out: &mut String) {
    let mut shortest = String::with_capacity(24);
    // Writing to a String cannot fail.
    if write!(shortest, "{value:e}").is_err() {
        return;
    }
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let digits = mantissa.strip_prefix('-').map_or(mantissa, |rest| {
        out.push('-');
        rest
    });
    if zero {
        out.push_str("0.0");
        return;
    }
    let (first, rest) = digits.split_once('.').unwrap_or((digits, ""));
    if plain {
        point(first, rest, exponent.parse().unwrap_or(0), out);
    } else {
        out.push_str(first);
        out.push('.');
        out.push_str(if rest.is_empty() { "0" } else { rest });
        out.push('E');
        out.push_str(exponent);
    }
}

/// `first.rest x 10^exponent` written without an exponent, with at least one digit on both sides.
fn point(first: &str, rest: &str, exponent: i32, out: &mut String) {
    if exponent < 0 {
        out.push_str("0.");
        out.extend((1..exponent.unsigned_abs()).map(|_| '0'));
        out.push_str(first);
        out.push_str(rest);
        return;
    }
    let whole = exponent.unsigned_abs() as usize;
    out.push_str(first);
    let (before, after) = rest.split_at_checked(whole).unwrap_or((rest, ""));
    out.push_str(before);
    out.extend((before.len()..whole).map(|_| '0'));
    out.push('.');
    out.push_str(if after.is_empty() { "0" } else { after });
}

/// `BigDecimal.toString`: plain while the exponent is small, scientific otherwise.
pub(crate) fn decimal(value: &Decimal) -> String {
    let signed = value.unscaled.to_string();
    let (sign, digits) = signed
        .strip_prefix('-')
        .map_or(("", &*signed), |digits| ("-", digits));
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let exponent = count - 1 - i64::from(value.scale);
    if value.scale < 0 || exponent < -6 {
        let (first, rest) = digits.split_at_checked(1).unwrap_or((digits, ""));
        let point = if rest.is_empty() { "" } else { "." };
        let plus = if exponent < 0 { "" } else { "+" };
        return format!("{sign}{first}{point}{rest}E{plus}{exponent}");
    }
    let scale = usize::try_from(value.scale).unwrap_or(0);
    if scale == 0 {
        return signed;
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded
        .split_at_checked(padded.len() - scale)
        .unwrap_or((&padded, ""));
    format!("{sign}{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_read_as_in_java() {
        for (value, expected) in [
            (1.0, "1.0"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (0.001, "0.001"),
            (0.000_999, "9.99E-4"),
            (1e-7, "1.0E-7"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (1e21, "1.0E21"),
            (-123.456, "-123.456"),
            (0.012, "0.012"),
            (100.0, "100.0"),
            (1234.5, "1234.5"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            let mut out = String::new();
            double(value, &mut out);
            assert_eq!(out, expected);
        }
        let mut out = String::new();
        float(0.1, &mut out);
        assert_eq!(out, "0.1");
    }
}
