//! Reading the queue beside its writer: content for a delivery, the count for who watches.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde::Serialize;

use crate::limits::RELAY_STORE_BUSY;
use crate::relay::mail::MailId;
use crate::relay::store::{StoreError, at, path_in};

/// The database, open for reading content.
#[derive(Debug)]
pub struct Reader {
    database: Connection,
}

/// Recipients not yet done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// All of them.
    pub total: u64,
    /// Never tried, or being tried for the first time.
    pub active: u64,
    /// Tried and deferred.
    pub deferred: u64,
}

impl Reader {
    /// Opens the queue in `folder` for reading; works beside a running relay and after a killed
    /// one.
    pub fn open(folder: &Path) -> Result<Reader, StoreError> {
        let path = path_in(folder);
        let error = at(&path);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(&path, flags).map_err(&error)?;
        database.busy_timeout(RELAY_STORE_BUSY).map_err(&error)?;
        Ok(Reader { database })
    }

    /// The content of a mail.
    pub fn content(&self, message: MailId) -> rusqlite::Result<Vec<u8>> {
        self.database
            .prepare_cached("SELECT content FROM messages WHERE id = ?1")?
            .query_row([message], |row| row.get(0))
    }

    /// Recipients not yet done, from the index alone.
    pub fn count(&self) -> rusqlite::Result<Count> {
        let mut query = self
            .database
            .prepare_cached("SELECT state, count(*) FROM recipients GROUP BY state")?;
        let mut rows = query.query([])?;
        let mut count = Count::default();
        while let Some(row) = rows.next()? {
            let number = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
            match row.get_ref(0)?.as_str()? {
                "deferred" => count.deferred = number,
                _ => count.active = number,
            }
            count.total += number;
        }
        Ok(count)
    }
}
