//! What is understood but not built.

use super::{DESTINATION, LOAD, complaint, one};

#[test]
fn what_is_not_built_is_refused() {
    let with = |more: &str| format!("{LOAD}{DESTINATION}{more}");
    one(
        &with("[smtp.auth]\nmechanism = \"scram-sha-256\"\nuser = \"u\"\npassword_env = \"P\""),
        ("\"scram-sha-256\"", "mechanism scram-sha-256 is not built yet", ""),
    );
    one(
        &with("[message]\nparts = \"corpus\"\ncorpus = \"*.eml\""),
        ("\"corpus\"", "parts corpus is not built yet", ""),
    );
    one(
        &with("[message]\nencoding = \"utf8\""),
        ("\"utf8\"", "encoding utf8 is not built yet", ""),
    );
    one(
        &format!("[load]\nrate = \"5/s\"\narrival = \"trace\"\ntrace = \"t\"\n{DESTINATION}"),
        ("\"trace\"", "arrival trace is not built yet", ""),
    );
    let variants = "[[compare.variant]]\nname = \"a\"\n[[compare.variant]]\nname = \"b\"\n";
    one(
        &with(&format!("[compare]\npairs = 10\n{variants}")),
        ("[compare]", "[compare] is not built yet", ""),
    );
}

#[test]
fn what_is_not_built_is_checked_all_the_same() {
    let said = |more: &str| complaint(&format!("{LOAD}{DESTINATION}{more}"));
    let one_variant = said("[compare]\npairs = 0\n[[compare.variant]]\nname = \"a\"\n");
    assert!(one_variant.contains("at least two variants are needed"), "{one_variant}");
    assert!(one_variant.contains("at least one pair is needed"), "{one_variant}");
    let twice = "[[compare.variant]]\nname = \"a\"\n".repeat(2);
    let twice = said(&format!("[compare]\npairs = 1\n{twice}"));
    assert!(twice.contains("variant `a` stands twice"), "{twice}");
}
