//! Contradictions of how mail is submitted.

use super::{DESTINATION, LOAD, complaint, one};

fn with(more: &str) -> String {
    format!("{LOAD}{DESTINATION}{more}")
}

/// The same, with a target that may offer anything.
fn direct(more: &str) -> String {
    with(&format!("[target]\nkind = \"direct\"\n{more}"))
}

#[test]
fn tls_and_its_keys() {
    let ca = "[smtp]\ntls_ca = \"x.pem\"";
    one(&with(ca), ("\"x.pem\"", "`tls_ca` belongs to TLS", "tls = \"starttls\""));
    let both = "[smtp]\ntls = \"implicit\"\ntls_ca = \"x.pem\"\ntls_verify = false";
    let what = "`tls_ca` and `tls_verify = false` contradict each other";
    one(&direct(both), ("\"x.pem\"", what, "keep one"));
    let unknown = complaint(&with("[smtp]\ntls = \"start-tls\""));
    assert!(unknown.contains("starttls"), "{unknown}");
}

#[test]
fn who_logs_in() {
    let auth = |user: &str, variable: &str| {
        direct(&format!(
            "[smtp.auth]\nmechanism = \"plain\"\nuser = \"{user}\"\npassword_env = \"{variable}\""
        ))
    };
    let what = "`s3cret!` cannot name an environment variable";
    one(&auth("u", "s3cret!"), ("\"s3cret!\"", what, "does not belong into a scenario"));
    one(&auth("", "P"), ("\"\"", "this cannot be the name of a user", ""));
}

#[test]
fn protocol_sources_and_dsn() {
    let lmtp = "[smtp]\nprotocol = \"lmtp\"";
    one(&with(lmtp), ("\"lmtp\"", "this kind of target does not speak LMTP", "external"));
    for range in ["192.0.2.0/24", "127.0.0.0/33", "127.0.0.0/7", "::1"] {
        let what = format!("`{range}` is no range of loopback addresses");
        let sources = with(&format!("[smtp]\nsources = \"{range}\""));
        one(&sources, (&format!("\"{range}\""), &what, "127.0.0.0/24"));
    }
    let v6 =
        "[target]\nkind = \"external\"\naddress = \"[::1]:25\"\n[smtp]\nsources = \"127.0.0.2\"";
    let what = "a target that is not on an IPv4 loopback address cannot be reached from one";
    one(&with(v6), ("\"127.0.0.2\"", what, ""));
    let never = "[smtp.dsn]\nnotify = [\"delay\"]";
    one(
        &with(never),
        ("[\"delay\"]", "`failure` is missing", "a bounce cannot be distinguished from a loss"),
    );
    let half = "[message]\npriority = 1.5";
    one(&with(half), ("1.5", "a priority is a whole number", ""));
    one(&with("[message]\npriority = 10"), ("10", "10 is out of range", "-9"));
}

#[test]
fn bad_clients() {
    let abuse = |text: &str| direct(&format!("[[abuse]]\n{text}"));
    let stray = abuse("kind = \"idle\"\ninterval = \"1s\"");
    one(&stray, ("\"1s\"", "`interval` belongs to another kind of abuse", ""));
    let stage = abuse("kind = \"disconnect\"\nstage = \"quit\"");
    one(&stage, ("\"quit\"", "no client disconnects at stage quit here", "mail-from"));
    let twice = abuse("kind = \"idle\"\n[[abuse]]\nkind = \"idle\"");
    one(&twice, ("[[abuse]]", "abuse `idle` is defined twice", "a `name`"));
    let many = complaint(&abuse("kind = \"idle\"\nsessions = 9000"));
    assert!(many.contains("9000 is out of range"), "{many}");
    let window = abuse("kind = \"idle\"\nduring = \"soon\"");
    assert!(complaint(&window).contains("offsets into the measured period"));
    let tls = format!("{}[smtp]\ntls = \"implicit\"\n", abuse("kind = \"idle\"\n"));
    one(&tls, ("[[abuse]]", "[[abuse]] speaks SMTP in the clear", ""));
}

#[test]
fn who_signs() {
    let both = "[message.dkim]\nkey = \"a.pem\"\nkey_env = \"K\"";
    let what = "`key` and `key_env` contradict each other";
    one(&with(both), ("\"a.pem\"", what, "keep one"));
    let none = "[message.dkim]\nkey = \"no-such.pem\"";
    let what = "no key in `no-such.pem`: No such file or directory (os error 2)";
    one(&with(none), ("\"no-such.pem\"", what, "openssl genpkey"));
    let odd = "[message.dkim]\nselector = \"a b\"";
    one(&with(odd), ("\"a b\"", "`a b` cannot be part of a domain name", ""));
}

#[test]
fn utf8_needs_a_sink_that_takes_it() {
    let withheld = "[message]\nencoding = \"utf8\"\n[sink]\nwithout = [\"SMTPUTF8\"]";
    let what = "the sink does not offer SMTPUTF8, so that not even a bounce could come";
    one(&with(withheld), ("\"utf8\"", what, "withhold it from a [[destination]]"));
    let engine = "[message]\nencoding = \"utf8\"\n[sink]\nengine = \"samotop\"";
    one(&with(engine), ("\"utf8\"", what, ""));
}

#[test]
fn what_a_target_that_we_set_up_does_not_know() {
    let auth = |kind: &str, more: &str, mechanism: &str| {
        with(&format!(
            "[target]\nkind = \"{kind}\"\n[smtp]\n{more}\nauth = {{ mechanism = \"{mechanism}\", \
             user = \"u\", password_env = \"P\" }}"
        ))
    };
    let what = "this kind of target does not know it";
    one(&auth("exim", "", "xoauth2"), ("\"xoauth2\"", what, "\"login\""));
    let scram = auth("haraka", "", "scram-sha-256");
    one(&scram, ("\"scram-sha-256\"", what, "\"cram-md5\""));
    let cram = auth("opensmtpd", "tls = \"starttls\"", "cram-md5");
    one(&cram, ("\"cram-md5\"", what, "\"plain\", \"login\""));
    let clear = complaint(&auth("opensmtpd", "", "plain"));
    assert!(clear.contains("OpenSMTPD takes a log-in under TLS only"), "{clear}");
}
