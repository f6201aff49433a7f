//! A connector's own settings for its clients: each is judged as Kafka's Java client defines it, and by the worker's
//! policy.

use super::definition::{Definition, client_option};
use super::validation::ConfigInfo;
use crate::config::{OverridePolicy, clients_of};
use crate::herder::{Properties, connector_config};

pub(super) fn judge(sheet: &mut Vec<ConfigInfo>, properties: &Properties, policy: &OverridePolicy) {
    for (prefix, client) in clients_of(&connector_config("", properties)) {
        for (option, raw) in properties {
            let Some(setting) = option.strip_prefix(prefix) else {
                continue;
            };
            let mut info = match client_option(client, setting) {
                Some(definition) => {
                    let own = Definition {
                        name: option.clone(),
                        ..definition
                    };
                    ConfigInfo::judge(&own, setting, Some(raw))
                }
                None => ConfigInfo::undefined(option, raw),
            };
            info.value.errors.extend(policy.refusal(setting));
            sheet.push(info);
        }
    }
}
