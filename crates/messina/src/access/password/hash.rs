//! One stored hash in one of the forms that password files have.

use std::num::NonZeroU32;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use ring::{digest, pbkdf2};
use subtle::ConstantTimeEq;

/// PHC strings have no padding; we do not insist.
const PHC: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// OWASP's first choice for argon2id: 19 MiB, two passes, one lane. 10 to 20 ms on a small server.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// What a file may ask of us: a log-in must not take all memory, or a minute.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_PASSES: u32 = 64;
const MOST_LANES: u32 = 16;
const MOST_ITERATIONS: u32 = 10_000_000;

/// OWASP's number for PBKDF2 with SHA-512.
const ENOUGH_ITERATIONS: u32 = 210_000;

/// Salt and output of the hashes we write.
const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;

/// A stored hash. No `Debug`: whoever has it can guess in peace.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Hash {
    /// `$argon2id$v=19$m=..,t=..,p=..$salt$hash`
    Argon2id {
        memory_kib: u32,
        passes: u32,
        lanes: u32,
        salt: Vec<u8>,
        output: Vec<u8>,
    },
    /// Mosquitto's `$7$iterations$salt$hash`: PBKDF2 with HMAC-SHA-512.
    Pbkdf2 {
        iterations: NonZeroU32,
        salt: Vec<u8>,
        output: Vec<u8>,
    },
    /// Mosquitto's `$6$salt$hash`: one SHA-512 of password and salt.
    Sha512 { salt: Vec<u8>, output: Vec<u8> },
}

/// Why a text is no hash. Never says what the text was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// None of the forms we know.
    #[error("neither an argon2id, `$7$` or `$6$` hash, nor a SCRAM-SHA-256 key")]
    Unknown,
    /// A part is missing, or there is one too many.
    #[error("the hash has too few or too many parts")]
    Parts,
    /// A number is no number, or zero.
    #[error("a cost of the hash is not a number above zero")]
    Number,
    /// A number is larger than is good for the server.
    #[error("the hash costs more than 1 GiB, 64 passes, 16 lanes or 10,000,000 iterations")]
    Cost,
    /// Salt or hash are not base64, or not of a length that the form has.
    #[error("salt or hash are cut off or not base64")]
    Bytes,
    /// Argon2 in a version before 1.3.
    #[error("only version 19 of argon2id is read")]
    Version,
}

impl Hash {
    /// Reads one of the forms.
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        let parts: Vec<&str> = text.split('$').collect();
        match *parts.as_slice() {
            ["", "argon2id", version, costs, salt, output] => {
                argon2id(version, costs, salt, output)
            }
            ["", "7", iterations, salt, output] => Ok(Self::Pbkdf2 {
                iterations: iterations_of(iterations)?,
                salt: bytes(&STANDARD, salt, 8..=64)?,
                output: bytes(&STANDARD, output, 64..=64)?,
            }),
            ["", "6", salt, output] => Ok(Self::Sha512 {
                salt: bytes(&STANDARD, salt, 1..=64)?,
                output: bytes(&STANDARD, output, 64..=64)?,
            }),
            ["", "argon2id" | "7" | "6", ..] => Err(HashError::Parts),
            _ => Err(HashError::Unknown),
        }
    }

    /// Hashes a password as we like it, with a salt from the system.
    pub(super) fn new(password: &[u8]) -> Option<Self> {
        let salt = random::<SALT_BYTES>()?.to_vec();
        let output = argon2(password, &salt, (MEMORY_KIB, PASSES, 1), OUTPUT_BYTES)?;
        Some(Self::Argon2id {
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            lanes: 1,
            salt,
            output,
        })
    }

    /// Hashes a password that stands in the clear elsewhere: quickly, as nobody gains by guessing it.
    pub(super) fn quick(password: &[u8]) -> Option<Self> {
        let salt = random::<SALT_BYTES>()?.to_vec();
        let output = sha512(password, &salt).as_ref().to_vec();
        Some(Self::Sha512 { salt, output })
    }

    /// Whether this is the password. Slow, and as slow when it is not.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        match self {
            Self::Argon2id {
                memory_kib,
                passes,
                lanes,
                salt,
                output,
            } => {
                let costs = (*memory_kib, *passes, *lanes);
                let found = argon2(password, salt, costs, output.len());
                found.is_some_and(|found| bool::from(found.ct_eq(output)))
            }
            Self::Pbkdf2 {
                iterations,
                salt,
                output,
            } => {
                let algorithm = pbkdf2::PBKDF2_HMAC_SHA512;
                pbkdf2::verify(algorithm, *iterations, salt, password, output).is_ok()
            }
            Self::Sha512 { salt, output } => sha512(password, salt).as_ref().ct_eq(output).into(),
        }
    }

    /// What is weak about it, if something is.
    pub(super) fn weakness(&self) -> Option<String> {
        match self {
            // Half of OWASP's smallest choice in memory times passes.
            Self::Argon2id {
                memory_kib, passes, ..
            } if u64::from(*memory_kib) * u64::from(*passes) < 18 * 1024 => Some(format!(
                "argon2id with {memory_kib} KiB and {passes} passes is cheap to guess"
            )),
            Self::Pbkdf2 { iterations, .. } if iterations.get() < ENOUGH_ITERATIONS => {
                Some(format!(
                    "PBKDF2 with {iterations} iterations is cheap to guess, {ENOUGH_ITERATIONS} are advised"
                ))
            }
            Self::Sha512 { .. } => {
                Some("one round of SHA-512 is no protection once the file is stolen".to_owned())
            }
            Self::Argon2id { .. } | Self::Pbkdf2 { .. } => None,
        }
    }

    /// The form that is written to a file.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Argon2id {
                memory_kib,
                passes,
                lanes,
                salt,
                output,
            } => format!(
                "$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${}${}",
                PHC.encode(salt),
                PHC.encode(output)
            ),
            Self::Pbkdf2 {
                iterations,
                salt,
                output,
            } => format!(
                "$7${iterations}${}${}",
                STANDARD.encode(salt),
                STANDARD.encode(output)
            ),
            Self::Sha512 { salt, output } => {
                format!("$6${}${}", STANDARD.encode(salt), STANDARD.encode(output))
            }
        }
    }
}

/// Mosquitto's `$6$`: of the password, then the salt.
fn sha512(password: &[u8], salt: &[u8]) -> digest::Digest {
    let mut context = digest::Context::new(&digest::SHA512);
    context.update(password);
    context.update(salt);
    context.finish()
}

/// Bytes from the system's generator; `None` if it has none.
pub(in super::super) fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let filled = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes);
    filled.ok().map(|()| bytes)
}

fn argon2id(version: &str, costs: &str, salt: &str, output: &str) -> Result<Hash, HashError> {
    if version != "v=19" {
        return Err(HashError::Version);
    }
    let mut found = [None; 3];
    for cost in costs.split(',') {
        let (name, value) = cost.split_once('=').ok_or(HashError::Number)?;
        let index = ["m", "t", "p"].iter().position(|known| *known == name);
        let slot = index.and_then(|index| found.get_mut(index));
        *slot.ok_or(HashError::Parts)? = value.parse::<u32>().ok();
    }
    let [Some(memory_kib), Some(passes), Some(lanes)] = found else {
        return Err(HashError::Number);
    };
    if memory_kib > MOST_MEMORY_KIB || passes > MOST_PASSES || lanes > MOST_LANES {
        return Err(HashError::Cost);
    }
    Params::new(memory_kib, passes, lanes, None).map_err(|_wrong| HashError::Number)?;
    Ok(Hash::Argon2id {
        memory_kib,
        passes,
        lanes,
        salt: bytes(&PHC, salt, 8..=64)?,
        output: bytes(&PHC, output, 16..=64)?,
    })
}

fn argon2(
    password: &[u8],
    salt: &[u8],
    (memory_kib, passes, lanes): (u32, u32, u32),
    length: usize,
) -> Option<Vec<u8>> {
    let params = Params::new(memory_kib, passes, lanes, Some(length)).ok()?;
    let mut output = vec![0; length];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2
        .hash_password_into(password, salt, &mut output)
        .ok()?;
    Some(output)
}

/// A number of iterations that a verification may take.
pub(in super::super) fn iterations_of(text: &str) -> Result<NonZeroU32, HashError> {
    let iterations: NonZeroU32 = text.parse().map_err(|_wrong| HashError::Number)?;
    if iterations.get() > MOST_ITERATIONS {
        return Err(HashError::Cost);
    }
    Ok(iterations)
}

/// Decodes base64 of a length within `lengths`.
pub(in super::super) fn bytes(
    engine: &GeneralPurpose,
    text: &str,
    lengths: std::ops::RangeInclusive<usize>,
) -> Result<Vec<u8>, HashError> {
    let bytes = engine.decode(text).map_err(|_wrong| HashError::Bytes)?;
    if lengths.contains(&bytes.len()) {
        Ok(bytes)
    } else {
        Err(HashError::Bytes)
    }
}
