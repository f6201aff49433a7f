//! The fleet: many devices at work on one plan.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Promises;
use super::device::Simulated;
use super::plan::{FleetError, FleetPlan};

/// Runs a fleet to its end.
pub async fn run(plan: FleetPlan) -> Result<Promises, FleetError> {
    let reached = tokio::net::TcpStream::connect(&plan.address).await;
    reached.map_err(|source| FleetError::Connect {
        address: plan.address.clone(),
        source,
    })?;
    let plan = Arc::new(plan);
    let start = Instant::now();
    let mut devices = JoinSet::new();
    for number in 0..plan.count {
        let device = Simulated::new(Arc::clone(&plan), number, start)?;
        devices.spawn(device.run());
    }
    let mut promises = Promises::default();
    while let Some(ended) = devices.join_next().await {
        promises.add(ended?);
    }
    promises.elapsed = start.elapsed();
    Ok(promises)
}
