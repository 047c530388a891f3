//! The embedded relay as a managed target: this same program, started as a child process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::containment::Containment;
use super::free_port::free_address;
use super::intake::Intake;
use super::process::{Launch, Process};
use super::roster::Roster;
use super::{Settings, TargetError, ready};
use crate::smtp::server_tls::Beginning;

/// What the relay prints, before its address, once it takes mail.
const ANNOUNCEMENT: &str = "listening on ";

/// A relay, running or between two lives.
#[derive(Debug)]
pub struct Relay {
    process: Process,
    launch: Launch,
    queue: PathBuf,
    address: SocketAddr,
    tls: Option<Beginning>,
    containment: Option<Containment>,
}

impl Relay {
    /// Starts a relay with an empty queue on a free loopback port.
    pub(super) async fn start(settings: &Settings) -> Result<Relay, TargetError> {
        let program = std::env::current_exe()
            .map_err(|cause| TargetError::Start { program: "mailbench".to_owned(), cause })?;
        let queue = settings.folder.join("queue");
        let file = write_settings(settings, &queue)?;
        let address = free_address()
            .map_err(|cause| TargetError::Folder { folder: settings.folder.clone(), cause })?;
        let mut launch = Launch {
            program,
            arguments: arguments(settings, &queue, &file),
            environment: [password(settings), vec![log_level()]].concat(),
            user: None,
            folder: settings.folder.clone(),
            log: settings.log.clone(),
        };
        // Each of its lives has the same address.
        launch.arguments.extend(["--listen".to_owned(), address.to_string()]);
        let (process, containment) = live(&launch, address, settings.intake.tls).await?;
        let (tls, containment) = (settings.intake.tls, Some(containment));
        Ok(Relay { process, launch, queue, address, tls, containment })
    }

    /// Starts it again, after it was ended, on the same queue and at the same address.
    pub(super) async fn start_again(&mut self) -> Result<(), TargetError> {
        // The watchdog of the last life would end the new one with it.
        drop(self.containment.take());
        let (process, containment) = live(&self.launch, self.address, self.tls).await?;
        (self.process, self.containment) = (process, Some(containment));
        Ok(())
    }

    pub(super) fn roster(&self) -> Option<&Roster> {
        self.containment.as_ref().map(Containment::roster)
    }

    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    pub(super) fn process_mut(&mut self) -> &mut Process {
        &mut self.process
    }

    pub(super) fn tls(&self) -> Option<Beginning> {
        self.tls
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The command that prints the queue's length, whether or not the relay runs.
    pub(super) fn queue_command(&self) -> Vec<String> {
        let words = [&self.launch.program.display().to_string(), "relay", "--queue"];
        let mut command: Vec<String> = words.map(str::to_owned).to_vec();
        command.extend([self.queue.display().to_string(), "--count".to_owned()]);
        command
    }
}

/// Starts the program, and waits until it takes mail.
async fn live(
    launch: &Launch,
    address: SocketAddr,
    tls: Option<Beginning>,
) -> Result<(Process, Containment), TargetError> {
    let containment = Containment::of_ours(&launch.folder, None)?;
    let mut process = Process::start(launch, &containment).await?;
    process.announced(ANNOUNCEMENT).await?;
    ready::greeting(address, tls).await?;
    Ok((process, containment))
}

fn write_settings(settings: &Settings, queue: &Path) -> Result<PathBuf, TargetError> {
    let failed = |cause| TargetError::Folder { folder: settings.folder.clone(), cause };
    crate::files::private_folder(queue).map_err(failed)?;
    let file = settings.folder.join("relay.toml");
    let text = crate::scenario::relay_settings_toml(&settings.retry, &settings.delivery);
    std::fs::write(&file, text).map_err(failed)?;
    Ok(file)
}

/// Where the relay finds the password: what stands on a command line everybody reads.
const PASSWORD: &str = "MAILBENCH_RELAY_PASSWORD";

fn password(settings: &Settings) -> Vec<(String, String)> {
    let login = settings.intake.login.iter();
    login.map(|login| (PASSWORD.to_owned(), login.password.clone())).collect()
}

/// It logs connections that were refused, which `refusals` counts: never less than that.
fn log_level() -> (String, String) {
    const VARIABLE: &str = "MAILBENCH_LOG";
    let asked = std::env::var(VARIABLE).unwrap_or_default();
    let more = ["debug", "trace"].iter().any(|level| asked.contains(level));
    (VARIABLE.to_owned(), if more { asked } else { "mailbench=info".to_owned() })
}

/// What it is to offer beside what it offers anyhow.
fn intake(intake: &Intake) -> Vec<(&'static str, String)> {
    let tls = intake.tls.map(|tls| match tls {
        Beginning::Starttls => "starttls",
        Beginning::Implicit => "implicit",
    });
    let mut options: Vec<_> = tls.map(|tls| ("--tls", tls.to_owned())).into_iter().collect();
    if let Some(login) = &intake.login {
        options.push(("--password-env", PASSWORD.to_owned()));
        options.push(("--user", login.user.clone()));
    }
    options
}

fn arguments(settings: &Settings, queue: &Path, file: &Path) -> Vec<String> {
    let pairs = [
        ("--relay-to", settings.sink.to_string()),
        ("--queue", queue.display().to_string()),
        ("--settings", file.display().to_string()),
        ("--seed", settings.seed.to_string()),
    ];
    let routes = settings.routes.iter();
    let routes = routes.map(|(domain, address)| ("--route", format!("{domain}={address}")));
    let options = pairs.into_iter().chain(routes).chain(intake(&settings.intake));
    let options = options.flat_map(|(option, value)| [option.to_owned(), value]);
    std::iter::once("relay".to_owned())
        .chain(options)
        .chain(["--until-stdin-closes".to_owned()])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::intake::Login;

    #[test]
    fn no_password_is_on_the_command_line() {
        let login = Login { user: "jo".to_owned(), password: "s3cret".to_owned() };
        let options = intake(&Intake { tls: Some(Beginning::Implicit), login: Some(login) });
        let said = options.iter().map(|(option, value)| format!("{option} {value}"));
        let expected = ["--tls implicit", "--password-env MAILBENCH_RELAY_PASSWORD", "--user jo"];
        assert_eq!(said.collect::<Vec<_>>(), expected);
    }
}
