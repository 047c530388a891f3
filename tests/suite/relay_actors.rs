//! What stands around the relay in its tests: a client, the relay inside the test and as a
//! process of its own. The other side is `relay_next_hop`.

use std::io::{BufRead, BufReader as BlockingReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use mailbench::queue::ordering::OrderingKind;
use mailbench::queue::schedule::{Growth, RetrySchedule};
use mailbench::relay::server::{Relay, Settings};
use mailbench::scenario::model::{Delivery, Durability, OnwardTls};
use mailbench::seed::Seed;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::replies::read_reply;
use crate::support::mailbench;

/// A session at the relay.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects and greets; `None` if the relay is not there.
    pub(crate) async fn connect(address: SocketAddr) -> Option<Client> {
        let mut client = Client::dial(address).await?;
        (client.reply().await?.starts_with("220")).then_some(())?;
        client.say("EHLO me.test").await?;
        Some(client)
    }

    /// Connects and hears nothing yet.
    pub(crate) async fn dial(address: SocketAddr) -> Option<Client> {
        let stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Client { stream: BufReader::new(stream) })
    }

    pub(crate) async fn write(&mut self, octets: &[u8]) -> Option<()> {
        self.stream.get_mut().write_all(octets).await.ok()
    }

    /// The next reply, whole; `None` when the connection has ended.
    pub(crate) async fn reply(&mut self) -> Option<String> {
        read_reply(&mut self.stream).await
    }

    pub(crate) async fn say(&mut self, line: &str) -> Option<String> {
        self.write(format!("{line}\r\n").as_bytes()).await?;
        self.reply().await
    }

    /// Everything up to the end of the connection.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let reading = self.stream.read_to_end(&mut rest);
        let ended = tokio::time::timeout(Duration::from_secs(30), reading).await;
        ended.expect("the relay closes").ok();
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Sends a mail; the last reply. `from` may carry parameters after the path.
    pub(crate) async fn send(&mut self, from: &str, to: &[&str], text: &str) -> Option<String> {
        let mut reply = self.say(&format!("MAIL FROM:{from}")).await?;
        for recipient in to {
            if reply.starts_with('2') {
                reply = self.say(&format!("RCPT TO:<{recipient}>")).await?;
            }
        }
        if reply.starts_with('2') {
            reply = self.say("DATA").await?;
        }
        if reply.starts_with('3') {
            reply = self.say(&format!("{text}\r\n.")).await?;
        }
        Some(reply)
    }
}

/// Retries every `delay`, gives up after `give_up`.
pub(crate) fn every(delay: Duration, give_up: Duration) -> RetrySchedule {
    RetrySchedule { kind: Growth::Fixed { first: delay }, jitter: 0.0, give_up_after: give_up }
}

/// Settings that suit most tests: ample concurrency, quick retries, no sync.
pub(crate) fn settings(folder: &Path, relay_to: SocketAddr) -> Settings {
    Settings {
        listen: "127.0.0.1:0".parse().expect("an address"),
        relay_to,
        routes: Vec::new(),
        queue: folder.to_owned(),
        retry: every(Duration::from_millis(100), Duration::from_secs(600)),
        delivery: Delivery {
            concurrency: 20,
            per_destination: 20,
            ordering: OrderingKind::Fifo,
            durability: Durability::None,
            tls: OnwardTls::May,
        },
        seed: Seed(1),
        capacity: 100_000,
        tls: None,
        user: None,
    }
}

/// Starts a relay inside the test; it is told to stop when the guard is dropped.
pub(crate) fn start(settings: &Settings) -> (SocketAddr, tokio_util::sync::DropGuard) {
    let stop = CancellationToken::new();
    let relay = Relay::open(settings, stop.clone()).expect("a relay");
    let address = relay.address().expect("an address");
    tokio::spawn(relay.run());
    (address, stop.drop_guard())
}

/// The relay as a process; killed when dropped.
pub(crate) struct RelayProcess {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl RelayProcess {
    /// Starts it on the queue in `folder`, which also gets the settings file.
    pub(crate) fn start(folder: &Path, relay_to: SocketAddr, settings: &str) -> RelayProcess {
        let file = folder.join("settings.toml");
        std::fs::write(&file, settings).expect("written");
        let mut child = mailbench()
            .args(["relay", "--relay-to", &relay_to.to_string(), "--queue"])
            .arg(folder)
            .arg("--settings")
            .arg(file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BlockingReader::new(stdout).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on ").expect("its address");
        RelayProcess { address: address.parse().expect("an address"), child }
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }

    /// SIGTERM; the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("told");
        self.child.wait().expect("ended").code()
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        let _dead_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}

/// `mailbench relay --count` on a queue.
pub(crate) fn count(folder: &Path) -> serde_json::Value {
    let output = mailbench().args(["relay", "--count", "--queue"]).arg(folder).output();
    let output = output.expect("ran");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}
