//! The embedded relay as a managed target: this same program, started as a child process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::process::Process;
use super::{Settings, TargetError, ready};

/// What the relay prints, before its address, once it takes mail.
const ANNOUNCEMENT: &str = "listening on ";

/// A running relay.
#[derive(Debug)]
pub struct Relay {
    process: Process,
    program: PathBuf,
    queue: PathBuf,
    address: SocketAddr,
}

impl Relay {
    /// Starts a relay with an empty queue on a free loopback port.
    pub(super) async fn start(settings: &Settings) -> Result<Relay, TargetError> {
        let program = std::env::current_exe()
            .map_err(|cause| TargetError::Start { program: "mailbench".to_owned(), cause })?;
        let queue = settings.folder.join("queue");
        let file = write_settings(settings, &queue)?;
        let arguments = arguments(settings, &queue, &file);
        let mut process = Process::start(&program, &arguments, &settings.log).await?;
        let announced = process.announced(ANNOUNCEMENT).await?;
        let address = announced.trim().parse::<SocketAddr>().map_err(|_| TargetError::Ended {
            status: format!("it announced `{announced}`, which is no address"),
            log: settings.log.clone(),
        })?;
        ready::greeting(address).await?;
        Ok(Relay { process, program, queue, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The command that prints the queue's length, whether or not the relay runs.
    pub(super) fn queue_command(&self) -> Vec<String> {
        let words = [&self.program.display().to_string(), "relay", "--queue"];
        let mut command: Vec<String> = words.map(str::to_owned).to_vec();
        command.extend([self.queue.display().to_string(), "--count".to_owned()]);
        command
    }

    pub(super) fn ended(&mut self) -> Option<String> {
        self.process.ended()
    }

    pub(super) async fn stop(self) {
        self.process.stop().await;
    }
}

fn write_settings(settings: &Settings, queue: &Path) -> Result<PathBuf, TargetError> {
    let failed = |cause| TargetError::Folder { folder: settings.folder.clone(), cause };
    std::fs::create_dir_all(queue).map_err(failed)?;
    let file = settings.folder.join("relay.toml");
    let text = crate::scenario::relay_settings_toml(&settings.retry, &settings.delivery);
    std::fs::write(&file, text).map_err(failed)?;
    Ok(file)
}

fn arguments(settings: &Settings, queue: &Path, file: &Path) -> Vec<String> {
    let pairs = [
        ("--listen", "127.0.0.1:0".to_owned()),
        ("--relay-to", settings.sink.to_string()),
        ("--queue", queue.display().to_string()),
        ("--settings", file.display().to_string()),
        ("--seed", settings.seed.to_string()),
    ];
    let routes = settings.routes.iter();
    let routes = routes.map(|(domain, address)| ("--route", format!("{domain}={address}")));
    let options = pairs.into_iter().chain(routes);
    let options = options.flat_map(|(option, value)| [option.to_owned(), value]);
    std::iter::once("relay".to_owned())
        .chain(options)
        .chain(["--until-stdin-closes".to_owned()])
        .collect()
}
