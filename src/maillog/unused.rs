//! What of a log is not used, counted by reason: nothing is left out in silence.

use std::collections::BTreeMap;

/// Why a line is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnusedLine {
    /// Another program's.
    OtherProgram,
    /// Postfix's or Exim's, but it says nothing of a message's arrival, size or recipients.
    OtherMatter,
    /// Its time could not be read.
    Time,
    /// It is longer than a line may be.
    Long,
}

/// Why a message is not in the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnusedMessage {
    /// It was in the queue before the log begins.
    Earlier,
    /// The MTA made it itself: a bounce, a notification, a local forward.
    OwnMail,
    /// It came back from a content filter, and counts where it first came in.
    Reinjected,
    /// It was refused when it had been received.
    Refused,
    /// The log does not say its size: it was not received whole, or the log ends before.
    NoSize,
    /// The log names no recipient: it was thrown away, or not tried before the log ends.
    NoRecipient,
    /// It is larger than a scenario's messages may be.
    TooLarge,
}

impl UnusedLine {
    /// In words, after a count of lines.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            UnusedLine::OtherProgram => "of other programs",
            UnusedLine::OtherMatter => "about other matters",
            UnusedLine::Time => "without a readable time",
            UnusedLine::Long => "too long",
        }
    }
}

impl UnusedMessage {
    /// In words, after a count of messages.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            UnusedMessage::Earlier => "arrived before the log begins",
            UnusedMessage::OwnMail => "made by the MTA itself (bounces, forwards)",
            UnusedMessage::Reinjected => "returned by a content filter",
            UnusedMessage::Refused => "refused after DATA",
            UnusedMessage::NoSize => "without a size (not received whole)",
            UnusedMessage::NoRecipient => "without a recipient (discarded, or not tried yet)",
            UnusedMessage::TooLarge => "too large for a scenario",
        }
    }
}

/// What was not used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unused {
    /// Lines, by reason.
    pub lines: BTreeMap<UnusedLine, u64>,
    /// Messages, by reason.
    pub messages: BTreeMap<UnusedMessage, u64>,
}

impl Unused {
    pub(super) fn line(&mut self, reason: UnusedLine) {
        *self.lines.entry(reason).or_default() += 1;
    }

    pub(super) fn message(&mut self, reason: UnusedMessage) {
        *self.messages.entry(reason).or_default() += 1;
    }
}
