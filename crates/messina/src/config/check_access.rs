//! `[mqtt.access]`: files are named here and read by `access`.

use std::path::Path;
use std::time::Duration;

use super::Secret;
use super::access::{
    AccessConfig, AccessLimits, Anonymous, CertificateUser, KeySource, PasswordForm,
    RefusedSubscription, TokenAlgorithm, TokenKeyConfig,
};
use super::problem::Problem;
use super::section::Section;
use super::tree::NodeValue;

pub(super) fn access(section: &Section<'_>, data: &Path) -> AccessConfig {
    let file = |field| {
        let (text, span) = section.text(field)?;
        if text.is_empty() {
            section.report(Problem::error(
                span,
                format!("`{}` is empty", section.name_of(field)),
            ));
        }
        Some(data.join(text))
    };
    let certificates = [
        ("off", CertificateUser::Off),
        ("common_name", CertificateUser::CommonName),
        ("dns_name", CertificateUser::DnsName),
        ("email", CertificateUser::Email),
        ("uri", CertificateUser::Uri),
    ];
    let from = [
        ("never", Anonymous::Never),
        ("loopback", Anonymous::Loopback),
        ("always", Anonymous::Always),
    ];
    let refusals = [
        ("not_authorized", RefusedSubscription::NotAuthorized),
        ("unspecified_error", RefusedSubscription::UnspecifiedError),
    ];
    let mut config = AccessConfig {
        password_file: file("password_file"),
        password_form: PasswordForm::Hashed,
        acl_file: file("acl_file"),
        deny_by_default: false,
        refused_subscription: section
            .choice("refused_subscription", &refusals)
            .unwrap_or(RefusedSubscription::NotAuthorized),
        anonymous: Anonymous::Loopback,
        certificate_user: section
            .choice("certificate_user", &certificates)
            .unwrap_or(CertificateUser::Off),
        tokens: section
            .sections("jwt")
            .iter()
            .filter_map(|token| self::token(token, data))
            .collect(),
        limits: section.section("limits").as_ref().map_or(NO_LIMITS, limits),
    };
    let deny = section.boolean("deny_by_default");
    config.deny_by_default = deny.unwrap_or(config.acl_file.is_some());
    // A proxy on this machine would make everybody local, so nobody is let in unasked once users exist.
    let unsaid = if config.authenticates() {
        Anonymous::Never
    } else {
        Anonymous::Loopback
    };
    config.anonymous = section.choice("anonymous", &from).unwrap_or(unsaid);
    section.finish();
    config
}

fn token(section: &Section<'_>, data: &Path) -> Option<TokenKeyConfig> {
    let algorithms = [
        TokenAlgorithm::Hs256,
        TokenAlgorithm::Rs256,
        TokenAlgorithm::Es256,
    ]
    .map(|algorithm| (algorithm.name(), algorithm));
    let text = |field| section.text(field).map(|(text, _)| text.to_owned());
    section.required("algorithm");
    let algorithm = section.choice("algorithm", &algorithms);
    section.required("key");
    let key = key(section, "key", data);
    let (id, audience, issuer) = (text("id"), text("audience"), text("issuer"));
    section.finish();
    Some(TokenKeyConfig {
        algorithm: algorithm?,
        key: key?,
        id,
        audience,
        issuer,
    })
}

/// A secret: written here, or in a file that is named here.
pub(super) fn key(section: &Section<'_>, field: &'static str, data: &Path) -> Option<KeySource> {
    let node = section.get(field)?;
    match &node.value {
        NodeValue::Text(text) => Some(KeySource::Inline(Secret::new(text.clone()))),
        NodeValue::Table(_) => {
            let table = section.section(field)?;
            let path = table.required_text("file").map(|(path, _)| data.join(path));
            table.finish();
            path.map(KeySource::File)
        }
        _ => {
            section.wrong(field, node, "a text, or `{ file = \"..\" }`");
            None
        }
    }
}

const NO_LIMITS: AccessLimits = AccessLimits {
    connections_per_address: None,
    publishes_per_second: None,
    bytes_per_second: None,
    failed_logins: 1,
    backoff: Duration::ZERO,
    max_backoff: Duration::ZERO,
    password_checks: 1,
};

fn limits(section: &Section<'_>) -> AccessLimits {
    let limits = AccessLimits {
        connections_per_address: section.integer_or("connections_per_address", "unlimited"),
        publishes_per_second: section.integer_or("publishes_per_second", "unlimited"),
        bytes_per_second: section.size_or("bytes_per_second", "unlimited", None),
        failed_logins: section.integer("failed_logins", 1..=1_000_000).unwrap_or(1),
        backoff: section.duration("backoff").unwrap_or_default(),
        max_backoff: section.duration("max_backoff").unwrap_or_default(),
        password_checks: section.integer("password_checks", 1..=1024).unwrap_or(1),
    };
    section.finish();
    limits
}
