//! Rows of the queue: a mail that comes in, a delivery that came to something.

use rusqlite::{Transaction, params};

use crate::clock::Time;
use crate::relay::mail::{Mail, MailId};
use crate::smtp::envelope::domain_of;

/// What a delivery came to, as far as the store is concerned.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The mail.
    pub message: MailId,
    /// Recipients that are done.
    pub done: Vec<u16>,
    /// Recipients that will be tried again, with the reason.
    pub deferred: Vec<(u16, String)>,
    /// Attempts the deferred ones have had.
    pub attempts: u32,
    /// When they are due again.
    pub next_due: Time,
    /// The report to the sender, stored together with what it reports.
    pub report: Option<Mail>,
}

fn nanoseconds(time: Time) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

/// Stores a mail and its recipients.
pub fn insert(transaction: &Transaction<'_>, mail: &Mail) -> rusqlite::Result<()> {
    let envelope = &mail.envelope;
    let accepted = nanoseconds(envelope.accepted);
    transaction
        .prepare_cached("INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            envelope.id,
            envelope.reverse_path,
            envelope.priority,
            envelope.eight_bit,
            envelope.utf8,
            accepted,
            mail.content.octets,
        ])?;
    let mut statement = transaction
        .prepare_cached("INSERT INTO recipients VALUES (?1, ?2, ?3, ?4, 0, ?5, 'active', NULL)")?;
    for (position, address) in (0_u16..).zip(&mail.recipients) {
        let domain = domain_of(address);
        statement.execute(params![envelope.id, position, address, domain, accepted])?;
    }
    Ok(())
}

/// Records what a delivery came to. Repeating it changes nothing more.
pub fn apply(transaction: &Transaction<'_>, change: &Change) -> rusqlite::Result<()> {
    for position in &change.done {
        transaction
            .prepare_cached("DELETE FROM recipients WHERE message = ?1 AND position = ?2")?
            .execute(params![change.message, position])?;
    }
    for (position, reason) in &change.deferred {
        transaction
            .prepare_cached(
                "UPDATE recipients SET attempts = ?3, next_due_ns = ?4, state = 'deferred',
                     last_reply = ?5 WHERE message = ?1 AND position = ?2",
            )?
            .execute(params![
                change.message,
                position,
                change.attempts,
                nanoseconds(change.next_due),
                reason,
            ])?;
    }
    if !change.done.is_empty() {
        transaction
            .prepare_cached(
                "DELETE FROM messages WHERE id = ?1
                     AND NOT EXISTS (SELECT 1 FROM recipients WHERE message = ?1)",
            )?
            .execute([change.message])?;
    }
    change.report.as_ref().map_or(Ok(()), |report| insert(transaction, report))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::budget::Budget;
    use crate::relay::mail::{Content, Envelope};
    use crate::relay::reader::{Count, Reader};
    use crate::relay::store::Store;
    use std::sync::Arc;

    fn mail(id: MailId, recipients: &[&str]) -> Mail {
        let envelope = Envelope {
            id,
            reverse_path: "s@x.test".into(),
            priority: 3,
            eight_bit: true,
            utf8: true,
            accepted: Time(1_000),
        };
        let octets = format!("Subject: {id}\r\n\r\n").into_bytes();
        Mail {
            envelope: Arc::new(envelope),
            recipients: recipients.iter().map(|&address| address.to_owned()).collect(),
            content: Arc::new(Content { octets, charge: Budget::new(9).charge() }),
        }
    }

    #[test]
    fn what_is_not_done_is_there_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(folder.path(), true).expect("a store");
        let change = Change {
            message: 1,
            done: vec![0],
            deferred: vec![(1, "smtp; 451 later".into())],
            attempts: 1,
            next_due: Time(5_000),
            report: Some(mail(3, &["s@x.test"])),
        };
        let gone = Change { message: 2, done: vec![0], ..Change::default() };
        store
            .transaction(|transaction| {
                insert(transaction, &mail(1, &["a@y.test", "b@y.test", "c@y.test"]))?;
                insert(transaction, &mail(2, &["d@z.test"]))?;
                apply(transaction, &change)?;
                apply(transaction, &gone)
            })
            .expect("written");
        drop(store);
        let store = Store::open(folder.path(), true).expect("opened again");
        let left = store.recover().expect("read");
        let brief: Vec<_> = left
            .iter()
            .map(|d| (d.envelope.id, d.attempts, d.due.0, d.recipients[0].address.as_str()))
            .collect();
        let expected =
            [(1, 0, 1_000, "c@y.test"), (1, 1, 5_000, "b@y.test"), (3, 0, 1_000, "s@x.test")];
        assert_eq!(brief, expected);
        assert_eq!(left[1].recipients[0].last_reply.as_deref(), Some("smtp; 451 later"));
        assert_eq!(*left[0].envelope, *mail(1, &[]).envelope);
        let reader = Reader::open(folder.path()).expect("a reader");
        assert_eq!(reader.count().expect("counted"), Count { total: 3, active: 2, deferred: 1 });
        assert_eq!(reader.content(1).expect("content"), b"Subject: 1\r\n\r\n");
        assert!(reader.content(2).is_err(), "the mail went with its last recipient");
        assert_eq!(store.next_id().expect("a number"), 4);
    }

    #[test]
    fn a_failed_transaction_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(folder.path(), false).expect("a store");
        let twice = store.transaction(|transaction| {
            insert(transaction, &mail(1, &["a@y.test"]))?;
            insert(transaction, &mail(1, &["a@y.test"]))
        });
        assert!(twice.is_err());
        assert!(store.recover().expect("read").is_empty());
    }
}
