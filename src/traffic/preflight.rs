//! The preflight message: sent once before any load, and to be accepted for every recipient.
//! Whether it arrives is for the run to see.

use super::Settings;
use crate::clock::Clock;
use crate::plan::Plan;
use crate::smtp::client::{Cause, Content, Mail, Opened, Outcome, connect};
use crate::smtp::reply::Reply;
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

/// Submits the plan's preflight message; nothing is written to the ledger.
///
/// # Errors
/// When the target did not accept it for every recipient.
pub async fn preflight(
    plan: &Plan,
    settings: &Settings,
    clock: Clock,
) -> Result<(), PreflightError> {
    let mut connection = match connect(&settings.peer, clock).await.opened {
        Opened::Ready(connection) => connection,
        Opened::Refused { stage, reply } => {
            return Err(PreflightError::TurnedAway { stage, reply });
        }
        Opened::Failed { stage, cause } => {
            return Err(PreflightError::Unreachable { stage, cause });
        }
    };
    let offer = plan.preflight();
    let (envelope, text) = (plan.envelope(&offer), plan.text(&offer));
    let mail = Mail {
        reverse_path: &envelope.reverse_path,
        recipients: &envelope.recipients,
        options: settings.options(&envelope),
        content: Content::Text(&text),
    };
    let transacted = connection.transact(&mail).await;
    connection.quit().await;
    let outcomes = envelope.recipients.iter().zip(transacted.outcomes);
    for (recipient, outcome) in outcomes {
        if !matches!(outcome, Outcome::Accepted { .. }) {
            return Err(PreflightError::NotAccepted { recipient: recipient.clone(), outcome });
        }
    }
    Ok(())
}
