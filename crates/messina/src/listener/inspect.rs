//! What `messina check` says of listeners: files that cannot be used, and what is weak.

use std::io;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::tls::{Tls, TlsError};
use crate::access::private;
use crate::config::{Config, ListenerConfig, Problem, Severity, TlsConfig};
use crate::telemetry::causes::with_causes;

/// A certificate that ends sooner is warned of, seconds.
const SOON: i64 = 30 * 86_400;

/// Reads the files of all listeners and says everything that is wrong or weak; `now` in ms since 1970.
pub fn inspect(config: &Config, now: i64) -> Vec<Problem> {
    let mut problems = Vec::new();
    let (gateway, rest) = (&config.gateway.listeners, &config.rest.listeners);
    for listener in gateway.iter().filter(|own| own.tls.is_none()) {
        plain(listener, config, &mut problems);
    }
    let gateway = gateway.iter().filter_map(|own| own.tls.as_ref());
    let rest = rest.iter().filter_map(|own| own.tls.as_ref());
    let mut seen: Vec<&TlsConfig> = Vec::new();
    for tls in gateway.chain(rest) {
        if !seen.contains(&tls) {
            seen.push(tls);
            encrypted(tls, config, now / 1000, &mut problems);
        }
    }
    problems
}

fn plain(listener: &ListenerConfig, config: &Config, problems: &mut Vec<Problem>) {
    let access = &config.access;
    let has_secrets = access.password_file.is_some() || !access.tokens.is_empty();
    if listener.listen.ip().is_loopback() || !has_secrets {
        return;
    }
    let message = format!("passwords cross the network in the clear at {listener}");
    let help = "clients from elsewhere are safer with a [[gateway.listener]] of protocol \"mqtts\" or \"wss\"";
    problems.push(placeless(Severity::Warning, message).help(help));
}

fn encrypted(tls: &TlsConfig, config: &Config, now: i64, problems: &mut Vec<Problem>) {
    if let Err(error) = Tls::open(tls.clone(), config.access.certificate_user) {
        problems.push(match error {
            // What is checked here may run elsewhere.
            TlsError::File {
                path,
                source: pem::Error::Io(source),
                ..
            } if source.kind() == io::ErrorKind::NotFound => {
                let message = format!("`{}` is not on this machine", path.display());
                placeless(Severity::Warning, message).help("`messina up` does not start without it")
            }
            error => placeless(Severity::Error, with_causes(&error)),
        });
        return;
    }
    private(&tls.key, "the private key", problems);
    let Some(ends) = end_of(tls) else { return };
    let left = ends.saturating_sub(now);
    if left > SOON {
        return;
    }
    let date = Timestamp::from_second(ends).map_or_else(|_| String::new(), |at| at.to_string());
    let path = tls.certificate.display();
    problems.push(if left <= 0 {
        let message = format!("the certificate in `{path}` is expired since {date}");
        placeless(Severity::Error, message)
            .help("clients refuse it; put a new one there, and send SIGHUP")
    } else {
        let message = format!("the certificate in `{path}` expires at {date}");
        placeless(Severity::Warning, message)
            .help("SIGHUP has a new one read, and no client is disconnected")
    });
}

/// When the server's certificate ends, in seconds since 1970.
fn end_of(tls: &TlsConfig) -> Option<i64> {
    let certificate = CertificateDer::from_pem_file(&tls.certificate).ok()?;
    let (_, certificate) = X509Certificate::from_der(&certificate).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

fn placeless(severity: Severity, message: String) -> Problem {
    Problem {
        severity,
        span: None,
        message,
        help: None,
    }
}
