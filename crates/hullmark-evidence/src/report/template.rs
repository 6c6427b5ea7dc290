//! Reports by a template of one's own: Jinja, with the JSON document as variables.

use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::json::{Keep, document};
use super::text::printable;
use super::{Options, ReportError, Template};
use crate::Evidence;

/// Instructions that a template may take, so that it ends: ten times what a plain list of 10,000 findings takes.
const FUEL: u64 = 10_000_000;

pub(super) fn render(
    evidence: &[Evidence],
    template: &Template,
    options: &Options,
) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    // A misspelt variable is an error; whether a member is there may be asked.
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_auto_escape_callback(|name| {
        let is_html = [".html", ".htm", ".xml", ".html.j2", ".html.jinja"];
        if is_html.iter().any(|end| name.ends_with(end)) {
            AutoEscape::Html
        } else {
            AutoEscape::None
        }
    });
    environment.add_filter("printable", |text: String| printable(&text));
    let variables = Value::from(Serde(document(evidence, options, Keep::Shown)));
    environment.render_named_str(&template.name, &template.text, variables).map_err(|error| {
        ReportError::Template {
            name: template.name.clone(),
            line: error.line().unwrap_or_default(),
            reason: reason(&error),
        }
    })
}

fn reason(error: &minijinja::Error) -> String {
    let kind = error.kind().to_string();
    printable(&error.detail().map_or(kind.clone(), |detail| format!("{kind}: {detail}")))
}
