//! Processes that are measured: found, started, ended, and what each cost.
//!
//! CPU is that of whole processes from start to end, as the kernel counts it for children that
//! were waited for; so one child is waited for at a time.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mailbench::clock::Clock;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;

/// Names the folder into which `tests/mtas/install` unpacked packages.
const PREFIX: &str = "MAILBENCH_MTA_PREFIX";

/// What a process cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// From start to end. Seconds.
    pub(crate) wall: f64,
    /// User and system time. Seconds.
    pub(crate) cpu: f64,
}

/// CPU of all children waited for so far. Seconds.
fn children_cpu() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel's figures");
    let total = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    total as f64 / 1e6
}

/// Waits for a child to end; its CPU.
fn reap(mut child: Child) -> f64 {
    let before = children_cpu();
    let status = child.wait().expect("its end");
    assert!(status.success() || status.code().is_none(), "a process failed: {status}");
    children_cpu() - before
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Cost {
    let clock = Clock::start();
    let child = command.stdout(Stdio::null()).spawn();
    let cpu = reap(child.unwrap_or_else(|error| panic!("{command:?}: {error}")));
    Cost { wall: clock.now().seconds(), cpu }
}

/// A server under way.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts Postfix's `smtp-sink`, which must be told a port.
    pub(crate) fn smtp_sink(tools: &Tools) -> Server {
        let address = free_address();
        let mut command = tools.command("smtp-sink");
        // It refuses to be root.
        command.args(["-u", "nobody", &address.to_string(), "1024"]);
        let child = command.spawn().expect("smtp-sink starts");
        let clock = Clock::start();
        while TcpStream::connect(address).is_err() {
            assert!(clock.now().seconds() < 10.0, "smtp-sink does not listen");
            rest(Duration::from_millis(10));
        }
        Server { child, address }
    }

    /// Starts a server that says in its first line where it listens.
    pub(crate) fn announced(command: &mut Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("a server starts");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("its output");
        BufReader::with_capacity(1, stdout).read_line(&mut line).expect("its first line");
        let address = line.trim().rsplit(' ').next().and_then(|word| word.parse().ok());
        Server { child, address: address.unwrap_or_else(|| panic!("no address in `{line}`")) }
    }

    /// Starts `mailbench sink`.
    pub(crate) fn mailbench_sink(journal: &Path) -> Server {
        let mut command = mailbench();
        command.args(["sink", "--listen", "127.0.0.1:0", "--journal"]).arg(journal);
        Server::announced(command.env("MAILBENCH_LOG", "error"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it; its CPU so far.
    pub(crate) fn stop(mut self) -> f64 {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        let cpu = cpu_of(self.child.id());
        let _gone = kill(pid, Signal::SIGTERM);
        drop(self.child.stdout.take());
        self.child.wait().expect("its end");
        cpu
    }
}

/// CPU of a living process, all its threads, ended ones too. Seconds, to a clock tick.
fn cpu_of(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a living process");
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    // utime and stime are the 14th and 15th field; the name and what precedes it are cut off.
    let ticks =
        fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK);
    ticks.sum::<f64>() / per_second.ok().flatten().unwrap_or(100) as f64
}

/// Resident memory of a process. Bytes.
pub(crate) fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a living process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    let kib = line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number");
    kib * 1024.0
}

/// Waits a little.
#[expect(clippy::disallowed_methods, reason = "nothing else runs in this thread")]
pub(crate) fn rest(length: Duration) {
    std::thread::sleep(length);
}

/// An address nobody listens at just now.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address")
}

/// The program under measurement.
pub(crate) fn mailbench() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mailbench"))
}

/// This program again, in a part of its own.
pub(crate) fn part(words: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.arg("part").args(words);
    command
}

/// Postfix's test programs.
pub(crate) struct Tools {
    folder: PathBuf,
    libraries: String,
}

impl Tools {
    /// Finds them below [`PREFIX`], below `target/mtas`, or where the system keeps them.
    pub(crate) fn find() -> Option<Tools> {
        let named = std::env::var_os(PREFIX).map(PathBuf::from);
        let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mtas");
        let roots = named.into_iter().chain([default, PathBuf::from("/")]);
        roots.into_iter().find_map(|root| Tools::below(&root))
    }

    fn below(root: &Path) -> Option<Tools> {
        let mut places = ["usr/sbin", "usr/local/sbin"].map(|place| root.join(place)).into_iter();
        let folder = places.find(|folder| folder.join("smtp-source").is_file())?;
        let postfix = root.join("usr/lib/postfix");
        let triplets = std::fs::read_dir(root.join("usr/lib")).into_iter().flatten().flatten();
        let libraries = triplets.map(|entry| entry.path());
        let libraries = libraries.filter(|path| path.to_string_lossy().ends_with("-gnu"));
        let all = std::iter::once(postfix).chain(libraries);
        let libraries = all.map(|path| path.display().to_string()).collect::<Vec<_>>().join(":");
        Some(Tools { folder, libraries })
    }

    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(name));
        command.env("LD_LIBRARY_PATH", &self.libraries);
        command
    }

    /// `smtp-source` with this load.
    pub(crate) fn source(&self, load: &Load, to: SocketAddr) -> Command {
        let mut command = self.command("smtp-source");
        command.args(["-s", &load.sessions.to_string(), "-m", &load.messages.to_string()]);
        command.args(["-l", &load.size.to_string(), "-f", "a@source.test", "-t", "b@sink.test"]);
        if load.reused {
            command.arg("-d");
        }
        command.arg(to.to_string());
        command
    }
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) messages: u64,
    pub(crate) sessions: u32,
    pub(crate) size: u32,
    /// Whether sessions carry more than one message.
    pub(crate) reused: bool,
}
