//! What the running program says about itself: log lines, metrics, health.
//! Takes facts from every other module.
//! Gives them to the terminal, to `/metrics` and to `/health`.
