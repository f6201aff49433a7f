//! The load generator: one thread, one epoll, connections that publish or receive.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream as StdStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::latency::Latencies;
use crate::packets::{self, Template};

/// How long a server may say nothing before the run is given up.
pub(crate) const SILENCE: Duration = Duration::from_secs(30);
/// Bytes of QoS 0 publishes handed to a socket at a time.
const QOS_0_CHUNK: usize = 32 * 1024;

/// What a connection does.
#[derive(Debug, Clone)]
pub(crate) enum Role {
    /// Publishes, so many at a time.
    Publisher {
        /// 0, 1 or 2.
        qos: u8,
        /// Publishes unanswered at one time.
        window: usize,
        /// What is published.
        template: Template,
    },
    /// Takes what comes and acknowledges it.
    Subscriber,
    /// Comes back to its session and has done when so many publishes that waited there have come.
    Returning {
        /// What waits.
        waiting: u64,
    },
}

/// A connection that has its CONNACK.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    role: Role,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    written: usize,
    sent: u64,
    in_flight: usize,
    /// Intended send times of unanswered paced publishes.
    intended: VecDeque<Instant>,
    finishing: bool,
    finished: bool,
}

/// What came of a run.
#[derive(Debug, Default, Clone)]
pub(crate) struct Outcome {
    /// Publishes finished: sent (QoS 0), PUBACK (1), PUBCOMP (2).
    pub(crate) published: u64,
    /// Publishes subscribers received.
    pub(crate) delivered: u64,
    /// From the first publish to the last answer.
    pub(crate) time: Duration,
    /// Answer times of paced publishes, from the intended send.
    pub(crate) latencies: Latencies,
}

impl Connection {
    /// The connection with its role, ready for [`run`].
    pub(crate) fn new(stream: StdStream, role: Role) -> Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            role,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            written: 0,
            sent: 0,
            in_flight: 0,
            intended: VecDeque::new(),
            finishing: false,
            finished: false,
        })
    }

    /// Whether the run goes on until it has finished.
    fn is_awaited(&self) -> bool {
        !matches!(self.role, Role::Subscriber)
    }

    /// Publishes up to the window; at QoS 0 up to a chunk, if the last one is gone.
    fn fill(&mut self, outcome: &mut Outcome) {
        let Role::Publisher {
            qos,
            window,
            template,
        } = &self.role
        else {
            return;
        };
        if *qos == 0 {
            while self.outgoing.len() - self.written < QOS_0_CHUNK {
                template.append(0, &mut self.outgoing);
                outcome.published += 1;
            }
            return;
        }
        while self.in_flight < *window {
            self.sent += 1;
            self.in_flight += 1;
            template.append((self.sent % 60_000) as u16 + 1, &mut self.outgoing);
        }
    }

    /// One paced publish that should have left at `intended`.
    fn publish_at(&mut self, intended: Instant) {
        let Role::Publisher { template, .. } = &self.role else {
            return;
        };
        self.sent += 1;
        self.in_flight += 1;
        template.append((self.sent % 60_000) as u16 + 1, &mut self.outgoing);
        self.intended.push_back(intended);
    }

    /// No more publishes; at QoS 0 a last one at QoS 1 tells when all before it have been read.
    fn finish(&mut self) {
        if self.finishing {
            return;
        }
        self.finishing = true;
        if let Role::Returning { .. } = self.role {
            return;
        }
        if let Role::Publisher { qos: 0, .. } = self.role {
            Template::new(1, "bench/end", b"0").append(1, &mut self.outgoing);
            self.in_flight = 1;
        }
        self.finished = self.in_flight == 0;
    }

    /// Writes what the socket takes; true when all is gone.
    fn flush(&mut self) -> Result<bool> {
        while let Some(rest) = self
            .outgoing
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            match self.stream.write(rest) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error).context("the server has closed a connection"),
            }
        }
        self.outgoing.clear();
        self.written = 0;
        Ok(true)
    }

    fn read(&mut self, buffer: &mut [u8], outcome: &mut Outcome) -> Result<()> {
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => bail!("the server has closed a connection"),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("the server has closed a connection"),
            };
            let bytes = buffer.get(..count).unwrap_or_default();
            if self.incoming.is_empty() {
                let consumed = self.take(bytes, outcome)?;
                self.incoming
                    .extend_from_slice(bytes.get(consumed..).unwrap_or_default());
            } else {
                let mut all = std::mem::take(&mut self.incoming);
                all.extend_from_slice(bytes);
                let consumed = self.take(&all, outcome)?;
                all.drain(..consumed);
                self.incoming = all;
            }
            if count < buffer.len() {
                return Ok(());
            }
        }
    }

    /// Handles every whole packet; gives how many bytes they were.
    fn take(&mut self, bytes: &[u8], outcome: &mut Outcome) -> Result<usize> {
        let mut rest = bytes;
        while let Some((first, body, after)) = packets::front(rest)? {
            self.on_packet(first, body, outcome)?;
            rest = after;
        }
        Ok(bytes.len() - rest.len())
    }

    fn on_packet(&mut self, first: u8, body: &[u8], outcome: &mut Outcome) -> Result<()> {
        match first >> 4 {
            2 if matches!(self.role, Role::Returning { .. }) => {
                if body != [1, 0] {
                    bail!("the session is not there: CONNACK {body:?}");
                }
            }
            3 => {
                outcome.delivered += 1;
                if let Role::Returning { waiting } = &mut self.role {
                    *waiting = waiting.saturating_sub(1);
                    self.finished = *waiting == 0;
                }
                if first & 0x06 == 0x02 {
                    let [high, low] = packets::publish_id(body);
                    self.outgoing.extend_from_slice(&[0x40, 2, high, low]);
                }
            }
            5 => {
                let [high, low] = packets::id(body);
                self.outgoing.extend_from_slice(&[0x62, 2, high, low]);
            }
            4 | 7 => {
                self.in_flight -= 1;
                let is_qos_0 = matches!(self.role, Role::Publisher { qos: 0, .. });
                outcome.published += u64::from(!is_qos_0);
                if let Some(intended) = self.intended.pop_front() {
                    outcome.latencies.add(intended.elapsed());
                }
                self.finished = self.finishing && self.in_flight == 0;
            }
            other => bail!("a packet nobody asked for: type {other}"),
        }
        Ok(())
    }
}

/// How publishes are timed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// As fast as answers come, each connection within its window.
    Window,
    /// The same until so many are answered, and then what is under way.
    Count(u64),
    /// So many a second over all connections, whatever the answers do.
    PerSecond(u32),
    /// One publisher, the first connection, each of whose publishes goes to `to` subscribers; so many at a time have
    /// not come to all.
    FanOut {
        /// Subscribers.
        to: u64,
        /// Publishes at a time.
        window: u64,
    },
}

impl Pace {
    fn is_windowed(self) -> bool {
        matches!(self, Self::Window | Self::Count(_))
    }
}

/// Runs the connections for a time, then until every publisher has its answers.
pub(crate) fn run(connections: &mut [Connection], pace: Pace, time: Duration) -> Result<Outcome> {
    let mut poll = Poll::new()?;
    for (index, connection) in connections.iter_mut().enumerate() {
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(&mut connection.stream, Token(index), interest)?;
    }
    let mut run = Run {
        outcome: Outcome::default(),
        start: Instant::now(),
        due: 0,
        heard: Instant::now(),
    };
    let mut events = Events::with_capacity(4096);
    let mut buffer = vec![0; 64 * 1024];
    if pace.is_windowed() {
        for connection in connections.iter_mut() {
            connection.fill(&mut run.outcome);
            connection.flush()?;
        }
    }
    while run.is_awaiting(connections, pace) {
        let enough = matches!(pace, Pace::Count(count) if run.outcome.published >= count);
        let over = enough || run.start.elapsed() >= time;
        if over {
            for connection in connections.iter_mut() {
                connection.finish();
                connection.flush()?;
            }
        }
        match pace {
            Pace::PerSecond(rate) => {
                run.send_due(connections, rate, over)?;
                poll.poll(&mut events, Some(Duration::ZERO))?;
                std::thread::yield_now();
            }
            Pace::FanOut { to, window } => {
                run.feed(connections, run.outcome.delivered / to + window, over)?;
                poll.poll(&mut events, Some(Duration::from_millis(20)))?;
            }
            Pace::Window | Pace::Count(_) => {
                poll.poll(&mut events, Some(Duration::from_millis(20)))?;
            }
        }
        for event in &events {
            let Some(connection) = connections.get_mut(event.token().0) else {
                continue;
            };
            run.on_event(connection, event, pace, &mut buffer)?;
        }
        if run.heard.elapsed() > SILENCE {
            bail!("the server has said nothing for {SILENCE:?}");
        }
    }
    run.outcome.time = run.start.elapsed();
    Ok(run.outcome)
}

struct Run {
    outcome: Outcome,
    start: Instant,
    due: u64,
    heard: Instant,
}

impl Run {
    /// Whether somebody has not finished, or not heard all.
    fn is_awaiting(&self, connections: &[Connection], pace: Pace) -> bool {
        let is_open = |connection: &Connection| connection.is_awaited() && !connection.finished;
        let heard_all = match pace {
            Pace::FanOut { to, .. } => self.outcome.delivered >= self.due * to,
            Pace::Window | Pace::Count(_) | Pace::PerSecond(_) => true,
        };
        !heard_all || connections.iter().any(is_open)
    }

    /// Lets the first connection publish until it has sent so many in all.
    fn feed(&mut self, connections: &mut [Connection], sent: u64, over: bool) -> Result<()> {
        let Some(publisher) = connections.first_mut().filter(|_| !over) else {
            return Ok(());
        };
        while self.due < sent {
            publisher.publish_at(Instant::now());
            self.due += 1;
        }
        publisher.flush()?;
        Ok(())
    }

    fn send_due(&mut self, connections: &mut [Connection], rate: u32, over: bool) -> Result<()> {
        let until = (self.start.elapsed().as_secs_f64() * f64::from(rate)) as u64;
        while !over && self.due < until {
            let intended = self.start + Duration::from_secs_f64(self.due as f64 / f64::from(rate));
            let index = self.due as usize % connections.len();
            if let Some(connection) = connections.get_mut(index) {
                connection.publish_at(intended);
                connection.flush()?;
            }
            self.due += 1;
        }
        Ok(())
    }

    fn on_event(
        &mut self,
        connection: &mut Connection,
        event: &mio::event::Event,
        pace: Pace,
        buffer: &mut [u8],
    ) -> Result<()> {
        if event.is_readable() {
            self.heard = Instant::now();
            connection.read(buffer, &mut self.outcome)?;
        }
        let windowed = pace.is_windowed() && !connection.finishing;
        if windowed {
            connection.fill(&mut self.outcome);
        }
        while connection.flush()?
            && windowed
            && matches!(connection.role, Role::Publisher { qos: 0, .. })
        {
            self.heard = Instant::now();
            connection.fill(&mut self.outcome);
        }
        Ok(())
    }
}
