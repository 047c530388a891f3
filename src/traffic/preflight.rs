//! The preflight: a message to every destination before any load, to be accepted for every recipient.
//! Whether it arrives is for the run to see.

use std::time::Duration;

use super::Settings;
use crate::clock::Clock;
use crate::limits;
use crate::plan::{Envelope, Plan};
use crate::smtp::client::{Cause, Content, Mail, Opened, Outcome, connect};
use crate::smtp::reply::{Reply, Severity};
use crate::smtp::stage::Stage;

/// Why the target is not fit for load.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreflightError {
    /// It could not be reached, or is no SMTP server.
    #[error("the target could not be reached (at {stage}): {cause}")]
    Unreachable {
        /// Where.
        stage: Stage,
        /// Why.
        cause: Cause,
    },
    /// It turned the connection away.
    #[error("the target turned the connection away at {stage}: {reply}")]
    TurnedAway {
        /// To what.
        stage: Stage,
        /// Its reply.
        reply: Reply,
    },
    /// It did not accept the message for a recipient.
    #[error("the target did not accept the preflight message for {recipient}: {outcome}")]
    NotAccepted {
        /// The recipient.
        recipient: String,
        /// What became of it.
        outcome: Outcome,
    },
}

/// A message of the preflight that is not accepted yet for all of its recipients.
struct Left {
    envelope: Envelope,
    text: Vec<u8>,
}

/// Submits the plan's preflight; nothing is written to the ledger. Recipients that are deferred, as
/// a target that greylists does, are tried again within [`limits::PREFLIGHT_DEFERRED`].
///
/// # Errors
/// When the target did not accept it for every recipient.
pub async fn preflight(
    plan: &Plan,
    settings: &Settings,
    clock: Clock,
) -> Result<(), PreflightError> {
    let left = plan.preflights();
    let left = left.map(|offer| Left { envelope: plan.envelope(&offer), text: plan.text(&offer) });
    let mut left: Vec<Left> = left.collect();
    let mut waits = limits::PREFLIGHT_WAITS.into_iter().map(Duration::from_secs);
    let mut wait = Duration::ZERO;
    let last = clock.now().plus(limits::PREFLIGHT_DEFERRED);
    while let Some(refusal) = submit(&mut left, settings, clock).await? {
        wait = waits.next().unwrap_or(wait);
        if clock.now().plus(wait) > last {
            return Err(refusal);
        }
        tracing::info!("{refusal}; trying again in {} s", wait.as_secs());
        tokio::time::sleep(wait).await;
    }
    Ok(())
}

/// Submits what is left once, and leaves what was deferred; gives how the first of it was.
async fn submit(
    left: &mut Vec<Left>,
    settings: &Settings,
    clock: Clock,
) -> Result<Option<PreflightError>, PreflightError> {
    let mut first = None;
    for mut one in std::mem::take(left) {
        let mail = Mail {
            reverse_path: &one.envelope.reverse_path,
            recipients: &one.envelope.recipients,
            options: settings.options(&one.envelope),
            content: Content::Text(&one.text),
        };
        if let Some((deferred, refusal)) = attempt(&mail, settings, clock).await? {
            first = first.or(Some(refusal));
            one.envelope.recipients = deferred;
            left.push(one);
        }
    }
    Ok(first)
}

/// Submits a message once. The recipients that were deferred, and how the first was; `None`: all accepted.
async fn attempt(
    mail: &Mail<'_>,
    settings: &Settings,
    clock: Clock,
) -> Result<Option<(Vec<String>, PreflightError)>, PreflightError> {
    let mut connection = match connect(&settings.peer, clock).await.opened {
        Opened::Ready(connection) => connection,
        Opened::Refused { stage, reply } => {
            let deferred = reply.severity() == Some(Severity::Transient);
            let refusal = PreflightError::TurnedAway { stage, reply };
            return if deferred {
                Ok(Some((mail.recipients.to_vec(), refusal)))
            } else {
                Err(refusal)
            };
        }
        Opened::Failed { stage, cause } => {
            return Err(PreflightError::Unreachable { stage, cause });
        }
    };
    let transacted = connection.transact(mail).await;
    connection.quit().await;
    let (mut deferred, mut first) = (Vec::new(), None);
    for (recipient, outcome) in mail.recipients.iter().zip(transacted.outcomes) {
        let transient = matches!(&outcome, Outcome::Refused { reply, .. }
            if reply.severity() == Some(Severity::Transient));
        if matches!(outcome, Outcome::Accepted { .. }) {
            continue;
        }
        let refusal = PreflightError::NotAccepted { recipient: recipient.clone(), outcome };
        if !transient {
            return Err(refusal);
        }
        deferred.push(recipient.clone());
        first = first.or(Some(refusal));
    }
    Ok(first.map(|refusal| (deferred, refusal)))
}
