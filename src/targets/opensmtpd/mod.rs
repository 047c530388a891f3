//! OpenSMTPD: its needs, its settings, its queue. All its paths are compiled in, so it lives in a
//! root directory of its own. Its retries are built in too: only their end can be set.

mod intake;

use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User};

use super::conformance::UNKNOWN_CLIENT;
use super::free_port::free_address;
use super::managed::Recipe;
use super::private_root::{self, PrivateRoot};
use super::process::Launch;
use super::queue_command::QueueLength;
use super::queue_probe::{QueueProbe, Seen, State};
use super::{Settings, TargetError, native, programs};
use crate::limits;
use crate::scenario::model::Managed;

/// Its program, in its root directory.
const PROGRAM: &str = "/usr/sbin/smtpd";

/// Its settings, in its root directory.
const CONFIG: &str = "/etc/smtpd.conf";

/// Users of its own that it drops its privileges to: for the network, and for the queue. Debian's
/// names and its own.
const USERS: [&[&str]; 2] = [&["opensmtpd", "_smtpd"], &["opensmtpq", "_smtpq"]];

/// Where unused ids are looked for: below those that systems give out by themselves.
const IDS: std::ops::Range<u32> = 59_000..60_000;

/// Empty directories that its parts change their root to, by Debian's build and its own.
const EMPTY: [&str; 2] = ["/var/lib/opensmtpd/empty", "/var/empty"];

/// Where its queue lies, in its folder.
pub(super) const SPOOL: &str = "root/var/spool/smtpd";

/// Its queue, in its root directory.
const QUEUE: &str = "/var/spool/smtpd/queue";

/// What is said of every schedule.
const BUILT_IN: &str = "target.retry: its waits are built in (it tries again 400 s after \
                        acceptance, then 1600 s, 3600 s, …); give_up_after was set";

/// Checks what OpenSMTPD needs, makes its root directory, writes its settings.
pub(super) async fn prepare(settings: &Settings, given: &Managed) -> Result<Recipe, TargetError> {
    check_privileges()?;
    let ids = unused_ids()?;
    let original = programs::find("smtpd", "usr/sbin", given.program.as_deref())?;
    let library_path = programs::library_path(&programs::root(&original), None);
    let path = settings.folder.join("root");
    let root = PrivateRoot::make(path, &original, PROGRAM, &library_path).await?;
    let failed = |cause| TargetError::Folder { folder: settings.folder.clone(), cause };
    let address = free_address().map_err(failed)?;
    lay_out(&root, ids).map_err(failed)?;
    let version = version(&root).await?;
    let packages = programs::root(&original);
    let offered = intake::prepare(settings, &root, &packages, &version).await?;
    root.file(CONFIG, &configuration(settings, given, address, &offered)).map_err(failed)?;
    check_settings(&root).await?;
    Ok(Recipe {
        kind: "opensmtpd",
        version,
        address,
        tls: settings.intake.tls,
        launch: Launch {
            program: root.launcher().to_owned(),
            arguments: root.arguments(&["-d", "-f", CONFIG]),
            environment: [root.environment(), offered.environment].concat(),
            user: None,
            folder: settings.folder.clone(),
            log: settings.log.clone(),
        },
        queue: QueueProbe::directory(root.within(QUEUE), count),
        untranslated: untranslated(settings),
        logs: Vec::new(),
    })
}

fn check_privileges() -> Result<(), TargetError> {
    let unmet = |what: String| TargetError::Unmet {
        what,
        remedy: "run mailbench as root (in a container with its default privileges, for \
                 instance)"
            .to_owned(),
    };
    if !Uid::effective().is_root() {
        let why = "to change its root directory and to drop its privileges";
        return Err(unmet(format!("OpenSMTPD must be started by root, {why}")));
    }
    let missing = private_root::missing_capabilities();
    if missing.is_empty() {
        return Ok(());
    }
    Err(unmet(format!("OpenSMTPD needs {}, which this root lacks", missing.join(", "))))
}

/// Two unused ids; they are named in its own root directory only.
fn unused_ids() -> Result<[u32; 2], TargetError> {
    let is_unused = |id: &u32| {
        matches!(User::from_uid(Uid::from_raw(*id)), Ok(None))
            && matches!(Group::from_gid(Gid::from_raw(*id)), Ok(None))
    };
    let mut unused = IDS.filter(is_unused);
    match (unused.next(), unused.next()) {
        (Some(network), Some(queue)) => Ok([network, queue]),
        _ => Err(TargetError::Unmet {
            what: "OpenSMTPD needs two user ids of its own".to_owned(),
            remedy: format!("leave two ids of {} to {} unused", IDS.start, IDS.end),
        }),
    }
}

/// What it reads and insists on, beside its settings.
fn lay_out(root: &PrivateRoot, ids: [u32; 2]) -> std::io::Result<()> {
    let mut passwd = "root:x:0:0::/:/bin/false\n".to_owned();
    let mut group = "root:x:0:\n".to_owned();
    for (names, id) in USERS.iter().zip(ids) {
        for name in *names {
            passwd += &format!("{name}:x:{id}:{id}::/:/bin/false\n");
            group += &format!("{name}:x:{id}:\n");
        }
    }
    root.file("/etc/passwd", &passwd)?;
    root.file("/etc/group", &group)?;
    root.file("/etc/hosts", "127.0.0.1 localhost opensmtpd.test\n")?;
    // Each session looks names up; a lost packet would stall it for seconds.
    root.file("/etc/resolv.conf", "lookup file\n")?;
    for empty in EMPTY {
        root.folder(empty, 0o755)?;
    }
    root.folder("/var/run", 0o755)?;
    root.folder("/tmp", 0o1777)?;
    root.folder("/var/spool/smtpd", 0o711)
}

/// Its settings: ours, the user's, and where mail goes. Of two lines about the same the later one
/// holds.
fn configuration(
    settings: &Settings,
    given: &Managed,
    address: std::net::SocketAddr,
    offered: &intake::Offered,
) -> String {
    let give_up = native::whole_seconds(settings.retry.give_up_after);
    let own = native::lines(given.settings.clone(), " ");
    let all = limits::DELIVERIES;
    let [whole, destination] = concurrency(settings);
    format!(
        "smtp max-message-size 1G
smtp limit max-mails 1000000 max-rcpt 10000
queue ttl {give_up}s
# One address to send from, so that its limit holds for all.
mta limit inet4 max-conn-per-source {whole}
mta limit max-conn-per-relay {destination} max-conn-per-connector {destination}
mta limit max-conn-per-host {all} max-conn-per-route {all} max-conn-per-domain {all}
# Otherwise it waits for seconds before it connects, and lets few messages wait in memory.
mta limit conn-delay-route 0 conn-delay-relay 0 reconn-delay-route 0
mta limit task-hiwat 10000 task-lowat 5000 task-release 1000
{own}{before}listen on {ip} port {port} hostname opensmtpd.test{listen}
{routes}",
        before = offered.before,
        listen = offered.listen,
        ip = address.ip(),
        port = address.port(),
        routes = routes(settings),
    )
}

/// Deliveries at a time: of the whole, and to one destination. It counts the latter by next hop.
fn concurrency(settings: &Settings) -> [u32; 2] {
    let whole = settings.delivery.concurrency;
    let shared = native::hops_are_shared(settings);
    [whole, if shared { whole } else { settings.delivery.per_destination }]
}

/// The first rule that matches decides.
fn routes(settings: &Settings) -> String {
    let hop = |name: &str, how: &str, hop: std::net::SocketAddr| {
        format!("action \"{name}\" relay host \"{how}://{hop}\"\n")
    };
    let matched =
        |whose: &str, name: &str| format!("match from any for {whose} action \"{name}\"\n");
    let mut text = hop("sink", "smtp", settings.sink);
    if settings.demands.unknown_clients {
        text += &format!("match from src \"{UNKNOWN_CLIENT}\" for any reject\n");
    }
    for (number, (domain, address)) in settings.routes.iter().enumerate() {
        let name = format!("route-{number}");
        let secured = settings.demands.secured.contains(domain);
        text += &hop(&name, if secured { "smtp+tls" } else { "smtp" }, *address);
        text += &matched(&format!("domain \"{domain}\""), &name);
    }
    text + &matched("any", "sink")
}

/// Lets it check its settings: one that does not exist is reported here.
async fn check_settings(root: &PrivateRoot) -> Result<(), TargetError> {
    let ended = ask(root, &["-n", "-f", CONFIG]).await?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
    Err(TargetError::Start { program: "smtpd".to_owned(), cause: std::io::Error::other(said) })
}

async fn version(root: &PrivateRoot) -> Result<String, TargetError> {
    // Help is no success to it.
    let ended = ask(root, &["-h"]).await?;
    Ok(read_version(&String::from_utf8_lossy(&ended.stderr)))
}

async fn ask(root: &PrivateRoot, arguments: &[&str]) -> Result<std::process::Output, TargetError> {
    let arguments = root.arguments(arguments);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    programs::ended(root.launcher(), &arguments, &root.environment()).await
}

/// The word behind its name, of `version: OpenSMTPD 6.8.0p2`.
fn read_version(said: &str) -> String {
    let mut words = said.split_whitespace().skip_while(|word| *word != "OpenSMTPD");
    words.nth(1).unwrap_or_default().to_owned()
}

fn untranslated(settings: &Settings) -> Vec<String> {
    let mut left = native::unused(settings);
    left.push(BUILT_IN.to_owned());
    if native::hops_are_shared(settings) {
        left.push(native::SHARED_HOP.to_owned());
    }
    left
}

/// Counts the envelopes, one a recipient, as it does itself. What is still being received lies
/// elsewhere.
fn count(queue: &Path, seen: &mut Seen) -> std::io::Result<QueueLength> {
    seen.count(queue, &|entry| is_envelope(&entry.file_name()), &state)
}

/// What an envelope says of itself: how often it was put off.
fn state(envelope: &[u8]) -> State {
    let mut lines = envelope.split(|byte| *byte == b'\n');
    match lines.find_map(|line| line.strip_prefix(b"retry: ")) {
        None | Some(b"0") => State::Active,
        Some(_) => State::Deferred,
    }
}

/// Sixteen hexadecimal digits; the text of the message beside it is called `message`.
fn is_envelope(name: &std::ffi::OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.len() == 16 && name.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_are_counted_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let message = folder.path().join("ca/ca636e0e");
        std::fs::create_dir_all(&message).expect("made");
        for name in ["message", "ca636e0e4b7ae48f", "ca636e0e4b7ae490", "ca636e0e4b7ae490.tmp"] {
            std::fs::write(message.join(name), "").expect("written");
        }
        assert_eq!(count(folder.path(), &mut Seen::default()).expect("a count").total, 2);
    }

    #[test]
    fn an_envelope_shows_its_state() {
        assert_eq!(state(b"version: 3\nttl: 0\nretry: 0\ndsn-notify: 0\n"), State::Active);
        assert_eq!(state(b"version: 3\nttl: 0\nretry: 12\ndsn-notify: 0\n"), State::Deferred);
    }

    #[test]
    fn the_version_is_found_in_its_help() {
        let said = "version: OpenSMTPD 6.8.0p2\nusage: smtpd [-dFhnv]\n";
        assert_eq!(read_version(said), "6.8.0p2");
    }
}
