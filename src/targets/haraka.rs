//! Haraka: its needs, its settings, its queue. Its retries are a list of delays, each of 5 s at
//! least, that never come early; when the list is at its end it gives up.

use std::path::{Path, PathBuf};

use super::conformance::UNKNOWN_CLIENT;
use super::free_port::free_address;
use super::intake::{Certificate, Intake, Login, write_private};
use super::managed::Recipe;
use super::process::Launch;
use super::queue_command::QueueLength;
use super::queue_probe::{self, QueueProbe, Seen, State};
use super::{Settings, TargetError, native, programs};
use crate::queue::schedule::RetrySchedule;
use crate::scenario::model::Managed;
use crate::scenario::model::waits::HARAKA_SHORTEST;
use crate::smtp::server_tls::Beginning;

/// Delays written out at most; the last one stands for all further ones.
const DELAYS: u32 = 10_000;

/// What we configure, apart from `outbound.ini`.
const FILES: &[(&str, &str)] =
    &[("me", "haraka.test\n"), ("host_list", "\n"), ("log.ini", "[main]\nlevel=notice\n")];

/// Checks what Haraka needs, writes its settings.
pub(super) async fn prepare(settings: &Settings, given: &Managed) -> Result<Recipe, TargetError> {
    let node = programs::find("node", "usr/bin", None)?;
    let inside = "node_modules/Haraka/bin";
    let program = programs::find("haraka", inside, given.program.as_deref())?;
    let package = program.ancestors().nth(2).unwrap_or(Path::new("/")).to_owned();
    let failed = |cause| TargetError::Folder { folder: settings.folder.clone(), cause };
    let address = free_address().map_err(failed)?;
    let mut listen = format!("listen={address}\nnodes=0\n");
    if settings.intake.tls == Some(Beginning::Implicit) {
        listen += &format!("smtps_port={}\n", address.port());
    }
    write_settings(settings, given, &package, &listen).map_err(failed)?;
    let version = version(&package).map_err(failed)?;
    let folder = settings.folder.display().to_string();
    Ok(Recipe {
        kind: "haraka",
        version,
        address,
        tls: settings.intake.tls,
        launch: Launch {
            program: node,
            arguments: vec![program.display().to_string(), "-c".to_owned(), folder],
            environment: Vec::new(),
            user: None,
            folder: settings.folder.clone(),
            log: settings.log.clone(),
        },
        queue: QueueProbe::directory(settings.folder.join("queue"), count),
        untranslated: untranslated(settings),
        logs: Vec::new(),
    })
}

fn version(package: &Path) -> std::io::Result<String> {
    let text = std::fs::read_to_string(package.join("package.json"))?;
    let package: serde_json::Value = serde_json::from_str(&text)?;
    Ok(package["version"].as_str().unwrap_or_default().to_owned())
}

fn write_settings(
    settings: &Settings,
    given: &Managed,
    package: &Path,
    listen: &str,
) -> std::io::Result<()> {
    let config = settings.folder.join("config");
    for folder in [&config, &settings.folder.join("plugins"), &settings.folder.join("queue")] {
        // The disk of the scenario may be mounted at the queue.
        std::fs::create_dir_all(folder)?;
    }
    for (name, text) in FILES {
        std::fs::write(config.join(name), text)?;
    }
    std::fs::write(config.join("smtp.ini"), listen)?;
    write_intake(&settings.intake, &settings.folder)?;
    std::fs::write(config.join("outbound.ini"), outbound(settings, given))?;
    std::fs::write(settings.folder.join("plugins/to_sink.js"), plugin(settings))?;
    if !settings.demands.secured.is_empty() {
        std::fs::write(config.join("tls.ini"), secured(settings))?;
    }
    // The template of a bounce, without which it has neither From nor To.
    let shipped: [PathBuf; 2] =
        ["outbound.bounce_message", "connection.ini"].map(|name| package.join("config").join(name));
    std::fs::copy(&shipped[0], config.join("outbound.bounce_message"))?;
    let connection = std::fs::read_to_string(&shipped[1])?;
    std::fs::write(config.join("connection.ini"), with_long_lines(&connection))
}

/// What it offers to those who submit, and the plugins for it.
fn write_intake(intake: &Intake, folder: &Path) -> std::io::Result<()> {
    let config = folder.join("config");
    let mut plugins = String::new();
    if intake.tls.is_some() {
        plugins += "tls\n";
        Certificate::make(&config, ["tls_cert.pem", "tls_key.pem"], None)?;
    }
    if let Some(login) = &intake.login {
        plugins += "one_user\n";
        write_private(&folder.join("plugins/one_user.js"), &one_user(login), None)?;
    }
    std::fs::write(config.join("plugins"), plugins + "to_sink\n")
}

/// Knows the one user. Its own plugin for that reads users from an INI file, which has numbers,
/// comments and continued lines, and no way to say that something is none of these.
fn one_user(Login { user, password }: &Login) -> String {
    format!(
        "'use strict';
const known = {};
exports.register = function () {{ this.inherits('auth/auth_base'); }};
exports.hook_capabilities = function (next, connection) {{
  const methods = ['PLAIN', 'LOGIN', 'CRAM-MD5'];
  connection.capabilities.push('AUTH ' + methods.join(' '));
  connection.notes.allowed_auth_methods = methods;
  next();
}};
exports.get_plain_passwd = function (user, connection, next) {{
  next(user === known.user ? known.password : null);
}};
",
        serde_json::json!({ "user": user, "password": password })
    )
}

/// Its own limit is shorter than a line may be (RFC 5321 §4.5.3.1.6), and it folds what is longer.
fn with_long_lines(shipped: &str) -> String {
    let line =
        |line: &str| match line.trim_start_matches([';', ' ']).starts_with("data_line_length") {
            true => "data_line_length=1000\n".to_owned(),
            false => format!("{line}\n"),
        };
    shipped.lines().map(line).collect()
}

fn outbound(settings: &Settings, given: &Managed) -> String {
    let mut outbound = native::map(&[
        ("enable_tls", "true"),
        ("inet_prefer", "v4"),
        ("received_header", "Haraka"),
    ]);
    outbound.insert("concurrency_max".to_owned(), settings.delivery.concurrency.to_string());
    outbound.insert("temp_fail_intervals".to_owned(), intervals(&settings.retry));
    outbound.extend(given.settings.clone());
    native::lines(outbound, "=")
}

/// Domains that are spoken to under TLS or not at all.
fn secured(settings: &Settings) -> String {
    let domain = |domain: &String| format!("force_tls_hosts[]={domain}\n");
    let domains: String = settings.demands.secured.iter().map(domain).collect();
    format!("[outbound]\n{domains}")
}

/// Every delay until it is to give up, written out; equal ones as `30s*20`.
fn intervals(retry: &RetrySchedule) -> String {
    let mut age = 0;
    let mut runs: Vec<(u64, u32)> = Vec::new();
    for attempt in 1..=DELAYS {
        let delay = native::whole_seconds(retry.delay(attempt).max(HARAKA_SHORTEST));
        age += delay;
        if attempt > 1 && age > native::whole_seconds(retry.give_up_after) {
            break;
        }
        match runs.last_mut() {
            Some((same, times)) if *same == delay => *times += 1,
            _ => runs.push((delay, 1)),
        }
    }
    let run = |(delay, times): &(u64, u32)| match times {
        1 => format!("{delay}s"),
        _ => format!("{delay}s*{times}"),
    };
    runs.iter().map(run).collect::<Vec<_>>().join(",")
}

/// Takes everything, and sends it to the sink.
fn plugin(settings: &Settings) -> String {
    let hop = |hop: &std::net::SocketAddr| serde_json::json!({ "priority": 0, "exchange": hop.ip().to_string(), "port": hop.port() });
    let hops = |(domain, hosts): (&str, Vec<std::net::SocketAddr>)| {
        (domain.to_owned(), hosts.iter().map(hop).collect())
    };
    let routes: serde_json::Map<String, serde_json::Value> =
        native::hosts(settings).into_iter().map(hops).collect();
    let stranger = settings.demands.unknown_clients.then(|| UNKNOWN_CLIENT.to_string());
    format!(
        "'use strict';
const routes = {};
const sink = {};
const login = {};
exports.hook_mail = function (next, connection) {{
  if (login && !connection.notes.auth_user) return next(DENY, 'log in first');
  connection.relaying = true;
  next(OK);
}};
const stranger = {};
exports.hook_rcpt = function (next, connection) {{
  next(connection.remote.ip === stranger ? DENY : OK, 'no relaying for you');
}};
exports.hook_get_mx = function (next, hmail, domain) {{ next(OK, routes[domain] || sink); }};
",
        serde_json::Value::Object(routes),
        hop(&settings.sink),
        settings.intake.login.is_some(),
        serde_json::json!(stranger)
    )
}

fn untranslated(settings: &Settings) -> Vec<String> {
    let mut left = native::unused(settings);
    left.extend(native::no_sub_seconds(&settings.retry));
    left.extend(native::no_jitter(&settings.retry));
    if settings.retry.delay(1) < HARAKA_SHORTEST {
        let shortest = HARAKA_SHORTEST.as_secs();
        left.push(format!("target.retry: delays under {shortest} s became {shortest} s"));
    }
    left.push("target.delivery.per_destination: it has one limit for all".to_owned());
    left
}

/// Counts the files of the queue: not those being written, nor those it has given up.
fn count(queue: &Path, _seen: &mut Seen) -> std::io::Result<QueueLength> {
    let mut states = Vec::new();
    queue_probe::each(queue, &mut |entry| {
        states.extend(state(&entry.file_name().to_string_lossy()))
    })?;
    Ok(queue_probe::sum(states.into_iter()))
}

/// What the name of a file says, `arrival_next_attempts_…`; `None`: it is no message.
fn state(name: &str) -> Option<State> {
    if ["__tmp__", "error.", "."].iter().any(|other| name.starts_with(other)) {
        return None;
    }
    match name.split('_').nth(2) {
        Some("0") | None => Some(State::Active),
        Some(_) => Some(State::Deferred),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::queue::schedule::Growth;
    use crate::targets::queue_command::QueueStates;

    #[test]
    fn a_schedule_is_written_out_up_to_its_end() {
        let second = Duration::from_secs(1);
        let kind = Growth::Exponential { first: 2 * second, factor: 2.0, cap: 30 * second };
        let retry = RetrySchedule { kind, jitter: 0.0, give_up_after: 120 * second };
        assert_eq!(intervals(&retry), "5s*2,8s,16s,30s*2");
    }

    #[test]
    fn a_message_still_being_received_is_not_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in
            ["1_2_0_3_a_4_host", "1_9_2_3_a_4_host", "__tmp__.1_2_0_3_a_4_host", "error.1_2"]
        {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        let counted = count(folder.path(), &mut Seen::default()).expect("a count");
        let states = Some(QueueStates { active: 1, deferred: 1, frozen: 0 });
        assert_eq!(counted, QueueLength { total: 2, states });
    }

    #[test]
    fn a_line_of_full_length_is_not_folded() {
        let text = with_long_lines("[max]\n; data_line_length=992\n[message]\n");
        assert_eq!(text, "[max]\ndata_line_length=1000\n[message]\n");
    }
}
