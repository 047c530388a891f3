//! Facts about the machine that a reader needs to compare two runs.

use std::fs;

/// The facts, in display order.
#[must_use]
pub fn facts() -> Vec<(String, String)> {
    let facts = [
        ("os", os()),
        ("kernel", read("/proc/sys/kernel/osrelease")),
        ("cpu", cpu()),
        ("cores", Some(cores().to_string())),
        ("memory", memory()),
        ("build", Some(build().to_owned())),
    ];
    let known = facts.into_iter().filter_map(|(name, fact)| Some((name.to_owned(), fact?)));
    known.collect()
}

/// Cores this process may use.
#[must_use]
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn os() -> Option<String> {
    let text = read("/etc/os-release")?;
    let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(line.trim_matches('"').to_owned())
}

fn cpu() -> Option<String> {
    let text = read("/proc/cpuinfo")?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim().to_owned())
}

fn memory() -> Option<String> {
    let text = read("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().split(' ').next()?.parse().ok()?;
    Some(format!("{} MiB", kib / 1024))
}

/// A debug build measures itself, so a report says which it was.
fn build() -> &'static str {
    if cfg!(debug_assertions) { "debug" } else { "release" }
}
