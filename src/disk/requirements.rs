//! What a disk of ours needs of this machine.

use std::fs::File;
use std::path::Path;

use super::mounting::tool;
use super::terms::Filesystem;

/// What is missing, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What is missing.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// The first thing that is missing here for a disk with this file system.
#[must_use]
pub fn missing(filesystem: Filesystem) -> Option<Missing> {
    let missing = |what: &str, remedy: &str| {
        Some(Missing { what: format!("[target.disk] needs {what}"), remedy: remedy.to_owned() })
    };
    if !nix::unistd::Uid::effective().is_root() {
        return missing("root (mounts)", "run mailbench as root, or leave [target.disk] out");
    }
    if !opens("/dev/fuse") {
        return missing(
            "FUSE (/dev/fuse)",
            "load the kernel's module `fuse`, or run outside a container",
        );
    }
    if !opens("/dev/loop-control") {
        return missing(
            "loop devices (/dev/loop-control)",
            "load the kernel's module `loop`, or run outside a container",
        );
    }
    let (program, package) = tool(filesystem);
    if !is_installed(program) {
        let remedy = format!("install it (Debian: apt-get install {package})");
        return missing(&format!("`{program}`"), &remedy);
    }
    None
}

fn opens(device: &str) -> bool {
    File::options().read(true).write(true).open(device).is_ok()
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/sbin"]);
    folders.into_iter().any(|folder| Path::new(folder).join(program).is_file())
}
