//! The only place that prints. Data goes to standard output, everything else to standard error.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};

use crate::cli::{GlobalArgs, LogFormat};
use crate::error::{CommandError, ErrorKind};

/// What a person sees.
pub(crate) struct Ui {
    quiet: bool,
    color: bool,
    log_format: LogFormat,
}

impl Ui {
    pub(crate) fn new(args: &GlobalArgs) -> Self {
        let choice =
            if args.no_color { anstream::ColorChoice::Never } else { anstream::ColorChoice::Auto };
        choice.write_global();
        start_log(args);
        let color =
            !matches!(anstream::AutoStream::choice(&io::stdout()), anstream::ColorChoice::Never);
        Self { quiet: args.quiet, color, log_format: args.log_format }
    }

    /// Whether reports on standard output may use color.
    pub(crate) fn color(&self, output: Option<&Path>) -> bool {
        self.color && output.is_none()
    }

    /// Whether progress bars make sense.
    pub(crate) fn interactive(&self) -> bool {
        !self.quiet && self.log_format == LogFormat::Text && io::stderr().is_terminal()
    }

    /// The width for tables: the terminal's, or 80 columns where there is none.
    pub(crate) fn columns(&self) -> usize {
        if !io::stdout().is_terminal() {
            return 80;
        }
        let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        width.clamp(60, 160)
    }

    /// Writes data: to `output`, through a temporary file, or to standard output.
    pub(crate) fn data(&self, bytes: &[u8], output: Option<&Path>) -> Result<(), CommandError> {
        let Some(path) = output else {
            let mut stdout = anstream::AutoStream::auto(io::stdout()).lock();
            return stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|e| {
                CommandError::step(ErrorKind::Io, "failed to write to standard output", e)
            });
        };
        // Only a plain file is replaced: a device, a pipe or a link is written to as it is.
        let plain = fs::symlink_metadata(path).map_or(true, |metadata| metadata.is_file());
        let write = || {
            if !plain {
                return fs::write(path, bytes);
            }
            let folder =
                path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let temporary = folder.join(format!(".{name}.{}", std::process::id()));
            fs::write(&temporary, bytes)?;
            fs::rename(&temporary, path)
        };
        write().map_err(|e| {
            CommandError::step(ErrorKind::Io, format!("failed to write `{}`", path.display()), e)
        })
    }

    /// Says something that is no data.
    pub(crate) fn note(&self, message: &str) {
        if self.quiet {
            return;
        }
        match self.log_format {
            LogFormat::Text => eprint(&format!("{message}\n")),
            LogFormat::Json => tracing::info!("{message}"),
        }
    }

    /// Warns.
    pub(crate) fn warning(&self, message: &str) {
        let style = Style::new().bold().fg_color(Some(AnsiColor::Yellow.into()));
        match self.log_format {
            LogFormat::Text => eprint(&format!("{style}warning{style:#}: {message}\n")),
            LogFormat::Json => tracing::warn!("{message}"),
        }
    }

    /// Reports why the command failed, its causes, and what to try.
    pub(crate) fn error(&self, error: &CommandError) {
        let chain = error.chain();
        if self.log_format == LogFormat::Json {
            let (kind, hints) = (error.kind.as_str(), error.hints.join("; "));
            tracing::error!(error.kind = kind, error.hints = hints, "{}", chain.join(": "));
            return;
        }
        let bold = Style::new().bold();
        let red = bold.fg_color(Some(AnsiColor::Red.into()));
        let cyan = bold.fg_color(Some(AnsiColor::Cyan.into()));
        let mut text = format!("{red}error{red:#}: {}\n", chain[0]);
        for cause in &chain[1..] {
            text.push_str(&format!("  {bold}caused by{bold:#}: {cause}\n"));
        }
        if !error.hints.is_empty() {
            text.push('\n');
        }
        for hint in &error.hints {
            text.push_str(&format!("{cyan}hint{cyan:#}: {hint}\n"));
        }
        eprint(&text);
    }
}

/// Standard error may be closed; there is nobody to tell then.
fn eprint(text: &str) {
    anstream::AutoStream::auto(io::stderr()).write_all(text.as_bytes()).ok();
}

fn start_log(args: &GlobalArgs) {
    use tracing_subscriber::EnvFilter;
    let level = match args.verbose {
        0 => "hullmark=warn,warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = args.log.as_deref().unwrap_or(level);
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second start (in tests) keeps the first subscriber, which is as good.
    match args.log_format {
        LogFormat::Text => builder.without_time().with_ansi(!args.no_color).try_init().ok(),
        LogFormat::Json => builder.json().flatten_event(true).try_init().ok(),
    };
}
