//! OpenSMTPD's intake under TLS, with a user or without.
//!
//! It keeps its private key in a process of its own: the process that shakes hands holds an object of
//! libcrypto that stands for the key, with a mark on it. OpenSSL 3 hands out copies of such objects,
//! so that version 6.8 never sees its mark again and fails in the handshake ("EVP lib"), unless an
//! engine answers for RSA and EC keys: then libcrypto goes the old way. Any engine will do that
//! passes on keys that are not its own, and that of libp11 does.

use std::path::Path;

use super::super::intake::{Certificate, Login, write_private};
use super::super::private_root::PrivateRoot;
use super::super::{Settings, TargetError, programs};
use crate::smtp::server_tls::Beginning;

/// The engine, below the folder of a system's libraries.
const ENGINE: &str = "engines-3/pkcs11.so";

/// Where it lies in OpenSMTPD's root directory.
const ENGINE_INSIDE: &str = "/mailbench-engine/pkcs11.so";

/// What libcrypto reads when it starts, there.
const OPENSSL: &str = "/etc/openssl.cnf";

/// Name and hashed password of each user, there.
const USERS: &str = "/etc/mailbench-users";

/// What the intake adds to settings and environment.
#[derive(Default)]
pub(super) struct Offered {
    /// Lines before the one that listens.
    pub(super) before: String,
    /// The end of the line that listens.
    pub(super) listen: String,
    /// Variables.
    pub(super) environment: Vec<(String, String)>,
}

/// Makes certificate and user, in its root directory, and says how they are used.
pub(super) async fn prepare(
    settings: &Settings,
    root: &PrivateRoot,
    packages: &Path,
    version: &str,
) -> Result<Offered, TargetError> {
    let failed = |cause| TargetError::Folder { folder: settings.folder.clone(), cause };
    let mut offered = Offered::default();
    let Some(beginning) = settings.intake.tls else { return Ok(offered) };
    let names = ["mailbench.crt", "mailbench.key"];
    Certificate::make(&root.within("/etc"), names, None).map_err(failed)?;
    offered.before = "pki mailbench cert \"/etc/mailbench.crt\"\n\
                      pki mailbench key \"/etc/mailbench.key\"\n"
        .to_owned();
    let begins = if beginning == Beginning::Implicit { "smtps" } else { "tls" };
    offered.listen = format!(" {begins} pki mailbench");
    if loses_its_key(version) {
        let engine = engine(packages)?;
        root.copy(&engine, &root.within(ENGINE_INSIDE)).map_err(failed)?;
        root.file(OPENSSL, &openssl()).map_err(failed)?;
        offered.environment.push(("OPENSSL_CONF".to_owned(), OPENSSL.to_owned()));
    }
    if let Some(login) = &settings.intake.login {
        let line = format!("{}\t{}\n", name(login)?, hashed(login).await?);
        write_private(&root.within(USERS), &line, None).map_err(failed)?;
        offered.before += &format!("table mailbench-users file:{USERS}\n");
        offered.listen += " auth <mailbench-users>";
    }
    Ok(offered)
}

/// Later versions are at home with OpenSSL 3.
fn loses_its_key(version: &str) -> bool {
    version.starts_with("6.")
}

fn engine(packages: &Path) -> Result<std::path::PathBuf, TargetError> {
    programs::library(ENGINE, packages).map_err(|_| TargetError::Unmet {
        what: format!("OpenSMTPD 6 needs `{ENGINE}` to hold its key for TLS under OpenSSL 3"),
        remedy: format!(
            "install it (Debian: package libengine-pkcs11-openssl), or unpack it with \
             `tests/mtas/install DIR` and set {}=DIR",
            programs::PREFIX
        ),
    })
}

/// The engine is loaded for the methods of public keys, and is never given a token.
fn openssl() -> String {
    format!(
        "openssl_conf = init
[init]
engines = engines
[engines]
pkcs11 = keys
[keys]
engine_id = pkcs11
dynamic_path = {ENGINE_INSIDE}
default_algorithms = PKEY_CRYPTO
init = 0
"
    )
}

/// The user's name as its table has it: it asks for names in lower case.
fn name(login: &Login) -> Result<String, TargetError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._@+-".contains(c);
    if login.user.chars().all(plain) {
        return Ok(login.user.to_ascii_lowercase());
    }
    Err(TargetError::Unmet {
        what: format!("OpenSMTPD's table of users cannot hold the name `{}`", login.user),
        remedy: "use letters, digits and `._@+-` in smtp.auth.user".to_owned(),
    })
}

/// It takes passwords as crypt(3) hashes them.
async fn hashed(login: &Login) -> Result<String, TargetError> {
    let openssl = programs::find("openssl", "usr/bin", None)?;
    let said = programs::fed(&openssl, &["passwd", "-6", "-stdin"], &[], &login.password).await?;
    Ok(said.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_its_table_would_misread_is_refused() {
        let of = |user: &str| name(&Login { user: user.to_owned(), password: String::new() });
        assert_eq!(of("Jo.x@a.test").expect("a name"), "jo.x@a.test");
        assert!(of("jo x").is_err() && of("#jo").is_err() && of("jo\n").is_err());
    }

    #[test]
    fn only_what_loses_its_key_gets_an_engine() {
        assert!(loses_its_key("6.8.0p2") && !loses_its_key("7.4.0p1"));
    }
}
