//! Which of an MTA's own settings could send mail elsewhere, or run a command.
//!
//! MTAs have thousands of settings, so the harmless are recognised, not the harmful: a plain value (a
//! number, a word, a time) under a name that has nothing to do with where mail goes.

/// Parts of names that have to do with where mail goes, what is run, or who is asked.
const ROUTING: [&str; 36] = [
    "access",
    "action",
    "alias",
    "bcc",
    "bind",
    "canonical",
    "class",
    "command",
    "condition",
    "copy",
    "destination",
    "domain",
    "expand",
    "filter",
    "forward",
    "host",
    "hop",
    "interface",
    "listen",
    "luser",
    "mailbox",
    "map",
    "match",
    "milter",
    "notice",
    "pipe",
    "policy",
    "proc",
    "proxy",
    "recipient",
    "redirect",
    "relay",
    "restriction",
    "route",
    "smart",
    "transport",
];

/// Whether a setting could lead mail to another next hop, or run something.
#[must_use]
pub fn could_route(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = name.split_whitespace().chain(value.split([' ', ',']).filter(|it| !it.is_empty()));
    ROUTING.iter().any(|part| name.contains(part))
        || !words.clone().all(is_plain)
        || words.skip(1).any(|word| ROUTING.contains(&word.to_ascii_lowercase().as_str()))
}

/// A name, a number, a time or a size: nothing that could be a host, a path or a macro.
fn is_plain(word: &str) -> bool {
    let named = word.chars().all(|c| c.is_ascii_alphanumeric() || "_-%".contains(c));
    named || word.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_times_are_harmless() {
        let harmless = [
            ("in_flow_delay", "1s"),
            ("smtp_connection_cache_time_limit", "2.5"),
            ("qmgr_message_active_limit", "20000"),
            ("soft_bounce", "no"),
            ("remote_max_parallel", "5"),
            ("queue_run_max", "10"),
            ("mta limit", "max-conn-per-host 10"),
            ("queue ttl", "4d"),
            ("concurrency_max", "100"),
            ("always_try_tls", "true"),
        ];
        for (name, value) in harmless {
            assert!(!could_route(name, value), "{name} = {value}");
        }
    }

    #[test]
    fn whatever_could_lead_elsewhere_or_run_something_is_noticed() {
        let harmful = [
            ("always_bcc", "archive"),
            ("transport_maps", "inline:{a.test=smtp:[203.0.113.5]}"),
            ("relayhost", "mailhost"),
            ("default_transport", "smtp"),
            ("content_filter", "scan"),
            ("smtp_fallback_relay", "backup"),
            ("header_checks", "pcre:/tmp/x"),
            ("smtpd_milters", "inet:203.0.113.5:25"),
            ("notify_classes", "bounce@elsewhere.example"),
            ("bounce_notice_recipient", "postmaster"),
            ("message_size_limit", "${run{/bin/sh}}"),
            ("system_filter", "x"),
            ("qualify_domain", "example.org"),
            ("spool_directory", "/etc"),
            ("action \"x\"", "relay host smtp://203.0.113.5"),
            ("match from any", "for any action x"),
            ("queue", "ttl 4d relay"),
            ("local_interfaces", "203.0.113.5"),
            ("inet_interfaces", "all"),
            ("smtp_bind_address", "eth0"),
        ];
        for (name, value) in harmful {
            assert!(could_route(name, value), "{name} = {value}");
        }
    }
}
