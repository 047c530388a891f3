//! `mailbench --version --verbose`: what this program was built from, and how.

use std::fmt::Write;

/// What the build script recorded; an empty value is not known.
const BUILD: [(&str, &str); 5] = [
    ("commit", env!("MAILBENCH_BUILD_COMMIT")),
    ("target", env!("MAILBENCH_BUILD_TARGET")),
    ("profile", env!("MAILBENCH_BUILD_PROFILE")),
    ("compiler", env!("MAILBENCH_BUILD_RUSTC")),
    ("features", env!("MAILBENCH_BUILD_FEATURES")),
];

/// One `name: value` a line, after the line that `--version` prints.
pub(super) fn verbose() -> String {
    let mut text = format!("mailbench {}\n", env!("CARGO_PKG_VERSION"));
    for (name, value) in BUILD {
        let value = match (name, value) {
            ("features", "") => "none",
            (_, "") => "unknown",
            (_, value) => value,
        };
        let _ = writeln!(text, "{name}: {value}");
    }
    let linking = if cfg!(target_feature = "crt-static") { "static" } else { "dynamic" };
    let _ = writeln!(text, "linking: {linking}");
    // The program sets no allocator of its own.
    let _ = writeln!(text, "allocator: system ({})", libc_name());
    text
}

fn libc_name() -> &'static str {
    match () {
        () if cfg!(target_env = "gnu") => "glibc",
        () if cfg!(target_env = "musl") => "musl",
        () => "libc",
    }
}
