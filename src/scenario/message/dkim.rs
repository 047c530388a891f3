//! `[message.dkim]`: who signs messages (RFC 6376), and with which key. Signing is `plan`'s, the
//! cryptography ring's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::key::Key;
use crate::grammar::at::{At, some};
use crate::grammar::diagnosis::{Problem, Problems, Unusable};
use crate::grammar::schema::{self, Refinement};
use crate::probe::BOUNCE_DOMAIN;
use crate::scenario::file::Place;
use crate::{files, limits};

const SELECTOR: &str = "mailbench";

/// `[message.dkim]`: who signs messages. Without a key one is made from the seed; `mailbench check`
/// prints its DNS record.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Dkim")]
pub(in crate::scenario) struct Written {
    /// The signing domain. Default: bounce.mailbench.test, that of the author.
    pub domain: Option<At<String>>,
    /// Which of the domain's keys. Default: mailbench.
    pub selector: Option<At<String>>,
    /// PEM file of the private key (RSA or Ed25519), seen from the scenario's folder.
    pub key: Option<At<String>>,
    /// Name of the environment variable that holds it instead.
    pub key_env: Option<At<String>>,
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    vec![
        ("Dkim.domain", schema::signer()),
        ("Dkim.selector", schema::signer()),
        ("Dkim", serde_json::json!({ "not": { "required": ["key", "key_env"] } })),
    ]
}

/// `[message.dkim]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dkim {
    /// Who signs.
    pub domain: String,
    /// Which of the domain's keys.
    pub selector: String,
    /// Where the scenario says the key is; no part of what the messages are.
    #[serde(skip)]
    pub place: KeyPlace,
    /// The key; `None`: one made from the seed, or that of a stored run, which needs none.
    pub key: Option<Key>,
}

/// Where a key is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyPlace {
    /// Nowhere: it is made.
    #[default]
    Nowhere,
    /// In a PEM file, as the scenario names it.
    File(String),
    /// In an environment variable.
    Environment(String),
}

pub(super) fn resolve(written: &Written, at: &Place<'_>, problems: &mut Problems) -> Dkim {
    let domain = name(written.domain.as_ref(), BOUNCE_DOMAIN, problems);
    let selector = name(written.selector.as_ref(), SELECTOR, problems);
    let (place, text) = match (&written.key, &written.key_env) {
        (Some(key), Some(_)) => {
            let what = "`key` and `key_env` contradict each other";
            problems.refuse(&key.span, what, "keep one");
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
) -> Option<Key> {
    if at.is_stored() {
        return None;
    }
    text().and_then(|text| Ok(Key::from_pem(&text)?)).map_or_else(
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
        problems.refuse(&written.span, what, "letters, digits, `-` and dots");
    }
    written.value.clone()
}

impl From<&Dkim> for Written {
    fn from(dkim: &Dkim) -> Written {
        let (key, key_env) = match &dkim.place {
            KeyPlace::Nowhere => (None, None),
            KeyPlace::File(path) => (Some(path), None),
            KeyPlace::Environment(name) => (None, Some(name)),
        };
        Written {
            domain: some(dkim.domain.clone()),
            selector: some(dkim.selector.clone()),
            key: key.map(|path| At::from(path.clone())),
            key_env: key_env.map(|name| At::from(name.clone())),
        }
    }
}
