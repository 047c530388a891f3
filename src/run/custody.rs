//! The target while a run goes on: looked at by all, acted on by one at a time.
//!
//! Whoever acts holds the lock for the whole act, so that a target that is down because we took it
//! down is not found to have died, nor asked for its queue (what lies on its disk can be counted).

use std::sync::{Arc, OnceLock};

use tokio::sync::{Mutex, MutexGuard};

use crate::target::Target;
use crate::target::members::Members;

/// A target in common use.
#[derive(Clone)]
pub(super) struct Custody {
    target: Arc<Mutex<Target>>,
    /// Why it is gone for good, though nobody meant it to be.
    gone: Arc<OnceLock<String>>,
}

impl Custody {
    pub(super) fn of(target: Target) -> Custody {
        Custody { target: Arc::new(Mutex::new(target)), gone: Arc::default() }
    }

    /// Takes it in hand, once nobody else has it.
    pub(super) async fn take(&self) -> MutexGuard<'_, Target> {
        self.target.lock().await
    }

    /// Whether somebody acts on it now.
    pub(super) fn in_hand(&self) -> bool {
        self.target.try_lock().is_err()
    }

    /// How it ended, if it did so by itself.
    pub(super) fn ended(&self) -> Option<String> {
        let ended = || self.target.try_lock().ok()?.ended();
        self.gone.get().cloned().or_else(ended)
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
