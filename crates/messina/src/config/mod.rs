//! What the operator wrote, and what it means.
//! Takes the file, the environment and `--set` from the command line ([`load`]).
//! Gives [`Config`], which cannot hold a wrong value, to everything else.

mod checked;

pub use checked::{
    AdminConfig, CleanupPolicy, Config, GatewayConfig, GatewayLimits, LogConfig, RouteConfig, RouteHeaders,
    RouteMatch, SessionLimits, TableConfig, TopicConfig, Unmatched,
};

mod template;

pub use template::{Template, TemplateError, TemplatePart};

mod secret;

pub use secret::Secret;
