//! What this machine has, for which feature of mailbench, and how to get what is missing.

use std::path::Path;

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

/// A program, the feature that it is for, and the Debian package that has it.
const PROGRAMS: [(&str, &str, &str); 9] = [
    ("target.kind = \"haraka\"", "node", "nodejs"),
    ("[smtp] auth with postfix", "saslpasswd2", "sasl2-bin"),
    ("[smtp] auth with opensmtpd", "openssl", "openssl"),
    ("recipes for sendmail, courier, chasquid", "unshare", "util-linux"),
    ("tests of mailbench: an LMTP server", "dovecot", "dovecot-core dovecot-lmtpd"),
    ("tests of mailbench: a client", "swaks", "swaks"),
    ("tests of mailbench: a client", "curl", "curl"),
    ("tests of mailbench: the HTML report", "chromium", "chromium"),
    ("tests of mailbench: system calls", "strace", "strace"),
];

/// A library, the feature that it is for, and the Debian package that has it.
const LIBRARIES: [(&str, &str, &str); 3] = [
    ("target.kind = \"exim\"", "libnss_wrapper.so", "libnss-wrapper"),
    ("[smtp] auth with postfix", "sasl2/libsasldb.so", "libsasl2-modules-db"),
    ("[smtp] tls with opensmtpd", "engines-3/pkcs11.so", "libengine-pkcs11-openssl"),
];

/// Local ports under which a closed load with many short sessions runs out.
const PORTS: u32 = 10_000;

/// Looks at everything.
pub async fn look() -> Vec<Need> {
    let mut needs = Vec::new();
    for kind in Mta::ALL {
        needs.push(mta(kind).await);
    }
    let program = |(feature, name, package)| {
        let found = installed::program(name).map(|path| path.display().to_string());
        need(feature, name, found, || debian(package))
    };
    let library = |(feature, name, package)| {
        let found = installed::library(name).map(|path| path.display().to_string());
        need(feature, name, found, || debian(package))
    };
    needs.extend(LIBRARIES.map(library));
    needs.extend(PROGRAMS.map(program));
    needs.push(root());
    needs.push(namespaces());
    needs.push(cgroup());
    needs.extend([open_files(), local_ports(), backlog(), calibrated()]);
    needs
}

fn need(
    feature: &'static str,
    needs: &'static str,
    found: Option<String>,
    remedy: impl FnOnce() -> String,
) -> Need {
    let ok = found.is_some();
    let remedy = if ok { String::new() } else { remedy() };
    Need { feature, needs, ok, found: found.unwrap_or_else(|| "not found".to_owned()), remedy }
}

fn debian(package: &str) -> String {
    format!("apt install {package}")
}

async fn mta(kind: Mta) -> Need {
    let found = installed::mta(kind).await.ok();
    let found = found.map(|it| format!("{} {}", it.version, it.path.display()));
    need(kind.facts().setting, kind.name(), found, || match kind.facts().packages {
        Err(otherwise) => otherwise.to_owned(),
        Ok(package) => format!(
            "{}, or tests/mtas/install DIR and MAILBENCH_MTA_PREFIX=DIR (installs nothing)",
            debian(package)
        ),
    })
}

fn root() -> Need {
    let is_root = nix::unistd::Uid::effective().is_root();
    need(
        "target.kind = \"postfix\", \"opensmtpd\"; recipes",
        "root",
        is_root.then(|| "yes".to_owned()),
        || "run mailbench as root, as in a container or a virtual machine".to_owned(),
    )
}

fn namespaces() -> Need {
    let mut command = std::process::Command::new("unshare");
    let mut words = vec!["--mount", "--net", "--pid", "--fork", "true"];
    if !nix::unistd::Uid::effective().is_root() {
        words.splice(0..0, ["--user", "--map-root-user"]);
    }
    let tried = command.args(words).stdin(std::process::Stdio::null()).output();
    let made = tried.is_ok_and(|ended| ended.status.success());
    need(
        "targets with a network, mounts or a root directory of their own",
        "namespaces",
        made.then(|| "can be made".to_owned()),
        || "run as root with CAP_SYS_ADMIN (docker run --privileged)".to_owned(),
    )
}

fn cgroup() -> Need {
    let root = Path::new("/sys/fs/cgroup");
    let is_v2 = root.join("cgroup.controllers").exists();
    // Whether one can be made shows only when it is.
    let own = root.join(format!("mailbench-doctor-{}", std::process::id()));
    let writable =
        is_v2 && std::fs::create_dir(&own).and_then(|()| std::fs::remove_dir(&own)).is_ok();
    need(
        "[[chaos]] that reaches every process of a target",
        "cgroup v2",
        writable.then(|| format!("{} is writable", root.display())),
        || "mount cgroup2 writable and run as root; else processes are found in /proc".to_owned(),
    )
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
    measured("thundering herds", "waiting connections", kept, wanted, || {
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
    need(
        "headroom in reports",
        "a calibration",
        kept.map(|file| file.display().to_string()),
        || "mailbench calibrate".to_owned(),
    )
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
