//! Faults that cannot be.

use super::{DESTINATION, LOAD, complaint, one};

#[test]
fn what_is_offered_and_what_breaks() {
    let direct = "[target]\nkind = \"direct\"\n";
    let with = |text: &str| format!("{LOAD}{DESTINATION}{text}\n");
    one(
        &with("[sink]\nextensions = [\"SIZE\", \"PIPLINING\"]"),
        ("\"PIPLINING\"", "`PIPLINING` is not known here", "`PIPELINING`"),
    );
    one(
        &with("[sink]\nextensions = [\"SIZE\"]\nwith = [\"DSN\"]"),
        ("[\"DSN\"]", "`with` beside `extensions`", "leave one out"),
    );
    one(
        &with("[sink]\nengine = \"samotop\"\nwith = [\"CHUNKING\"]"),
        ("\"CHUNKING\"", "the samotop engine cannot read CHUNKING", "native"),
    );
    one(
        &with("[sink]\nengine = \"samotop\"\nprotocol = \"lmtp\""),
        ("\"lmtp\"", "the samotop engine cannot read LHLO", "native"),
    );
    one(
        &with("[sink]\ntls = \"implicit\"\n[[fault]]\ntls = \"not-offered\""),
        (
            "\"not-offered\"",
            "implicit TLS is not offered, it is just there",
            "`tls = \"starttls\"`",
        ),
    );
    one(
        &with("[[fault]]\nstage = \"data\"\ntls = \"expired\""),
        ("\"expired\"", "`tls` cannot happen at stage data", "starttls"),
    );
    one(
        &with("[[fault]]\nstage = \"quit\"\ngarble = \"nul\""),
        ("\"nul\"", "`garble` cannot happen at stage quit", ""),
    );
    one(
        &format!("{direct}{LOAD}{DESTINATION}without = [\"SIZE\"]\n"),
        (
            "[\"SIZE\"]",
            "here all destinations share one address of the sink, and one offer",
            "[sink]",
        ),
    );
}

#[test]
fn actions_and_stages() {
    let fault = |text: &str| format!("{LOAD}{DESTINATION}[[fault]]\n{text}\n");
    one(&fault("stage = \"rcpt-to\""), ("[[fault]]", "the fault does nothing", "add one action"));
    one(&fault("stall = \"5s\""), ("[[fault]]", "the fault has no stage", "stage = \"rcpt-to\""));
    one(
        &fault("stage = \"rcptto\"\nstall = \"5s\""),
        ("\"rcptto\"", "`rcptto` is not known here", "`rcpt-to`"),
    );
    one(
        &fault("stage = \"rcpt-to\"\nstall = \"5s\"\ndelay = \"5s\""),
        ("\"5s\"", "`stall` and `delay` in one fault", "write two"),
    );
    one(
        &fault("stage = \"ehlo\"\nrefuse = true"),
        ("true", "`refuse` cannot happen at stage ehlo", "use stage connect"),
    );
    one(
        &fault("refuse = true\nodds = 0.5"),
        ("0.5", "a port is closed or open, without odds", "`disconnect`"),
    );
    one(
        &fault("stage = \"connect\"\ndefer = \"421 4.3.2 no\""),
        ("\"421 4.3.2 no\"", "`defer` cannot happen at stage connect", "banner"),
    );
    one(
        &fault("stage = \"rcpt-to\"\nthrottle = \"1KiB/s\""),
        ("\"1KiB/s\"", "`throttle` cannot happen at stage rcpt-to", "content"),
    );
}

#[test]
fn replies_and_scopes() {
    let fault = |text: &str| format!("{LOAD}{DESTINATION}[[fault]]\n{text}\n");
    one(
        &fault("stage = \"rcpt-to\"\ndefer = \"550 5.1.1 no\""),
        ("\"550 5.1.1 no\"", "550 is no deferral", "use `reject`"),
    );
    one(
        &fault("stage = \"rcpt-to\"\nreject = \"451 4.1.1 no\""),
        ("\"451 4.1.1 no\"", "451 is no rejection", "use `defer`"),
    );
    one(
        &fault("stage = \"rcpt-to\"\ndefer = \"451 5.1.1 no\""),
        ("\"451 5.1.1 no\"", "451 and a status of class 5 contradict each other", ""),
    );
    one(
        &fault("stage = \"rcpt-to\"\ndefer = \"later\""),
        ("\"later\"", "\"later\" is not a reply", "CODE [x.y.z] text"),
    );
    one(
        &fault("stage = \"rcpt-to\"\nscript = [\"354 go\"]"),
        ("\"354 go\"", "354 decides nothing", ""),
    );
    one(&fault("stage = \"rcpt-to\"\nscript = []"), ("[]", "the script is empty", ""));
    one(
        &fault("stage = \"rcpt-to\"\ndisconnect = \"rst\"\nafter_bytes = 5"),
        ("5", "no content flows at stage rcpt-to", "use stage content"),
    );
    one(
        &fault("stage = \"content\"\nstall = \"5s\"\nafter_bytes = 5"),
        ("5", "`after_bytes` belongs to `disconnect`", ""),
    );
    one(
        &fault("stage = \"rcpt-to\"\nstall = \"5s\"\ndestination = \"b.test\""),
        ("\"b.test\"", "`b.test` is not a destination of this scenario", "`a.test`"),
    );
    one(
        &fault("stage = \"rcpt-to\"\nstall = \"5s\"\nduring = \"5s..5s\""),
        ("\"5s..5s\"", "`5s..5s` is empty", "offsets"),
    );
    one(
        &fault("stage = \"rcpt-to\"\nstall = \"5s\"\nduring = \"5..9\""),
        ("\"5..9\"", "`5..9` is not a span of time", "offsets"),
    );
    one(
        &fault("stage = \"rcpt-to\"\nstall = \"5s\"\nodds = 1.5"),
        ("1.5", "odds of 1.5 are impossible", "25%"),
    );
    one(
        &fault("stage = \"rcpt-to\"\nstall = \"5s\"\nattempts = \"0\""),
        ("\"0\"", "`0` is no range of attempt numbers", "count from 1"),
    );
    one(
        &fault("stage = \"rcpt-to\"\nlimit = {}"),
        ("{}", "a limit is of connections or of a rate", "connections = 20"),
    );
    one(
        &fault("stage = \"rcpt-to\"\nlimit = { connections = 5, per = \"destination\" }"),
        ("\"destination\"", "`per` belongs to `rate`", ""),
    );
}

#[test]
fn what_a_stage_cannot_tell() {
    let fault = |stage: &str, more: &str| {
        format!("{LOAD}{DESTINATION}[[fault]]\nstage = \"{stage}\"\n{more}\n")
    };
    for stage in ["connect", "banner", "ehlo", "quit"] {
        let what = format!("`attempts` is not known before stage {stage}");
        one(&fault(stage, "stall = \"5s\"\nattempts = 1"), ("1", &what, "mail-from"));
    }
    let what = "`script` is not known before stage ehlo";
    one(&fault("ehlo", "script = [\"451 no\"]"), ("[\"451 no\"]", what, "mail-from"));
}

/// Only a target that is told a next hop for each destination comes to one address of the sink
/// each.
#[test]
fn one_address_for_all_destinations_identifies_none_before_rcpt() {
    let external = "[target]\nkind = \"external\"\naddress = \"127.0.0.1:25\"\n";
    let fault = |target: &str, stage: &str, more: &str| {
        format!("{target}{LOAD}{DESTINATION}[[fault]]\nstage = \"{stage}\"\n{more}\n")
    };
    let stall = "stall = \"5s\"\ndestination = \"a.test\"";
    let per = "limit = { rate = \"5/s\", per = \"destination\" }";
    for target in ["[target]\nkind = \"direct\"\n", external] {
        for stage in ["connect", "banner", "ehlo", "mail-from", "quit"] {
            let what = format!("`destination` is not known before stage {stage}");
            one(
                &fault(target, stage, stall),
                ("\"a.test\"", &what, "addresses = \"per-destination\""),
            );
        }
        let what = "`per` is not known before stage mail-from";
        one(
            &fault(target, "mail-from", per),
            ("\"destination\"", what, "addresses = \"per-destination\""),
        );
    }
    let relay = "[target]\nkind = \"relay\"\n";
    for stage in ["connect", "banner", "ehlo", "mail-from", "quit"] {
        for target in [relay, ""] {
            let said = complaint(&fault(target, stage, stall));
            assert!(said.starts_with("no problem"), "{said}");
        }
    }
    let said = complaint(&fault(relay, "connect", per));
    assert!(said.starts_with("no problem"), "{said}");
}

const BY_DESTINATION: &str =
    "[sink]\nlisten = \"127.0.0.1:2526\"\naddresses = \"per-destination\"\n";

/// With an address for each, an external target's faults and offers are as free as a relay's; and
/// a relay's are not, where the sink has one address.
#[test]
fn an_address_for_each_destination_is_known_from_connect_on() {
    let external = "[target]\nkind = \"external\"\naddress = \"127.0.0.1:25\"\n";
    let own = "without = [\"SIZE\"]\n";
    let fault = "[[fault]]\nstage = \"connect\"\nrefuse = true\ndestination = \"a.test\"\n";
    let said = complaint(&format!("{external}{BY_DESTINATION}{LOAD}{DESTINATION}{own}{fault}"));
    assert!(said.starts_with("no problem"), "{said}");
    let shared = "[sink]\naddresses = \"shared\"\n";
    let what = "`destination` is not known before stage connect";
    one(&format!("{shared}{LOAD}{DESTINATION}{fault}"), ("\"a.test\"", what, "per-destination"));
}

#[test]
fn addresses_for_each_destination_must_be_known_to_the_target() {
    let direct = "[target]\nkind = \"direct\"\n";
    let what = "a direct run has no target that could be routed";
    one(
        &format!("{direct}{BY_DESTINATION}{LOAD}{DESTINATION}"),
        ("\"per-destination\"", what, "leave `addresses` out"),
    );
    let external = "[target]\nkind = \"external\"\naddress = \"127.0.0.1:25\"\n";
    let any = "[sink]\naddresses = \"per-destination\"\n";
    let what = "an external target must know the port of each address";
    let help = "listen = \"127.0.0.1:2526\"";
    one(&format!("{external}{any}{LOAD}{DESTINATION}"), ("\"per-destination\"", what, help));
    let high = "[sink]\nlisten = \"[::1]:65535\"\naddresses = \"per-destination\"\n";
    let what = "there are only 0 ports above that of `listen`";
    one(
        &format!("{external}{high}{LOAD}{DESTINATION}"),
        ("\"[::1]:65535\"", what, "write a lower one"),
    );
}

#[test]
fn names_stand_once() {
    let fault = |text: &str| format!("{LOAD}{DESTINATION}[[fault]]\n{text}\n");
    let named = "name = \"x\"\nstage = \"rcpt-to\"\nstall = \"5s\"\n";
    one(&fault(&format!("{named}[[fault]]\n{named}")), ("\"x\"", "fault `x` is defined twice", ""));
}
