//! The other workers, as requests are sent on to them: over HTTP, or HTTPS where they listen so.

use axum::body::{Body, to_bytes};
use axum::http::uri::{Authority, PathAndQuery, Uri};
use axum::http::{HeaderValue, Request, Response, header};
use bytes::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config::ClientTls;
use crate::listener::{Stream, tls_client};
use crate::telemetry::causes::with_causes;

/// Where another worker is.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    authority: Authority,
    encrypts: bool,
}

/// `host:port`, or with `https://` before it, as workers tell each other.
fn place(address: &str) -> Result<Place, String> {
    let secure = address.strip_prefix("https://");
    let plain = address.strip_prefix("http://").unwrap_or(address);
    let authority: Authority = secure
        .unwrap_or(plain)
        .parse()
        .map_err(|_not| format!("`{address}` is no address"))?;
    Ok(Place {
        encrypts: secure.is_some(),
        authority,
    })
}

/// Asks another worker. The request's URI is a path and a query; the answer's body may have `limit` bytes.
pub(super) async fn ask(
    address: &str,
    tls: Option<&ClientTls>,
    mut request: Request<Body>,
    limit: usize,
) -> Result<Response<Bytes>, String> {
    let place = place(address)?;
    let path = request.uri().path_and_query().map(PathAndQuery::as_str);
    let uri: Result<Uri, _> = path.unwrap_or("/").parse();
    *request.uri_mut() = uri.map_err(|error| with_causes(&error))?;
    let host = HeaderValue::from_str(place.authority.as_str());
    let host = host.map_err(|error| with_causes(&error))?;
    request.headers_mut().insert(header::HOST, host);
    let stream = connect(&place, tls).await?;
    let connected = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = connected.map_err(|error| with_causes(&error))?;
    let answered = async {
        let answer = sender.send_request(request).await;
        let (parts, body) = answer.map_err(|error| with_causes(&error))?.into_parts();
        let body = to_bytes(Body::new(body), limit).await;
        let body = body.map_err(|error| with_causes(&error))?;
        Ok(Response::from_parts(parts, body))
    };
    tokio::pin!(answered, connection);
    tokio::select! {
        answer = &mut answered => answer,
        ended = &mut connection => {
            ended.map_err(|error| with_causes(&error))?;
            answered.await
        }
    }
}

async fn connect(place: &Place, tls: Option<&ClientTls>) -> Result<Stream, String> {
    let host = place.authority.host();
    let port = place.authority.port_u16();
    let port = port.unwrap_or(if place.encrypts { 443 } else { 80 });
    let bare = host.trim_matches(['[', ']']);
    let stream = TcpStream::connect((bare, port)).await;
    let stream = stream.map_err(|error| with_causes(&error))?;
    if !place.encrypts {
        return Ok(Box::new(stream));
    }
    let missing = "it listens with TLS, and nothing says who signs workers' certificates; set \
                   `listeners.https.ssl.truststore.location`";
    let files = tls.ok_or(missing)?.clone();
    let name = ServerName::try_from(bare.to_owned()).map_err(|error| with_causes(&error))?;
    // Read anew each time: requests that are sent on are few, and the files change.
    let client = tokio::task::spawn_blocking(move || tls_client::client(&files)).await;
    let client = client.map_err(|error| with_causes(&error))?;
    let client = client.map_err(|error| with_causes(&error))?;
    let stream = TlsConnector::from(client).connect(name, stream);
    Ok(Box::new(stream.await.map_err(|error| with_causes(&error))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_whether_its_worker_encrypts() {
        let read = |address| {
            let place = place(address)?;
            Ok::<_, String>((place.authority.to_string(), place.encrypts))
        };
        assert_eq!(read("a:1"), Ok(("a:1".to_owned(), false)));
        assert_eq!(read("https://[::1]:2"), Ok(("[::1]:2".to_owned(), true)));
        assert!(read("a b").is_err());
    }
}
