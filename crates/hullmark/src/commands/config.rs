//! `hullmark config`: what is in force, and from where.

use serde_json::json;

use super::Outcome;
use crate::cli::ConfigCommand;
use crate::error::CommandError;
use crate::settings::{Origin, Settings, list_limits};
use crate::ui::Ui;

pub(super) fn run(
    command: &ConfigCommand,
    settings: &Settings,
    ui: &Ui,
) -> Result<Outcome, CommandError> {
    let ConfigCommand::Show = command;
    let file = settings.file.as_ref().map_or("none".into(), |p| p.display().to_string());
    let origin = |origin: &Origin| match origin {
        Origin::Flag(name) => format!("`{name}` or its environment variable"),
        Origin::File => "configuration file".into(),
        Origin::Default => "default".into(),
    };
    let mut text = format!("# configuration file: {file}\n");
    let mut line = |name: &str, value: serde_json::Value, from: String| {
        text.push_str(&format!("{name}: {value}  # {from}\n"));
    };
    line("dataDir", json!(settings.data_dir.value), origin(&settings.data_dir.origin));
    line("offline", json!(settings.offline.value), origin(&settings.offline.origin));
    line("policy", json!(settings.policy.value), origin(&settings.policy.origin));
    let mirror = json!({ "mirror": settings.mirror.value });
    line("advisories", mirror, origin(&settings.mirror.origin));
    for (host, registry) in &settings.registries {
        let value = json!({ host: {
            "mirrors": registry.mirrors,
            "insecurePlainHttp": registry.insecure_plain_http,
            "caFile": registry.ca_file,
            "clientCert": registry.client_cert,
        }});
        line("registries", value, origin(&Origin::File));
    }
    let defaults = list_limits(&hullmark_oci::Limits::default());
    text.push_str("limits:\n");
    for ((name, value), (_, default)) in list_limits(&settings.limits).into_iter().zip(defaults) {
        let from = if value == default { "default" } else { "configuration file" };
        text.push_str(&format!("  {}: {value}  # {from}\n", camel(name)));
    }
    ui.data(text.as_bytes(), None)?;
    Ok(Outcome::Done)
}

/// `layer_bytes` as the configuration file writes it: `layerBytes`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| {
        let (head, tail) = word.split_at(1.min(word.len()));
        text + &head.to_uppercase() + tail
    })
}
