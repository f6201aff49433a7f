//! Kafka and Cassandra that ask who one is, over TLS on both sides: the way through them, and what is said where the
//! password, the certificate or the host is wrong.
//!
//! One test, because a secured broker and a secured node take long to start.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

mod services;

mod through;

mod refused;

use services::Services;

#[test]
fn secured_services_are_gone_through_and_what_is_wrong_is_named_with_the_option_to_change() {
    let Some(services) = Services::start() else {
        return;
    };
    through::gateway_and_worker(&services);
    through::connect_standalone(&services);
    refused::by_cassandra(&services);
    refused::by_kafka(&services);
}
