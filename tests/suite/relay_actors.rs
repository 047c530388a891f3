//! What stands around the relay in its tests: a next hop that does as told and remembers, a
//! client, the relay inside the test and as a process of its own.

use std::collections::HashMap;
use std::io::{BufRead, BufReader as BlockingReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mailbench::clock::{Clock, Time};
use mailbench::queue::ordering::OrderingKind;
use mailbench::queue::schedule::{Growth, RetrySchedule};
use mailbench::relay::server::{Relay, Settings};
use mailbench::scenario::model::{Delivery, Durability};
use mailbench::seed::Seed;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What the next hop answers to a recipient on its n-th attempt, from 1.
pub(crate) type Rule = fn(recipient: &str, attempt: usize) -> &'static str;

pub(crate) fn accept_all(_: &str, _: usize) -> &'static str {
    "250 2.1.5 ok"
}

/// A recipient whose content was taken.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) recipient: String,
    pub(crate) reverse_path: String,
    pub(crate) content: Vec<u8>,
    /// RCPTs of all recipients up to then.
    pub(crate) attempts_before: usize,
}

#[derive(Default)]
pub(crate) struct Memory {
    /// Times of the RCPTs of each recipient.
    pub(crate) attempts: HashMap<String, Vec<Time>>,
    pub(crate) taken: Vec<Taken>,
    /// RCPTs of all recipients.
    rcpts: usize,
    /// RCPTs that stand before the closed gate.
    waiting: usize,
    /// Transactions under way, by domain of the first recipient, and the most there ever were.
    open: HashMap<String, (usize, usize)>,
}

/// The next hop. While its gate is closed no RCPT is answered.
#[derive(Clone)]
pub(crate) struct NextHop {
    pub(crate) address: SocketAddr,
    pub(crate) memory: Arc<Mutex<Memory>>,
    gate: Arc<watch::Sender<bool>>,
    clock: Clock,
    rule: Rule,
    /// How long a transaction takes.
    hold: Duration,
}

impl NextHop {
    pub(crate) async fn start(rule: Rule, hold: Duration) -> NextHop {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let gate = Arc::new(watch::Sender::new(true));
        let hop =
            NextHop { address, memory: Arc::default(), gate, clock: Clock::start(), rule, hold };
        let serving = hop.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        hop
    }

    pub(crate) fn gate(&self, open: bool) {
        self.gate.send_replace(open);
    }

    /// Waits until an RCPT stands before the closed gate.
    pub(crate) async fn wait_at_gate(&self) {
        while self.memory.lock().expect("memory").waiting == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.memory.lock().expect("memory").taken.clone()
    }

    pub(crate) fn recipients(&self) -> Vec<String> {
        self.taken().into_iter().map(|taken| taken.recipient).collect()
    }

    pub(crate) fn attempts_at(&self, recipient: &str) -> Vec<Time> {
        let memory = self.memory.lock().expect("memory");
        memory.attempts.get(recipient).cloned().unwrap_or_default()
    }

    pub(crate) fn most_open(&self, domain: &str) -> usize {
        self.memory.lock().expect("memory").open.get(domain).map_or(0, |(_, most)| *most)
    }

    /// Waits until so many recipients were taken.
    pub(crate) async fn wait_for(&self, taken: usize) {
        let enough = async {
            while self.memory.lock().expect("memory").taken.len() < taken {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(30), enough).await;
        waited.unwrap_or_else(|_| panic!("{taken} awaited, there are {:?}", self.recipients()));
    }

    async fn serve(self, stream: TcpStream) {
        stream.set_nodelay(true).expect("no delay");
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read);
        let (mut from, mut to) = (String::new(), Vec::new());
        let mut say = "220 next.test".to_owned();
        loop {
            say.push_str("\r\n");
            if write.write_all(say.as_bytes()).await.is_err() {
                return self.leave(&to);
            }
            let mut line = String::new();
            if lines.read_line(&mut line).await.unwrap_or(0) == 0 {
                return self.leave(&to);
            }
            let path = line.split(['<', '>']).nth(1).unwrap_or("").to_owned();
            say = match line.get(..4).unwrap_or("") {
                "EHLO" => "250-next.test\r\n250-PIPELINING\r\n250 8BITMIME".to_owned(),
                "MAIL" => {
                    self.leave(&std::mem::take(&mut to));
                    from = path;
                    "250 ok".to_owned()
                }
                "RCPT" => {
                    self.memory.lock().expect("memory").waiting += 1;
                    let mut gate = self.gate.subscribe();
                    let _open = gate.wait_for(|open| *open).await;
                    self.memory.lock().expect("memory").waiting -= 1;
                    let reply = self.judge(&path);
                    if reply.starts_with('2') {
                        self.enter(&path, to.is_empty());
                        to.push(path);
                    }
                    reply.to_owned()
                }
                "DATA" if to.is_empty() => "554 no recipients".to_owned(),
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await.ok();
                    let Some(content) = read_content(&mut lines).await else {
                        return self.leave(&to);
                    };
                    tokio::time::sleep(self.hold).await;
                    self.take(&from, &to, &content);
                    self.leave(&std::mem::take(&mut to));
                    "250 2.0.0 taken".to_owned()
                }
                "QUIT" => return,
                _ => "250 ok".to_owned(),
            };
        }
    }

    fn judge(&self, recipient: &str) -> &'static str {
        let mut memory = self.memory.lock().expect("memory");
        memory.rcpts += 1;
        let attempts = memory.attempts.entry(recipient.to_owned()).or_default();
        attempts.push(self.clock.now());
        (self.rule)(recipient, attempts.len())
    }

    fn enter(&self, recipient: &str, first: bool) {
        if first {
            let mut memory = self.memory.lock().expect("memory");
            let (open, most) = memory.open.entry(domain(recipient)).or_default();
            *open += 1;
            *most = (*most).max(*open);
        }
    }

    fn leave(&self, recipients: &[String]) {
        if let Some(first) = recipients.first() {
            let mut memory = self.memory.lock().expect("memory");
            memory.open.entry(domain(first)).or_default().0 -= 1;
        }
    }

    fn take(&self, from: &str, to: &[String], content: &[u8]) {
        let mut memory = self.memory.lock().expect("memory");
        let attempts_before = memory.rcpts;
        let taken = to.iter().map(|recipient| Taken {
            recipient: recipient.clone(),
            reverse_path: from.to_owned(),
            content: content.to_owned(),
            attempts_before,
        });
        memory.taken.extend(taken);
    }
}

fn domain(address: &str) -> String {
    address.rsplit('@').next().unwrap_or("").to_owned()
}

/// Content up to the final dot, unstuffed.
async fn read_content(lines: &mut BufReader<tokio::net::tcp::OwnedReadHalf>) -> Option<Vec<u8>> {
    let mut content = b"\r\n".to_vec();
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line).await.unwrap_or(0) == 0 {
            return None;
        }
        let starts = content.ends_with(b"\r\n");
        if starts && line == b".\r\n" {
            return Some(content.split_off(2));
        }
        let stuffed = line.strip_prefix(b".").filter(|_| starts);
        content.extend_from_slice(stuffed.unwrap_or(&line));
    }
}

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
        let mut reply = String::new();
        loop {
            let start = reply.len();
            if self.stream.read_line(&mut reply).await.ok()? == 0 {
                return None;
            }
            if !reply.ends_with("\r\n") {
                return None;
            }
            if reply.as_bytes()[start..].get(3) == Some(&b' ') {
                return Some(reply);
            }
        }
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
        queue: folder.to_owned(),
        retry: every(Duration::from_millis(100), Duration::from_secs(600)),
        delivery: Delivery {
            concurrency: 20,
            per_destination: 20,
            ordering: OrderingKind::Fifo,
            durability: Durability::None,
        },
        seed: Seed(1),
        capacity: 100_000,
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

/// The program under test.
pub(crate) fn mailbench() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mailbench"))
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
