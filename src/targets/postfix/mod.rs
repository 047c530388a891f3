//! Postfix: its needs, its settings, its queue. Retry times have the grain of `queue_run_delay`
//! and double with a message's age, between `minimal_` and `maximal_backoff_time`.

mod hops;
mod intake;

use std::collections::BTreeMap;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{Gid, Group, Uid, User};

use super::free_port::free_address;
use super::managed::Recipe;
use super::process::Launch;
use super::queue_command::{QueueLength, QueueStates};
use super::queue_probe::{self, QueueProbe, Seen};
use super::{Settings, TargetError, native, programs};
use crate::scenario::model::Managed;
use crate::scenario::model::waits::{POSTFIX_EARLY, postfix_queue_run};

/// Queue directories of the mail owner alone.
const PRIVATE: [&str; 11] = [
    "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "saved",
    "trace", "private",
];

/// Users and groups that nothing runs as, for a machine without a Postfix of its own.
const OWNERS: [&str; 4] = ["postfix", "list", "news", "uucp"];
const GROUPS: [&str; 4] = ["postdrop", "irc", "games", "proxy"];

/// Mode bit of a queue file that is complete; one still being received lacks it, and one that a
/// crash left behind lacks it for ever.
const COMPLETE: u32 = 0o100;

/// Postfix waits this long for each of its settings files to settle; ours are made to look older.
const SETTLED: Duration = Duration::from_secs(10);

/// Whom Postfix runs as.
struct Owner {
    user: User,
    group: Group,
}

/// Where everything lies.
struct Places {
    /// Below it lie the unpacked packages; `/` for an installed Postfix.
    daemons: PathBuf,
    commands: PathBuf,
    libraries: PathBuf,
    folder: PathBuf,
}

/// Checks what Postfix needs, writes its settings, makes its queue.
pub(super) async fn prepare(settings: &Settings, given: &Managed) -> Result<Recipe, TargetError> {
    let owner = owner()?;
    let program = programs::find("postfix", "usr/sbin", given.program.as_deref())?;
    let root = programs::root(&program);
    let commands = program.parent().unwrap_or(Path::new("/")).to_owned();
    let library_path = programs::library_path(&root, Some(&root.join("usr/lib/postfix")));
    let names = ["-d", "-h", "mail_version", "daemon_directory", "shlib_directory"];
    let said = programs::output(&commands.join("postconf"), &names, &library_path).await?;
    let [version, daemons, libraries] = said.lines().collect::<Vec<_>>()[..] else {
        let cause = std::io::Error::other(format!("postconf said `{}`", said.trim()));
        return Err(TargetError::Start { program: "postconf".to_owned(), cause });
    };
    let below = |path: &str| root.join(path.trim_start_matches('/'));
    let places = Places {
        daemons: below(daemons),
        commands,
        libraries: below(libraries),
        folder: settings.folder.clone(),
    };
    let failed = |cause| TargetError::Folder { folder: settings.folder.clone(), cause };
    let address = free_address().map_err(failed)?;
    lay_out(&places.folder, &owner).map_err(failed)?;
    let offered = intake::prepare(settings, &root, &owner, &library_path).await?;
    let main = main_cf(settings, &places, &owner).into_iter();
    let main = main.chain(offered.main).chain(given.settings.clone());
    let master = master_cf(&address.to_string(), settings.delivery.concurrency);
    write_settings(&places.folder, &native::lines(main.collect(), " = "), &master)
        .map_err(failed)?;
    Ok(Recipe {
        kind: "postfix",
        version: version.to_owned(),
        address,
        tls: settings.intake.tls,
        launch: Launch {
            environment: [("LD_LIBRARY_PATH".to_owned(), library_path)]
                .into_iter()
                .chain(offered.environment)
                .collect(),
            ..launch(settings, &places)
        },
        queue: QueueProbe::directory(places.folder.join("queue"), count),
        untranslated: untranslated(settings),
        logs: Vec::new(),
    })
}

fn launch(settings: &Settings, places: &Places) -> Launch {
    let config = places.folder.join("etc").display().to_string();
    Launch {
        program: places.daemons.join("master"),
        arguments: vec!["-c".to_owned(), config, "-d".to_owned()],
        environment: Vec::new(),
        user: None,
        folder: settings.folder.clone(),
        log: settings.log.clone(),
    }
}

/// Postfix drops its privileges to a user and a group that differ from each other and from
/// everybody else's.
fn owner() -> Result<Owner, TargetError> {
    if !Uid::effective().is_root() {
        return Err(TargetError::Unmet {
            what: "Postfix must be started by root, to drop its privileges".to_owned(),
            remedy: "run mailbench as root (in a container, for instance)".to_owned(),
        });
    }
    let user = OWNERS.iter().find_map(|name| User::from_name(name).ok().flatten());
    let other = |group: &Group, user: &User| group.gid != user.gid && group.gid != Gid::from_raw(0);
    let found = user.and_then(|user| {
        let mut groups = GROUPS.iter().filter_map(|name| Group::from_name(name).ok().flatten());
        groups.find(|group| other(group, &user)).map(|group| Owner { user, group })
    });
    found.ok_or_else(|| TargetError::Unmet {
        what: "Postfix needs a user and a group of its own".to_owned(),
        remedy: "add the user `postfix` and the group `postdrop`".to_owned(),
    })
}

fn main_cf(settings: &Settings, places: &Places, owner: &Owner) -> BTreeMap<String, String> {
    let folder = |name: &str| places.folder.join(name).display().to_string();
    let mut main = native::map(MAIN);
    let log = std::path::absolute(&settings.log).unwrap_or_else(|_| settings.log.clone());
    let log_folder = log.parent().unwrap_or(Path::new("/")).display().to_string();
    main.extend(
        [
            ("queue_directory", folder("queue")),
            ("data_directory", folder("data")),
            ("meta_directory", folder("etc")),
            ("command_directory", places.commands.display().to_string()),
            ("daemon_directory", places.daemons.display().to_string()),
            ("shlib_directory", places.libraries.display().to_string()),
            ("maillog_file", log.display().to_string()),
            ("maillog_file_prefixes", log_folder),
            ("mail_owner", owner.user.name.clone()),
            ("setgid_group", owner.group.name.clone()),
            ("relayhost", hops::next_hop(settings.sink)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    main.extend(times(settings));
    main.extend(hops::routes(settings));
    main.extend(hops::demanded(settings));
    main
}

/// Everything that does not depend on the run.
const MAIN: &[(&str, &str)] = &[
    ("compatibility_level", "3.6"),
    ("myhostname", "postfix.test"),
    ("import_environment", "MAIL_CONFIG TZ LANG=C LD_LIBRARY_PATH SASL_PATH MAILBENCH_TARGET"),
    ("inet_interfaces", "127.0.0.1"),
    ("inet_protocols", "ipv4"),
    ("mydestination", ""),
    ("local_recipient_maps", ""),
    ("local_transport", "error:nothing is local here"),
    ("alias_maps", ""),
    ("alias_database", ""),
    ("mynetworks", "127.0.0.0/8"),
    ("smtpd_relay_restrictions", "permit_mynetworks, reject"),
    ("smtp_dns_support_level", "disabled"),
    ("smtp_host_lookup", "native"),
    ("smtpd_peername_lookup", "no"),
    // TLS where it is offered, with any certificate.
    ("smtp_tls_security_level", "may"),
    ("smtpd_client_connection_count_limit", "0"),
    ("smtpd_client_connection_rate_limit", "0"),
    ("smtpd_client_message_rate_limit", "0"),
    ("smtpd_client_recipient_rate_limit", "0"),
    // Otherwise intake is held back when delivery lags.
    ("in_flow_delay", "0"),
    ("message_size_limit", "0"),
];

fn times(settings: &Settings) -> Vec<(String, String)> {
    let retry = &settings.retry;
    let waits = native::Waits::of(retry);
    let delivery = &settings.delivery;
    let one_hop = native::hops_are_shared(settings);
    let per_destination = if one_hop { delivery.concurrency } else { delivery.per_destination };
    let seconds = native::whole_seconds;
    [
        ("queue_run_delay", format!("{}s", postfix_queue_run(waits.first).as_secs())),
        ("minimal_backoff_time", format!("{}s", seconds(waits.first + POSTFIX_EARLY))),
        ("maximal_backoff_time", format!("{}s", seconds(waits.longest + POSTFIX_EARLY))),
        ("maximal_queue_lifetime", format!("{}s", seconds(retry.give_up_after))),
        ("bounce_queue_lifetime", format!("{}s", seconds(retry.give_up_after))),
        ("default_destination_concurrency_limit", per_destination.to_string()),
        ("initial_destination_concurrency", per_destination.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

fn master_cf(listen: &str, deliveries: u32) -> String {
    format!(
        "{listen} inet n - n - 0 smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - 0 trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - 0 proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - {deliveries} smtp
relay unix - - n - {deliveries} smtp
showq unix n - n - 0 showq
error unix - - n - 0 error
retry unix - - n - 0 error
discard unix - - n - 0 discard
lmtp unix - - n - 0 lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"
    )
}

fn untranslated(settings: &Settings) -> Vec<String> {
    let mut left = native::unused(settings);
    left.extend(native::no_sub_seconds(&settings.retry));
    left.extend(native::no_jitter(&settings.retry));
    left.extend(native::only_doubles(&settings.retry));
    if native::hops_are_shared(settings) {
        left.push(native::SHARED_HOP.to_owned());
    }
    left
}

/// Makes the directories as Postfix insists on them.
fn lay_out(folder: &Path, owner: &Owner) -> std::io::Result<()> {
    let make = |path: PathBuf, mode: u32, group: Option<Gid>| {
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        chown(&path, Some(owner.user.uid.as_raw()), group.map(Gid::as_raw))?;
        // The mode last: the process's mask would take bits away.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))
    };
    super::native::admit(folder, owner.user.gid.as_raw())?;
    for own in ["etc", "queue", "queue/pid"] {
        // The disk of the scenario may be mounted at the queue.
        std::fs::DirBuilder::new().mode(0o755).recursive(true).create(folder.join(own))?;
    }
    make(folder.join("data"), 0o700, None)?;
    let queue = folder.join("queue");
    for name in PRIVATE {
        make(queue.join(name), 0o700, None)?;
    }
    make(queue.join("maildrop"), 0o1730, Some(owner.group.gid))?;
    make(queue.join("public"), 0o2710, Some(owner.group.gid))
}

fn write_settings(folder: &Path, main: &str, master: &str) -> std::io::Result<()> {
    let etc = folder.join("etc");
    std::fs::write(etc.join("master.cf"), master)?;
    std::fs::write(etc.join("main.cf"), main)?;
    for name in ["main.cf", "master.cf"] {
        let file = std::fs::File::options().write(true).open(etc.join(name))?;
        file.set_modified(file.metadata()?.modified()? - SETTLED)?;
    }
    Ok(())
}

/// Counts the complete messages, in the order in which they move through the queue.
fn count(queue: &Path, _seen: &mut Seen) -> std::io::Result<QueueLength> {
    let complete = |entry: &std::fs::DirEntry| {
        entry.metadata().is_ok_and(|file| file.permissions().mode() & COMPLETE != 0)
    };
    let [dropped, incoming, active, deferred, frozen] =
        ["maildrop", "incoming", "active", "deferred", "hold"]
            .map(|name| queue_probe::files(&queue.join(name), &complete));
    let states = QueueStates { active: active?, deferred: deferred?, frozen: frozen? };
    let total = dropped? + incoming? + states.active + states.deferred + states.frozen;
    Ok(QueueLength { total, states: Some(states) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::schedule::{Growth, RetrySchedule};
    use crate::scenario::model::{Delivery, TargetKind};
    use crate::targets::conformance::ConformanceNeeds;
    use crate::targets::intake::Intake;

    pub(super) fn settings(routes: &[(&str, u16)]) -> Settings {
        let address = |port: u16| std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let second = Duration::from_secs(1);
        Settings {
            kind: TargetKind::Direct,
            retry: RetrySchedule {
                kind: Growth::Exponential { first: 20 * second, factor: 3.0, cap: 90 * second },
                jitter: 0.1,
                give_up_after: 600 * second,
            },
            delivery: Delivery { per_destination: 7, ..Delivery::default() },
            seed: 1,
            sink: address(2526),
            routes: routes.iter().map(|(to, port)| ((*to).to_owned(), address(*port))).collect(),
            demands: ConformanceNeeds::default(),
            intake: Intake::default(),
            folder: PathBuf::new(),
            log: PathBuf::new(),
        }
    }

    #[test]
    fn a_schedule_becomes_times_that_are_never_early() {
        let times: BTreeMap<String, String> = times(&settings(&[])).into_iter().collect();
        for (name, value) in [
            ("minimal_backoff_time", "22s"),
            ("maximal_backoff_time", "92s"),
            ("queue_run_delay", "2s"),
            ("maximal_queue_lifetime", "600s"),
            ("bounce_queue_lifetime", "600s"),
            ("default_destination_concurrency_limit", "50"),
        ] {
            assert_eq!(times[name], value, "{name}");
        }
        let said = untranslated(&settings(&[])).join("\n");
        for word in ["jitter", "factor 3", "per_destination"] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }

    #[test]
    fn destinations_with_next_hops_of_their_own_are_limited_one_by_one() {
        let settings = settings(&[("a.test", 1), ("b.test", 2)]);
        let times: BTreeMap<String, String> = times(&settings).into_iter().collect();
        assert_eq!(times["default_destination_concurrency_limit"], "7");
        let (name, value) = hops::routes(&settings).expect("routes");
        assert_eq!(name, "transport_maps");
        assert_eq!(
            value,
            "inline:{ { a.test = smtp:[127.0.0.1]:1 }, { b.test = smtp:[127.0.0.1]:2 } }"
        );
        assert!(!untranslated(&settings).join(" ").contains("per_destination"));
    }

    #[test]
    fn a_message_still_being_received_is_not_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, mode) in [
            ("incoming/A", 0o700),
            ("incoming/B", 0o600),
            ("active/C", 0o700),
            ("deferred/D/D1", 0o700),
            ("deferred/E/E1", 0o700),
            ("hold/F", 0o700),
        ] {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            std::fs::write(&file, "").expect("written");
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&file, mode).expect("a mode");
        }
        let counted = count(folder.path(), &mut Seen::default()).expect("a count");
        let states = Some(QueueStates { active: 1, deferred: 2, frozen: 1 });
        assert_eq!(counted, QueueLength { total: 5, states });
    }
}
