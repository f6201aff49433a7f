//! The little of PEM and DER that a public key in a file needs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// 1.2.840.10045.2.1 with 1.2.840.10045.3.1.7: an elliptic curve key on P-256.
const EC_P256: &[u8] = &[
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
    0x03, 0x01, 0x07,
];

/// 1.2.840.113549.1.1.1 with NULL: an RSA key.
const RSA: &[u8] = &[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// A public key without its wrapping.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// PKCS #1's `RSAPublicKey`, and the bits of its modulus.
    Rsa { der: Vec<u8>, bits: usize },
    /// An uncompressed point on P-256.
    P256(Vec<u8>),
}

/// The label and content of the first PEM block.
pub(super) fn pem(text: &str) -> Option<(&str, Vec<u8>)> {
    let (_, after) = text.split_once("-----BEGIN ")?;
    let (label, after) = after.split_once("-----")?;
    let (body, _) = after.split_once("-----END ")?;
    let body: String = body.split_whitespace().collect();
    Some((label, STANDARD.decode(body).ok()?))
}

/// Unwraps a `SubjectPublicKeyInfo` (`PUBLIC KEY`).
pub(super) fn public_key(der: &[u8]) -> Option<PublicKey> {
    let (outer, []) = value(der, SEQUENCE)? else {
        return None;
    };
    let (algorithm, rest) = value(outer, SEQUENCE)?;
    let (bits, []) = value(rest, BIT_STRING)? else {
        return None;
    };
    let (unused, key) = bits.split_first()?;
    match algorithm {
        _ if *unused != 0 => None,
        RSA => rsa(key),
        EC_P256 if key.len() == 65 && key.first() == Some(&4) => {
            Some(PublicKey::P256(key.to_vec()))
        }
        _ => None,
    }
}

/// Looks into an `RSAPublicKey` (`RSA PUBLIC KEY`).
pub(super) fn rsa(der: &[u8]) -> Option<PublicKey> {
    let (inner, []) = value(der, SEQUENCE)? else {
        return None;
    };
    let (modulus, rest) = value(inner, INTEGER)?;
    let (_exponent, []) = value(rest, INTEGER)? else {
        return None;
    };
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let first = modulus.get(zeros)?;
    let bits = (modulus.len() - zeros) * 8 - usize::try_from(first.leading_zeros()).ok()?;
    Some(PublicKey::Rsa {
        der: der.to_vec(),
        bits,
    })
}

/// The content of the element at the front, which must have this tag, and what follows it.
fn value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        0x81 => {
            let (length, rest) = rest.split_first()?;
            (usize::from(*length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    let content = rest.split_at_checked(length)?;
    (*found == tag).then_some(content)
}
