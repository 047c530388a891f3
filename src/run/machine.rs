//! What this machine has, for which feature of mailbench, and how to get what is missing.

use std::path::{Path, PathBuf};

use nix::sys::resource::{Resource, getrlimit};
use serde::Serialize;

use super::calibration;
use crate::limits;
use crate::scenario::model::Mta;
use crate::targets::installed;

/// One thing that a feature needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// The feature, in words.
    pub feature: &'static str,
    /// What it needs.
    pub needs: &'static str,
    /// Whether it is there.
    pub ok: bool,
    /// What was found, or why it is not enough.
    pub found: String,
    /// How to get it; empty where it is there.
    pub remedy: String,
}

/// How a row of the table is looked up.
#[derive(Clone, Copy)]
enum Look {
    /// A program.
    Program(&'static str),
    /// A library that some program loads.
    Library(&'static str),
    /// Anything else; what was found, or nothing.
    Check(fn() -> Option<String>),
}

/// The feature, what it needs, how that is looked up, and how to get it: a Debian package (`+NAME`)
/// or a sentence.
type Row = (&'static str, &'static str, Look, &'static str);

/// Every capability that is present or absent, beside the managed kinds; one row each.
const TABLE: [Row; 20] = [
    ("target.kind = \"haraka\"", "node", Look::Program("node"), "+nodejs"),
    (
        "target.kind = \"exim\"",
        "libnss_wrapper.so",
        Look::Library("libnss_wrapper.so"),
        "+libnss-wrapper",
    ),
    ("[smtp] auth with postfix", "saslpasswd2", Look::Program("saslpasswd2"), "+sasl2-bin"),
    (
        "[smtp] auth with postfix",
        "sasl2/libsasldb.so",
        Look::Library("sasl2/libsasldb.so"),
        "+libsasl2-modules-db",
    ),
    ("[smtp] auth with opensmtpd", "openssl", Look::Program("openssl"), "+openssl"),
    (
        "[smtp] tls with opensmtpd",
        "engines-3/pkcs11.so",
        Look::Library("engines-3/pkcs11.so"),
        "+libengine-pkcs11-openssl",
    ),
    ("recipes for sendmail, courier, chasquid", "unshare", Look::Program("unshare"), "+util-linux"),
    ("target.kind = \"postfix\", \"opensmtpd\"; recipes", "root", Look::Check(root), ROOT),
    (
        "targets with a network, mounts or a root directory of their own",
        "namespaces",
        Look::Check(namespaces),
        "run as root with CAP_SYS_ADMIN (docker run --privileged)",
    ),
    (
        "[[chaos]] that reaches every process of a target",
        "cgroup v2",
        Look::Check(cgroup),
        "mount cgroup2 writable and run as root; else processes are found in /proc",
    ),
    (DISK, "/dev/fuse", Look::Check(fuse), "modprobe fuse, or run outside a container"),
    (DISK, "/dev/loop-control", Look::Check(loops), "modprobe loop, or run outside a container"),
    ("[target.disk] filesystem = \"ext4\"", "mkfs.ext4", Look::Program("mkfs.ext4"), "+e2fsprogs"),
    ("[target.disk] filesystem = \"xfs\"", "mkfs.xfs", Look::Program("mkfs.xfs"), "+xfsprogs"),
    (
        "[target.disk] filesystem = \"btrfs\"",
        "mkfs.btrfs",
        Look::Program("mkfs.btrfs"),
        "+btrfs-progs",
    ),
    ("tests of mailbench: an LMTP server", "dovecot", Look::Program("dovecot"), DOVECOT),
    ("tests of mailbench: a client", "swaks", Look::Program("swaks"), "+swaks"),
    ("tests of mailbench: a client", "curl", Look::Program("curl"), "+curl"),
    ("tests of mailbench: the HTML report", "chromium", Look::Program("chromium"), "+chromium"),
    ("tests of mailbench: system calls", "strace", Look::Program("strace"), "+strace"),
];

const DISK: &str = "[target.disk]: power cuts and storage faults (also needs root)";
const ROOT: &str = "run mailbench as root, as in a container or a virtual machine";
const DOVECOT: &str = "+dovecot-core dovecot-lmtpd";

/// Local ports under which a closed load with many short sessions runs out.
const PORTS: u32 = 10_000;

/// Looks at everything.
pub async fn look() -> Vec<Need> {
    let mut needs = Vec::new();
    for kind in Mta::ALL {
        needs.push(mta(kind).await);
    }
    needs.extend(TABLE.map(look_at));
    needs.extend([open_files(), local_ports(), backlog(), calibrated()]);
    needs
}

fn look_at((feature, needs, look, source): Row) -> Need {
    let path = |found: Option<PathBuf>| found.map(|path| path.display().to_string());
    let found = match look {
        Look::Program(name) => path(installed::program(name)),
        Look::Library(name) => path(installed::library(name)),
        Look::Check(check) => check(),
    };
    let absent = || match look {
        Look::Program(_) => not_in_places(),
        Look::Library(_) => format!("not in {}", installed::library_places()),
        Look::Check(_) => "no".to_owned(),
    };
    need(feature, needs, found, absent, || remedy(source))
}

async fn mta(kind: Mta) -> Need {
    let found = installed::mta(kind).await.ok();
    let found = found.map(|it| format!("{} {}", it.version, it.path.display()));
    need(kind.facts().setting, kind.name(), found, not_in_places, || match kind.facts().packages {
        Err(otherwise) => otherwise.to_owned(),
        Ok(package) => format!(
            "{}, or tests/mtas/install DIR and MAILBENCH_MTA_PREFIX=DIR (installs nothing)",
            remedy(&format!("+{package}"))
        ),
    })
}

fn not_in_places() -> String {
    format!("neither on PATH nor in {}", installed::places())
}

fn need(
    feature: &'static str,
    needs: &'static str,
    found: Option<String>,
    absent: impl FnOnce() -> String,
    remedy: impl FnOnce() -> String,
) -> Need {
    let ok = found.is_some();
    let remedy = if ok { String::new() } else { remedy() };
    Need { feature, needs, ok, found: found.unwrap_or_else(absent), remedy }
}

fn remedy(source: &str) -> String {
    match source.strip_prefix('+') {
        Some(package) => format!("apt install {package}"),
        None => source.to_owned(),
    }
}

fn root() -> Option<String> {
    nix::unistd::Uid::effective().is_root().then(|| "yes".to_owned())
}

fn namespaces() -> Option<String> {
    let mut command = std::process::Command::new("unshare");
    let mut words = vec!["--mount", "--net", "--pid", "--fork", "true"];
    if !nix::unistd::Uid::effective().is_root() {
        words.splice(0..0, ["--user", "--map-root-user"]);
    }
    let tried = command.args(words).stdin(std::process::Stdio::null()).output();
    let made = tried.is_ok_and(|ended| ended.status.success());
    made.then(|| "can be made".to_owned())
}

fn fuse() -> Option<String> {
    opened("/dev/fuse")
}

fn loops() -> Option<String> {
    opened("/dev/loop-control")
}

/// A device is of use only to who may open it.
fn opened(device: &str) -> Option<String> {
    let opened = std::fs::File::options().read(true).write(true).open(device);
    opened.is_ok().then(|| "can be opened".to_owned())
}

fn cgroup() -> Option<String> {
    let root = Path::new("/sys/fs/cgroup");
    let is_v2 = root.join("cgroup.controllers").exists();
    // Whether one can be made shows only when it is.
    let own = root.join(format!("mailbench-doctor-{}", std::process::id()));
    let writable =
        is_v2 && std::fs::create_dir(&own).and_then(|()| std::fs::remove_dir(&own)).is_ok();
    writable.then(|| format!("{} is writable", root.display()))
}

fn open_files() -> Need {
    let (soft, _hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((0, 0));
    let wanted = 2 * limits::SINK_SESSIONS as u64;
    measured("thousands of sessions", "open files", soft, wanted, || {
        format!("ulimit -n {wanted}, for loads with that many sessions")
    })
}

fn local_ports() -> Need {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let text = text.unwrap_or_default();
    let mut ends = text.split_whitespace().filter_map(|word| word.parse::<u32>().ok());
    let count = match (ends.next(), ends.next()) {
        (Some(first), Some(last)) => last.saturating_sub(first) + 1,
        _ => 0,
    };
    measured("many short sessions", "local ports", u64::from(count), u64::from(PORTS), || {
        "sysctl net.ipv4.ip_local_port_range=\"10240 65535\"".to_owned()
    })
}

fn backlog() -> Need {
    let text = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap_or_default();
    let kept = text.trim().parse().unwrap_or(0);
    let wanted = u64::from(limits::SINK_BACKLOG);
    measured("retry bursts", "waiting connections", kept, wanted, || {
        format!("sysctl net.core.somaxconn={wanted}")
    })
}

fn measured(
    feature: &'static str,
    needs: &'static str,
    value: u64,
    wanted: u64,
    remedy: impl FnOnce() -> String,
) -> Need {
    let ok = value >= wanted;
    let found = match ok {
        true => format!("{value}"),
        false => format!("{value}, less than {wanted}"),
    };
    Need { feature, needs, ok, found, remedy: if ok { String::new() } else { remedy() } }
}

fn calibrated() -> Need {
    let kept = calibration::file().filter(|file| file.exists());
    let ok = kept.is_some();
    Need {
        feature: "headroom in reports",
        needs: "a calibration",
        ok,
        found: kept.map_or_else(|| "none".to_owned(), |file| file.display().to_string()),
        remedy: if ok { String::new() } else { "mailbench calibrate".to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_little_says_how_much_is_wanted() {
        let little = measured("f", "n", 64, 1000, || "raise it".to_owned());
        assert_eq!((little.ok, &little.found[..]), (false, "64, less than 1000"));
        assert_eq!(little.remedy, "raise it");
        let enough = measured("f", "n", 1000, 1000, || "raise it".to_owned());
        assert_eq!((enough.ok, &enough.remedy[..]), (true, ""));
    }

    #[test]
    fn a_missing_program_says_where_it_was_looked_for_and_its_package() {
        let absent = ("a feature", "it", Look::Program("no-such-program"), "+package");
        let need = look_at(absent);
        assert!(!need.ok && need.found.starts_with("neither on PATH nor in "), "{need:?}");
        assert!(need.found.contains("/usr/sbin"), "{need:?}");
        assert_eq!(need.remedy, "apt install package");
    }

    #[tokio::test]
    async fn everything_that_is_missing_has_a_remedy() {
        let needs = look().await;
        assert!(needs.iter().any(|need| need.needs == "postfix"));
        for need in needs {
            assert_eq!(need.ok, need.remedy.is_empty(), "{need:?}");
            assert!(!need.found.is_empty(), "{need:?}");
        }
    }
}
