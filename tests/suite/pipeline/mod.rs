//! An MTA of the tests that stores and forwards, in the clear or under STARTTLS on both sides, and
//! does one thing to the mail it carries: what a [`Behaviour`] says.
//!
//! It answers 250 when a message is in its queue, writes the length of its queue to a file that a
//! queue command can print, and retries what was deferred.

pub(crate) mod client;
mod delivery;
mod intake;
pub(crate) mod mail;
pub(crate) mod notice;
pub(crate) mod text;
mod wire;

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use client::Client;
use mail::Mail;
use notice::Notice;

/// Time between two attempts at what was deferred.
const RETRY: Duration = Duration::from_millis(150);

/// Attempts after which a message is returned.
const ATTEMPTS: u32 = 40;

/// Which messages are acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// All of them, the preflight message among them.
    All,
    /// All but the preflight message.
    Load,
    /// Of the load those with a number that three divides.
    Third,
}

/// What the client hears after its final dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accept,
    /// A refusal, though the message is kept.
    Refuse,
    /// Nothing: the connection is closed, the message kept.
    Nothing,
    /// Nothing, and the message is forgotten.
    Forget,
    /// The connection is reset in the middle of the content; what came so far is kept.
    CutShort,
}

/// How mail is handed to the next hop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// Greets with HELO, so that no extension may be used.
    pub(crate) helo: bool,
    /// Sends content by BDAT (RFC 3030).
    pub(crate) bdat: bool,
    /// Gives MAIL and RCPT the parameters of the extensions offered.
    pub(crate) parameters: bool,
    /// Sends all that is ready in one session.
    pub(crate) reuses: bool,
    /// Ends with FIN instead of QUIT.
    pub(crate) hangs_up: bool,
    /// Closes each session after RCPT once, and comes again.
    pub(crate) hesitates: bool,
    /// A real client that hands each message on instead.
    pub(crate) client: Option<Client>,
}

/// What this MTA does.
#[derive(Clone, Copy)]
pub(crate) struct Behaviour {
    pub(crate) which: Which,
    /// The messages that go out for one that came in. The store keeps messages between two calls.
    pub(crate) act: fn(Mail, &mut Vec<Mail>) -> Vec<Mail>,
    pub(crate) answer: Answer,
    /// How mail is returned that was refused for good; `None`: not at all.
    pub(crate) returns: Option<Notice>,
    /// What is sent when a message was deferred for the first time.
    pub(crate) delayed: Option<Notice>,
    pub(crate) style: Style,
    /// Messages that the queue is said to hold beyond those it holds.
    pub(crate) claims: usize,
    /// Keeps quiet about messages that it holds back.
    pub(crate) hides: bool,
}

/// Stores and forwards, as RFC 5321 has it.
pub(crate) const HONEST: Behaviour = Behaviour {
    which: Which::All,
    act: |mail, _| vec![mail],
    answer: Answer::Accept,
    returns: Some(Notice::Standard),
    delayed: None,
    style: Style {
        helo: false,
        bdat: false,
        parameters: false,
        reuses: false,
        hangs_up: false,
        hesitates: false,
        client: None,
    },
    claims: 0,
    hides: false,
};

impl Behaviour {
    fn concerns(&self, mail: &Mail) -> bool {
        match self.which {
            Which::All => true,
            Which::Load => mail.number.is_some() && !mail.is_preflight(),
            Which::Third => mail.is_third(),
        }
    }
}

/// A message under way.
#[derive(Clone)]
struct Job {
    mail: Mail,
    attempts: u32,
}

#[derive(Default)]
struct Queue {
    ready: VecDeque<Job>,
    deferred: Vec<Job>,
    /// Jobs that are with the worker.
    active: usize,
    /// What a behaviour keeps.
    held: Vec<Mail>,
}

struct Shared {
    behaviour: Behaviour,
    next_hop: SocketAddr,
    tls: Option<wire::Keys>,
    queue: Mutex<Queue>,
    work: Condvar,
    /// Holds the length of the queue as a number.
    length: PathBuf,
    stopped: AtomicBool,
}

/// A running MTA; it ends when it is dropped.
pub(crate) struct Pipeline {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

/// A few messages to two destinations through a target of the test.
pub(crate) const SCENARIO: &str = r#"
name = "pipeline"
question = "Is what this target does judged in its class?"
seed = 7
[target]
kind = "external"
[load]
model = "open"
arrival = "constant"
rate = "200/s"
warm_up = "0s"
messages = 12
sessions = 2
[message]
size = "2KiB"
[[destination]]
domain = "one.test"
[[destination]]
domain = "two.test"
"#;

impl Pipeline {
    /// Starts one that relays to this address, and writes its queue's length below this folder.
    pub(crate) fn start(
        behaviour: Behaviour,
        next_hop: SocketAddr,
        tls: bool,
        folder: &Path,
    ) -> Pipeline {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        if behaviour.answer == Answer::CutShort {
            // The client is still at the content when it is cut off: little of it fits in between.
            let small = socket2::SockRef::from(&listener).set_recv_buffer_size(4 * 1024);
            small.expect("a small buffer");
        }
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            behaviour,
            next_hop,
            tls: tls.then(wire::Keys::new),
            queue: Mutex::default(),
            work: Condvar::new(),
            length: folder.join("queue"),
            stopped: AtomicBool::new(false),
        });
        shared.write_length(&shared.queue.lock().expect("the queue"));
        let worker = Arc::clone(&shared);
        std::thread::spawn(move || worker.deliver());
        let intake = Arc::clone(&shared);
        std::thread::spawn(move || intake.listen(&listener));
        Pipeline { address, shared }
    }

    /// The command that prints the length of its queue.
    pub(crate) fn queue_command(&self) -> String {
        format!("{:?}", ["cat".to_owned(), self.shared.length.display().to_string()])
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        self.shared.work.notify_all();
        // The listener waits for a connection; this is one.
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    fn listen(self: &Arc<Shared>, listener: &TcpListener) {
        for stream in listener.incoming().flatten() {
            if self.stopped() {
                return;
            }
            let shared = Arc::clone(self);
            std::thread::spawn(move || shared.serve(stream));
        }
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Takes a message in, or what a behaviour makes of it.
    fn take(&self, mail: Mail) {
        let mut queue = self.queue.lock().expect("the queue");
        let sent = match self.behaviour.concerns(&mail) {
            true => (self.behaviour.act)(mail, &mut queue.held),
            false => vec![mail],
        };
        queue.ready.extend(sent.into_iter().map(|mail| Job { mail, attempts: 0 }));
        self.write_length(&queue);
        drop(queue);
        self.work.notify_all();
    }

    /// Written anew beside the old one: a reader sees a whole number.
    fn write_length(&self, queue: &Queue) {
        let Behaviour { claims, hides, .. } = self.behaviour;
        let held = queue.held.iter().filter(|mail| !hides && !mail.is_preflight()).count();
        let length = queue.ready.len() + queue.deferred.len() + queue.active + held + claims;
        let new = self.length.with_extension("new");
        // The folder goes with the test.
        let _gone = std::fs::write(&new, format!("{length}\n"))
            .and_then(|()| std::fs::rename(&new, &self.length));
    }

    /// Delivers until it is stopped.
    fn deliver(&self) {
        while let Some(jobs) = self.next() {
            let done = jobs.len();
            let more: Vec<Job> = self.attempt(jobs);
            let mut queue = self.queue.lock().expect("the queue");
            queue.active -= done;
            let (deferred, ready): (Vec<Job>, Vec<Job>) =
                more.into_iter().partition(|job| job.attempts > 0);
            queue.ready.extend(ready);
            queue.deferred.extend(deferred);
            self.write_length(&queue);
        }
    }

    /// What is to be delivered next: a message, or all that is ready.
    fn next(&self) -> Option<Vec<Job>> {
        let mut queue = self.queue.lock().expect("the queue");
        while queue.ready.is_empty() {
            if self.stopped() {
                return None;
            }
            let (again, waited) = self.work.wait_timeout(queue, RETRY).expect("the queue");
            queue = again;
            if waited.timed_out() {
                let due = std::mem::take(&mut queue.deferred);
                queue.ready.extend(due);
            }
        }
        let count = if self.behaviour.style.reuses { queue.ready.len() } else { 1 };
        let jobs: Vec<Job> = queue.ready.drain(..count).collect();
        queue.active += jobs.len();
        Some(jobs)
    }
}
