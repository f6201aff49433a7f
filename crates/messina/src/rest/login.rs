//! Users and passwords of the REST API: HTTP's basic authentication against a file, as Kafka Connect's own extension has
//! it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

use crate::config::{Secret, properties};

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// It cannot be read.
    #[error("cannot read the users of the REST API in `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no file of properties; what is written in it is not shown.
    #[error("`{}` has no lines of the form `user=password`", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// Nobody is in it: Kafka Connect would let everybody in then.
    #[error("there is no user in `{}`; add lines of the form `user=password`", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// Who may ask.
pub struct Login(BTreeMap<String, Secret<String>>);

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Login").field(&self.0.len()).finish()
    }
}

impl Login {
    /// Reads the file. Blocks.
    pub fn open(path: &Path) -> Result<Self, LoginError> {
        let owned = || path.to_owned();
        let text = std::fs::read_to_string(path).map_err(|source| LoginError::File {
            path: owned(),
            source,
        })?;
        Self::read(&text)
            .ok_or_else(|| LoginError::Malformed { path: owned() })
            .and_then(|login| {
                if login.0.is_empty() {
                    return Err(LoginError::Empty { path: owned() });
                }
                Ok(login)
            })
    }

    fn read(text: &str) -> Option<Self> {
        let entries = properties::parse(text, "").ok()?;
        let users = entries.into_iter();
        let users = users.map(|entry| (entry.key, Secret::new(entry.value)));
        Some(Self(users.collect()))
    }

    /// Whether a request has the name and the password of a user.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        let Some((user, password)) = credentials(headers) else {
            return false;
        };
        self.0.get(&user).is_some_and(|own| {
            let same = own.reveal().as_bytes().ct_eq(password.as_bytes());
            same.into()
        })
    }
}

/// `Authorization: Basic` and `user:password` in base 64.
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(login: &Login, value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        login.admits(&headers)
    }

    #[test]
    fn a_user_of_the_file_is_let_in_with_the_password_there_and_nobody_else() {
        let login = Login::read("ann=s3:cret\nbob=other\n").unwrap();
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert!(admits(&login, &basic("ann:s3:cret")));
        assert!(admits(
            &login,
            &basic("bob:other").replace("Basic", "basic")
        ));
        for wrong in [
            basic("ann:other"),
            basic("ann:"),
            basic("ann"),
            basic("eve:s3:cret"),
            "Basic !!".to_owned(),
            "Bearer x".to_owned(),
        ] {
            assert!(!admits(&login, &wrong), "{wrong}");
        }
        assert!(!login.admits(&HeaderMap::new()));
        assert!(!format!("{login:?}").contains("cret"));
    }
}
