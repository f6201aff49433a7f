//! TLS towards a cluster: who signed a certificate, whom it names, and a certificate of our own.

use std::path::Path;
use std::sync::Arc;

use messina_e2e::authority::Authority;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::place::Place;
use crate::worker::{Worker, classic};

/// A cluster's node that speaks TLS: what it decrypts goes to the real one. Gives its port.
async fn node(place: &Place, own: &Path, clients: Option<&Authority>) -> String {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            let trusted = CertificateDer::from_pem_file(&authority.pem).unwrap();
            roots.add(trusted).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let certificate = CertificateDer::from_pem_file(own).unwrap();
    let key = PrivateKeyDer::from_pem_file(own).unwrap();
    let config = builder.with_single_cert(vec![certificate], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let real = format!("{}:{}", place.host, place.port);
    let accepting = async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, real) = (acceptor.clone(), real.clone());
            let passing = async move {
                // A client that does not like the certificate, or has none, is gone before.
                if let Ok(mut inner) = acceptor.accept(socket).await
                    && let Ok(mut outer) = TcpStream::connect(real).await
                {
                    drop(tokio::io::copy_bidirectional(&mut inner, &mut outer).await);
                }
            };
            spawn(passing);
        }
    };
    spawn(accepting);
    port
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test's own helper may end without a word"
)]
fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(work);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_spoken_to_over_tls_with_pem_files() {
    let Some(place) = Place::new("tls").await else {
        return;
    };
    place.run("CREATE TABLE KS.t (id int PRIMARY KEY)").await;
    let dir = tempfile::tempdir().unwrap();
    let [authority, stranger] = ["ours", "another"].map(|name| Authority::new(dir.path(), name));
    let shown = |path: &Path| path.display().to_string();
    let (trust, foreign) = (shown(&authority.pem), shown(&stranger.pem));
    let identity = shown(&authority.issue("me", "messina"));
    // The certificate names a host nobody asks for.
    let own = authority.issue("node", "node-1.example");
    let port = node(&place, &own, Some(&authority)).await;
    let worker = Worker::up(dir.path());
    let secured = |topic: &str, changed: &[(&str, &str)]| {
        let kcql = format!("INSERT INTO t SELECT * FROM {topic}");
        let all = [
            &[
                ("topics", topic),
                ("connect.cassandra.kcql", &kcql),
                ("connect.cassandra.port", &port),
                ("connect.cassandra.ssl.enabled", "true"),
                ("connect.cassandra.ssl.client.cert.auth", "true"),
                ("connect.cassandra.trust.store.path", &trust),
                ("connect.cassandra.key.store.path", &identity),
            ],
            changed,
        ];
        classic(&place, &all.concat())
    };
    worker.produce("a", &json!([{ "value": json!({ "id": 1 }).to_string() }]));
    worker.make("trusted", &secured("a", &[]));
    place
        .until("SELECT JSON * FROM KS.t", |rows| rows.len() == 1)
        .await;
    worker.make(
        "foreign",
        &secured("b", &[("connect.cassandra.trust.store.path", &foreign)]),
    );
    let names = json!({
        "connector.class": "io.lenses.streamreactor.connect.cassandra.CassandraSinkConnector",
        "topics": "c",
        "connect.cassandra.contact.points": place.host,
        "connect.cassandra.port": port,
        "connect.cassandra.kcql": format!("INSERT INTO {}.t SELECT id FROM c", place.keyspace),
        "connect.cassandra.ssl.enabled": "true",
        "connect.cassandra.ssl.truststore.path": trust,
        "connect.cassandra.ssl.keystore.path": identity,
        "value.converter": "String",
    });
    worker.make("names", &names);
    let said = worker.until_failed("foreign").await;
    assert!(
        said.contains("UnknownIssuer") && said.contains("`connect.cassandra.trust.store.path`"),
        "{said}"
    );
    let said = worker.until_failed("names").await;
    let host = place.host.as_str();
    for part in [
        "not valid for name",
        host,
        "or set `connect.cassandra.ssl.hostname.verification` to false",
    ] {
        assert!(said.contains(part), "{said}");
    }
    for refused in ["foreign", "names"] {
        assert_eq!(worker.sink(refused)["written"], 0, "{refused}");
    }
}
