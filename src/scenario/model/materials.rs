//! What a scenario names and does not hold: a trace of arrivals, a corpus of messages.
//!
//! Two are the same when their contents are. Where they lie is no part of them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// Arrivals as they once came. Cheap to clone.
#[derive(Clone)]
pub struct Trace(pub Arc<TraceFile>);

/// A trace, row after row.
#[derive(Debug, Default)]
pub struct TraceFile {
    /// Where it was read.
    pub path: PathBuf,
    /// Digest of its contents.
    pub digest: String,
    /// When each message is due, from the start of offering; never going back.
    pub dues: Vec<Duration>,
    /// Size of each message; empty: the trace says nothing of it.
    pub sizes: Vec<u64>,
    /// For each message the number of its first recipient in `destinations`; empty as they.
    pub firsts: Vec<u64>,
    /// Destination of every recipient of every message; empty: the trace says nothing of it.
    pub destinations: Vec<u16>,
}

/// Messages from files. Cheap to clone.
#[derive(Clone)]
pub struct Corpus(pub Arc<CorpusFiles>);

/// The files of a corpus.
#[derive(Debug, Default)]
pub struct CorpusFiles {
    /// How the scenario names them.
    pub pattern: String,
    /// Digest of their contents.
    pub digest: String,
    /// Their texts, ready to be sent behind our identity, in the order of their names. Empty when
    /// a stored run is judged, which needs no texts.
    pub texts: Vec<Vec<u8>>,
}

impl TraceFile {
    /// The row of the message with this number; `None`: beyond the end, or not told.
    #[must_use]
    pub fn row(&self, message: u64) -> Option<usize> {
        self.firsts.binary_search(&message).ok()
    }

    /// The recipients of a row.
    #[must_use]
    pub fn recipients(&self, row: usize) -> &[u16] {
        let place = |at: Option<&u64>| at.map(|at| usize::try_from(*at).unwrap_or(usize::MAX));
        let from = place(self.firsts.get(row)).unwrap_or(self.destinations.len());
        let to = place(self.firsts.get(row + 1)).unwrap_or(self.destinations.len());
        self.destinations.get(from..to).unwrap_or_default()
    }
}

impl Serialize for Trace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.digest.serialize(serializer)
    }
}

impl Serialize for Corpus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.digest.serialize(serializer)
    }
}

impl PartialEq for Trace {
    fn eq(&self, other: &Trace) -> bool {
        self.0.digest == other.0.digest
    }
}

impl PartialEq for Corpus {
    fn eq(&self, other: &Corpus) -> bool {
        (&self.0.digest, &self.0.pattern) == (&other.0.digest, &other.0.pattern)
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trace {} of {} messages", self.0.digest, self.0.dues.len())
    }
}

impl fmt::Debug for Corpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "corpus {} of {} files", self.0.digest, self.0.texts.len())
    }
}
