//! A fleet of MQTT devices with a seed: what it was promised, and what arrived.
//! Takes a plan from the command line.
//! Gives load to a gateway, and a report to the operator.
