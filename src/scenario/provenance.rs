//! What a scenario may do when it comes from someone else, such as a pull request.
//!
//! A scenario is code: it runs commands, names files to read and secrets to send. Under
//! `--untrusted` all of that is refused before any of it is touched; what the command line itself
//! sets is the user's own.

use std::ops::Range;
use std::path::{Component, Path};

use super::file::File;
use super::model::Network;
use crate::grammar::at::At;
use crate::grammar::diagnosis::Problems;

/// Whose a scenario is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provenance {
    /// The user's own.
    #[default]
    Own,
    /// Somebody else's.
    Untrusted,
}

const RUNS: &str = "it runs a command";
const READS: &str = "it reads a file outside the scenario's folder";
const SECRET: &str = "it sends a secret of the environment";
const SETTINGS: &str = "an MTA's own settings can run commands";
const SIGNALS: &str = "it names processes to be ended";
const LEADS_OUT: &str = "the target could reach other machines";

/// Notes every key of an untrusted scenario that runs, reads or reveals something. `ours`: where
/// the command line's own settings stand in the source; `folder`: where the scenario lies.
pub(super) fn check(
    written: &File,
    (ours, folder): (&Range<usize>, &Path),
    problems: &mut Problems,
) {
    let refused = target(written).chain(others(written)).chain(files(written, folder));
    for (key, span, why) in refused {
        if ours.contains(&span.start) {
            continue;
        }
        problems.refuse(
            &span,
            format!("`{key}` is refused under --untrusted: {why}"),
            "read the scenario, then run it without --untrusted",
        );
    }
}

/// A key, its place, and why it is refused.
type Refused = (&'static str, Range<usize>, &'static str);

fn key<T>(name: &'static str, value: Option<&At<T>>, why: &'static str) -> Option<Refused> {
    value.map(|value| (name, value.span.clone(), why))
}

fn target(written: &File) -> impl Iterator<Item = Refused> + '_ {
    written.target.iter().flat_map(|target| {
        let target = &target.value;
        let host = target.network.as_ref().filter(|network| network.value == Network::Host);
        [
            key("start_command", target.start_command.as_ref(), RUNS),
            key("stop_command", target.stop_command.as_ref(), RUNS),
            key("queue_command", target.queue_command.as_ref(), RUNS),
            key("program", target.program.as_ref(), RUNS),
            key("settings", target.settings.as_ref(), SETTINGS),
            key("pid_file", target.pid_file.as_ref(), SIGNALS),
            key("network", host, LEADS_OUT),
        ]
        .into_iter()
        .flatten()
    })
}

fn others(written: &File) -> impl Iterator<Item = Refused> + '_ {
    let hooks = written.chaos.iter();
    let hooks = hooks.filter_map(|chaos| key("run", chaos.value.run.as_ref(), RUNS));
    let auth = written.smtp.as_ref().and_then(|smtp| smtp.value.auth.as_ref());
    let password = auth.map(|auth| ("password_env", auth.value.password_env.span.clone(), SECRET));
    let dkim = written.message.as_ref().and_then(|message| message.value.dkim.as_ref());
    let signing = dkim.and_then(|dkim| key("key_env", dkim.value.key_env.as_ref(), SECRET));
    hooks.chain(password).chain(signing)
}

fn files<'a>(written: &'a File, folder: &'a Path) -> impl Iterator<Item = Refused> + 'a {
    let message = written.message.as_ref().map(|message| &message.value);
    let dkim = message.and_then(|message| message.dkim.as_ref());
    let smtp = written.smtp.as_ref().map(|smtp| &smtp.value);
    let load = written.load.as_ref().map(|load| &load.value);
    let named = [
        ("corpus", message.and_then(|message| message.corpus.as_ref())),
        ("key", dkim.and_then(|dkim| dkim.value.key.as_ref())),
        ("tls_ca", smtp.and_then(|smtp| smtp.tls_ca.as_ref())),
        ("trace", load.and_then(|load| load.trace.as_ref())),
    ];
    named.into_iter().filter_map(move |(name, path)| {
        let leads_out = |path: &str| leads_out(path) || is_linked_out(path, folder);
        let path = path.filter(|path| leads_out(&path.value))?;
        Some((name, path.span.clone(), READS))
    })
}

/// Whether a path, seen from the scenario's folder, names something outside it.
fn leads_out(path: &str) -> bool {
    let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    !Path::new(path).components().all(inside)
}

/// Whether what a path or pattern names lies elsewhere in truth, by way of a symbolic link: a
/// repository may hold one. What is not there is read by nothing.
fn is_linked_out(path: &str, folder: &Path) -> bool {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(home) = here.canonicalize() else { return false };
    let named = here.join(path);
    let found = glob::glob(&named.to_string_lossy()).into_iter().flatten().flatten();
    let mut found = std::iter::once(named).chain(found);
    found.any(|file| file.canonicalize().is_ok_and(|file| !file.starts_with(&home)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbolic_link_leads_where_it_points() {
        let (folder, elsewhere) = [(); 2].map(|()| tempfile::tempdir().expect("a folder")).into();
        let link = |target: &Path, name: &str| {
            std::os::unix::fs::symlink(target, folder.path().join(name)).expect("linked");
        };
        std::fs::write(elsewhere.path().join("secret.eml"), "x").expect("written");
        std::fs::write(folder.path().join("own.eml"), "x").expect("written");
        link(&elsewhere.path().join("secret.eml"), "linked.eml");
        link(elsewhere.path(), "mail");
        link(Path::new("own.eml"), "alias.eml");
        for outside in ["linked.eml", "*.eml", "mail/*", "mail/secret.eml", "ma?l/*.eml"] {
            assert!(is_linked_out(outside, folder.path()), "{outside}");
        }
        for inside in ["own.eml", "alias.eml", "own*", "nowhere/*", "[x"] {
            assert!(!is_linked_out(inside, folder.path()), "{inside}");
        }
    }

    #[test]
    fn only_what_lies_below_is_inside() {
        for inside in ["mail/*.eml", "./a.csv", "a"] {
            assert!(!leads_out(inside), "{inside}");
        }
        for outside in ["/etc/passwd", "../a", "a/../../b"] {
            assert!(leads_out(outside), "{outside}");
        }
    }
}
