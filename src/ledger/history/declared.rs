//! What of a changed envelope a scenario declares, and what standard practice permits without: the
//! forms are `probe::rewriting`'s.

use crate::probe::address::is_same;
use crate::probe::rewriting::{RecipientForm, SenderForm};

/// What a target is meant to do to envelopes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeclaredEnvelopes {
    /// To senders.
    pub sender: SenderRule,
    /// To recipients.
    pub recipient: RecipientRule,
    /// Addresses that get a copy of mail to others.
    pub copies: Vec<String>,
}

/// Which senders may arrive in place of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SenderRule {
    /// Those that hold ours: SRS, BATV and VERP name the same mailbox.
    #[default]
    Standard,
    /// Those, and any other address that is not null: a list may number its messages as it likes.
    Verp,
    /// Any.
    Any,
}

/// Which recipients may arrive in place of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecipientRule {
    /// The same user at the same domain, in another spelling or without the subaddress.
    #[default]
    Standard,
    /// Any user at the same domain.
    Alias,
    /// Any.
    Any,
}

impl DeclaredEnvelopes {
    /// Whether a sender in this form may arrive.
    #[must_use]
    pub fn permits_sender(&self, form: SenderForm) -> bool {
        match form {
            SenderForm::Same | SenderForm::Srs | SenderForm::Batv | SenderForm::Verp => true,
            SenderForm::Other => self.sender != SenderRule::Standard,
            SenderForm::Null => self.sender == SenderRule::Any,
        }
    }

    /// Whether a recipient in this form may arrive. `at_home`: it is at the destination it was meant
    /// for.
    #[must_use]
    pub fn permits_recipient(&self, form: RecipientForm, at_home: bool) -> bool {
        match self.recipient {
            RecipientRule::Any => true,
            RecipientRule::Alias => at_home,
            RecipientRule::Standard => at_home && form != RecipientForm::Alias,
        }
    }

    /// Whether an address is meant to get copies.
    #[must_use]
    pub fn is_copy(&self, address: &str) -> bool {
        self.copies.iter().any(|known| is_same(known, address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDERS: [SenderForm; 6] = [
        SenderForm::Same,
        SenderForm::Srs,
        SenderForm::Batv,
        SenderForm::Verp,
        SenderForm::Null,
        SenderForm::Other,
    ];
    const RECIPIENTS: [RecipientForm; 4] = [
        RecipientForm::Same,
        RecipientForm::Spelling,
        RecipientForm::SubaddressStripped,
        RecipientForm::Alias,
    ];

    #[test]
    fn a_sender_that_holds_ours_is_permitted_and_others_where_declared() {
        for (sender, permitted) in [
            (SenderRule::Standard, [true, true, true, true, false, false]),
            (SenderRule::Verp, [true, true, true, true, false, true]),
            (SenderRule::Any, [true; 6]),
        ] {
            let declared = DeclaredEnvelopes { sender, ..DeclaredEnvelopes::default() };
            assert_eq!(SENDERS.map(|form| declared.permits_sender(form)), permitted, "{sender:?}");
        }
    }

    #[test]
    fn the_same_mailbox_is_permitted_and_others_where_declared() {
        for (recipient, here, elsewhere) in [
            (RecipientRule::Standard, [true, true, true, false], false),
            (RecipientRule::Alias, [true; 4], false),
            (RecipientRule::Any, [true; 4], true),
        ] {
            let declared = DeclaredEnvelopes { recipient, ..DeclaredEnvelopes::default() };
            let permits =
                |at_home| RECIPIENTS.map(|form| declared.permits_recipient(form, at_home));
            assert_eq!((permits(true), permits(false)), (here, [elsewhere; 4]), "{recipient:?}");
        }
    }

    #[test]
    fn copies_are_declared_by_address() {
        let copies = vec!["archive@a.test".to_owned()];
        let declared = DeclaredEnvelopes { copies, ..DeclaredEnvelopes::default() };
        for address in ["archive@a.test", "<Archive@A.TEST>", "\"archive\"@a.test."] {
            assert!(declared.is_copy(address), "{address}");
        }
        assert!(!declared.is_copy("archive2@a.test") && !declared.is_copy(""));
    }
}
