//! Which reading of the protocol a session runs on: the seam between the engines.

use std::sync::Arc;

use super::samotop::Samotop;
use super::{Settings, SinkError};
use crate::limits;
use crate::scenario::model::Engine;
use crate::smtp::command::Command;
use crate::smtp::dialogue::{Extension, Known, Terms};
use crate::smtp::stage::Stage;

/// Reads command lines.
pub(super) enum Grammar {
    /// Ours.
    Native,
    /// That of samotop.
    Samotop(Box<Samotop>),
}

impl Grammar {
    pub(super) fn new(engine: Engine) -> Grammar {
        match engine {
            Engine::Native => Grammar::Native,
            Engine::Samotop => Grammar::Samotop(Box::default()),
        }
    }

    /// Reads a line without its end.
    pub(super) fn read(&self, line: &[u8]) -> Command {
        match self {
            Grammar::Native => Command::parse(line),
            Grammar::Samotop(samotop) => samotop.read(line),
        }
    }
}

/// What a sink offers where these extensions are chosen.
pub(super) fn terms(settings: &Settings, extensions: &[Extension]) -> Arc<Terms> {
    Arc::new(Terms {
        name: "sink.mailbench.test".to_owned(),
        extensions: extensions.to_vec(),
        size: limits::MESSAGE_SIZE,
        recipients: limits::RECIPIENTS,
        lmtp: settings.lmtp,
        known: Known { scram: settings.scram.clone(), user: None },
    })
}

/// Refuses rules and offers for which the engine has no ears.
pub(super) fn check(settings: &Settings) -> Result<(), SinkError> {
    if settings.engine == Engine::Native {
        return Ok(());
    }
    if settings.lmtp {
        return Err(SinkError::Unheard { what: "LHLO" });
    }
    let own = settings.own_extensions.iter().flatten().flatten();
    let mut offered = settings.extensions.iter().flatten().chain(own);
    if let Some(deaf) = offered.find(|extension| !settings.engine.reads(**extension)) {
        return Err(SinkError::Unheard { what: deaf.keyword() });
    }
    match settings.rules.iter().find(|rule| rule.scope.stage == Stage::Auth) {
        Some(rule) => Err(SinkError::Engine { rule: rule.name.clone(), stage: rule.scope.stage }),
        None => Ok(()),
    }
}
