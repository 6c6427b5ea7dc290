//! Progress on a terminal: layers done, bytes read.

use std::sync::Arc;

use hullmark_client::feed::Step;
use hullmark_examine::{NoProgress, Progress};
use hullmark_oci::Digest;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::ui::Ui;

/// One bar for all layers: how many bytes of those that must be read have been.
struct Bar(ProgressBar);

/// Returns progress for the terminal, or none where there is no terminal.
pub(crate) fn start(ui: &Ui) -> Arc<dyn Progress> {
    if !ui.interactive() {
        return Arc::new(NoProgress);
    }
    let style =
        ProgressStyle::with_template("{spinner} {msg} {bytes}/{total_bytes} {bytes_per_sec}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar =
        ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()).with_style(style);
    Arc::new(Bar(bar.with_message("reading layers")))
}

/// Returns what tells how far feeds are.
pub(crate) fn feeds(ui: &Ui) -> Arc<dyn Fn(Step<'_>) + Send + Sync> {
    if !ui.interactive() {
        return Arc::new(|_| {});
    }
    let template = "{spinner} {msg} {wide_bar} {pos}/{len}";
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template(template);
    let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    let bar = Bar(bar);
    Arc::new(move |step| match step {
        Step::Export { feed, received, total } => {
            bar.0.set_message(format!("{feed}: fetching everything (bytes)"));
            bar.0.set_length(total.unwrap_or(received));
            bar.0.set_position(received);
        }
        Step::Records { feed, received, total } => {
            bar.0.set_message(format!("{feed}: fetching changes"));
            bar.0.set_length(total as u64);
            bar.0.set_position(received as u64);
        }
        Step::Writing { feed } => bar.0.set_message(format!("{feed}: writing")),
    })
}

impl Progress for Bar {
    fn layer_started(&self, layer: &Digest, bytes: u64) {
        self.0.inc_length(bytes);
        self.0.set_message(format!("reading layer {}", layer.short()));
    }

    fn bytes_read(&self, count: u64) {
        self.0.inc(count);
    }

    fn layer_done(&self, layer: &Digest, cached: bool) {
        let how = if cached { "known" } else { "read" };
        self.0.set_message(format!("{how} layer {}", layer.short()));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
