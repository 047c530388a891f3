//! The network of a run with a real MTA: a namespace with loopback only, so that no mail leaves
//! this machine whatever the MTA's settings say. Generator, sink and target share it.
//!
//! A namespace belongs to the thread that enters it and to what that thread starts, so it is entered
//! before the first other thread. What outsiders must reach is opened before.

pub(super) mod elsewhere;
mod loopback;

use std::fmt;
use std::fs;
use std::io;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid};

use crate::scenario::Loaded;
use crate::scenario::model::{Network, TargetKind};

/// Name of the hidden subcommand that tries whether a namespace can be entered here.
pub const PROBE: &str = "probe-isolation";

/// What the target of a run can reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Loopback only.
    Loopback,
    /// What this machine can reach: it was asked for, is not ours to decide, or does not matter.
    #[default]
    Host,
    /// The same, because no namespace could be made: why not.
    NotIsolated(String),
}

/// Why a namespace that the scenario demands could not be entered.
#[derive(Debug, thiserror::Error)]
#[error(
    "the target cannot be isolated: {0}. It needs root, or a kernel that lets users make namespaces \
     (sysctl kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns, \
     user.max_net_namespaces); or write `network = \"host\"`"
)]
pub struct CannotIsolate(String);

/// Enters a namespace of its own if one of the targets is to be isolated and none must not be. Call it
/// while this process has one thread.
///
/// # Errors
/// When the scenario demands it and it is not possible.
pub fn enter(loaded: &Loaded) -> Result<Reach, CannotIsolate> {
    let targets = || {
        let variants = loaded.variants.iter().map(|(_, variant)| &variant.scenario.target);
        std::iter::once(&loaded.scenario.target).chain(variants)
    };
    let demanded = targets().any(|target| target.network == Some(Network::Isolated));
    let default = |kind: &TargetKind| matches!(kind, TargetKind::Managed(_));
    let wanted = demanded || targets().any(|it| it.network.is_none() && default(&it.kind));
    // One of the user's own runs out there, and one that may see the host is not to be shut in.
    let kept = targets().any(|target| {
        matches!(target.kind, TargetKind::External(_)) || target.network == Some(Network::Host)
    });
    if !wanted || (kept && !demanded) {
        return Ok(Reach::Host);
    }
    match try_to_enter() {
        Ok(()) => Ok(Reach::Loopback),
        Err(why) if demanded => Err(CannotIsolate(why)),
        Err(why) => Ok(Reach::NotIsolated(why)),
    }
}

/// Enters, or says why not; then nothing has changed.
fn try_to_enter() -> Result<(), String> {
    if !Uid::effective().is_root() {
        // Some systems let a user make the namespace and then do nothing in it, and there is no way
        // back: another process tries first.
        probe().map_err(|error| error.to_string())?;
    }
    enter_now().map_err(|error| error.to_string())
}

fn probe() -> io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(PROBE).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(said.trim().to_owned()))
}

/// Enters a network namespace, as root or as a user, and brings its loopback up.
///
/// # Errors
/// When the kernel does not let this process; it may be in a useless namespace then.
pub fn enter_now() -> io::Result<()> {
    match unshare(CloneFlags::CLONE_NEWNET) {
        Err(Errno::EPERM) => enter_as_user()?,
        entered => entered?,
    }
    loopback::bring_up()
}

/// A user makes a network namespace within a user namespace, in which they stay who they are.
fn enter_as_user() -> io::Result<()> {
    let (user, group) = (Uid::effective(), Gid::effective());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    // Without it a user may not map groups (user_namespaces(7)).
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

impl Reach {
    /// Whether nothing but loopback can be reached.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        *self == Reach::Loopback
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reach::Loopback => f.write_str("loopback only"),
            Reach::Host => f.write_str("this machine's network"),
            Reach::NotIsolated(why) => write!(f, "this machine's network ({why})"),
        }
    }
}
