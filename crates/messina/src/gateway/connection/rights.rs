//! What the client of a connection may do, and how much of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use messina_mqtt::packet::{ClientId, Publish, QoS, Version};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::session::{
    Forward, Input, Outgoing, SessionSubscription, SubscribeRequest, Ticket,
};
use messina_mqtt::topic::Topic;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Connection;
use crate::access::{Access, Acl, Client, Identity as User, Meter, Subscription};
use crate::runtime::clock::Clock;

/// Who a client is, and the rules of the moment.
#[derive(Debug)]
pub(super) struct Rights {
    user: User,
    acl: Arc<Acl>,
    generation: u64,
    /// Absent where nothing is limited: of 20,000 idle connections each costs what its own state takes.
    bounds: Option<Box<Bounds>>,
}

/// How long and how much.
#[derive(Debug)]
struct Bounds {
    meter: Meter,
    /// When it ceases to be known who the client is.
    expires: Option<Instant>,
    /// Until when nothing is read: the client has sent more than it may.
    paused_until: Option<Instant>,
}

impl Rights {
    pub(super) fn new(access: &Access, user: User, clock: &dyn Clock) -> Self {
        let wall = Duration::from_millis(u64::try_from(clock.unix_millis()).unwrap_or(0));
        let left = user.expires.map(|expires| expires.saturating_sub(wall));
        let bounds = Bounds {
            meter: access.meter(),
            expires: left.and_then(|left| clock.now().checked_add(left)),
            paused_until: None,
        };
        let is_bounded = bounds.expires.is_some() || bounds.meter.is_limited();
        Self {
            acl: access.acl(),
            generation: access.generation(),
            bounds: is_bounded.then(|| Box::new(bounds)),
            user,
        }
    }

    /// Who the client is.
    pub(super) fn user(&self) -> &User {
        &self.user
    }

    /// When something must be looked at again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let bounds = self.bounds.as_ref()?;
        let both = [bounds.expires, bounds.paused_until];
        both.into_iter().flatten().min()
    }

    /// Whether nothing is to be read for a while: the client has sent more than it may.
    pub(super) fn is_paused(&self) -> bool {
        let bounds = self.bounds.as_ref();
        bounds.is_some_and(|bounds| bounds.paused_until.is_some())
    }

    /// Goes on after a pause that is over; false if it is no longer known who the client is.
    pub(super) fn on_time(&mut self, now: Instant) -> bool {
        let Some(bounds) = &mut self.bounds else {
            return true;
        };
        bounds.paused_until = bounds.paused_until.filter(|until| *until > now);
        bounds.expires.is_none_or(|expires| expires > now)
    }

    /// What is below `$SYS/` the server says, and nobody else.
    pub(super) fn may_write(&self, client: &ClientId, topic: &Topic) -> bool {
        !topic.as_str().starts_with("$SYS/") && self.acl.may_write(self.client(client), topic)
    }

    fn may_read(&self, client: &ClientId, topic: &Topic) -> bool {
        self.acl.may_read(self.client(client), topic)
    }

    /// Whether a subscription is granted: unless nothing it matches may be read.
    fn grants(&self, client: &ClientId, own: &SessionSubscription) -> bool {
        match self.acl.subscription(self.client(client), &own.filter) {
            Subscription::Denied => false,
            Subscription::Checked | Subscription::Covered => true,
        }
    }

    fn client<'a>(&'a self, client: &'a ClientId) -> Client<'a> {
        Client {
            identity: &self.user,
            client_id: client.as_str(),
        }
    }

    /// Draws on the client's budget for a publish.
    fn draw(&mut self, clock: &dyn Clock, publish: &Publish) {
        let Some(bounds) = &mut self.bounds else {
            return;
        };
        let now = clock.now();
        let bytes = publish.topic.as_str().len() + publish.payload.len();
        let pause = bounds.meter.take(now, bytes);
        if pause > Duration::ZERO {
            bounds.paused_until = now.checked_add(pause);
        }
    }
}

/// Subscriptions a client asks for, each with the code it is answered with.
#[derive(Debug)]
pub(super) struct Subscribing {
    pub(super) request: Box<SubscribeRequest>,
    pub(super) codes: Vec<ReasonCode>,
    /// Retained publishes the client is to get after the answer.
    pub(super) replay: Vec<Forward>,
}

impl Subscribing {
    /// Those that are granted.
    pub(super) fn granted(&self) -> impl Iterator<Item = &SessionSubscription> {
        let asked = self.request.subscriptions.iter().zip(&self.codes);
        asked.filter_map(|(own, code)| (!code.is_error()).then_some(own))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Whether this publish may be written: its client has the right. Draws on the client's budget.
    pub(super) fn is_allowed(&mut self, publish: &Publish) -> bool {
        let Some(identity) = &mut self.identity else {
            return false;
        };
        identity.rights.draw(&*self.gateway.clock, publish);
        identity.rights.may_write(&identity.client, &publish.topic)
    }

    /// Answers a publish the client has no right to send. 3.1.1 cannot say no: it is answered and counted, or the
    /// client would send it again for ever [MQTT3-3.3.5-2].
    pub(super) fn deny(&mut self, ticket: Option<Ticket>) {
        self.gateway.events.denied("publish");
        let Some(ticket) = ticket else { return };
        let told = match self.session.version() {
            Version::V311 => ReasonCode::Success,
            Version::V5 => ReasonCode::NotAuthorized,
        };
        self.tell(Input::Accepted(ticket, told));
    }

    /// The codes for the subscriptions of `request`.
    pub(super) fn examine(&self, request: Box<SubscribeRequest>) -> Subscribing {
        let refused = self.gateway.access.refused_subscription();
        let code = |own: &SessionSubscription| match &self.identity {
            Some(identity)
                if !self.gateway.config.publish_only
                    && identity.rights.grants(&identity.client, own) =>
            {
                ReasonCode::granted(own.options.qos)
            }
            _ => refused, // [MQTT-3.9.3-2]
        };
        let codes: Vec<_> = request.subscriptions.iter().map(code).collect();
        for _ in codes.iter().filter(|code| code.is_error()) {
            self.gateway.events.denied("subscribe");
        }
        Subscribing {
            request,
            codes,
            replay: Vec::new(),
        }
    }

    /// Whether the client may read what is about to be sent to it; if not, it is done with. Here every delivery
    /// comes by: of this process or an earlier one, retained or not.
    pub(super) fn may_send(&mut self, outgoing: &Outgoing) -> bool {
        let topic = &outgoing.publish.publish().topic;
        let allowed = self
            .identity
            .as_ref()
            .is_some_and(|identity| identity.rights.may_read(&identity.client, topic));
        if !allowed {
            self.gateway.events.denied("delivery");
            if let Some(packet_id) = outgoing
                .packet_id
                .filter(|_| outgoing.qos > QoS::AtMostOnce)
            {
                let now = self.gateway.clock.now();
                self.session.handle(now, Input::Withdraw(packet_id));
            }
        }
        allowed
    }

    /// Takes up the rules of a reload; a client that is no longer known is ended.
    pub(super) fn keep_up(&mut self) {
        if !self.take_up_rules() {
            self.tell(Input::Disconnect(ReasonCode::NotAuthorized));
        }
    }

    /// Takes up the rules of a reload; false if there was one, and the client is no longer known.
    pub(super) fn take_up_rules(&mut self) -> bool {
        let access = &self.gateway.access;
        let generation = access.generation();
        let Some(identity) = &mut self.identity else {
            return true;
        };
        if identity.rights.generation == generation {
            return true;
        }
        identity.rights.generation = generation;
        identity.rights.acl = access.acl();
        access.still_knows(&identity.rights.user)
    }
}
