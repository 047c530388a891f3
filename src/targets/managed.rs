//! A real MTA as a private instance: started as its kind prepared it, with all it starts.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::containment::Containment;
use super::process::{Launch, Process};
use super::queue_probe::QueueProbe;
use super::roster::Roster;
use super::{TargetError, ready};
use crate::smtp::server_tls::Beginning;

/// What is to be started, as its kind prepared it.
#[derive(Debug)]
pub(super) struct Recipe {
    /// Its kind, as scenarios name it.
    pub(super) kind: &'static str,
    /// The version its program reports.
    pub(super) version: String,
    /// Where it will take mail.
    pub(super) address: SocketAddr,
    /// When TLS begins there.
    pub(super) tls: Option<Beginning>,
    /// How it is started.
    pub(super) launch: Launch,
    /// How its queue is counted.
    pub(super) queue: QueueProbe,
    /// What of the scenario it has no settings for, in words.
    pub(super) untranslated: Vec<String>,
    /// Logs that it keeps in its folder; they are moved to ours when it is stopped.
    pub(super) logs: Vec<PathBuf>,
}

/// A real MTA, running or between two lives.
#[derive(Debug)]
pub struct Managed {
    recipe: Recipe,
    process: Process,
    containment: Option<Containment>,
}

impl Managed {
    /// Starts it, and waits until it greets.
    pub(super) async fn start(recipe: Recipe) -> Result<Managed, TargetError> {
        let (process, containment) = live(&recipe).await?;
        Ok(Managed { recipe, process, containment: Some(containment) })
    }

    /// Starts it again, after it was ended, on the same queue and at the same address.
    pub(super) async fn start_again(&mut self) -> Result<(), TargetError> {
        // The watchdog of the last life would end the new one with it.
        drop(self.containment.take());
        let (process, containment) = live(&self.recipe).await?;
        (self.process, self.containment) = (process, Some(containment));
        Ok(())
    }

    /// Moves the logs in its folder to ours, before the folder goes.
    pub(super) fn keep_logs(&self) {
        let ours = std::fs::OpenOptions::new().append(true).open(&self.recipe.launch.log);
        let Ok(mut ours) = ours else { return };
        for log in &self.recipe.logs {
            if let Ok(mut file) = std::fs::File::open(log) {
                // A full disk shows in the journal.
                let _copied = std::io::copy(&mut file, &mut ours);
                // Another life begins a new one.
                let _removed = std::fs::remove_file(log);
            }
        }
    }

    pub(super) fn recipe(&self) -> &Recipe {
        &self.recipe
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
}

async fn live(recipe: &Recipe) -> Result<(Process, Containment), TargetError> {
    let containment = Containment::of_ours(&recipe.launch.folder, Some(recipe.address))?;
    let mut process = Process::start(&recipe.launch, &containment).await?;
    let greeted = tokio::select! {
        greeted = ready::greeting(recipe.address, recipe.tls) => greeted.map(|_| ()),
        failed = process.failed() => Err(failed),
    };
    if greeted.is_err() {
        process.kill().await;
    }
    greeted.map(|()| (process, containment))
}
