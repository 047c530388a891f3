//! Which programs and libraries of the managed kinds are on this machine, and in which version. What
//! else a kind needs (privileges, users) is found when it is started.

use std::path::{Path, PathBuf};

use super::{TargetError, programs};
use crate::scenario::model::{Mta, VersionSource};

/// A program that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Where it is.
    pub path: PathBuf,
    /// Its version as it reports it; empty where it reports none.
    pub version: String,
}

/// The program of a managed kind.
///
/// # Errors
/// When it was not found.
pub async fn mta(mta: Mta) -> Result<Installed, TargetError> {
    let (name, inside) = mta.facts().program;
    let path = programs::find(name, inside, None)?;
    let version = version(mta, &path).await;
    Ok(Installed { path, version })
}

/// Any other program, on `PATH` or where packages were unpacked.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    let found = |inside| programs::find(name, inside, None).ok();
    found("usr/bin").or_else(|| found("usr/sbin"))
}

/// A library of the system's, or where packages were unpacked.
#[must_use]
pub fn library(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os(programs::PREFIX).map_or_else(|| PathBuf::from("/"), PathBuf::from);
    programs::library(name, &root).ok()
}

async fn version(mta: Mta, path: &Path) -> String {
    let root = programs::root(path);
    let libraries = programs::library_path(&root, Some(&root.join("usr/lib/postfix")));
    let ask = async |program: &Path, arguments: &[&str]| {
        let environment = [("LD_LIBRARY_PATH".to_owned(), libraries.clone())];
        let ended = programs::ended(program, arguments, &environment).await.ok();
        ended.map(|it| format!("{}{}", text(&it.stdout), text(&it.stderr))).unwrap_or_default()
    };
    match mta.facts().version {
        VersionSource::Program(argument, word) => word_after(word, &ask(path, &[argument]).await),
        VersionSource::Beside(name, arguments) => {
            let said = ask(&path.with_file_name(name), arguments).await;
            said.lines().next().unwrap_or_default().trim().to_owned()
        }
        VersionSource::Package => {
            let package = path.ancestors().nth(2).unwrap_or(Path::new("/")).join("package.json");
            let read = std::fs::read_to_string(package).ok();
            let read = read.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
            read.and_then(|it| it["version"].as_str().map(str::to_owned)).unwrap_or_default()
        }
    }
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn word_after(word: &str, said: &str) -> String {
    let mut words = said.split_whitespace().skip_while(|one| *one != word);
    words.nth(1).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_follows_a_word() {
        assert_eq!(word_after("version", "Exim version 4.96 #2 built 13-Jul\nCopyright"), "4.96");
        assert_eq!(word_after("OpenSMTPD", "version: OpenSMTPD 6.8.0p2\nusage"), "6.8.0p2");
        assert_eq!(word_after("version", "nothing"), "");
    }
}
