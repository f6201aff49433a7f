//! Workers that listen with TLS: who may ask them, and how they ask each other.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use messina_e2e::authority::Authority;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use super::place::{PATIENCE, Place, until};
use super::worker::{Worker, properties};

/// A client that trusts an authority, and shows a certificate if it has one.
fn client(ca: &Path, own: Option<&Path>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(ca).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let chain = CertificateDer::pem_file_iter(own).unwrap();
            let key = PrivateKeyDer::from_pem_file(own).unwrap();
            builder
                .with_client_auth_cert(chain.map(Result::unwrap).collect(), key)
                .unwrap()
        }
    })
}

/// The status and the body of an answer; none if there was none.
fn ask(
    worker: &Worker,
    client: &Arc<ClientConfig>,
    (method, path): (&str, &str),
    body: Option<&Value>,
) -> Option<(u16, Value)> {
    let address = worker.id();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let session = ClientConnection::new(Arc::clone(client), name).unwrap();
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = StreamOwned::new(session, socket);
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    // The connection may end without TLS's farewell.
    drop(stream.read_to_end(&mut answer));
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or(Value::Null)))
}

#[test]
fn workers_ask_each_other_over_tls_and_answer_nobody_without_a_certificate() {
    let Some(place) = Place::new("secure") else {
        return;
    };
    place.create_topic(&place.topic("readings"), 1, "delete");
    let authority = Authority::new(place.path(), "authority");
    let own = authority.issue("worker", "127.0.0.1");
    let file = properties(&place).replace("listeners=http:", "listeners=https:");
    let file = format!(
        "{file}listeners.https.ssl.keystore.location={}\nlisteners.https.ssl.truststore.location={}\n\
         listeners.https.ssl.client.auth=required\n",
        own.display(),
        authority.pem.display()
    );
    let a = Worker::start_with(&place, "a", &file);
    let b = Worker::start_with(&place, "b", &file);
    assert!(a.rest.starts_with("https://"), "{}", a.rest);
    let stranger = client(&authority.pem, None);
    assert_eq!(ask(&a, &stranger, ("GET", "/connectors"), None), None);
    let known = client(&authority.pem, Some(&own));
    // One of the two leads: what is sent to the other goes on to it.
    for (worker, name) in [(&a, "meters"), (&b, "others")] {
        let post = json!({ "name": place.topic(name), "config": place.connector(1) });
        let (status, info) = ask(worker, &known, ("POST", "/connectors"), Some(&post)).unwrap();
        assert_eq!(status, 201, "{info}\n{}", worker.said());
    }
    let names = [&a, &b].map(Worker::id);
    for name in ["meters", "others"] {
        for worker in [&a, &b] {
            until("its task runs", || {
                let path = place.connector_path(name, "/status");
                let (_, status) = ask(worker, &known, ("GET", &path), None).unwrap();
                let task = &status["tasks"][0];
                let holder = task["worker_id"].as_str().unwrap_or_default();
                task["state"] == "RUNNING" && names.contains(&holder)
            });
            // Only the worker that has the task starts it again; while the group moves, none does.
            let path = place.connector_path(name, "/tasks/0/restart");
            until("it is restarted where it is", || {
                let (status, said) = ask(worker, &known, ("POST", &path), None).unwrap();
                assert!(status == 204 || status == 409, "{status} {said}");
                status == 204
            });
        }
    }
    place.produce(0..10, 1.0);
    until("the rows are there", || place.rows() == 10);
    a.stop();
    b.stop();
}
