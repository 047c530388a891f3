//! The durable queue: one SQLite database, inspectable with a shell.
//!
//! A recipient has a row until it is delivered or returned; a mail as long as it has recipients.
//! Rows are written in `rows` and read beside the writer in `reader`; who may write and when a
//! commit happens is the committer's business.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, Transaction};

use crate::clock::Time;
use crate::limits::{RELAY_STORE_BUSY, RELAY_WAL_PAGES};
use crate::relay::mail::{Delivery, Envelope, MailId, Recipient};

/// Why the queue cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused.
    #[error("queue {path}: {cause}", path = path.display())]
    Database {
        /// Database file.
        path: PathBuf,
        /// What it said.
        cause: rusqlite::Error,
    },
    /// The folder cannot be made or locked.
    #[error("queue folder {path}: {cause}", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Another relay runs on it.
    #[error("queue folder {} is in use by another relay", .0.display())]
    InUse(PathBuf),
    /// Written by another version.
    #[error("queue {path} has format {found}, this version reads {FORMAT}", path = path.display())]
    Format {
        /// Database file.
        path: PathBuf,
        /// Its format.
        found: i64,
    },
}

/// Format of the database, in `user_version`.
const FORMAT: i64 = 2;

/// Recipients are clustered by mail; the index on `state` makes a count cheap. Times are
/// nanoseconds since the Unix epoch; the view `queue` shows them as dates.
const SCHEMA: &str = "
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    reverse_path TEXT NOT NULL,
    priority INTEGER NOT NULL,
    eight_bit INTEGER NOT NULL,
    utf8 INTEGER NOT NULL,
    accepted_at_ns INTEGER NOT NULL,
    content BLOB NOT NULL
);
CREATE TABLE recipients (
    message INTEGER NOT NULL REFERENCES messages (id),
    position INTEGER NOT NULL,
    address TEXT NOT NULL,
    domain TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_due_ns INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'deferred')),
    last_reply TEXT,
    PRIMARY KEY (message, position)
) WITHOUT ROWID;
CREATE INDEX recipients_by_state ON recipients (state);
CREATE VIEW queue AS
    SELECT r.message, m.reverse_path, r.address, r.state, r.attempts,
        datetime(m.accepted_at_ns / 1000000000, 'unixepoch') AS accepted_at,
        datetime(r.next_due_ns / 1000000000, 'unixepoch') AS next_due, r.last_reply
    FROM recipients r JOIN messages m ON m.id = r.message;
";

/// The database, open for writing.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    database: Connection,
}

pub(super) fn path_in(folder: &Path) -> PathBuf {
    folder.join("queue.sqlite")
}

pub(super) fn at(path: &Path) -> impl Fn(rusqlite::Error) -> StoreError {
    move |cause| StoreError::Database { path: path.to_owned(), cause }
}

impl Store {
    /// Opens the queue in `folder`, making it if it is new. `synced`: whether a commit waits for
    /// the disk.
    pub fn open(folder: &Path, synced: bool) -> Result<Store, StoreError> {
        let path = path_in(folder);
        let error = at(&path);
        crate::files::keep_private(&path)
            .map_err(|cause| StoreError::Folder { path: path.clone(), cause })?;
        let database = Connection::open(&path).map_err(&error)?;
        database.busy_timeout(RELAY_STORE_BUSY).map_err(&error)?;
        database.pragma_update(None, "journal_mode", "wal").map_err(&error)?;
        let synchronous = if synced { "full" } else { "off" };
        database.pragma_update(None, "synchronous", synchronous).map_err(&error)?;
        database.pragma_update(None, "wal_autocheckpoint", RELAY_WAL_PAGES).map_err(&error)?;
        let store = Store { path: path.clone(), database };
        let found = store.format().map_err(&error)?;
        match found {
            0 => store.create().map_err(&error)?,
            FORMAT => {}
            found => return Err(StoreError::Format { path: path.clone(), found }),
        }
        Ok(store)
    }

    fn format(&self) -> rusqlite::Result<i64> {
        self.database.pragma_query_value(None, "user_version", |row| row.get(0))
    }

    fn create(&self) -> rusqlite::Result<()> {
        self.database
            .execute_batch(&format!("BEGIN; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;"))
    }

    /// Runs `work` in one transaction; all of it is kept or nothing.
    pub fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        // A roll-back can fail, too, and would leave the last transaction open for ever.
        if !self.database.is_autocommit() {
            self.database.execute_batch("ROLLBACK")?;
        }
        let transaction = self.database.transaction()?;
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }

    /// Number for the next mail.
    pub fn next_id(&self) -> Result<MailId, StoreError> {
        let sql = "SELECT coalesce(max(id), 0) + 1 FROM messages";
        self.database.query_row(sql, [], |row| row.get(0)).map_err(at(&self.path))
    }

    /// Everything that is not done, as deliveries.
    pub fn recover(&self) -> Result<Vec<Delivery>, StoreError> {
        self.read_deliveries().map_err(at(&self.path))
    }

    fn read_deliveries(&self) -> rusqlite::Result<Vec<Delivery>> {
        let mut query = self.database.prepare(
            "SELECT r.message, r.domain, r.attempts, r.next_due_ns, r.position, r.address,
                 r.last_reply, m.reverse_path, m.priority, m.eight_bit, m.utf8, m.accepted_at_ns
             FROM recipients r JOIN messages m ON m.id = r.message
             ORDER BY r.message, r.domain, r.attempts, r.next_due_ns, r.position",
        )?;
        let mut rows = query.query([])?;
        let mut deliveries: Vec<Delivery> = Vec::new();
        while let Some(row) = rows.next()? {
            let one = read_delivery(row)?;
            match deliveries.last_mut() {
                Some(last) if is_same_delivery(last, &one) => {
                    last.recipients.extend(one.recipients)
                }
                _ => deliveries.push(one),
            }
        }
        Ok(deliveries)
    }
}

fn is_same_delivery(a: &Delivery, b: &Delivery) -> bool {
    a.envelope.id == b.envelope.id
        && a.domain == b.domain
        && (a.attempts, a.due) == (b.attempts, b.due)
}

fn read_delivery(row: &rusqlite::Row<'_>) -> rusqlite::Result<Delivery> {
    let recipient =
        Recipient { position: row.get(4)?, address: row.get(5)?, last_reply: row.get(6)? };
    let envelope = Envelope {
        id: row.get(0)?,
        reverse_path: row.get(7)?,
        priority: row.get(8)?,
        eight_bit: row.get(9)?,
        utf8: row.get(10)?,
        accepted: read_time(row, 11)?,
    };
    Ok(Delivery {
        envelope: Arc::new(envelope),
        domain: Arc::from(row.get::<_, String>(1)?),
        recipients: vec![recipient],
        attempts: row.get(2)?,
        due: read_time(row, 3)?,
        content: None,
    })
}

fn read_time(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Time> {
    Ok(Time(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0)))
}
