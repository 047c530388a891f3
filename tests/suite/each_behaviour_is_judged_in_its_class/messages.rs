//! Messages of a user's own that leave MTAs something to complete or to take off.

/// A submission without what RFC 5322 §3.6 asks for.
pub(super) const BARE: &str = "Subject: no origin\n\nHello there.\n";

/// An author without a domain (RFC 5321 §6.4 lets a submission server complete it).
pub(super) const LOCAL: &str = "From: alice\nTo: bob, carol@b.test\nCc: dave\nSubject: local\nMessage-ID: <1@a.test>\n\
     Date: Sun, 1 Nov 2026 12:00:00 +0000\n\nHello there.\n";

/// Bare addresses in angle brackets.
pub(super) const BRACKETS: &str = "From: <a@a.test>\nTo: <b@b.test>\nCc: <c@c.test>\nSubject: brackets\n\
     Message-ID: <1@a.test>\nDate: Sun, 1 Nov 2026 12:00:00 +0000\n\nHello there.\n";

/// What a mailbox or an earlier hop put in, and MTAs take off.
pub(super) const STAMPED: &str = "Delivered-To: old@b.test\nEnvelope-To: old@b.test\nDelivery-Date: Sun, 1 Nov 2026 12:00:00 +0000\n\
     Content-Length: 13\nAuthentication-Results: old.test; spf=pass smtp.mailfrom=a.test\n\
     Resent-Bcc: hidden@b.test\nFrom: a@a.test\nTo: b@b.test\nSubject: stamped\n\
     Message-ID: <1@a.test>\nDate: Sun, 1 Nov 2026 12:00:00 +0000\n\nHello there.\n";

/// Long fields with folds.
pub(super) const FOLDED: &str = "From: a@a.test\nTo: b@b.test,\n c@c.test,\n\td@d.test\nSubject: a long subject that was\n \
     folded by the client that wrote it\nReferences: <1@a.test>\n <2@a.test>\n <3@a.test>\n\
     Message-ID: <4@a.test>\nDate: Sun, 1 Nov 2026 12:00:00 +0000\n\nHello there.\n";
