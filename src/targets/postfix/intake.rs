//! What Postfix offers to those who submit: TLS, and a log-in by Cyrus SASL with a database of one
//! user.

use std::os::unix::fs::chown;
use std::path::Path;

use super::super::intake::{Certificate, Login};
use super::super::{Settings, TargetError, programs};
use super::Owner;
use crate::smtp::server_tls::Beginning;

/// The realm of its one user, who is known without it, too.
const REALM: &str = "mailbench.test";

/// Settings, and variables of its environment.
#[derive(Default)]
pub(super) struct Offered {
    pub(super) main: Vec<(String, String)>,
    pub(super) environment: Vec<(String, String)>,
}

/// Makes certificate and database, and says how they are used.
pub(super) async fn prepare(
    settings: &Settings,
    root: &Path,
    owner: &Owner,
    libraries: &str,
) -> Result<Offered, TargetError> {
    let failed = |cause| TargetError::Folder { folder: settings.folder.clone(), cause };
    let mut offered = Offered::default();
    if let Some(beginning) = settings.intake.tls {
        let names = ["tls.crt", "tls.key"];
        let files = Certificate::make(&settings.folder, names, None).map_err(failed)?;
        let implicit = beginning == Beginning::Implicit;
        offered.say("smtpd_tls_cert_file", files.certificate.display());
        offered.say("smtpd_tls_key_file", files.key.display());
        offered.say("smtpd_tls_security_level", if implicit { "encrypt" } else { "may" });
        offered.say("smtpd_tls_wrappermode", if implicit { "yes" } else { "no" });
    }
    if let Some(login) = &settings.intake.login {
        // Debian's Postfix looks here, whatever its settings say.
        let folder = settings.folder.join("etc/sasl");
        let plugins = programs::library("sasl2/libsasldb.so", root)?;
        let plugins = plugins.parent().unwrap_or(Path::new("/")).display().to_string();
        let sasl = ("SASL_PATH".to_owned(), plugins);
        std::fs::create_dir(&folder).map_err(failed)?;
        let database = folder.join("users");
        let conf = format!(
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {}\n\
             mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256\n",
            database.display()
        );
        std::fs::write(folder.join("smtpd.conf"), conf).map_err(failed)?;
        let environment = [("LD_LIBRARY_PATH".to_owned(), libraries.to_owned()), sasl.clone()];
        know(login, &database, &environment).await?;
        let user = Some(owner.user.uid.as_raw());
        chown(&database, user, None).map_err(failed)?;
        offered.environment.push(sasl);
        offered.say("cyrus_sasl_config_path", folder.display());
        offered.say("smtpd_sasl_auth_enable", "yes");
        offered.say("smtpd_sasl_local_domain", REALM);
        offered.say("smtpd_relay_restrictions", "permit_sasl_authenticated, reject");
    }
    Ok(offered)
}

/// Writes the one user into the database.
async fn know(
    login: &Login,
    database: &Path,
    environment: &[(String, String)],
) -> Result<(), TargetError> {
    let program = programs::find("saslpasswd2", "usr/sbin", None)?;
    let file = database.display().to_string();
    let arguments = ["-p", "-c", "-f", &file, "-u", REALM, "--", &login.user];
    programs::fed(&program, &arguments, environment, &login.password).await.map(drop)
}

impl Offered {
    fn say(&mut self, name: &str, value: impl std::fmt::Display) {
        self.main.push((name.to_owned(), value.to_string()));
    }
}
