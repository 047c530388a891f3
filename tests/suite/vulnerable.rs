//! A mail server with every defect that a conformance case looks for: accepts many sequences as the
//! end of data, answers plaintext commands under TLS, bounces at the first failure.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mailbench::conformance::cases::COMPLIANT;
use mailbench::sink::tls::Identity;
use mailbench::smtp::client::{TlsClient, Trust};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Socket for T {}

/// State that its sessions share.
struct Shared {
    routes: HashMap<String, SocketAddr>,
    /// Where all other mail goes.
    main: SocketAddr,
    identity: Identity,
    /// Certificates of an authority that signed no peer's certificate.
    other_authority: tempfile::NamedTempFile,
    /// Only one session reads a command at a time.
    reader: Mutex<()>,
    /// Mail of one sender is relayed one message after another, however long that takes.
    senders: Mutex<HashMap<String, Arc<Mutex<()>>>>,
}

/// A command must be complete in this time after its first octet.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(1);

/// Starts it; its address.
pub(crate) async fn start(routes: Vec<(String, SocketAddr)>, main: SocketAddr) -> SocketAddr {
    let here = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = TcpListener::bind(here).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let other_authority = tempfile::NamedTempFile::new().expect("a file");
    let other = Identity::make(here.ip()).expect("certificates");
    std::fs::write(other_authority.path(), other.authority()).expect("written");
    let identity = Identity::make(here.ip()).expect("certificates");
    // It uses only the first of several hosts.
    let mut first = HashMap::new();
    for (domain, host) in routes {
        first.entry(domain).or_insert(host);
    }
    let routes = first;
    let (reader, senders) = (Mutex::default(), Mutex::default());
    let shared = Arc::new(Shared { routes, main, identity, other_authority, reader, senders });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                Session::new(stream, shared).run().await;
            });
        }
    });
    address
}

#[derive(Clone, Default)]
struct Mail {
    from: String,
    to: Vec<String>,
    text: Vec<u8>,
    /// Whether TLS failed before.
    without_tls: bool,
}

struct Session {
    stream: Box<dyn Socket>,
    shared: Arc<Shared>,
    unread: Vec<u8>,
    mail: Mail,
}

impl Session {
    fn new(stream: TcpStream, shared: Arc<Shared>) -> Session {
        Session { stream: Box::new(stream), shared, unread: Vec::new(), mail: Mail::default() }
    }

    async fn run(mut self) -> Option<()> {
        self.send("220 vulnerable.test ESMTP").await;
        loop {
            let line = self.line().await?;
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            let reply = match verb.as_str() {
                "EHLO" => {
                    "250-vulnerable.test\r\n250-STARTTLS\r\n250-PIPELINING\r\n250-SMTPUTF8\r\n250 8BITMIME"
                }
                "MAIL" if line.contains("<>") => "550 5.1.7 No sender",
                "MAIL" => {
                    // Recipients of a transaction that was reset are kept.
                    self.mail.from = path(&line);
                    "250 2.1.0 Ok"
                }
                "RCPT" => self.rcpt(&line),
                "DATA" => {
                    self.send("354 End data with <CR><LF>.<CR><LF>").await;
                    let whole = self.content().await;
                    self.deliver();
                    whole?;
                    "250 2.0.0 Ok"
                }
                "STAR" => {
                    self.send("220 Go ahead").await;
                    // Plaintext that was read already stays in the buffer.
                    let acceptor = self.shared.identity.acceptor(None).clone();
                    self.stream = Box::new(acceptor.accept(self.stream).await.ok()?);
                    continue;
                }
                "QUIT" => {
                    self.send("221 2.0.0 Bye").await;
                    return None;
                }
                "RSET" => {
                    // It discards pipelined commands with the transaction.
                    self.unread.clear();
                    "250 2.0.0 Ok"
                }
                _ if line.len() > 10_000 => return None,
                _ => "250 2.0.0 Ok",
            };
            self.send(reply).await;
        }
    }

    fn rcpt(&mut self, line: &str) -> &'static str {
        let mut to = path(line);
        let Some((mailbox, domain)) = to.split_once('@') else { return "550 5.1.1 No such user" };
        if let Some((user, host)) = mailbox.split_once('%') {
            // The percent hack of UUCP times.
            let elsewhere = if host.contains('.') { host } else { domain };
            to = format!("{user}@{elsewhere}");
        }
        let local = to.split('@').next().map_or(0, str::len);
        if self.mail.to.len() >= 50 {
            return "452 4.5.3 Too many";
        }
        self.mail.to.push(to);
        if (60..100).contains(&local) { "501 5.1.3 Too long" } else { "250 2.1.5 Ok" }
    }

    async fn send(&mut self, reply: &str) {
        let _gone = self.stream.write_all(format!("{reply}\r\n").as_bytes()).await;
        let _gone = self.stream.flush().await;
    }

    async fn fill(&mut self) -> Option<()> {
        let mut room = [0; 16 * 1024];
        let read = self.stream.read(&mut room).await.ok().filter(|read| *read > 0)?;
        self.unread.extend_from_slice(&room[..read]);
        Some(())
    }

    async fn line(&mut self) -> Option<String> {
        if self.unread.is_empty() {
            self.fill().await?;
        }
        let shared = Arc::clone(&self.shared);
        let _exclusive = shared.reader.lock().await;
        tokio::time::timeout(COMMAND_TIMEOUT, self.whole_line()).await.ok()?
    }

    async fn whole_line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=at).collect();
                return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            self.fill().await?;
        }
    }

    /// Reads up to the first sequence that looks like an end, or to the end of the connection.
    async fn content(&mut self) -> Option<()> {
        let mut looked_at = 0;
        loop {
            let from = looked_at;
            if let Some((length, end)) = end_of_data(&self.unread[from..]) {
                self.mail.text = self.unread[..from + length].to_vec();
                self.unread.drain(..from + end);
                return Some(());
            }
            looked_at = self.unread.len().saturating_sub(8);
            if self.fill().await.is_none() {
                self.mail.text = std::mem::take(&mut self.unread);
                return None;
            }
        }
    }

    fn deliver(&mut self) {
        let mail = std::mem::take(&mut self.mail);
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move { shared.deliver(mail).await });
    }
}

/// Line end, one or two dots with or without a NUL, line end: where the text ends, where it ends.
fn end_of_data(text: &[u8]) -> Option<(usize, usize)> {
    let skip = |mut at: usize, byte: u8, most: usize| {
        for _ in 0..most {
            at += usize::from(text.get(at) == Some(&byte));
        }
        at
    };
    (0..text.len()).find_map(|start| {
        let after_end = skip(skip(start, b'\r', 1), b'\n', 1);
        let dots = skip(after_end, 0, 1);
        let after_dots = skip(dots, b'.', 2);
        let last = skip(after_dots, 0, 1);
        let end = skip(skip(last, b'\r', 1), b'\n', 1);
        (after_end > start && after_dots > dots && end > last).then_some((after_end, end))
    })
}

fn path(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or_else(String::new, |(path, _)| path.to_owned())
}

impl Shared {
    /// One attempt; after a failure the message bounces twice.
    async fn deliver(&self, mut mail: Mail) {
        let Some((_, domain)) = mail.to.first().and_then(|to| to.split_once('@')) else { return };
        let domain = domain.to_owned();
        let sender = Arc::clone(self.senders.lock().await.entry(mail.from.clone()).or_default());
        let _exclusive = sender.lock().await;
        let copies = if domain == COMPLIANT {
            mail.text.truncate(32 * 1024);
            mail.text.iter_mut().filter(|byte| **byte > 127).for_each(|byte| *byte &= 127);
            mail.text.retain(|byte| *byte != 0);
            mail.text.extend_from_slice(b"scanned by vulnerable.test\r\n");
            2
        } else {
            1
        };
        for _ in 0..copies {
            let address = *self.routes.get(&domain).unwrap_or(&self.main);
            if self.send(address, &domain, &mail).await.is_none() {
                for _ in 0..2 {
                    self.bounce(&mail).await;
                }
            }
        }
    }

    async fn bounce(&self, mail: &Mail) {
        let report = Mail {
            from: String::new(),
            to: vec![mail.from.clone()],
            without_tls: false,
            text: b"Subject: undelivered mail\r\n\r\nDelivery failed.\r\n".to_vec(),
        };
        let domain = mail.from.split_once('@').map_or("", |(_, domain)| domain);
        let address = *self.routes.get(domain).unwrap_or(&self.main);
        let _gone = self.send(address, domain, &report).await;
    }

    /// `None`: a reply was not literally what it expects.
    async fn send(&self, address: SocketAddr, domain: &str, mail: &Mail) -> Option<()> {
        let stream = TcpStream::connect(address).await.ok()?;
        let mut peer = NextHop { stream: Box::new(stream) };
        peer.expect("220").await?;
        let offer = peer.ask("EHLO vulnerable.test").await?;
        if offer.contains("pipelining") {
            return None;
        }
        if offer.contains("STARTTLS") && !mail.without_tls {
            peer = match self.secure(peer, domain).await {
                Some(peer) => peer,
                None if domain.starts_with("o9-required") => {
                    let mail = Mail { without_tls: true, ..mail.clone() };
                    return Box::pin(self.send(address, domain, &mail)).await;
                }
                None => return None,
            };
        }
        peer.send(&format!("MAIL FROM:<{}>", mail.from)).await;
        peer.expect("250").await?;
        for to in &mail.to {
            peer.send(&format!("RCPT TO:<{to}>")).await;
            peer.expect("250").await?;
        }
        peer.send("DATA").await;
        peer.expect("354").await?;
        peer.write(&mail.text).await;
        peer.write(b"\r\n.\r\n").await;
        match tokio::time::timeout(Duration::from_secs(2), peer.reply()).await {
            // No reply in time: sends the message again at once.
            Err(_) => Box::pin(self.send(address, domain, mail)).await,
            Ok(reply) => match reply?.as_str() {
                refused if refused.starts_with("299") || refused.starts_with('4') => None,
                mixed if mixed.lines().any(|line| line.starts_with('4')) => None,
                // Any other reply counts as success.
                _ => Some(()),
            },
        }
    }

    async fn secure(&self, mut peer: NextHop, domain: &str) -> Option<NextHop> {
        peer.send("STARTTLS").await;
        peer.expect_first("220").await?;
        let trust = match domain.starts_with("o3") {
            true => Trust::Any,
            false => Trust::File(self.other_authority.path().to_owned()),
        };
        if domain.starts_with("o3") {
            // It takes the injected plaintext for the reply to its next EHLO.
            peer.reply().await?;
        }
        let tls = TlsClient::new("localhost", &trust, false).ok()?;
        let mut peer = NextHop { stream: Box::new(tls.handshake(peer.stream).await.ok()?) };
        peer.write(b"EHLO vulnerable.test\r\nNOOP\r\n").await;
        peer.reply().await?;
        peer.reply().await?;
        Some(peer)
    }
}

struct NextHop {
    stream: Box<dyn Socket>,
}

impl NextHop {
    async fn send(&mut self, line: &str) {
        self.write(format!("{line}\r\n").as_bytes()).await;
    }

    async fn write(&mut self, bytes: &[u8]) {
        let _gone = self.stream.write_all(bytes).await;
        let _gone = self.stream.flush().await;
    }

    async fn ask(&mut self, line: &str) -> Option<String> {
        self.send(line).await;
        self.reply().await
    }

    /// Expects a short reply of one line with this code and a text.
    async fn expect(&mut self, code: &str) -> Option<()> {
        let reply = self.reply().await?;
        let short = reply.len() < 512 && !reply.contains('\0');
        let plain = reply.starts_with(&format!("{code} ")) && short;
        (plain && reply.lines().count() == 1).then_some(())
    }

    /// Expects a reply that begins with this code.
    async fn expect_first(&mut self, code: &str) -> Option<()> {
        self.reply().await?.starts_with(code).then_some(())
    }

    /// Reads up to a line that is not continued; octet by octet, so that nothing of a TLS handshake
    /// is read.
    async fn reply(&mut self) -> Option<String> {
        let (mut text, mut line) = (Vec::new(), 0);
        loop {
            let Ok(octet) = self.stream.read_u8().await else {
                // An incomplete reply counts, too.
                let some = !text.is_empty();
                return some.then(|| String::from_utf8_lossy(&text).into_owned());
            };
            text.push(octet);
            if text.ends_with(b"\n") {
                if text.get(line + 3) != Some(&b'-') {
                    return Some(String::from_utf8_lossy(&text).into_owned());
                }
                line = text.len();
            }
        }
    }
}
