//! The paths, and what holds for every request.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post, put};

use super::answer::Failure;
use super::login::Login;
use super::{connectors, forward, loggers, offsets, validation};
use crate::config::{ClientTls, RestConfig, RestListener, RestPaths, TopicTracking};
use crate::console::guard::Hosts;
use crate::herder::Connectors;
use crate::runtime::clock::Clock;

/// What requests need.
#[derive(Debug)]
pub struct Api {
    pub(super) herder: Connectors,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) max_body: usize,
    pub(super) timeout: Duration,
    pub(super) topics: TopicTracking,
    /// How other workers are asked that listen with TLS.
    pub(super) peers: Option<ClientTls>,
    paths: RestPaths,
    login: Option<Arc<Login>>,
    hosts: Hosts,
}

impl Api {
    /// An API over a herder, as one of its listeners has it.
    pub fn new(
        herder: Connectors,
        config: &RestConfig,
        listener: &RestListener,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self {
            herder,
            clock: Arc::clone(clock),
            max_body: config.max_body,
            timeout: config.request_timeout,
            topics: config.topics,
            peers: config.peers.clone(),
            paths: listener.paths,
            login: None,
            hosts: Hosts {
                listen: Some(listener.listen),
                names: config.hosts.clone(),
            },
        }
    }

    /// The same for those alone who have a password, if there are any.
    #[must_use]
    pub fn for_users(mut self, login: Option<Arc<Login>>) -> Self {
        self.login = login;
        self
    }
}

type Paths = Router<Arc<Api>>;

/// All paths that are answered here, each with and without a slash at its end.
pub(super) fn router(api: Arc<Api>) -> Router {
    let mut paths = Paths::new();
    let mut add = |path: &str, methods: MethodRouter<Arc<Api>>| {
        let router = std::mem::take(&mut paths);
        paths = router
            .route(path, methods.clone())
            .route(&format!("{path}/"), methods);
    };
    if api.paths != RestPaths::Admin {
        of_connectors(&mut add);
    }
    if api.paths != RestPaths::WithoutAdmin {
        add("/admin/loggers", get(loggers::list));
        let logger = get(loggers::show).put(loggers::set);
        add("/admin/loggers/{name}", logger);
    }
    if api.paths != RestPaths::Admin {
        paths = paths.route("/", get(connectors::worker));
    }
    let sent_on = from_fn_with_state(Arc::clone(&api), forward::to_whom_it_is_for);
    paths
        // Of what is answered here only: the rest is nobody's, and no other worker is asked for it.
        .route_layer(sent_on)
        .fallback(async || Failure::plain(StatusCode::NOT_FOUND))
        .method_not_allowed_fallback(async || Failure::plain(StatusCode::METHOD_NOT_ALLOWED))
        .layer(from_fn_with_state(Arc::clone(&api), every_request))
        .with_state(api)
}

fn of_connectors(add: &mut impl FnMut(&str, MethodRouter<Arc<Api>>)) {
    let one = "/connectors/{name}";
    add("/health", get(connectors::health));
    add(
        "/connectors",
        get(connectors::list).post(connectors::create),
    );
    add(one, get(connectors::info).delete(connectors::delete));
    let config = get(connectors::config)
        .put(connectors::put_config)
        .patch(connectors::patch_config);
    add(&format!("{one}/config"), config);
    add(&format!("{one}/status"), get(connectors::status));
    add(&format!("{one}/tasks"), get(connectors::tasks));
    let task = format!("{one}/tasks/{{task}}");
    add(&format!("{task}/status"), get(connectors::task_status));
    add(&format!("{task}/restart"), post(connectors::restart_task));
    add(&format!("{one}/restart"), post(connectors::restart));
    add(&format!("{one}/pause"), put(connectors::pause));
    add(&format!("{one}/resume"), put(connectors::resume));
    add(&format!("{one}/stop"), put(connectors::stop));
    add(&format!("{one}/topics"), get(connectors::topics));
    add(
        &format!("{one}/topics/reset"),
        put(connectors::reset_topics),
    );
    let own = get(offsets::show)
        .patch(offsets::alter)
        .delete(offsets::reset);
    add(&format!("{one}/offsets"), own);
    add("/connector-plugins", get(validation::plugins));
    let plugin = "/connector-plugins/{plugin}/config";
    add(plugin, get(validation::options));
    add(&format!("{plugin}/validate"), put(validation::validate));
}

/// Refuses who may not ask, and gives up on what takes too long.
async fn every_request(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    if let Some(why) = api.hosts.refuse(request.headers(), "rest.hosts") {
        return Failure::new(StatusCode::FORBIDDEN, why).into_response();
    }
    if let Some(login) = &api.login
        && !login.admits(request.headers())
    {
        let refused = Failure::new(StatusCode::UNAUTHORIZED, "User cannot access the resource.");
        let asking = [(header::WWW_AUTHENTICATE, "Basic realm=\"Kafka Connect\"")];
        return (asking, refused).into_response();
    }
    if !accepts_json(request.headers()) {
        return Failure::plain(StatusCode::NOT_ACCEPTABLE).into_response();
    }
    let answered = tokio::time::timeout(api.timeout, next.run(request)).await;
    answered.unwrap_or_else(|_elapsed| {
        let message = "Request timed out; what it began may still be carried out";
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, message).into_response()
    })
}

fn accepts_json(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter().peekable();
    if accepted.peek().is_none() {
        return true;
    }
    let accepted = accepted.filter_map(|value| value.to_str().ok());
    let mut kinds = accepted.flat_map(|value| value.split(','));
    kinds.any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        ["application/json", "application/*", "*/*"].contains(&kind)
    })
}
