//! The words by which mail systems say what became of mail, where they say it to people only.
//! Collected from what qmail, Exim, Sendmail, Notes, Exchange, Courier and large mailbox providers
//! send.

use mail_parser::Message;

/// Where the returned message begins in a text.
pub(super) const RETURNED: [&str; 7] = [
    "Below this line is a copy of the message",
    "This is a copy of",
    "----- Original message",
    "-----Original Message",
    "----- Unsent message follows",
    "\nReturn-Path:",
    "\nX-Mailbench",
];

/// Words of failure, in subjects and texts.
const FAILURE: [&str; 16] = [
    "undeliver",
    "failure notice",
    "delivery fail",
    "delivery has failed",
    "mail delivery system",
    "returned mail",
    "delivery status notification",
    "could not be delivered",
    "couldn't be delivered",
    "wasn't able to deliver",
    "unable to deliver",
    "permanent error",
    "user unknown",
    "nicht zustellbar",
    "unzustellbar",
    "non remis",
];

/// Words of delay.
const DELAY: [&str; 8] = [
    "delayed",
    "delivery delay",
    "will be retried",
    "will continue to be tried",
    "still trying",
    "do not need to resend",
    "warning message only",
    "not yet been delivered",
];

/// Words of the end of all attempts, which may follow those of a delay.
const FINAL: [&str; 7] = [
    "given up",
    "giving up",
    "permanent error",
    "permanent fatal error",
    "has been returned",
    "has expired",
    "will not be retried",
];

/// Local-parts from which systems send.
const SYSTEMS: [&str; 4] = ["mailer-daemon", "postmaster", "mail-daemon", "mailerdaemon"];

/// Words that automatic answers begin their subject with.
const AUTOMATIC: [&str; 6] =
    ["out of office", "automatic reply", "auto:", "autoreply", "vacation", "abwesen"];

/// Headers that only automatic answers have (beside RFC 3834's).
const AUTOMATIC_HEADERS: [&str; 4] =
    ["X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply"];

/// What is looked at.
pub(super) struct Seen<'a> {
    pub(super) mail: &'a Message<'a>,
    /// Its own text, without what it returns.
    pub(super) text: String,
}

impl Seen<'_> {
    /// Whether its author is a mail system.
    pub(super) fn is_from_a_system(&self) -> bool {
        let from = self.mail.from().and_then(|from| from.first());
        let address = from.and_then(|from| from.address()).unwrap_or_default().to_lowercase();
        SYSTEMS.iter().any(|system| address.starts_with(system))
    }

    pub(super) fn is_delay(&self) -> bool {
        self.says(&DELAY) && !self.says(&FINAL)
    }

    pub(super) fn speaks_of_delivery(&self) -> bool {
        self.says(&FAILURE) || self.says(&DELAY)
    }

    pub(super) fn is_failure_by_subject(&self) -> bool {
        let subject = self.subject();
        !self.is_automatic_by_subject() && FAILURE.iter().any(|word| subject.contains(word))
    }

    /// Whether it is an automatic answer (RFC 3834 §5). What a system generates by itself, not in
    /// answer, is `auto-generated`.
    pub(super) fn is_automatic(&self) -> bool {
        let value =
            |name: &str| self.mail.header_raw(name).unwrap_or_default().trim().to_lowercase();
        value("Auto-Submitted").starts_with("auto-replied")
            || ["bulk", "junk", "auto_reply"].contains(&value("Precedence").as_str())
            || AUTOMATIC_HEADERS.iter().any(|name| self.mail.header(*name).is_some())
            || self.is_automatic_by_subject()
    }

    fn is_automatic_by_subject(&self) -> bool {
        let subject = self.subject();
        AUTOMATIC.iter().any(|word| subject.starts_with(word))
    }

    fn subject(&self) -> String {
        self.mail.subject().unwrap_or_default().to_lowercase()
    }

    fn says(&self, words: &[&str]) -> bool {
        let (subject, text) = (self.subject(), self.text.to_lowercase());
        words.iter().any(|word| subject.contains(word) || text.contains(word))
    }
}
