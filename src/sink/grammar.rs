//! Which reading of the protocol a session runs on: the seam between the engines.

use std::sync::Arc;

use super::SinkError;
use super::samotop::Samotop;
use crate::fault::rule::Rule;
use crate::limits;
use crate::scenario::model::Engine;
use crate::smtp::command::Command;
use crate::smtp::dialogue::{Extension, Terms};
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

/// What a sink on this engine offers: only what the engine can read.
pub(super) fn terms(engine: Engine) -> Arc<Terms> {
    let extensions = match engine {
        Engine::Native => vec![
            Extension::Pipelining,
            Extension::Size,
            Extension::EightBitMime,
            Extension::SmtpUtf8,
            Extension::EnhancedStatusCodes,
            Extension::Dsn,
        ],
        Engine::Samotop => vec![
            Extension::Pipelining,
            Extension::Size,
            Extension::EightBitMime,
            Extension::EnhancedStatusCodes,
        ],
    };
    Arc::new(Terms {
        name: "sink.mailbench.test".to_owned(),
        extensions,
        size: limits::MESSAGE_SIZE,
        recipients: limits::RECIPIENTS,
    })
}

/// Refuses rules for which the engine has no ears.
pub(super) fn check(engine: Engine, rules: &[Rule]) -> Result<(), SinkError> {
    let deaf = rules.iter().find(|rule| rule.scope.stage == Stage::Auth);
    match (engine, deaf) {
        (Engine::Samotop, Some(rule)) => {
            Err(SinkError::Engine { rule: rule.name.clone(), stage: rule.scope.stage })
        }
        _ => Ok(()),
    }
}
