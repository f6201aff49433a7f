//! Values in the bytes of CQL's native protocol (version 4, section 6).

use std::net::IpAddr;

use messina_connect::cql_type::CqlType;
use messina_connect::row::CqlValue;

/// Appends the bytes of a value of that type. `Null` and `Unset` have none: whoever frames a value deals with them.
pub(super) fn encode(value: &CqlValue, cql_type: &CqlType, out: &mut Vec<u8>) {
    match value {
        CqlValue::Unset | CqlValue::Null => {}
        CqlValue::Boolean(value) => out.push(u8::from(*value)),
        CqlValue::Tinyint(value) => out.extend(value.to_be_bytes()),
        CqlValue::Smallint(value) => out.extend(value.to_be_bytes()),
        CqlValue::Int(value) => out.extend(value.to_be_bytes()),
        CqlValue::Bigint(value) | CqlValue::Timestamp(value) | CqlValue::Time(value) => {
            out.extend(value.to_be_bytes());
        }
        CqlValue::Varint(value) => out.extend(value.to_signed_bytes_be()),
        CqlValue::Float(value) => out.extend(value.to_be_bytes()),
        CqlValue::Double(value) => out.extend(value.to_be_bytes()),
        CqlValue::Decimal(unscaled, scale) => {
            out.extend(scale.to_be_bytes());
            out.extend(unscaled.to_signed_bytes_be());
        }
        CqlValue::Text(text) => out.extend_from_slice(text.as_bytes()),
        CqlValue::Blob(bytes) => out.extend_from_slice(bytes),
        // Unsigned, with 1970-01-01 in the middle of the range.
        CqlValue::Date(days) => out.extend((days.cast_unsigned() ^ 0x8000_0000).to_be_bytes()),
        CqlValue::Uuid(uuid) => out.extend_from_slice(uuid.as_bytes()),
        CqlValue::Inet(IpAddr::V4(address)) => out.extend(address.octets()),
        CqlValue::Inet(IpAddr::V6(address)) => out.extend(address.octets()),
        CqlValue::Duration(months, days, nanos) => {
            for part in [i64::from(*months), i64::from(*days), *nanos] {
                unsigned_vint((part << 1 ^ part >> 63).cast_unsigned(), out);
            }
        }
        CqlValue::List(values) | CqlValue::Set(values) => sequence(values, cql_type, out),
        CqlValue::Map(entries) => map(entries, cql_type, out),
        CqlValue::Tuple(values) => {
            if let CqlType::Tuple(types) = cql_type {
                parts(values.iter().zip(types), out);
            }
        }
        CqlValue::Udt(values) => {
            if let CqlType::Udt(_, fields) = cql_type {
                parts(values.iter().zip(fields.iter().map(|(_, own)| own)), out);
            }
        }
    }
}

/// Appends a value behind its length; an absent one as the length that says so.
pub(super) fn framed(value: &CqlValue, cql_type: &CqlType, out: &mut Vec<u8>) {
    match value {
        CqlValue::Unset => out.extend((-2_i32).to_be_bytes()),
        CqlValue::Null => out.extend((-1_i32).to_be_bytes()),
        _ => {
            let start = out.len();
            out.extend([0; 4]);
            encode(value, cql_type, out);
            let length = i32::try_from(out.len() - start - 4).unwrap_or(i32::MAX);
            if let Some(slot) = out.get_mut(start..start + 4) {
                slot.copy_from_slice(&length.to_be_bytes());
            }
        }
    }
}

fn parts<'v>(values: impl Iterator<Item = (&'v CqlValue, &'v CqlType)>, out: &mut Vec<u8>) {
    for (value, cql_type) in values {
        framed(value, cql_type, out);
    }
}

fn sequence(values: &[CqlValue], cql_type: &CqlType, out: &mut Vec<u8>) {
    match cql_type {
        CqlType::List(element) | CqlType::Set(element) => {
            count(values.len(), out);
            parts(values.iter().map(|value| (value, element.as_ref())), out);
        }
        CqlType::Vector(element, _) if has_fixed_length(element) => {
            for value in values {
                encode(value, element, out);
            }
        }
        CqlType::Vector(element, _) => {
            let mut bytes = Vec::new();
            for value in values {
                bytes.clear();
                encode(value, element, &mut bytes);
                unsigned_vint(bytes.len() as u64, out);
                out.extend_from_slice(&bytes);
            }
        }
        _ => {}
    }
}

fn map(entries: &[(CqlValue, CqlValue)], cql_type: &CqlType, out: &mut Vec<u8>) {
    if let CqlType::Map(key, element) = cql_type {
        count(entries.len(), out);
        for (own_key, own_value) in entries {
            framed(own_key, key, out);
            framed(own_value, element, out);
        }
    }
}

fn count(count: usize, out: &mut Vec<u8>) {
    out.extend(i32::try_from(count).unwrap_or(i32::MAX).to_be_bytes());
}

/// The types whose elements stand in a vector without a length, as Cassandra's `valueLengthIfFixed` has it.
fn has_fixed_length(cql_type: &CqlType) -> bool {
    match cql_type {
        CqlType::Boolean
        | CqlType::Int
        | CqlType::Bigint
        | CqlType::Float
        | CqlType::Double
        | CqlType::Timestamp
        | CqlType::Uuid
        | CqlType::Timeuuid => true,
        CqlType::Vector(element, _) => has_fixed_length(element),
        _ => false,
    }
}

/// As many leading ones as bytes follow the first, then the number.
fn unsigned_vint(value: u64, out: &mut Vec<u8>) {
    let significant = 64 - (value | 1).leading_zeros();
    let extra = (significant.saturating_sub(1) / 7).min(8);
    if extra == 8 {
        out.push(0xff);
        out.extend(value.to_be_bytes());
        return;
    }
    let mark = !(0xff_u8 >> extra);
    let bytes = value.to_be_bytes();
    let extra = usize::try_from(extra).unwrap_or(0);
    let Some((first, rest)) = bytes.get(7 - extra..).and_then(<[u8]>::split_first) else {
        return;
    };
    out.push(first | mark);
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vint(value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        unsigned_vint(value, &mut out);
        out
    }

    #[test]
    fn variable_length_numbers_say_their_length_in_their_first_bits() {
        assert_eq!(vint(0), [0]);
        assert_eq!(vint(127), [127]);
        assert_eq!(vint(128), [0x80, 0x80]);
        assert_eq!(vint(0x3fff), [0xbf, 0xff]);
        assert_eq!(vint(0x4000), [0xc0, 0x40, 0x00]);
        assert_eq!(vint(u64::MAX), [0xff; 9]);
        assert_eq!(vint(1 << 56), [0xff, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(
            vint((1 << 56) - 1),
            [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
        );
    }

    #[test]
    fn absent_values_are_lengths_below_zero() {
        let mut out = Vec::new();
        framed(&CqlValue::Unset, &CqlType::Int, &mut out);
        framed(&CqlValue::Null, &CqlType::Int, &mut out);
        framed(&CqlValue::Int(1), &CqlType::Int, &mut out);
        assert_eq!(
            out,
            [
                255, 255, 255, 254, 255, 255, 255, 255, 0, 0, 0, 4, 0, 0, 0, 1
            ]
        );
    }
}
