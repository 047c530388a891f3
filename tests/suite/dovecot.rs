//! Dovecot by LMTP (RFC 2033), IMAP and POP3, for the tests that send to it or read from it. Its paths are compiled in, so
//! that it gets a root directory of its own, made of copies, and is started there by `chroot`.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{comes_true, free_address, pass_over, prefix, skip};

/// What of its packages is run, or loaded by what is run.
const PARTS: [&str; 13] = [
    "usr/sbin/dovecot",
    "usr/bin/doveconf",
    "usr/lib/dovecot/anvil",
    "usr/lib/dovecot/auth",
    "usr/lib/dovecot/config",
    "usr/lib/dovecot/imap",
    "usr/lib/dovecot/imap-login",
    "usr/lib/dovecot/lmtp",
    "usr/lib/dovecot/log",
    "usr/lib/dovecot/pop3",
    "usr/lib/dovecot/pop3-login",
    "usr/lib/dovecot/stats",
    "usr/lib/dovecot/modules/libssl_iostream_openssl.so",
];

/// Where its other programs lie: it wants to see them all.
const PROGRAMS: &str = "usr/lib/dovecot";

/// Where its own libraries lie; those of other packages lie in folders named after the machine.
const LIBRARIES: [&str; 2] = ["usr/lib/dovecot", "usr/lib/dovecot/modules/old-stats"];

/// Owner of all mailboxes, known in its root directory only, as are the two before.
const OWNER: u32 = 59_992;

const PASSWD: &str = "root:x:0:0::/:/bin/false
dovecot:x:59990:59990::/:/bin/false
dovenull:x:59991:59991::/:/bin/false
vmail:x:59992:59992::/:/bin/false
";

const GROUP: &str = "root:x:0:\ndovecot:x:59990:\ndovenull:x:59991:\nvmail:x:59992:\n";

/// Local-parts with a `+` are taken whole, and content is kept with the line ends it came with.
const CONFIG: &str = "protocols = lmtp imap pop3
ssl = no
disable_plaintext_auth = no
log_path = /log
mail_location = maildir:~
mail_save_crlf = yes
first_valid_uid = 59992
recipient_delimiter =
auth_username_chars =
lmtp_proxy = yes
passdb {
  driver = passwd-file
  args = /etc/dovecot/users
}
userdb {
  driver = passwd-file
  args = /etc/dovecot/users
  default_fields = uid=vmail gid=vmail home=/mail/%u
}
service lmtp {
  inet_listener lmtp {
    address = ADDRESS
    port = PORT
  }
}
service imap-login {
  inet_listener imap {
    address = IMAP_HOST
    port = IMAP_NUMBER
  }
}
service pop3-login {
  inet_listener pop3 {
    address = POP3_HOST
    port = POP3_NUMBER
  }
}
";

/// How long it may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// A Dovecot that runs; it ends with the test.
pub(crate) struct Dovecot {
    root: tempfile::TempDir,
    master: Child,
    pub(crate) address: SocketAddr,
    pub(crate) imap: SocketAddr,
    pub(crate) pop3: SocketAddr,
}

impl Dovecot {
    /// One that knows these recipients, a line each of its `passwd-file`, and no others. `None`:
    /// it cannot be had here, which has been said.
    pub(crate) fn start(users: &[String]) -> Option<Dovecot> {
        let packages = prefix();
        if !nix::unistd::geteuid().is_root() {
            pass_over("Dovecot", "only root can give it a root directory of its own");
            return None;
        }
        if let Some(part) = PARTS.iter().find(|part| !packages.join(part).exists()) {
            skip("Dovecot", &format!("{part} is not below {}", packages.display()));
            return None;
        }
        let [address, imap, pop3] = [free_address(), free_address(), free_address()];
        let root = tempfile::tempdir().expect("a folder");
        fill(root.path(), &packages);
        lay_out(root.path(), users, [address, imap, pop3]);
        let mut command = Command::new("chroot");
        command.arg(root.path()).args(["/usr/sbin/dovecot", "-F"]);
        let log = File::create(root.path().join("log")).expect("a log");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let master = command.spawn().expect("chroot");
        let dovecot = Dovecot { root, master, address, imap, pop3 };
        let listens = || [address, imap, pop3].iter().all(|at| TcpStream::connect(at).is_ok());
        assert!(comes_true(PATIENCE, listens), "Dovecot does not listen: {}", dovecot.log());
        Some(dovecot)
    }

    /// The messages in a recipient's mailbox.
    pub(crate) fn mailbox(&self, recipient: &str) -> Vec<Vec<u8>> {
        let folders =
            ["new", "cur"].map(|it| self.root.path().join("mail").join(recipient).join(it));
        let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.map(|path| std::fs::read(path).expect("a message")).collect()
    }

    /// The Maildir of a user.
    pub(crate) fn maildir(&self, user: &str) -> PathBuf {
        self.root.path().join("mail").join(user)
    }

    /// Puts a message into a user's Maildir, under this path below it.
    pub(crate) fn put(&self, user: &str, path: &str, text: &[u8]) {
        let path = self.maildir(user).join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, text).expect("written");
        for above in path.ancestors().take_while(|above| above.starts_with(self.maildir(user))) {
            chown(above, Some(OWNER), Some(OWNER)).expect("given away");
        }
    }

    /// What it said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.root.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let master = Pid::from_raw(self.master.id().try_into().expect("a process id"));
        // It ends the processes it started, too; it may have ended by itself.
        let _ended_already = kill(master, Signal::SIGTERM);
        if !comes_true(PATIENCE, || matches!(self.master.try_wait(), Ok(Some(_)))) {
            let _ended_already = self.master.kill();
            let _ended_already = self.master.wait();
        }
    }
}

/// Copies its programs, and whatever those are linked to that are run.
fn fill(root: &Path, packages: &Path) {
    let parts = PARTS.map(|part| packages.join(part));
    let mut ldd = Command::new("ldd");
    let said = ldd.args(&parts).env("LD_LIBRARY_PATH", libraries(packages)).output();
    let said = String::from_utf8(said.expect("ldd").stdout).expect("text");
    assert!(!said.contains("not found"), "{said}");
    let programs = std::fs::read_dir(packages.join(PROGRAMS)).expect("a folder").flatten();
    let programs = programs.map(|entry| entry.path()).filter(|path| path.is_file());
    for file in programs.chain(parts).chain(linked(&said)) {
        let inside = file.strip_prefix(packages).or_else(|_| file.strip_prefix("/"));
        let place = root.join(inside.expect("an absolute path"));
        std::fs::create_dir_all(place.parent().expect("a folder")).expect("made");
        std::fs::copy(&file, place).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

fn libraries(packages: &Path) -> String {
    let entries = std::fs::read_dir(packages.join("usr/lib")).expect("a folder").flatten();
    let machine = entries.map(|entry| entry.path().display().to_string());
    let machine = machine.filter(|path| path.ends_with("-gnu"));
    let own = LIBRARIES.map(|folder| packages.join(folder).display().to_string());
    own.into_iter().chain(machine).collect::<Vec<_>>().join(":")
}

/// The files named in lines such as `libz.so.1 => /lib/libz.so.1 (0x7f…)`.
fn linked(said: &str) -> impl Iterator<Item = PathBuf> {
    let words = said.lines().filter(|line| line.contains(" (0x")).flat_map(str::split_whitespace);
    words.filter(|word| word.starts_with('/')).map(PathBuf::from)
}

/// The files it reads, and the folders it writes to.
fn lay_out(root: &Path, users: &[String], [address, imap, pop3]: [SocketAddr; 3]) {
    let config = CONFIG.replace("ADDRESS", &address.ip().to_string());
    let config = config.replace("PORT", &address.port().to_string());
    let config = config.replace("IMAP_HOST", &imap.ip().to_string());
    let config = config.replace("IMAP_NUMBER", &imap.port().to_string());
    let config = config.replace("POP3_HOST", &pop3.ip().to_string());
    let config = config.replace("POP3_NUMBER", &pop3.port().to_string());
    for (path, text) in [
        ("etc/passwd", PASSWD),
        ("etc/group", GROUP),
        ("etc/dovecot/dovecot.conf", &config),
        ("etc/dovecot/users", &users.join("\n")),
        ("dev/null", ""),
    ] {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    for path in ["mail", "run", "tmp", "var/lib", "usr/lib/dovecot/modules/auth"] {
        std::fs::create_dir_all(root.join(path)).expect("made");
    }
    let all = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(root.join("dev/null"), all).expect("set");
    std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o755)).expect("set");
    chown(root.join("mail"), Some(OWNER), Some(OWNER)).expect("given");
}
