//! Fourteen mail clients, each of which can hand a message on in place of the MTA of the tests.

use std::ffi::OsString;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::mail::Mail;
use crate::real_clients_deliver::{found, libraries};
use crate::real_clients_deliver_under_tls::nodemailer;
use crate::support::{prefix, skip};

/// A client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    Swaks,
    Curl,
    Smtplib,
    Aiosmtplib,
    NetSmtp,
    Nodemailer,
    Msmtp,
    Esmtp,
    Ssmtp,
    Nullmailer,
    SendEmail,
    GitSendEmail,
    OpenSmtpd,
    SmtpSource,
}

const SMTPLIB: &str = "
import smtplib, sys
host, port, sender, recipient, file = sys.argv[1:]
with smtplib.SMTP(host, int(port), 'client.test', timeout=20) as client:
    client.sendmail(sender, [recipient], open(file, 'rb').read())
";

const AIOSMTPLIB: &str = "
import aiosmtplib, asyncio, sys
host, port, sender, recipient, file = sys.argv[1:]
async def send():
    client = aiosmtplib.SMTP(hostname=host, port=int(port), source_address='client.test',
                             start_tls=False)
    async with client:
        await client.sendmail(sender, [recipient], open(file, 'rb').read())
asyncio.run(send())
";

const NET_SMTP: &str = "
use Net::SMTP;
my ($host, $port, $sender, $recipient, $file) = @ARGV;
my $smtp = Net::SMTP->new($host, Port => $port, Hello => 'client.test', Timeout => 20) or die $@;
$smtp->mail($sender) && $smtp->to($recipient) && $smtp->data() or die $smtp->message;
open(my $text, '<', $file) or die $!;
$smtp->datasend($_) while <$text>;
$smtp->dataend() && $smtp->quit or die $smtp->message;
";

const NODEMAILER: &str = "
const [host, port, from, to, file] = process.argv.slice(1);
const transport = require('nodemailer').createTransport({ host, port: Number(port) });
transport.sendMail({ envelope: { from, to: [to] }, raw: require('fs').readFileSync(file) })
  .then(() => transport.close(), (error) => { console.error(error); process.exit(1); });
";

/// What one message is handed on with.
struct Handing<'a> {
    folder: &'a Path,
    host: String,
    port: String,
    sender: &'a str,
    recipient: &'a str,
    /// The text with LF, and with CRLF.
    lines: PathBuf,
    wire: PathBuf,
    /// Its `From`.
    author: String,
}

impl Client {
    pub(crate) const ALL: [Client; 14] = [
        Client::Swaks,
        Client::Curl,
        Client::Smtplib,
        Client::Aiosmtplib,
        Client::NetSmtp,
        Client::Nodemailer,
        Client::Msmtp,
        Client::Esmtp,
        Client::Ssmtp,
        Client::Nullmailer,
        Client::SendEmail,
        Client::GitSendEmail,
        Client::OpenSmtpd,
        Client::SmtpSource,
    ];

    /// Whether it is on this machine; says so where it is not.
    pub(crate) fn is_here(self) -> bool {
        self.program().is_some()
    }

    /// What it does to mail, as `[target.changes]` declares it.
    pub(crate) fn changes(self) -> &'static [(&'static str, &'static str)] {
        match self {
            // The sender is that of `From`.
            Client::Ssmtp => &[("sender", "any")],
            // It dates its messages itself.
            Client::GitSendEmail => &[("headers", "any")],
            _ => &[],
        }
    }

    /// What runs it, with nothing said to it.
    fn program(self) -> Option<Command> {
        match self {
            Client::Swaks => found("swaks").map(Command::new),
            Client::Curl => found("curl").map(Command::new),
            Client::Smtplib => Some(script(found("python3")?, "-c", SMTPLIB)),
            Client::Aiosmtplib => {
                let modules = unpacked("usr/lib/python3/dist-packages")?;
                let mut command = script(found("python3")?, "-c", AIOSMTPLIB);
                command.env("PYTHONPATH", modules);
                Some(command)
            }
            Client::NetSmtp => Some(script(found("perl")?, "-e", NET_SMTP)),
            Client::Nodemailer => nodemailer(NODEMAILER),
            Client::Msmtp => with_libraries("usr/bin/msmtp"),
            Client::Esmtp => with_libraries("usr/bin/esmtp"),
            Client::Ssmtp => unpacked("usr/sbin/ssmtp").map(Command::new),
            Client::Nullmailer => unpacked("usr/lib/nullmailer/smtp").map(Command::new),
            Client::SendEmail => perl("usr/bin/sendemail"),
            Client::GitSendEmail => perl("usr/lib/git-core/git-send-email"),
            Client::OpenSmtpd => {
                let program = prefix().join("usr/bin/smtp");
                program.is_file().then(|| Command::new(program))
            }
            Client::SmtpSource => {
                let source = found("smtp-source")?;
                let mut command = Command::new(&source);
                command.env("LD_LIBRARY_PATH", libraries(&source));
                Some(command)
            }
        }
    }

    /// Hands a message on to one recipient; whether it says that it did.
    pub(super) fn hands(self, mail: &Mail, recipient: &str, to: SocketAddr, folder: &Path) -> bool {
        let handing = Handing::new(mail, recipient, to, folder);
        let Some(mut command) = self.program() else { return false };
        self.tell(&mut command, &handing);
        command.current_dir(folder).env("HOME", folder).stdout(Stdio::null());
        let output = command.stderr(Stdio::piped()).output().expect("a client that starts");
        if !output.status.success() {
            eprintln!("{self:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        output.status.success()
    }

    fn tell(self, command: &mut Command, it: &Handing<'_>) {
        let address = format!("{}:{}", it.host, it.port);
        let Handing { sender, recipient, .. } = *it;
        match self {
            Client::Swaks => {
                command.args(["--server", &it.host, "--port", &it.port, "--helo", "client.test"]);
                let data = format!("@{}", it.lines.display());
                command.args(["--from", sender, "--to", recipient, "--data", &data]);
            }
            Client::Curl => {
                command.args(["--silent", "--show-error", "--noproxy", "*", "--mail-from", sender]);
                command.args(["--mail-rcpt", recipient, "--upload-file"]).arg(&it.wire);
                command.arg(format!("smtp://{address}/client.test"));
            }
            Client::Smtplib => {
                command.args([&it.host, &it.port, sender, recipient]).arg(&it.wire);
            }
            Client::Aiosmtplib | Client::NetSmtp | Client::Nodemailer => {
                command.args([&it.host, &it.port, sender, recipient]).arg(&it.lines);
            }
            Client::Msmtp => {
                command.args(["--host", &it.host, "--port", &it.port, "--from", sender]);
                command.args(["--tls=off", "--auth=off", "--domain=client.test", "--", recipient]);
                command.stdin(it.text());
            }
            Client::Esmtp => {
                let settings = it.file("esmtprc", &format!("hostname = {address}\n"));
                command.arg("-C").arg(settings).args(["-f", sender, recipient]).stdin(it.text());
            }
            Client::Ssmtp => {
                let hub =
                    format!("mailhub={address}\nhostname=client.test\nFromLineOverride=YES\n");
                let settings = it.file("ssmtp.conf", &hub);
                command.arg(["-C", &settings.display().to_string()].concat());
                command.args(["-f", sender, recipient]).stdin(it.text());
            }
            Client::Nullmailer => it.nullmailer(command),
            Client::SendEmail => {
                command.args(["-f", sender, "-t", recipient, "-s", &address, "-o", "tls=no"]);
                command.args(["-o", "message-format=raw", "-o", "fqdn=client.test", "-o"]);
                // What it calls raw is sent as it is: dots are for its user to double.
                let text = std::fs::read_to_string(&it.lines).expect("the message");
                let stuffed = it.file("raw", &text.replace("\n.", "\n.."));
                command.arg(format!("message-file={}", stuffed.display()));
            }
            Client::GitSendEmail => it.git(command),
            Client::OpenSmtpd => {
                let server = format!("smtp+notls://{address}");
                command.args(["-F", sender, "-s", &server, recipient]).stdin(it.text());
            }
            Client::SmtpSource => {
                command.arg("-F").arg(&it.lines).args(["-f", sender, "-t", recipient, &address]);
            }
        }
    }
}

impl<'a> Handing<'a> {
    fn new(mail: &'a Mail, recipient: &'a str, to: SocketAddr, folder: &'a Path) -> Handing<'a> {
        let (lines, wire) = (folder.join("message"), folder.join("message.crlf"));
        let text: Vec<u8> = mail.text.iter().copied().filter(|byte| *byte != b'\r').collect();
        std::fs::write(&lines, text).expect("written");
        std::fs::write(&wire, &mail.text).expect("written");
        let (host, port) = (to.ip().to_string(), to.port().to_string());
        let fields = mail.fields();
        let from = fields.iter().find_map(|field| field.strip_prefix("From: "));
        let author = from.unwrap_or_default().to_owned();
        Handing { folder, host, port, sender: &mail.sender, recipient, lines, wire, author }
    }

    fn text(&self) -> File {
        File::open(&self.lines).expect("the message")
    }

    /// A file for its owner alone, as some clients demand.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.join(name);
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
        path
    }

    /// Its remote program reads options from its input, and a message of its queue from descriptor 3.
    fn nullmailer(&self, command: &mut Command) {
        let text = std::fs::read_to_string(&self.lines).expect("the message");
        let queued = format!("{}\n{}\n\n{text}", self.sender, self.recipient);
        let (message, program) = (self.file("queued", &queued), command.get_program().to_owned());
        let options = self.file("options", &format!("host={}\nport={}\n\n", self.host, self.port));
        *command = Command::new("sh");
        command.args(["-c", "exec \"$0\" 3<\"$1\""]).arg(program).arg(message);
        command.env("HELOHOST", "client.test").stdin(File::open(options).expect("the options"));
    }

    /// It wants a repository around it, and takes the recipient for the address in `To`.
    fn git(&self, command: &mut Command) {
        let made = Command::new("git").args(["init", "-q"]).current_dir(self.folder).status();
        assert!(made.is_ok_and(|status| status.success()), "git init");
        command.args(["--smtp-server", &self.host, "--smtp-server-port", &self.port]);
        command.args(["--smtp-domain=client.test", "--confirm=never", "--suppress-cc=all"]);
        // Of another author it says so in the body.
        command.args(["--no-validate", "--from", &self.author, "--to", self.recipient]);
        command.args(["--envelope-sender", self.sender]).arg(&self.lines);
        command.env("GIT_CONFIG_NOSYSTEM", "1");
    }
}

fn script(interpreter: PathBuf, option: &str, text: &str) -> Command {
    let mut command = Command::new(interpreter);
    command.args([option, text]);
    command
}

/// Where `tests/mtas/install` unpacks clients.
fn unpacked(name: &str) -> Option<PathBuf> {
    let path = prefix().join("clients").join(name);
    if !path.exists() {
        skip(name, &format!("it is not below {}", prefix().join("clients").display()));
        return None;
    }
    Some(path)
}

fn with_libraries(name: &str) -> Option<Command> {
    let program = unpacked(name)?;
    let usr = prefix().join("clients/usr");
    let places = ["lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"].map(|place| usr.join(place));
    let mut command = Command::new(program);
    command.env("LD_LIBRARY_PATH", std::env::join_paths(places).expect("plain paths"));
    Some(command)
}

fn perl(name: &str) -> Option<Command> {
    let (program, lib) = (unpacked(name)?, prefix().join("clients/usr"));
    let mut places = vec![lib.join("share/perl5")];
    let arch = std::fs::read_dir(lib.join("lib")).into_iter().flatten().flatten();
    for folder in arch.map(|entry| entry.path().join("perl5")).filter(|path| path.is_dir()) {
        let versions = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        places.extend(versions.map(|entry| entry.path()));
    }
    let places: OsString = std::env::join_paths(places).expect("plain paths");
    let mut command = Command::new(found("perl")?);
    command.env("PERL5LIB", places).arg(program);
    Some(command)
}
