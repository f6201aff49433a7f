//! A key that tokens are verified with. It fixes the algorithm: what a token says of itself only has to agree.

use std::fmt;

use ring::hmac;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

use super::der::{self, PublicKey};
use crate::config::{TokenAlgorithm, TokenKeyConfig};

/// What RFC 7518 asks of a secret for HS256.
const LEAST_SECRET_BYTES: usize = 32;

/// A key and which tokens it is for. `Debug` does not show the key.
#[derive(Clone)]
pub struct VerifyingKey {
    pub(super) config: TokenKeyConfig,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Hs256(hmac::Key),
    Rs256(UnparsedPublicKey<Vec<u8>>),
    Es256(UnparsedPublicKey<Vec<u8>>),
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("VerifyingKey");
        debug.field("config", &self.config).finish_non_exhaustive()
    }
}

/// Why a text is not a key. Never says what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A secret without characters.
    #[error("the secret is empty")]
    Empty,
    /// No PEM.
    #[error("it is not a public key in PEM: it has no `-----BEGIN PUBLIC KEY-----`")]
    NotPem,
    /// Something else in PEM.
    #[error(
        "it is a private key or certificate; print its public key with `openssl pkey -pubout` or `openssl x509 -pubkey -noout`"
    )]
    NotPublic,
    /// A public key of another kind.
    #[error("it is not the kind of key the algorithm needs: RSA for RS256, P-256 for ES256")]
    Kind,
    /// RSA of another size.
    #[error("an RSA key has 2048 to 8192 bits, this one {0}")]
    Size(usize),
}

impl VerifyingKey {
    /// A key from the text of its file or setting.
    pub fn new(config: TokenKeyConfig, text: &str) -> Result<Self, KeyError> {
        let material = match config.algorithm {
            TokenAlgorithm::Hs256 => {
                let secret = text.trim_end_matches(['\r', '\n']);
                if secret.is_empty() {
                    return Err(KeyError::Empty);
                }
                Material::Hs256(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
            }
            TokenAlgorithm::Rs256 => match public_key(text)? {
                PublicKey::Rsa {
                    der,
                    bits: 2048..=8192,
                } => Material::Rs256(UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der)),
                PublicKey::Rsa { bits, .. } => return Err(KeyError::Size(bits)),
                PublicKey::P256(_) => return Err(KeyError::Kind),
            },
            TokenAlgorithm::Es256 => match public_key(text)? {
                PublicKey::P256(point) => {
                    Material::Es256(UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point))
                }
                PublicKey::Rsa { .. } => return Err(KeyError::Kind),
            },
        };
        Ok(Self { config, material })
    }

    /// What is weak about a key's text.
    pub(in super::super) fn weakness(config: &TokenKeyConfig, text: &str) -> Option<String> {
        let length = text.trim_end_matches(['\r', '\n']).len();
        let weak = config.algorithm == TokenAlgorithm::Hs256 && length < LEAST_SECRET_BYTES;
        weak.then(|| {
            format!(
                "a secret for HS256 of {length} bytes can be guessed, {LEAST_SECRET_BYTES} are due"
            )
        })
    }

    /// Whether the signature of a message is by this key.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Hs256(key) => hmac::verify(key, message, signature).is_ok(),
            Material::Rs256(key) | Material::Es256(key) => key.verify(message, signature).is_ok(),
        }
    }
}

fn public_key(text: &str) -> Result<PublicKey, KeyError> {
    let (label, der) = der::pem(text).ok_or(KeyError::NotPem)?;
    let key = match label {
        "PUBLIC KEY" => der::public_key(&der),
        "RSA PUBLIC KEY" => der::rsa(&der),
        _ => return Err(KeyError::NotPublic),
    };
    key.ok_or(KeyError::Kind)
}
