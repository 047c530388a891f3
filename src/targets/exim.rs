//! Exim: its needs, its settings, its queue. It runs without any privileges, on a copy of its
//! program that lacks the set-user-id bit, among users and groups of its own (libnss-wrapper).
//! Retries have the grain of its queue runs, one a second.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{Gid, Uid, User};

use super::conformance::UNKNOWN_CLIENT;
use super::free_port::free_address;
use super::intake::{Certificate, Login, write_private};
use super::managed::Recipe;
use super::process::Launch;
use super::queue_command::QueueLength;
use super::queue_probe::{QueueProbe, Seen, State};
use super::{Settings, TargetError, native, programs};
use crate::queue::schedule::{Growth, RetrySchedule};
use crate::scenario::model::Managed;
use crate::scenario::model::waits::{EXIM_EARLY, EXIM_QUEUE_RUN};
use crate::smtp::server_tls::Beginning;

/// Users it may run as when we are root.
const USERS: [&str; 4] = ["Debian-exim", "mail", "news", "uucp"];

/// The name by which Debian's Exim wants to find its user and group.
const NAME: &str = "Debian-exim";

/// Certificate and key, in its folder.
const CERTIFICATE: [&str; 2] = ["tls.crt", "tls.key"];

/// Where everything lies, and whom it runs as.
struct Places {
    folder: PathBuf,
    program: PathBuf,
    owner: (u32, u32),
}

/// Checks what Exim needs, writes its settings, makes its queue.
pub(super) async fn prepare(settings: &Settings, given: &Managed) -> Result<Recipe, TargetError> {
    let owner = owner()?;
    let original = programs::find("exim4", "usr/sbin", given.program.as_deref())?;
    let library_path = programs::library_path(&programs::root(&original), None);
    let wrapper = programs::library("libnss_wrapper.so", &programs::root(&original))?;
    let failed = |cause| TargetError::Folder { folder: settings.folder.clone(), cause };
    let folder = settings.folder.clone();
    let places = Places { program: folder.join("exim4"), folder, owner };
    lay_out(&places, &original).map_err(failed)?;
    let environment = environment(&places, &wrapper, library_path);
    let address = free_address().map_err(failed)?;
    if settings.intake.tls.is_some() {
        Certificate::make(&places.folder, CERTIFICATE, Some(places.owner)).map_err(failed)?;
    }
    let text = configuration(settings, given, &places, address.port());
    let config = places.folder.join("exim.conf");
    write_private(&config, &text, None).map_err(failed)?;
    // Exim takes it from the process that started it, for its own group to read.
    chown(&config, None, Some(places.owner.1)).map_err(failed)?;
    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o640)).map_err(failed)?;
    let config = config.display().to_string();
    // Reads the settings, too: one that does not exist is reported here.
    let said = programs::output_in(&places.program, &["-C", &config, "-bV"], &environment).await?;
    let version = said.split_whitespace().nth(2).unwrap_or_default().to_owned();
    let queue_runs = format!("-q{}s", EXIM_QUEUE_RUN.as_secs());
    Ok(Recipe {
        kind: "exim",
        version,
        address,
        tls: settings.intake.tls,
        launch: Launch {
            program: places.program.clone(),
            arguments: ["-C", &config, "-bdf", &queue_runs].map(str::to_owned).to_vec(),
            environment,
            user: Some(places.owner),
            folder: settings.folder.clone(),
            log: settings.log.clone(),
        },
        queue: QueueProbe::directory(places.folder.join("spool/input"), count),
        untranslated: untranslated(settings),
        logs: vec![places.folder.join("log/main"), places.folder.join("log/panic")],
    })
}

/// Whom it runs as: we ourselves, unless we are root, who may do too much.
fn owner() -> Result<(u32, u32), TargetError> {
    if !Uid::effective().is_root() {
        return Ok((Uid::effective().as_raw(), Gid::effective().as_raw()));
    }
    let user = USERS.iter().find_map(|name| User::from_name(name).ok().flatten());
    let ids = user.map(|user| (user.uid.as_raw(), user.gid.as_raw()));
    ids.ok_or_else(|| TargetError::Unmet {
        what: "Exim needs a user to run as".to_owned(),
        remedy: format!("add the user `{NAME}`"),
    })
}

fn lay_out(places: &Places, original: &Path) -> std::io::Result<()> {
    let (uid, gid) = places.owner;
    super::native::admit(&places.folder, gid)?;
    for name in ["spool", "log"] {
        let path = places.folder.join(name);
        // The disk of the scenario may be mounted there.
        std::fs::DirBuilder::new().recursive(true).mode(0o750).create(&path)?;
        chown(&path, Some(uid), Some(gid))?;
    }
    // Root's programs are set-user-id, which would make the system drop LD_PRELOAD.
    std::fs::copy(original, &places.program)?;
    std::fs::set_permissions(&places.program, std::fs::Permissions::from_mode(0o755))?;
    let passwd = format!("{NAME}:x:{uid}:{gid}::/:/bin/false\nroot:x:0:0::/:/bin/false\n");
    std::fs::write(places.folder.join("passwd"), passwd)?;
    std::fs::write(places.folder.join("group"), format!("{NAME}:x:{gid}:\nroot:x:0:\n"))
}

fn environment(places: &Places, wrapper: &Path, libraries: String) -> Vec<(String, String)> {
    let file = |name: &str| places.folder.join(name).display().to_string();
    [
        ("LD_LIBRARY_PATH", libraries),
        ("LD_PRELOAD", wrapper.display().to_string()),
        ("NSS_WRAPPER_PASSWD", file("passwd")),
        ("NSS_WRAPPER_GROUP", file("group")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// Main settings that do not depend on the run.
const MAIN: &[(&str, &str)] = &[
    ("primary_hostname", "exim.test"),
    ("local_interfaces", "<; 127.0.0.1"),
    ("acl_smtp_rcpt", "acl_rcpt"),
    ("acl_smtp_data", "acl_all"),
    ("deliver_drop_privilege", "true"),
    ("never_users", ""),
    (
        "keep_environment",
        "LD_PRELOAD : LD_LIBRARY_PATH : NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP : MAILBENCH_TARGET",
    ),
    ("host_lookup", ""),
    ("rfc1413_query_timeout", "0s"),
    ("smtp_accept_max", "0"),
    ("smtp_accept_queue_per_connection", "0"),
    ("queue_run_max", "5"),
    ("remote_max_parallel", "2"),
    ("message_size_limit", "0"),
    ("message_logs", "false"),
    ("split_spool_directory", "true"),
    ("log_selector", "+millisec"),
];

fn configuration(settings: &Settings, given: &Managed, places: &Places, port: u16) -> String {
    let file = |name: &str| places.folder.join(name).display().to_string();
    let mut main = native::map(MAIN);
    main.extend(
        [
            ("exim_path", places.program.display().to_string()),
            ("spool_directory", file("spool")),
            ("log_file_path", file("log/%s")),
            ("pid_file_path", file("spool/exim.pid")),
            ("daemon_smtp_ports", port.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    main.extend(tls(settings, &file, port));
    main.extend(given.settings.clone());
    format!(
        "{main}
begin acl
acl_rcpt:
{refuse_unknown_clients}{known}  accept
acl_all:
  accept
begin routers
sink:
  driver = manualroute
  domains = *
  route_list = {routes}
  self = send
  transport = sink
begin transports
sink:
  driver = smtp
  allow_localhost
  hosts_try_dane =
  # Else it ends its half of the connection before it reads the last reply, so that nothing could
  # prove that it read it.
  hosts_avoid_pipelining = *
  connection_max_messages = 100
{secured}begin retry
* * {rules}
{logins}",
        main = native::lines(main, " = "),
        routes = routes(settings),
        refuse_unknown_clients = refuse_unknown_clients(settings),
        known = if settings.intake.login.is_some() { "  require authenticated = *\n" } else { "" },
        logins = settings.intake.login.as_ref().map_or(String::new(), authenticators),
        secured = secured(settings),
        rules = rules(&settings.retry)
    )
}

fn routes(settings: &Settings) -> String {
    let host = |hop: std::net::SocketAddr| format!("{}::{}", hop.ip(), hop.port());
    let route = |(domain, hosts): (&str, Vec<std::net::SocketAddr>)| {
        let hosts: Vec<String> = hosts.into_iter().map(host).collect();
        format!("{domain} \"{}\" byname", hosts.join(" : "))
    };
    let mut routes: Vec<String> = native::hosts(settings).into_iter().map(route).collect();
    routes.push(format!("* {} byname", host(settings.sink)));
    routes.join(" ; ")
}

fn tls(settings: &Settings, file: &impl Fn(&str) -> String, port: u16) -> Vec<(String, String)> {
    let Some(beginning) = settings.intake.tls else { return Vec::new() };
    let mut lines = vec![
        ("tls_advertise_hosts", "*".to_owned()),
        ("tls_certificate", file(CERTIFICATE[0])),
        ("tls_privatekey", file(CERTIFICATE[1])),
    ];
    if beginning == Beginning::Implicit {
        lines.push(("tls_on_connect_ports", port.to_string()));
    }
    lines.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The one user, by each mechanism.
fn authenticators(login: &Login) -> String {
    let (user, password) = (escaped(&login.user), escaped(&login.password));
    let both = |name: u8, secret: u8| {
        format!(
            "${{if and{{{{eq{{$auth{name}}}{{{user}}}}}{{eq{{$auth{secret}}}{{{password}}}}}}}}}"
        )
    };
    format!(
        "begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = {plain}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = {login}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{if eq{{$auth1}}{{{user}}}{{{password}}}fail}}
  server_set_id = $auth1
",
        plain = both(2, 3),
        login = both(1, 2),
    )
}

/// Text that string expansion leaves as it is.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("\\x{byte:02x}"),
    };
    text.bytes().map(byte).collect()
}

/// Lines of the ACL for RCPT, where an examination asks for them.
fn refuse_unknown_clients(settings: &Settings) -> String {
    match settings.demands.unknown_clients {
        true => format!("  deny hosts = {UNKNOWN_CLIENT}\n"),
        false => String::new(),
    }
}

/// A line of the transport, where an examination asks for it.
fn secured(settings: &Settings) -> String {
    let secured = &settings.demands.secured;
    let hosts = settings.routes.iter().filter(|(domain, _)| secured.contains(domain));
    let hosts: Vec<String> = hosts.map(|(_, host)| host.ip().to_string()).collect();
    match hosts.is_empty() {
        true => String::new(),
        false => format!("  hosts_require_tls = {}\n", hosts.join(" : ")),
    }
}

/// A retry rule: each part holds up to an age, counted from the first failure.
fn rules(retry: &RetrySchedule) -> String {
    let give_up = native::whole_seconds(retry.give_up_after);
    let wait = |time: Duration| native::whole_seconds(time + EXIM_EARLY);
    let fixed = |until: u64, every: Duration| format!("F,{until}s,{}s", wait(every));
    match &retry.kind {
        Growth::Fixed { first } => fixed(give_up, *first),
        Growth::Exponential { first, factor, cap } => {
            let mut age = Duration::ZERO;
            let mut attempt = 1;
            while retry.delay(attempt) < *cap && age < retry.give_up_after {
                age += retry.delay(attempt);
                attempt += 1;
            }
            let until = native::whole_seconds(age).min(give_up);
            let grows = format!("G,{until}s,{}s,{factor}", wait(*first));
            format!("{grows}; {}", fixed(give_up, *cap))
        }
        Growth::Steps { delays } => {
            let mut age = Duration::ZERO;
            let mut parts = Vec::new();
            for delay in delays {
                age += *delay;
                let until = native::whole_seconds(age).min(give_up);
                parts.push(fixed(until, *delay));
            }
            if let Some(last) = delays.last() {
                parts.push(fixed(give_up, *last));
            }
            parts.join("; ")
        }
    }
}

fn untranslated(settings: &Settings) -> Vec<String> {
    let mut left = native::unused(settings);
    left.extend(native::no_sub_seconds(&settings.retry));
    left.extend(native::no_jitter(&settings.retry));
    left.push(
        "target.delivery.concurrency and per_destination: it starts a process a message".to_owned(),
    );
    left
}

/// Counts the messages whose files are both there. Of the two the header file is written last and
/// removed last: one without the other is a message still coming in, or one that was delivered
/// when Exim was killed, whose header file then stays for ever.
fn count(input: &Path, seen: &mut Seen) -> std::io::Result<QueueLength> {
    let is_message = |entry: &std::fs::DirEntry| {
        let name = entry.file_name();
        let message = name.to_str().and_then(|name| name.strip_suffix("-H"));
        message.is_some_and(|message| entry.path().with_file_name(format!("{message}-D")).exists())
    };
    seen.count(input, &is_message, &state)
}

/// What a header file says of its message, in lines that begin with a dash, above the recipients.
fn state(header: &[u8]) -> State {
    // Its name, who sent it, the envelope sender, the time of arrival.
    let lines = header.split(|byte| *byte == b'\n').skip(4);
    let mut state = State::Deferred;
    for line in lines.take_while(|line| line.starts_with(b"-")) {
        if line.starts_with(b"-frozen") {
            return State::Frozen;
        }
        // Gone once every recipient has been tried.
        if line == b"-deliver_firsttime" {
            state = State::Active;
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(kind: Growth) -> String {
        let second = Duration::from_secs(1);
        rules(&RetrySchedule { kind, jitter: 0.0, give_up_after: 600 * second })
    }

    #[test]
    fn a_schedule_becomes_a_retry_rule() {
        let second = Duration::from_secs(1);
        assert_eq!(rule(Growth::Fixed { first: 2 * second }), "F,600s,3s");
        let (first, cap) = (2 * second, 16 * second);
        let grown = rule(Growth::Exponential { first, factor: 2.0, cap });
        assert_eq!(grown, "G,14s,3s,2; F,600s,17s");
        let steps = rule(Growth::Steps { delays: vec![second, 5 * second] });
        assert_eq!(steps, "F,1s,2s; F,6s,6s; F,600s,6s");
    }

    #[test]
    fn a_message_that_comes_in_or_was_delivered_is_not_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("a")).expect("made");
        for name in ["a/1-H", "a/1-D", "a/2-D", "a/3-H", "a/3-J"] {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        assert_eq!(count(folder.path(), &mut Seen::default()).expect("a count").total, 1);
    }

    #[test]
    fn a_header_file_shows_the_state_of_its_message() {
        let header = |options: &str| {
            let above = "1xVyYw-00018H-2c-H\nDebian-exim 8 8\n<b@test>\n1795557630 0\n";
            state(format!("{above}{options}XX\n1\na@b\n\n-frozen\n").as_bytes())
        };
        assert_eq!(header("-received_protocol esmtp\n-deliver_firsttime\n"), State::Active);
        assert_eq!(header("-received_protocol esmtp\n"), State::Deferred);
        assert_eq!(header("-frozen 1795557630\n-deliver_firsttime\n"), State::Frozen);
    }
}
