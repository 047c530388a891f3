//! A target of the user's: running before us, or started by a command of theirs. What we started
//! we stop; what was there before is left as it was found.
//!
//! Its processes are known by its pid file or, where a command starts it, as those that the
//! command left behind.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::command::run_to_end;
use super::members::{Members, is_alive};
use super::process::{self, Launch, Process};
use super::watchdog::{Duty, Watchdog};
use super::{Settings, TargetError, listening, ready};
use crate::scenario::model;
use crate::{files, limits};

/// Time between two looks for its process.
const LOOK: Duration = Duration::from_millis(50);

/// An MTA of the user's, running or between two lives.
#[derive(Debug)]
pub struct External {
    spec: model::External,
    /// How it is started; `None`: it was there before us.
    launch: Option<Launch>,
    greeting: String,
    life: Option<Life>,
    settings: Settings,
}

/// One life of it, as far as its processes are known.
#[derive(Debug)]
struct Life {
    /// The command that started it: perhaps the target itself, perhaps ended long ago.
    command: Option<Process>,
    members: Option<Members>,
    _watchdog: Option<Watchdog>,
}

impl External {
    /// Starts it if there is a command for that, and waits until it greets.
    pub(super) async fn start(
        settings: &Settings,
        spec: &model::External,
    ) -> Result<External, TargetError> {
        let launch = spec.start_command.as_ref().map(|command| launch(command, settings));
        if launch.is_some() {
            refuse_taken(spec.address).await?;
        }
        let mut external = External {
            spec: spec.clone(),
            launch,
            greeting: String::new(),
            life: None,
            settings: settings.clone(),
        };
        external.live().await?;
        Ok(external)
    }

    /// Starts it again, after it was ended.
    pub(super) async fn start_again(&mut self) -> Result<(), TargetError> {
        if self.launch.is_some() { self.live().await } else { Ok(()) }
    }

    async fn live(&mut self) -> Result<(), TargetError> {
        // The watchdog of the last life would end the new one with it.
        drop(self.life.take());
        let mut command = match &self.launch {
            Some(launch) => Some(Process::start(launch).await?),
            None => None,
        };
        match self.known(command.as_mut()).await {
            Ok(members) => {
                let _watchdog = members.as_ref().map(|known| self.watch(known)).transpose()?;
                self.life = Some(Life { command, members, _watchdog });
                Ok(())
            }
            Err(error) => {
                if let Some(command) = &mut command {
                    command.kill().await;
                }
                Err(error)
            }
        }
    }

    /// Waits until it greets; then its processes, as far as they can be known.
    async fn known(
        &mut self,
        mut command: Option<&mut Process>,
    ) -> Result<Option<Members>, TargetError> {
        let tls = self.settings.intake.tls;
        self.greeting = match &mut command {
            Some(command) => tokio::select! {
                greeted = ready::greeting(self.spec.address, tls) => greeted?,
                refused = command.refused() => return Err(refused),
            },
            None => ready::greeting(self.spec.address, tls).await?,
        };
        match (&self.spec.pid_file, command) {
            (Some(file), command) => {
                let mark = command.map(|_| self.settings.folder.as_path());
                named(file, mark, self.spec.address).await.map(Some)
            }
            (None, Some(command)) => self.left_behind(&command.all_members()),
            (None, None) => Ok(None),
        }
    }

    /// What the start command has become, or left behind. A service manager's children are not
    /// to be found; then there must be a command that stops them.
    fn left_behind(&self, members: &Members) -> Result<Option<Members>, TargetError> {
        let first = members.pids().first().copied();
        if first.is_none() && self.spec.stop_command.is_none() {
            return Err(TargetError::Unmet {
                what: "target.start_command ended, and no process of it is left to be stopped"
                    .to_owned(),
                remedy: "name its `pid_file`, or a `stop_command`".to_owned(),
            });
        }
        Ok(first.map(|first| members.led_by(first)))
    }

    /// What we started is ended when we are gone; what was there before, and is paused, goes on.
    fn watch(&self, members: &Members) -> Result<Watchdog, TargetError> {
        let duty = if self.launch.is_some() { Duty::Bury } else { Duty::Wake };
        Watchdog::start(members.root(), &self.settings.folder, duty)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.spec.address
    }

    pub(super) fn greeting(&self) -> &str {
        &self.greeting
    }

    pub(super) fn queue_command(&self) -> Option<Vec<String>> {
        self.spec.queue_command.clone()
    }

    /// Its processes; `None`: not known, or it is not running.
    pub(super) fn members(&self) -> Option<Members> {
        self.life.as_ref()?.members.clone()
    }

    /// How it ended, if it ended by itself.
    pub(super) fn ended(&mut self) -> Option<String> {
        self.life.as_mut()?.ended(self.spec.pid_file.is_some())
    }

    /// SIGKILL to every process.
    pub(super) async fn kill(&mut self) {
        if let Some(members) = self.members() {
            process::kill_all(&members).await;
            self.life = None;
        }
    }

    /// Ends it in order, if we started it.
    pub(super) async fn halt(&mut self) {
        if self.launch.is_none() || self.life.is_none() {
            return;
        }
        let members = self.members();
        match (&self.spec.stop_command, &members) {
            (Some(command), _) => self.tell(command).await,
            (None, Some(members)) => process::terminate(members),
            (None, None) => {}
        }
        if let Some(members) = members {
            process::gone(&members, limits::TARGET_STOP).await;
            process::kill_all(&members).await;
        }
        self.life = None;
    }

    async fn tell(&self, command: &[String]) {
        let failed = match run_to_end(command, &self.settings.log, limits::TARGET_STOP).await {
            Ok(status) if status.success() => return,
            Ok(status) => status.to_string(),
            Err(why) => why,
        };
        tracing::warn!("target.stop_command `{}`: {failed}", command.join(" "));
    }
}

impl Life {
    /// One whose first process has ended may have left its work to others; a pid file would name
    /// them.
    fn ended(&mut self, has_pid_file: bool) -> Option<String> {
        let members = self.members.as_ref()?;
        let status = self.command.as_mut().and_then(Process::ended);
        if is_alive(members.root()) {
            return None;
        }
        let others = if has_pid_file { Vec::new() } else { members.pids() };
        match others.first() {
            Some(first) => {
                self.members = Some(members.led_by(*first));
                None
            }
            None => Some(status.unwrap_or_else(|| format!("process {} is gone", members.root()))),
        }
    }
}

fn launch(command: &[String], settings: &Settings) -> Launch {
    Launch {
        program: command.first().map(Into::into).unwrap_or_default(),
        arguments: command.get(1..).unwrap_or_default().to_vec(),
        environment: Vec::new(),
        user: None,
        folder: settings.folder.clone(),
        log: settings.log.clone(),
    }
}

/// Whatever listens there would be taken for what we start.
async fn refuse_taken(address: SocketAddr) -> Result<(), TargetError> {
    if tokio::net::TcpStream::connect(address).await.is_err() {
        return Ok(());
    }
    Err(TargetError::Unmet {
        what: format!("something listens at {address} already"),
        remedy: "stop it, or leave out `target.start_command`".to_owned(),
    })
}

/// The process that its pid file names. It may be written a moment after the greeting; one that
/// does not listen at the target's address is left over from another life, and killing it would
/// hit a stranger.
async fn named(
    file: &Path,
    mark: Option<&Path>,
    address: SocketAddr,
) -> Result<Members, TargetError> {
    let look = async {
        loop {
            match read(file, mark, address) {
                Ok(members) => return members,
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    };
    match tokio::time::timeout(limits::PID_FILE, look).await {
        Ok(members) => Ok(members),
        Err(_) => read(file, mark, address),
    }
}

fn read(file: &Path, mark: Option<&Path>, address: SocketAddr) -> Result<Members, TargetError> {
    let unmet = |what: String| TargetError::Unmet {
        what: format!("target.pid_file {}: {what}", file.display()),
        remedy: "name the file where the target that listens there writes its process id"
            .to_owned(),
    };
    let text =
        files::read_text(file, limits::SMALL_FILE).map_err(|error| unmet(error.to_string()))?;
    let first = text.split_whitespace().next().unwrap_or_default();
    let root: u32 =
        first.parse().map_err(|_| unmet(format!("`{}` is no process id", first.escape_debug())))?;
    let members = mark.map_or_else(|| Members::of_unmarked(root), |mark| Members::of(root, mark));
    let pids = members.pids();
    if pids.contains(&std::process::id()) {
        return Err(unmet(format!("process {root} is one that mailbench itself belongs to")));
    }
    if root > 1 && pids.iter().any(|pid| listening::listens(*pid, address.port())) {
        return Ok(members);
    }
    Err(unmet(format!("nothing of process {root} listens at {address} (or we may not look)")))
}
