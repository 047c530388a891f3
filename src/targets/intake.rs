//! How mail is submitted to a target that mailbench sets up: under TLS, by a certificate made for
//! it, and after a log-in. What a kind makes of that is the kind's.

use std::fmt;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use crate::smtp::server_tls::Beginning;

/// What the target is to offer beside what it offers anyhow.
#[derive(Clone, Debug, Default)]
pub struct Intake {
    /// `None`: nothing is said of TLS.
    pub tls: Option<Beginning>,
    /// The one user it knows, without whom it takes no mail; `None`: it takes mail from anyone.
    pub login: Option<Login>,
}

/// A user and his password, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// His name.
    pub user: String,
    /// His password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A certificate for localhost and its key, as PEM files.
pub(super) struct Certificate {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Certificate {
    /// Makes one in `folder`, under these names, for a program that runs as `owner`.
    pub(super) fn make(
        folder: &Path,
        [certificate, key]: [&str; 2],
        owner: Option<(u32, u32)>,
    ) -> io::Result<Certificate> {
        let names = vec!["localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
        let files = Certificate { certificate: folder.join(certificate), key: folder.join(key) };
        write_private(&files.certificate, &made.cert.pem(), owner)?;
        write_private(&files.key, &made.signing_key.serialize_pem(), owner)?;
        Ok(files)
    }
}

/// Writes a file that only its owner can read.
pub(super) fn write_private(path: &Path, text: &str, owner: Option<(u32, u32)>) -> io::Result<()> {
    let mut options = std::fs::File::options();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    owner.map_or(Ok(()), |(user, group)| chown(path, Some(user), Some(group)))
}
