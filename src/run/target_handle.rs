//! The target while a run goes on: looked at by all, acted on by one at a time.
//!
//! Whoever acts holds the lock for the whole act, so that a target that is down because we took it
//! down is not found to have died, nor asked for its queue (what lies on its disk can be counted).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::{Mutex, MutexGuard};

use crate::targets::Target;
use crate::targets::members::Members;

/// A target in common use.
#[derive(Clone)]
pub(super) struct TargetHandle {
    target: Arc<Mutex<Target>>,
    /// Why it is gone for good, though nothing in the scenario ended it.
    gone: Arc<OnceLock<String>>,
    /// Commands of the user's that may be taking it down and bringing it back.
    excuses: Arc<AtomicUsize>,
}

/// While one is held, the end of the target may be the doing of a command of the user's, which may
/// bring it back.
pub(super) struct Excuse(Arc<AtomicUsize>);

impl Drop for Excuse {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl TargetHandle {
    pub(super) fn of(target: Target) -> TargetHandle {
        TargetHandle {
            target: Arc::new(Mutex::new(target)),
            gone: Arc::default(),
            excuses: Arc::default(),
        }
    }

    /// Takes it, once no other task has it.
    pub(super) async fn take(&self) -> MutexGuard<'_, Target> {
        self.target.lock().await
    }

    /// Whether a task acts on it now.
    pub(super) fn in_hand(&self) -> bool {
        self.target.try_lock().is_err()
    }

    /// How it ended, if it did so by itself.
    pub(super) fn ended(&self) -> Option<String> {
        let ended = || self.target.try_lock().ok().filter(|_| !self.is_excused())?.ended();
        self.gone.get().cloned().or_else(ended)
    }

    /// Whether its processes, and with them its end, are known.
    pub(super) fn is_watched(&self) -> bool {
        self.target.try_lock().is_ok_and(|target| target.is_watched())
    }

    /// A command of the user's may end the target as long as this is held.
    pub(super) fn excuse(&self) -> Excuse {
        self.excuses.fetch_add(1, Ordering::Relaxed);
        Excuse(Arc::clone(&self.excuses))
    }

    /// Whether its end may be the doing of such a command.
    pub(super) fn is_excused(&self) -> bool {
        self.excuses.load(Ordering::Relaxed) > 0
    }

    /// Notes that it is gone for good.
    pub(super) fn is_gone(&self, why: String) {
        // The first reason is the one that counts.
        let _said_before = self.gone.set(why);
    }

    /// Its processes; `None`: not ours, not running, or in hand.
    pub(super) fn members(&self) -> Option<Members> {
        self.target.try_lock().ok()?.members()
    }
}
