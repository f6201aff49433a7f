//! From what is wanted to what runs: tasks are ended, started and told of until both are the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::super::error::HerderError;
use super::super::managed::Run;
use super::super::properties::connector_config;
use super::super::records;
use super::super::state::{Standing, State, Target};
use super::super::state_topic::Change;
use super::placement::slot;
use super::running::{Body, OwnConnector, RunningTask, TaskKey, Told, Wanted};
use super::view::{RestartWish, Wish, connector_key, task_key, topic_key};
use super::worker::SharedHerder;
use crate::telemetry::logs;

impl SharedHerder {
    /// Makes what runs here what is to run here.
    pub(super) async fn settle(self: &Arc<Self>) {
        let wanted = self.wanted();
        let wishes = self.heed(self.tail.wishes());
        self.end_others(&wanted, &wishes).await;
        for (key, wanted) in wanted {
            self.start(key, wanted);
        }
        self.judge(&wishes);
        self.tell().await;
    }

    /// Changes the levels that are wished for; gives the other wishes.
    fn heed(&self, wishes: Vec<Wish>) -> Vec<RestartWish> {
        let mut restarts = Vec::new();
        for wish in wishes {
            match wish {
                Wish::Restart(wish) => restarts.push(wish),
                Wish::Level { logger, level } => {
                    let now = self.parts.clock.unix_millis();
                    match logs::set_level(&logger, &level, now) {
                        Ok(()) => tracing::info!(logger, level, "a logger's level was changed"),
                        Err(error) => {
                            tracing::warn!(%error, "a level that is wished for all workers has no effect");
                        }
                    }
                }
            }
        }
        restarts
    }

    /// The tasks in this worker's slots.
    fn wanted(&self) -> BTreeMap<TaskKey, Wanted> {
        let seat = self.seat.lock().clone();
        let mut wanted = BTreeMap::new();
        self.tail.look(|view| {
            for (name, properties, known) in view.connectors() {
                if known.target == Target::Stopped {
                    continue;
                }
                let own = |task: &usize| seat.slots.contains(&slot(name, *task, self.slots));
                for task in (0..known.tasks.len()).filter(own) {
                    let wanted_here = Wanted {
                        properties: properties.clone(),
                        paused: known.target == Target::Paused,
                    };
                    wanted.insert((name.to_owned(), task), wanted_here);
                }
            }
        });
        wanted
    }

    /// Ends what is not to run, or not as it does, or is to be started again.
    async fn end_others(&self, wanted: &BTreeMap<TaskKey, Wanted>, wishes: &[RestartWish]) {
        let again = std::mem::take(&mut *self.again.lock());
        let is_over = |key: &TaskKey, task: &RunningTask| {
            let is_due = |wish: &RestartWish| {
                let due = !wish.only_failed || task.state().0 == State::Failed;
                wish.connector == key.0 && wish.tasks && due
            };
            let is_other = wanted.get(key) != Some(&task.wanted);
            is_other || again.contains(key) || wishes.iter().any(is_due)
        };
        let over: Vec<(TaskKey, RunningTask)> = {
            let mut running = self.running.lock();
            running
                .extract_if(.., |key, task| is_over(key, task))
                .collect()
        };
        self.end(over).await;
    }

    /// Lets tasks finish what they are writing, and says that they are nobody's.
    async fn end(&self, over: Vec<(TaskKey, RunningTask)>) {
        let patience = self.parts.config.stop_patience;
        let ending = over.into_iter().map(async |(key, task)| {
            if let Body::Made(_, run) = task.body
                && tokio::time::timeout(patience, run.end()).await.is_err()
            {
                tracing::warn!(
                    connector = key.0,
                    task = key.1,
                    "a task did not end in time; Kafka takes no offsets of it once another has its partitions"
                );
            }
            key
        });
        let ended = join_all(ending).await;
        let unassigned = ended.into_iter().filter_map(|(name, task)| {
            let key = task_key(&name, task);
            self.is_ours(&name, task, &key)
                .then(|| (key, Some(self.standing((State::Unassigned, None)))))
        });
        self.statuses.write(unassigned.collect()).await;
    }

    /// Whether the last word on a task that still is one was this worker's.
    fn is_ours(&self, name: &str, task: usize, key: &str) -> bool {
        self.tail.look(|view| {
            let exists = view
                .connector_of(name)
                .is_some_and(|(_, known)| task < known.tasks.len());
            let said = view.standing(key);
            exists && said.is_some_and(|said| said.worker_id == self.parts.worker_id)
        })
    }

    fn standing(&self, (state, trace): Told) -> Value {
        records::standing(&Standing {
            state,
            worker_id: self.parts.worker_id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            trace,
        })
    }

    fn start(self: &Arc<Self>, key: TaskKey, wanted: Wanted) {
        if self.running.lock().contains_key(&key) {
            return;
        }
        let body = if wanted.paused {
            Body::Resting
        } else {
            self.body(&key, &wanted)
        };
        let task = RunningTask {
            wanted,
            body,
            told: None,
            told_topics: BTreeSet::new(),
        };
        self.running.lock().insert(key, task);
    }

    fn body(self: &Arc<Self>, (name, task): &TaskKey, wanted: &Wanted) -> Body {
        let made = self
            .parts
            .factory
            .connector(&connector_config(name, &wanted.properties));
        let connector = match made {
            Ok(connector) => Arc::new(connector.as_task(*task)),
            Err(problems) => return Body::Failed(HerderError::Invalid(problems).to_string()),
        };
        let run = Run {
            stop: self.parts.stop.child_token(),
            ended: CancellationToken::new(),
        };
        tracing::info!(connector = name, task, "a task starts here");
        connector.status().starting();
        let (stop, ended) = (run.stop.clone(), run.ended.clone().drop_guard());
        let (herder, own) = (Arc::downgrade(self), Arc::clone(&connector));
        self.parts.tasks.spawn("sink", async move {
            own.run(stop).await;
            drop(ended);
            if let Some(herder) = herder.upgrade() {
                herder.stirred.notify_one();
            }
        });
        Body::Made(connector, run)
    }

    /// Finds out how the connectors are whose first slot is here.
    fn judge(&self, wishes: &[RestartWish]) {
        let seat = self.seat.lock().clone();
        let here: Vec<_> = self.tail.look(|view| {
            let all = view.connectors();
            let own = all.filter(|(name, ..)| seat.slots.contains(&slot(name, 0, self.slots)));
            own.map(|(name, properties, _)| (name.to_owned(), properties.clone()))
                .collect()
        });
        let mut own = self.own.lock();
        own.retain(|name, _| here.iter().any(|(here, _)| here == name));
        for (name, properties) in here {
            let again = wishes.iter().any(|wish| wish.connector == name);
            let known = own.get(&name);
            if !again && known.is_some_and(|known| known.properties == properties) {
                continue;
            }
            let compiled = self
                .parts
                .factory
                .check(&connector_config(&name, &properties));
            let judged = OwnConnector {
                properties,
                wrong: compiled
                    .err()
                    .map(|problems| HerderError::Invalid(problems).to_string()),
                told: None,
            };
            own.insert(name, judged);
        }
    }

    /// Writes down what has changed since it was last written down.
    async fn tell(&self) {
        let mut changes: Vec<Change> = Vec::new();
        let connectors = self.connector_states();
        for (name, told) in &connectors {
            changes.push((connector_key(name), Some(self.standing(told.clone()))));
        }
        let tasks = self.task_states();
        for ((name, task), told) in &tasks {
            changes.push((task_key(name, *task), Some(self.standing(told.clone()))));
        }
        let topics = self.new_topics();
        for ((name, task), topic) in &topics {
            changes.push(self.topic_record(name, *task, topic));
        }
        if !self.statuses.write(changes).await {
            return;
        }
        let mut own = self.own.lock();
        for (name, told) in connectors {
            if let Some(own) = own.get_mut(&name) {
                own.told = Some(told);
            }
        }
        let mut running = self.running.lock();
        for (key, told) in tasks {
            if let Some(task) = running.get_mut(&key) {
                task.told = Some(told);
            }
        }
        for (key, topic) in topics {
            if let Some(task) = running.get_mut(&key) {
                task.told_topics.insert(topic);
            }
        }
    }

    fn connector_states(&self) -> Vec<(String, Told)> {
        let own = self.own.lock();
        let states = own.iter().filter_map(|(name, own)| {
            let target = self
                .tail
                .look(|view| Some(view.connector_of(name)?.1.target))?;
            let state = match (&own.wrong, target) {
                (Some(_), _) => State::Failed,
                (None, Target::Started) => State::Running,
                (None, Target::Paused) => State::Paused,
                (None, Target::Stopped) => State::Stopped,
            };
            let now = (state, own.wrong.clone());
            (own.told.as_ref() != Some(&now)).then(|| (name.clone(), now))
        });
        states.collect()
    }

    fn task_states(&self) -> Vec<(TaskKey, Told)> {
        let running = self.running.lock();
        let states = running
            .iter()
            .map(|(key, task)| (key, task.state(), &task.told));
        let new = states.filter(|(_, now, told)| told.as_ref() != Some(now));
        new.map(|(key, now, _)| (key.clone(), now)).collect()
    }

    fn new_topics(&self) -> Vec<(TaskKey, String)> {
        let running = self.running.lock();
        let all = running.iter().flat_map(|(key, task)| {
            let topics = task.topics().into_iter();
            let new = topics.filter(|topic| !task.told_topics.contains(topic));
            new.map(|topic| (key.clone(), topic)).collect::<Vec<_>>()
        });
        all.collect()
    }

    fn topic_record(&self, name: &str, task: usize, topic: &str) -> Change {
        let value = json!({ "topic": {
            "name": topic,
            "connector": name,
            "task": task,
            "discoverTimestamp": self.parts.clock.unix_millis(),
        } });
        (topic_key(topic, name), Some(value))
    }

    /// Ends everything, for the stop of the program.
    pub(super) async fn give_up(&self) {
        *self.pen.lock().await = None;
        let over: Vec<_> = std::mem::take(&mut *self.running.lock())
            .into_iter()
            .collect();
        self.end(over).await;
    }

    /// Has one of this worker's tasks started again; whether it is here.
    pub(super) fn start_again(&self, key: TaskKey) -> bool {
        let is_here = self.running.lock().contains_key(&key);
        if is_here {
            self.again.lock().insert(key);
            self.stirred.notify_one();
        }
        is_here
    }

    /// Forgets what was told where the topic says something else by now: a worker that has lost a task may have had
    /// the last word on it, and a connector that was deleted and made again has none.
    pub(super) fn doubt(&self) {
        let is_known = |key: &str, told: &Told| {
            let said = self.tail.look(|view| view.standing(key));
            let worker = self.parts.worker_id.as_str();
            said.is_some_and(|said| said.state == told.0 && said.worker_id == worker)
        };
        for (name, own) in self.own.lock().iter_mut() {
            own.told
                .take_if(|told| !is_known(&connector_key(name), told));
        }
        for ((name, task), own) in self.running.lock().iter_mut() {
            own.told
                .take_if(|told| !is_known(&task_key(name, *task), told));
        }
    }
}
