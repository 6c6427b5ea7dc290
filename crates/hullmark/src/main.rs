//! The `hullmark` command: parses flags, reads environment and configuration, prints, sets the exit code. Everything else is below.

mod cli;
mod commands;
mod error;
mod open;
mod progress;
mod settings;
mod ui;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let ui = ui::Ui::new(&cli.global);
    let outcome = settings::Settings::resolve(&cli.global)
        .and_then(|settings| commands::run(cli.command, &settings, &ui));
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            ui.error(&error);
            ExitCode::from(2)
        }
    }
}
