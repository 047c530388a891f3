//! What the system does not give mailbench: file descriptors, ports, buffers, memory. Such an error
//! says nothing about the peer, so it is never taken for one of the peer's. Also owns the limit of
//! file descriptors.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

/// A resource that ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shortage {
    /// The process has as many file descriptors as it may (EMFILE).
    Descriptors,
    /// The system has as many open files as it can (ENFILE).
    SystemFiles,
    /// No local port is free for a connection (EADDRNOTAVAIL, EADDRINUSE).
    Ports,
    /// No room for a socket's buffers (ENOBUFS).
    Buffers,
    /// No memory (ENOMEM).
    Memory,
}

impl Shortage {
    /// Each of them.
    pub const ALL: [Shortage; 5] = [
        Shortage::Descriptors,
        Shortage::SystemFiles,
        Shortage::Ports,
        Shortage::Buffers,
        Shortage::Memory,
    ];

    /// The shortage that an error on one of our sockets shows; `None`: it is about the peer, or the
    /// way to it.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Shortage> {
        match Errno::from_raw(error.raw_os_error()?) {
            Errno::EMFILE => Some(Shortage::Descriptors),
            Errno::ENFILE => Some(Shortage::SystemFiles),
            Errno::EADDRNOTAVAIL | Errno::EADDRINUSE => Some(Shortage::Ports),
            Errno::ENOBUFS => Some(Shortage::Buffers),
            Errno::ENOMEM => Some(Shortage::Memory),
            _ => None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Shortage::Descriptors => "raise the limit (ulimit -n) or lower load.sessions",
            Shortage::SystemFiles => "raise fs.file-max or close other programs",
            Shortage::Ports => {
                "send more messages per session, lower the rate, or widen \
                 net.ipv4.ip_local_port_range"
            }
            Shortage::Buffers => "lower load.sessions, or raise net.ipv4.tcp_mem",
            Shortage::Memory => "lower load.sessions, or free memory",
        }
    }
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shortage::Descriptors => "out of file descriptors",
            Shortage::SystemFiles => "the system is out of open files",
            Shortage::Ports => "out of local ports",
            Shortage::Buffers => "out of socket buffers",
            Shortage::Memory => "out of memory",
        })
    }
}

/// Errors that come again and again: of each kind the first is logged at once, and how many there
/// were at the end.
#[derive(Debug)]
pub struct Repeated {
    what: &'static str,
    seen: Mutex<BTreeMap<String, u64>>,
}

/// Kinds of errors counted apart.
const KINDS: usize = 32;

impl Repeated {
    /// None yet; `what` fails, such as `accept`.
    #[must_use]
    pub fn new(what: &'static str) -> Repeated {
        Repeated { what, seen: Mutex::default() }
    }

    /// Notes one.
    pub fn note(&self, error: &dyn fmt::Display) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let text = error.to_string();
        if seen.len() >= KINDS && !seen.contains_key(&text) {
            return;
        }
        let count = seen.entry(text).or_default();
        *count += 1;
        if *count == 1 {
            tracing::warn!("{}: {error} (further ones are only counted)", self.what);
        }
    }

    /// Notes one; a shortage in words of its own.
    pub fn note_io(&self, error: &io::Error) {
        match Shortage::of(error) {
            Some(shortage) => self.note(&shortage),
            None => self.note(error),
        }
    }

    /// Logs how many there were, of each kind that came more than once.
    pub fn conclude(&self) {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        for (text, count) in seen.into_iter().filter(|(_, count)| *count > 1) {
            tracing::warn!("{}: {text}: {count} times in all", self.what);
        }
    }
}

impl Drop for Repeated {
    fn drop(&mut self) {
        self.conclude();
    }
}

/// The shortages that a log of [`Repeated`] tells of, and how often.
pub fn logged<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<Shortage, u64> {
    let mut found: BTreeMap<(String, Shortage), u64> = BTreeMap::new();
    for line in lines {
        for shortage in Shortage::ALL {
            let Some((before, after)) = line.split_once(&format!(": {shortage}")) else { continue };
            let what = before.rsplit([' ', ':']).next().unwrap_or_default().to_owned();
            let total =
                after.strip_prefix(": ").and_then(|rest| rest.strip_suffix(" times in all"));
            let count = total.and_then(|count| count.parse().ok()).unwrap_or(1);
            let known = found.entry((what, shortage)).or_default();
            *known = count.max(*known);
        }
    }
    let mut sums = BTreeMap::new();
    found
        .into_iter()
        .for_each(|((_, shortage), count)| *sums.entry(shortage).or_default() += count);
    sums
}

/// The limit of file descriptors with which the program was started.
static CUSTOMARY: OnceLock<u64> = OnceLock::new();

/// Raises the limit of file descriptors as far as the system lets us: each session and each delivery
/// is one, and the customary soft limit is 1024.
pub fn raise_descriptor_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        CUSTOMARY.get_or_init(|| soft);
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// The soft limit before it was raised: what a program that we start should find, since some close
/// every descriptor that they may have.
#[must_use]
pub fn customary_descriptors() -> Option<u64> {
    CUSTOMARY.get().copied()
}

/// File descriptors that this process may have.
#[must_use]
pub fn descriptor_limit() -> Option<u64> {
    getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft)
}

/// Sets the soft limit of this process; the hard one stays.
///
/// # Errors
/// When it is above the hard one.
pub fn set_descriptor_limit(soft: u64) -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, soft.min(hard), hard)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_our_own_are_distinguished_from_those_of_the_peer() {
        let of = |errno: Errno| Shortage::of(&io::Error::from_raw_os_error(errno as i32));
        let own = [
            (Errno::EMFILE, Shortage::Descriptors),
            (Errno::ENFILE, Shortage::SystemFiles),
            (Errno::EADDRNOTAVAIL, Shortage::Ports),
            (Errno::EADDRINUSE, Shortage::Ports),
            (Errno::ENOBUFS, Shortage::Buffers),
            (Errno::ENOMEM, Shortage::Memory),
        ];
        for (errno, shortage) in own {
            assert_eq!(of(errno), Some(shortage), "{errno}");
        }
        for errno in [Errno::ECONNREFUSED, Errno::ECONNRESET, Errno::ETIMEDOUT, Errno::EPIPE] {
            assert_eq!(of(errno), None, "{errno}");
        }
        assert_eq!(Shortage::of(&io::Error::other("no errno")), None);
    }

    #[test]
    fn a_log_counts_each_shortage() {
        let log = "WARN x: accept: out of file descriptors (further ones are only counted)\n\
                   WARN x: connect: out of file descriptors (further ones are only counted)\n\
                   WARN x: connect: out of local ports (further ones are only counted)\n\
                   WARN x: accept: out of file descriptors: 1200 times in all\n\
                   WARN x: accept: Connection reset by peer (further ones are only counted)\n";
        let found = logged(log.lines());
        let expected = [(Shortage::Descriptors, 1201), (Shortage::Ports, 1)];
        assert_eq!(found, BTreeMap::from(expected));
        assert!(logged("all is well\n".lines()).is_empty());
    }
}
