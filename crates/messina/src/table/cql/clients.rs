//! Connections to clusters: all who want the same share one, and it ends with the last of them.

use std::sync::{Arc, Weak};

use scylla::client::session::Session;

use super::{ConnectError, TableClient};
use crate::config::CqlConfig;

/// A session, or a place for one. Whoever comes first opens it, and the others wait for that.
type Slot = Arc<tokio::sync::Mutex<Weak<Session>>>;

/// The connections there are.
#[derive(Debug, Default)]
pub struct TableClients {
    slots: parking_lot::Mutex<Vec<(CqlConfig, Slot)>>,
}

impl TableClients {
    /// A client of that cluster, over a connection that is open already if one with equal settings is.
    pub async fn get(&self, config: &CqlConfig) -> Result<TableClient, ConnectError> {
        let slot = self.slot(config.connection());
        let mut own = slot.lock().await;
        if let Some(session) = own.upgrade() {
            return Ok(TableClient::over(session, config));
        }
        let client = TableClient::connect(config).await?;
        *own = Arc::downgrade(&client.session);
        Ok(client)
    }

    fn slot(&self, connection: CqlConfig) -> Slot {
        let mut slots = self.slots.lock();
        // A slot nobody waits for and whose session has ended is of no use.
        slots.retain(|(_, slot)| {
            let in_use = Arc::strong_count(slot) > 1;
            in_use || slot.try_lock().is_ok_and(|own| own.strong_count() > 0)
        });
        if let Some((_, slot)) = slots.iter().find(|(own, _)| *own == connection) {
            return Arc::clone(slot);
        }
        let slot = Slot::default();
        slots.push((connection, Arc::clone(&slot)));
        slot
    }

    /// How many connections there are, or are being opened.
    pub fn len(&self) -> usize {
        self.slots.lock().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
