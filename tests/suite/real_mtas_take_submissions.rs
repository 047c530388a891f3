//! Real MTAs that mailbench sets up are submitted to as the scenario says: by STARTTLS or implicit
//! TLS, with a log-in by each mechanism that the kind knows, and not without.

use std::path::Path;

use crate::real_mtas::{self, Promise, is_here};
use crate::support::{Lab, Ran, SMALL};

fn lab(kind: &str, smtp: &str, password: &str) -> Lab {
    let scenario = SMALL.replace("first = \"500ms\"", "first = \"5s\"");
    let scenario = scenario.replace("[message]", &format!("[smtp]\n{smtp}\n[message]"));
    let lab = Lab::new(&scenario).set("target.kind", kind).set("load.messages_per_session", "10");
    lab.env("SECRET", Path::new(password))
}

fn login(mechanism: &str) -> String {
    login_of("jo", mechanism)
}

fn login_of(user: &str, mechanism: &str) -> String {
    format!(
        "auth = {{ mechanism = \"{mechanism}\", user = \"{user}\", password_env = \"SECRET\" }}"
    )
}

/// Characters that mean something to this settings file or that.
const PASSWORD: &str = "s3cr$t-{x}%&ü";

/// What Postfix' table takes as it is.
const PLAIN_PASSWORD: &str = "s3cr-t";

fn submits(promise: &Promise, smtp: &str) -> Option<Ran> {
    if !is_here(promise) {
        return None;
    }
    let ran = lab(promise.kind, smtp, PASSWORD).run();
    ran.assert_code(0);
    assert_eq!((ran.count("accepted"), ran.count("delivered")), (120, 120), "{ran}");
    ran.assert_hides("s3cr$t");
    Some(ran)
}

/// STARTTLS with each mechanism, then implicit TLS.
fn all(promise: &Promise, mechanisms: &[&str]) {
    for mechanism in mechanisms {
        let smtp = format!("tls = \"starttls\"\n{}", login(mechanism));
        let Some(ran) = submits(promise, &smtp) else { return };
        assert!(ran.timed("stage_starttls") > 0 && ran.timed("stage_auth") > 0, "{ran}");
    }
    let Some(ran) = submits(promise, "tls = \"implicit\"") else { return };
    assert!(ran.timed("stage_starttls") > 0 && ran.timed("stage_auth") == 0, "{ran}");
}

#[test]
fn postfix_takes_them() {
    all(&real_mtas::POSTFIX, &["plain", "login", "cram-md5", "scram-sha-256"]);
}

/// Postfix logs in at the sink by SCRAM-SHA-256 of Cyrus SASL: it delivers nothing before the
/// sink has proved itself.
#[test]
fn postfix_logs_in_at_the_sink() {
    let smtp = format!(
        "{}\n[sink]\nwith = [\"AUTH\"]\n[target.settings]\nsmtp_sasl_auth_enable = \"yes\"\n\
         smtp_sasl_password_maps = \"static:jo:{PLAIN_PASSWORD}\"\n\
         smtp_sasl_mechanism_filter = \"scram-sha-256\"\n\
         [[fault]]\nname = \"log-in\"\nstage = \"auth\"\ndelay = \"1ms\"\n",
        login("scram-sha-256")
    );
    if !is_here(&real_mtas::POSTFIX) {
        return;
    }
    let ran = lab("postfix", &smtp, PLAIN_PASSWORD).run();
    ran.assert_code(0);
    assert_eq!(ran.count("delivered"), 120, "{ran}");
    let struck = ran.report()["faults"][0]["struck"].as_u64();
    assert!(struck > Some(0), "nobody logged in: {}", ran.report()["faults"]);
}

#[test]
fn exim_takes_them() {
    all(&real_mtas::EXIM, &["plain", "login", "cram-md5"]);
}

#[test]
fn haraka_takes_them() {
    all(&real_mtas::HARAKA, &["plain", "login", "cram-md5"]);
}

/// Names and passwords that mean something to those who write them down.
fn takes_as_they_are(promise: &Promise, odd: &[(&str, &str, &str)]) {
    for (mechanism, user, password) in odd {
        if !is_here(promise) {
            return;
        }
        let ran = lab(promise.kind, &login_of(user, mechanism), password).run();
        ran.assert_code(0);
        assert_eq!(ran.count("delivered"), 120, "{ran}");
    }
}

#[test]
fn opensmtpd_takes_them() {
    all(&real_mtas::OPENSMTPD, &["plain", "login"]);
}

/// What an INI file would read as a comment, a section, a number, blanks or more to come.
#[test]
fn haraka_takes_names_and_passwords_as_they_are() {
    let odd = [("plain", ";jo", "007"), ("login", "[jo]", " s3cr-t "), ("cram-md5", "jö=x", "s\\")];
    takes_as_they_are(&real_mtas::HARAKA, &odd);
}

/// What a command line would read as an option.
#[test]
fn postfix_takes_a_name_that_begins_with_a_dash() {
    takes_as_they_are(&real_mtas::POSTFIX, &[("cram-md5", "-jo", "-p")]);
}
