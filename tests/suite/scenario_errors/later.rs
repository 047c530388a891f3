//! What is understood but not built.

use super::{DESTINATION, LOAD, one};

#[test]
fn what_is_not_built_is_refused() {
    let with = |more: &str| format!("{LOAD}{DESTINATION}{more}");
    one(
        &with(
            "[target]\nkind = \"direct\"\n[smtp.auth]\nmechanism = \"scram-sha-256\"\nuser = \"u\"\npassword_env = \"P\"",
        ),
        ("\"scram-sha-256\"", "mechanism scram-sha-256 is not built yet", "cram-md5"),
    );
}
