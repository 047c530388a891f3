//! `[message.dkim]`.

use super::Place;
use crate::probe::BOUNCE_DOMAIN;
use crate::scenario::diagnosis::{Problem, Problems, Unusable};
use crate::scenario::file::{self, At};
use crate::scenario::model::{Dkim, DkimKey, KeyPlace};
use crate::{files, limits};

const SELECTOR: &str = "mailbench";

pub(super) fn dkim(written: &file::Dkim, at: &Place<'_>, problems: &mut Problems) -> Dkim {
    let domain = name(written.domain.as_ref(), BOUNCE_DOMAIN, problems);
    let selector = name(written.selector.as_ref(), SELECTOR, problems);
    let (place, text) = match (&written.key, &written.key_env) {
        (Some(key), Some(_)) => {
            let what = "`key` and `key_env` contradict each other";
            problems.push(Problem::new(&key.span, what).help("keep one"));
            return Dkim { domain, selector, place: KeyPlace::Nowhere, key: None };
        }
        (None, None) => {
            return Dkim { domain, selector, place: KeyPlace::Nowhere, key: None };
        }
        (Some(file), None) => {
            let path = at.folder.join(&file.value);
            let text = || files::read(&path, limits::SMALL_FILE).map_err(Unusable::from);
            (KeyPlace::File(file.value.clone()), key(file, at, problems, text))
        }
        (None, Some(name)) => {
            let text = || match std::env::var(&name.value) {
                Ok(text) => Ok(text.into_bytes()),
                Err(error) => Err(error.to_string().into()),
            };
            (KeyPlace::Environment(name.value.clone()), key(name, at, problems, text))
        }
    };
    Dkim { domain, selector, place, key: text }
}

/// The key at a place; none for a stored run, whose messages are not made again.
fn key(
    written: &At<String>,
    at: &Place<'_>,
    problems: &mut Problems,
    text: impl FnOnce() -> Result<Vec<u8>, Unusable>,
) -> Option<DkimKey> {
    if at.is_stored() {
        return None;
    }
    text().and_then(|text| Ok(DkimKey::from_pem(&text)?)).map_or_else(
        |wrong| {
            let before = format!("no key in `{}`: ", written.value);
            let problem = Problem::unusable(&before, &wrong).at(&written.span);
            problems.push(problem.help("a PEM text, such as `openssl genpkey` writes"));
            None
        },
        Some,
    )
}

/// A domain name, or the selector before it.
fn name(written: Option<&At<String>>, default: &str, problems: &mut Problems) -> String {
    let Some(written) = written else { return default.to_owned() };
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        (1..=63).contains(&label.len()) && label.bytes().all(plain)
    };
    if written.value.len() > 253 || !written.value.split('.').all(label) {
        let what = format!("`{}` cannot be part of a domain name", written.value);
        problems.push(Problem::new(&written.span, what).help("letters, digits, `-` and dots"));
    }
    written.value.clone()
}
