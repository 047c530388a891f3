//! Records of what the program is built: what `mailbench --version --verbose` prints.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=MAILBENCH_COMMIT");
    let of = |name: &str| std::env::var(name).unwrap_or_default();
    println!("cargo::rustc-env=MAILBENCH_BUILD_TARGET={}", of("TARGET"));
    println!("cargo::rustc-env=MAILBENCH_BUILD_PROFILE={}", profile(&of("OUT_DIR")));
    println!("cargo::rustc-env=MAILBENCH_BUILD_RUSTC={}", rustc(&of("RUSTC")));
    println!("cargo::rustc-env=MAILBENCH_BUILD_FEATURES={}", of("CARGO_CFG_FEATURE"));
    // Only packaging/build sets it: a build that read it from Git would be redone at each commit.
    println!("cargo::rustc-env=MAILBENCH_BUILD_COMMIT={}", of("MAILBENCH_COMMIT"));
}

/// `OUT_DIR` is `…/PROFILE/build/PACKAGE/out`; the variable `PROFILE` knows only debug and release.
fn profile(out: &str) -> &str {
    out.rsplit('/').nth(3).unwrap_or_default()
}

fn rustc(program: &str) -> String {
    let asked = Command::new(program).arg("--version").output();
    let printed = asked.map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned());
    printed.unwrap_or_default()
}
