//! A next hop that answers each recipient as told and remembers what it saw.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mailbench::clock::{Clock, Time};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

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
    /// How long it takes to take content, or to refuse a recipient.
    hold: Duration,
    /// Whether it offers 8BITMIME.
    eight_bit: bool,
}

impl NextHop {
    pub(crate) async fn start(rule: Rule, hold: Duration) -> NextHop {
        NextHop::start_with(rule, hold, true).await
    }

    pub(crate) async fn start_with(rule: Rule, hold: Duration, eight_bit: bool) -> NextHop {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let gate = Arc::new(watch::Sender::new(true));
        let (memory, clock) = (Arc::default(), Clock::start());
        let hop = NextHop { address, memory, gate, clock, rule, hold, eight_bit };
        let serving = hop.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        hop
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
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
        let (lines, write) = stream.into_split();
        let mut visit = Visit {
            hop: self,
            lines: BufReader::new(lines),
            write,
            from: String::new(),
            to: Vec::new(),
        };
        let _until_the_relay_leaves = visit.converse().await;
        visit.hop.leave(&visit.to);
    }

    /// Answers an RCPT, when the gate is open.
    async fn answer(&self, recipient: &str) -> &'static str {
        self.memory.lock().expect("memory").waiting += 1;
        let mut gate = self.gate.subscribe();
        let _open = gate.wait_for(|open| *open).await;
        self.memory.lock().expect("memory").waiting -= 1;
        self.judge(recipient)
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

/// One connection.
struct Visit {
    hop: NextHop,
    lines: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
    from: String,
    to: Vec<String>,
}

impl Visit {
    /// `None` when the relay is gone.
    async fn converse(&mut self) -> Option<()> {
        let mut say = "220 next.test".to_owned();
        loop {
            self.write.write_all(format!("{say}\r\n").as_bytes()).await.ok()?;
            let mut line = String::new();
            self.lines.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
            say = self.reply(&line).await?;
        }
    }

    async fn reply(&mut self, line: &str) -> Option<String> {
        let path = line.split(['<', '>']).nth(1).unwrap_or("").to_owned();
        let reply = match line.get(..4).unwrap_or("") {
            "EHLO" if self.hop.eight_bit => "250-next.test\r\n250-PIPELINING\r\n250 8BITMIME",
            "EHLO" => "250 next.test",
            "MAIL" => {
                self.hop.leave(&std::mem::take(&mut self.to));
                self.from = path;
                "250 ok"
            }
            "RCPT" => {
                let reply = self.hop.answer(&path).await;
                if reply.starts_with('2') {
                    self.hop.enter(&path, self.to.is_empty());
                    self.to.push(path);
                } else {
                    tokio::time::sleep(self.hop.hold).await;
                }
                reply
            }
            "DATA" if self.to.is_empty() => "554 no recipients",
            "DATA" => {
                self.write.write_all(b"354 go on\r\n").await.ok()?;
                let content = read_content(&mut self.lines).await?;
                tokio::time::sleep(self.hop.hold).await;
                self.hop.take(&self.from, &self.to, &content);
                self.hop.leave(&std::mem::take(&mut self.to));
                "250 2.0.0 taken"
            }
            "QUIT" => return None,
            _ => "250 ok",
        };
        Some(reply.to_owned())
    }
}

fn domain(address: &str) -> String {
    address.rsplit('@').next().unwrap_or("").to_owned()
}

/// Content up to the final dot, unstuffed.
async fn read_content(lines: &mut BufReader<OwnedReadHalf>) -> Option<Vec<u8>> {
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
