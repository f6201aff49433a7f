//! Why a cluster that answers does not let us in, out of what the driver says.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig};
use scylla::errors::{
    BrokenConnectionError, BrokenConnectionErrorKind, ConnectionError, ConnectionPoolError,
    ConnectionSetupRequestErrorKind as Setup, DbError, FrameHeaderParseError, MetadataError,
    NewSessionError,
};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use crate::config::CqlConfig;

/// The request that CQL begins with, which a node answers to everybody whose certificate it takes: version 4, OPTIONS,
/// without a body.
const OPTIONS: [u8; 9] = [4, 0, 0, 0, 5, 0, 0, 0, 0];

/// A cluster that is there and does not let us in. A log-in it may take later; what TLS is not agreed on will not be.
#[derive(Debug, PartialEq)]
pub(super) enum Refusal {
    /// It wants to know who we are, or does not believe it; with what it says.
    LogIn(String),
    /// The connection is not secured as both sides want it.
    Tls(rustls::Error),
}

impl Refusal {
    /// The refusal in the driver's error, if it is one.
    pub(super) fn of(error: &NewSessionError) -> Option<Self> {
        let NewSessionError::MetadataError(MetadataError::ConnectionPoolError(
            ConnectionPoolError::Broken {
                last_connection_error,
            },
        )) = error
        else {
            return None;
        };
        match last_connection_error {
            ConnectionError::IoError(error) => Self::of_io(error),
            ConnectionError::BrokenConnection(error) => Self::of_broken(error),
            ConnectionError::ConnectionSetupRequestError(error) => match error.get_error() {
                Setup::DbError(DbError::AuthenticationError, said) => {
                    Some(Self::LogIn(said.clone()))
                }
                Setup::MissingAuthentication => {
                    Some(Self::LogIn("it asks for user and password".to_owned()))
                }
                Setup::BrokenConnection(error) => Self::of_broken(error),
                _ => None,
            },
            _ => None,
        }
    }

    /// A server that does not take our certificate says so after the handshake, when we wait for its first answer.
    fn of_broken(error: &BrokenConnectionError) -> Option<Self> {
        match error.downcast_ref()? {
            BrokenConnectionErrorKind::FrameHeaderParseError(
                FrameHeaderParseError::HeaderIoError(error)
                | FrameHeaderParseError::BodyChunkIoError(_, error),
            )
            | BrokenConnectionErrorKind::WriteError(error) => Self::of_io(error),
            _ => None,
        }
    }

    fn of_io(error: &io::Error) -> Option<Self> {
        let error: &rustls::Error = error.get_ref()?.downcast_ref()?;
        Some(Self::Tls(error.clone()))
    }
}

/// Asks the nodes what they have against our certificate. From TLS 1.3 on they say so after the handshake, and the
/// driver only tells that the connection was broken.
pub(super) async fn asked(config: &CqlConfig, secured: Arc<ClientConfig>) -> Option<Refusal> {
    let connector = TlsConnector::from(secured);
    for node in config.nodes() {
        for address in lookup_host(node).await.into_iter().flatten() {
            if let Err(error) = begin(&connector, address).await
                && let Some(refusal) = Refusal::of_io(&error)
            {
                return Some(refusal);
            }
        }
    }
    None
}

/// Begins as the driver does.
async fn begin(connector: &TlsConnector, address: SocketAddr) -> io::Result<()> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::IpAddress(address.ip().into());
    first_answer(connector.connect(name, stream).await?).await
}

/// Waits for the answer to the first request. A node that has closed the connection takes no request, and why it has
/// is there to be read all the same.
async fn first_answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let asked = stream.write_all(&OPTIONS).await;
    stream.read_u8().await?;
    asked
}

/// What to do where the cluster does not know us.
pub(super) fn log_in(config: &CqlConfig) -> String {
    let options = &config.options;
    let verb = if config.user.is_some() {
        "change"
    } else {
        "set"
    };
    format!("{verb} `{}` and `{}`", options.user, options.password)
}

/// What to do where TLS is not agreed on.
pub(super) fn tls(config: &CqlConfig, error: &rustls::Error) -> String {
    use AlertDescription as Alert;
    let options = &config.options;
    match error {
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            let otherwise = options.verify_names.as_ref();
            let otherwise = otherwise.map(|option| format!(", or set `{option}` to false"));
            format!(
                "give the server a certificate that names the address behind `{}`{}",
                options.contact_points,
                otherwise.unwrap_or_default()
            )
        }
        rustls::Error::InvalidCertificate(_) => format!(
            "`{}` must have the certificate of who signed the server's",
            options.trust
        ),
        rustls::Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::HandshakeFailure
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied,
        ) => format!(
            "`{}` must be a certificate, with its key, that the server takes",
            options.identity
        ),
        _ => format!("see whether `{}` speak TLS there", options.contact_points),
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};

    use tokio::io::ReadBuf;

    use super::*;

    fn pool(error: ConnectionError) -> NewSessionError {
        let broken = ConnectionPoolError::Broken {
            last_connection_error: error,
        };
        NewSessionError::MetadataError(MetadataError::ConnectionPoolError(broken))
    }

    fn io(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }

    #[test]
    fn a_certificate_is_a_refusal_before_and_after_the_handshake_and_silence_is_none() {
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let error = ConnectionError::IoError(Arc::new(io(unknown.clone())));
        assert_eq!(Refusal::of(&pool(error)), Some(Refusal::Tls(unknown)));
        let alert = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
        let header = FrameHeaderParseError::HeaderIoError(io(alert.clone()));
        let broken = BrokenConnectionErrorKind::FrameHeaderParseError(header);
        let error = ConnectionError::BrokenConnection(broken.into());
        assert_eq!(Refusal::of(&pool(error)), Some(Refusal::Tls(alert)));
        for away in [
            ConnectionError::ConnectTimeout,
            ConnectionError::IoError(Arc::new(io::ErrorKind::ConnectionRefused.into())),
        ] {
            assert_eq!(Refusal::of(&pool(away)), None);
        }
        let nowhere = NewSessionError::FailedToResolveAnyHostname(vec!["nowhere".to_owned()]);
        assert_eq!(Refusal::of(&nowhere), None);
    }

    /// What a node has said before it closed.
    struct Said(rustls::Error);

    impl AsyncRead for Said {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io(self.0.clone())))
        }
    }

    #[tokio::test]
    async fn why_a_node_has_closed_is_read_also_where_it_takes_no_request() {
        let alert = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
        let (closed, _) = tokio::io::duplex(1);
        let stream = tokio::io::join(Said(alert.clone()), closed);
        let error = first_answer(stream).await.unwrap_err();
        assert_eq!(Refusal::of_io(&error), Some(Refusal::Tls(alert)));
    }
}
