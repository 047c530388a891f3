//! `[smtp.auth]`: who logs in. The secret is not part of a scenario.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::grammar::at::At;
use crate::grammar::diagnosis::{Problem, Problems};
use crate::grammar::schema::{self, Refinement};
use crate::scenario::targets::Mta;
use crate::smtp::client::Mechanism;

/// How to log in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Auth {
    /// SASL mechanism.
    pub mechanism: At<Mechanism>,
    /// User name.
    pub user: At<String>,
    /// Name of the environment variable that holds the password, or the token.
    pub password_env: At<String>,
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    vec![
        ("Auth.password_env", schema::pattern("^[A-Za-z0-9_]+$")),
        ("Auth.user", json!({ "minLength": 1 })),
    ]
}

/// Who logs in. The secret is not part of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginTerms {
    /// How.
    pub mechanism: Mechanism,
    /// As whom.
    pub user: String,
    /// Environment variable of the secret.
    pub password_env: String,
}

/// By which mechanisms the user of an MTA that mailbench sets up can log in, with their names.
pub(super) fn mechanisms(mta: Mta) -> &'static [(Mechanism, &'static str)] {
    const ALL: &[(Mechanism, &str)] = &[
        (Mechanism::Plain, "plain"),
        (Mechanism::Login, "login"),
        (Mechanism::CramMd5, "cram-md5"),
        (Mechanism::ScramSha256, "scram-sha-256"),
    ];
    match mta {
        Mta::Opensmtpd => &ALL[..2],
        Mta::Exim | Mta::Haraka => &ALL[..3],
        Mta::Postfix => ALL,
    }
}

pub(super) fn resolve(auth: &Auth, problems: &mut Problems) -> LoginTerms {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let variable = &auth.password_env;
    if variable.value.is_empty() || !variable.value.bytes().all(plain) {
        let what = format!("`{}` cannot name an environment variable", variable.value);
        let help = "name the variable that holds the password, such as \"MAILBENCH_PASSWORD\"; \
                    the password itself does not belong into a scenario";
        problems.refuse(&variable.span, what, help);
    }
    if auth.user.value.is_empty() || auth.user.value.chars().any(char::is_control) {
        problems.push(Problem::new(&auth.user.span, "this cannot be the name of a user"));
    }
    LoginTerms {
        mechanism: auth.mechanism.value,
        user: auth.user.value.clone(),
        password_env: variable.value.clone(),
    }
}

impl From<&LoginTerms> for Auth {
    fn from(login: &LoginTerms) -> Auth {
        Auth {
            mechanism: At::from(login.mechanism),
            user: At::from(login.user.clone()),
            password_env: At::from(login.password_env.clone()),
        }
    }
}
