//! The relay as a process under the shim, and a client that sends it numbered mail.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Quick retries that never end.
const SETTINGS: &str = "[retry]\nschedule = \"fixed\"\nfirst = \"20ms\"\njitter = 0.0\n\
                        give_up_after = \"10m\"\n[delivery]\ndurability = \"fsync\"\n";

/// How long the relay may take to answer.
const ANSWER: Duration = Duration::from_secs(20);

/// A folder for the queue, in memory where that can be had: many commits wait for it.
pub(crate) fn queue_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("mailbench-faulty-").tempdir_in(place).expect("a folder")
}

/// Says in one line that a test did not run.
pub(crate) fn skip(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "{what}");
    eprintln!("skipped: {what}");
}

#[allow(clippy::disallowed_methods, reason = "a client that waits has a thread of its own")]
pub(crate) fn pause(length: Duration) {
    std::thread::sleep(length);
}

/// What lets the relay's calls fail.
pub(crate) struct Shim {
    library: PathBuf,
    control: File,
    path: PathBuf,
}

impl Shim {
    /// Compiles it; `None`: there is no C compiler.
    pub(crate) fn build() -> Option<Shim> {
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("shim-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let library = folder.join("shim.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faulty/shim.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-w", "-o"])
            .arg(&library)
            .arg(source)
            .arg("-ldl")
            .status()
            .ok()?;
        assert!(built.success(), "the shim compiles");
        let path = folder.join("control");
        std::fs::write(&path, [0; 24]).expect("written");
        let control = File::options().read(true).write(true).open(&path).expect("opened");
        Some(Shim { library, control, path })
    }

    fn put(&self, field: u64, value: u32) {
        self.control.write_all_at(&value.to_ne_bytes(), 4 * field).expect("written");
    }

    /// From now on, `skip` calls of these classes succeed, and the next `count` fail.
    pub(crate) fn arm(&self, classes: u32, error: i32, skip: u32, count: u32) {
        let fields = [classes, error.unsigned_abs(), skip, count, 0];
        (1..).zip(fields).for_each(|(field, value)| self.put(field, value));
        self.put(0, 1);
    }

    /// From now on all calls succeed; how many failed.
    pub(crate) fn disarm(&self) -> u32 {
        self.put(0, 0);
        let mut failed = [0; 4];
        self.control.read_exact_at(&mut failed, 4 * 5).expect("read");
        u32::from_ne_bytes(failed)
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        let _left_for_the_next = std::fs::remove_dir_all(self.path.parent().unwrap_or(&self.path));
    }
}

/// The relay; killed when dropped.
pub(crate) struct Relay {
    child: std::cell::RefCell<Child>,
    address: SocketAddr,
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Accepted,
    Refused,
    /// The connection failed, or there is none.
    Broken,
}

impl Relay {
    /// Starts it; `Err`: it ended before it listened, with this exit code.
    pub(crate) fn start(
        queue: &Path,
        relay_to: SocketAddr,
        shim: &Shim,
    ) -> Result<Relay, Option<i32>> {
        let file = queue.join("settings.toml");
        std::fs::write(&file, SETTINGS).expect("written");
        let log = File::options().create(true).append(true).open(queue.join("log")).expect("a log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_mailbench"))
            .args(["relay", "--listen", "127.0.0.1:0", "--relay-to", &relay_to.to_string()])
            .arg("--queue")
            .arg(queue)
            .arg("--settings")
            .arg(file)
            .env("LD_PRELOAD", &shim.library)
            .env("FAULTY_CONTROL", &shim.path)
            .env("MAILBENCH_LOG", "off")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("started");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let Some(address) = line.trim().strip_prefix("listening on ") else {
            return Err(child.wait().expect("ended").code());
        };
        Ok(Relay { address: address.parse().expect("an address"), child: child.into() })
    }

    pub(crate) fn is_alive(&self) -> bool {
        matches!(self.child.borrow_mut().try_wait(), Ok(None))
    }

    /// SIGKILL.
    pub(crate) fn kill(&self) {
        let mut child = self.child.borrow_mut();
        let _dead_already = child.kill();
        let _reaped_already = child.wait();
    }

    /// Sends a mail over a session that is kept while it is good.
    pub(crate) fn send(&self, client: &mut Option<Client>, number: u64) -> Sent {
        if client.is_none() {
            *client = Client::connect(self.address);
        }
        let Some(open) = client else { return Sent::Broken };
        match open.send(number) {
            Some(reply) if reply.starts_with("250") => Sent::Accepted,
            Some(reply) if reply.starts_with('4') => {
                *client = None;
                Sent::Refused
            }
            Some(reply) => panic!("{reply}"),
            None => {
                *client = None;
                Sent::Broken
            }
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A session at the relay.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(address: SocketAddr) -> Option<Client> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(ANSWER)).ok()?;
        let mut client = Client { stream: BufReader::new(stream) };
        client.reply()?.starts_with("220").then_some(())?;
        client.say("EHLO me.test")?.starts_with("250").then_some(client)
    }

    /// The last line of a reply; `None`: the connection is over. One that is silent hangs, which is
    /// no way to refuse.
    fn reply(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            match self.stream.read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) if line.get(3..4) == Some("-") => {}
                Ok(_) => return Some(line),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("no answer within {ANSWER:?}")
                }
                Err(_) => return None,
            }
        }
    }

    fn say(&mut self, line: &str) -> Option<String> {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).ok()?;
        self.reply()
    }

    /// The last reply.
    fn send(&mut self, number: u64) -> Option<String> {
        for command in ["MAIL FROM:<me@x.test>", "RCPT TO:<you@y.test>"] {
            let reply = self.say(command)?;
            if !reply.starts_with("250") {
                return Some(reply);
            }
        }
        let reply = self.say("DATA")?;
        if !reply.starts_with("354") {
            return Some(reply);
        }
        self.say(&format!("Subject: {number}\r\n\r\n{}\r\n.", "x".repeat(600)))
    }
}
