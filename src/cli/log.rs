//! What goes to stderr: diagnostics, the log of the program's own doings, panics. All of it may quote
//! a peer, so all of it is made inert here, a line each.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::exit::Exit;
use crate::escape;
use crate::scenario::ScenarioError;

/// Writes a line to stderr. A closed stderr leaves no reader.
pub(super) fn complain(text: &str) {
    let _nobody_to_tell = writeln!(anstream::stderr(), "{}", escape::plain(text));
}

/// Shows what is wrong with a scenario, in its place.
pub(super) fn show_problems(problems: &ScenarioError) {
    let _nobody_to_tell = writeln!(anstream::stderr(), "{}", problems.styled());
}

/// Shows an error that ends the program, with the lines that go with it.
pub(super) fn show_error(error: &anyhow::Error) {
    if let Some(problems) = error.downcast_ref::<ScenarioError>() {
        return show_problems(problems);
    }
    complain(&format!("error: {error:#}"));
    Exit::details(error).iter().for_each(|line| complain(&format!("  {line}")));
}

/// A panic of any task or thread ends the program, with a message: what goes on without it would be
/// judged as if nothing had happened. What it started is ended by its watchdog.
pub(super) fn end_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        complain(&format!("thread `{}` {panic}", thread.name().unwrap_or("unnamed")));
        let trace = std::backtrace::Backtrace::capture();
        if trace.status() == std::backtrace::BacktraceStatus::Captured {
            trace.to_string().lines().for_each(complain);
        }
        complain("error: mailbench has a bug and ends; please report the lines above");
        std::process::exit(i32::from(Exit::Internal.code()));
    }));
}

/// Log of the program's own doings, to stderr; `MAILBENCH_LOG=debug` says more.
pub(super) fn start(default: &str) {
    let asked = std::env::var("MAILBENCH_LOG").ok();
    let filter = filter(asked.as_deref(), default);
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(|| Inert(io::stderr()))
        // It would panic over a stderr that takes nothing.
        .log_internal_errors(false);
    let log = tracing_subscriber::registry().with(lines.with_filter(filter));
    if log.try_init().is_err() {
        complain("the log was started twice");
    }
}

/// What is logged: levels by module, as `mailbench::relay=debug,info`. What cannot be read as such
/// changes nothing.
fn filter(asked: Option<&str>, default: &str) -> Targets {
    let asked = asked.and_then(|text| text.parse().ok());
    asked.or_else(|| default.parse().ok()).unwrap_or_default()
}

/// Makes each record one inert line: the log writes a record at once.
struct Inert<W>(W);

impl<W: Write> Write for Inert<W> {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(record);
        let line = text.strip_suffix('\n').unwrap_or(&text).replace('\n', "\\n");
        self.0.write_all(format!("{}\n", escape::styled(&line)).as_bytes())?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_sets_levels_by_module_and_nonsense_changes_nothing() {
        let logs = |asked, module: &str, level: tracing::Level| {
            filter(asked, "mailbench=info").would_enable(module, &level)
        };
        let (info, debug) = (tracing::Level::INFO, tracing::Level::DEBUG);
        for (asked, module, level, expected) in [
            (None, "mailbench::relay", info, true),
            (None, "mailbench::relay", debug, false),
            (None, "hyper", info, false),
            (Some("debug"), "mailbench::relay", debug, true),
            (Some("mailbench::relay=debug"), "mailbench::relay::queue", debug, true),
            (Some("mailbench::relay=debug"), "mailbench::sink", debug, false),
            (Some("mailbench=loud"), "mailbench::relay", info, true),
        ] {
            assert_eq!(logs(asked, module, level), expected, "{asked:?} {module} {level}");
        }
    }

    #[test]
    fn a_record_of_the_log_is_one_inert_line() {
        let mut written = Vec::new();
        let record = b"\x1b[33m WARN\x1b[0m a peer said 550 no\r\n::error::x\x07\n";
        Inert(&mut written).write_all(record).expect("written");
        let text = String::from_utf8(written).expect("text");
        assert_eq!(
            text,
            "\x1b[33m WARN\x1b[0m a peer said 550 no\\x0d\\n:\\x3aerror:\\x3ax\\x07\n"
        );
    }
}
