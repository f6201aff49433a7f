//! Stores of certificates and keys, which Java has in formats of its own: PEM is read, and for the others it is said how
//! to convert them.

use std::path::PathBuf;

use crate::options::Options;

/// The file of a store, which must be PEM; of Java's kinds the way to make it PEM is said.
pub(crate) fn store(options: &mut Options<'_, '_>, which: &str) -> Option<PathBuf> {
    let path_option = format!("{which}.path");
    let path = options.text(&path_option)?;
    let named = options
        .text(&format!("{which}.type"))
        .map(str::to_ascii_uppercase);
    let kind = named.as_deref().unwrap_or_else(|| kind_of(path));
    if kind == "PEM" {
        return Some(PathBuf::from(path));
    }
    let help = conversion(kind, which, path);
    options.refuse(
        &path_option,
        format!("`{path}` is a store of kind {kind}, and only PEM files are read"),
        Some(help),
    );
    None
}

/// What a file is, its name says; without an end people know it is Java's own kind, as in the original.
fn kind_of(path: &str) -> &'static str {
    let end = path
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    match end.as_str() {
        "pem" | "crt" | "cer" | "cert" => "PEM",
        "p12" | "pfx" => "PKCS12",
        _ => "JKS",
    }
}

fn conversion(kind: &str, which: &str, path: &str) -> String {
    let first = match kind {
        "PKCS12" => String::new(),
        _ => format!(
            "keytool -importkeystore -srckeystore {path} -destkeystore {path}.p12 -deststoretype PKCS12 && "
        ),
    };
    let from = if first.is_empty() {
        path.to_owned()
    } else {
        format!("{path}.p12")
    };
    let what = if which.contains("trust") {
        "-nokeys"
    } else {
        "-nodes"
    };
    format!(
        "convert it once with: {first}openssl pkcs12 -in {from} {what} -out {path}.pem; then set `{which}.path` to \
         {path}.pem"
    )
}
