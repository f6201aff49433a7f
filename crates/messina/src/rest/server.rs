//! A listener: what a client may send before anything is understood of it is bounded here.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::routes::{Api, router};
use crate::listener::{Below, Listening};
use crate::runtime::tasks::Tasks;

/// Connections at once.
const MAX_CONNECTIONS: usize = 256;
/// A request's line and headers must have come within this time, and fit into this many bytes.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const HEADER_BYTES: usize = 64 << 10;
/// How long is waited after an accept that failed: for lack of files, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop`; connections end with the request they are at.
pub async fn serve(listening: Listening, api: Api, tasks: Tasks, stop: CancellationToken) {
    let Listening { socket, below } = listening;
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let router = router(Arc::new(api));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _peer)) => {
                let (router, stop) = (router.clone(), stop.clone());
                let below = Arc::clone(&below);
                tasks.spawn("rest", async move {
                    connection(stream, &below, router, stop).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "a connection to the REST API could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    below: &Below,
    router: axum::Router,
    stop: CancellationToken,
) {
    let established = tokio::time::timeout(HEADER_TIMEOUT, below.establish(stream)).await;
    let stream = match established {
        Ok(Ok((stream, _))) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a connection to the REST API was not made secure");
            return;
        }
        Err(_elapsed) => return,
    };
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES);
    let service = TowerToHyperService::new(router);
    let served = builder.serve_connection(TokioIo::new(stream), service);
    let mut served = std::pin::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the REST API ended early");
    }
}
