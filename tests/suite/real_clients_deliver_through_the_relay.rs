//! Mail of real clients goes through `mailbench relay`, and every byte arrives at the sink.

use std::net::SocketAddr;
use std::process::Command;

use mailbench::ledger::event::Event;

use crate::real_clients_deliver::{SMTPLIB, SinkProcess, Stopped, found, from, run, to};
use crate::real_clients_deliver_under_tls::nodemailer;
use crate::relay_actors::{RelayProcess, count};
use crate::sink_side::attempts;
use crate::support::wait_until;

/// A sink, and a relay before it.
struct Path {
    sink: SinkProcess,
    relay: RelayProcess,
    queue: tempfile::TempDir,
}

impl Path {
    fn start() -> Path {
        let sink = SinkProcess::with(&[]);
        let port = sink.port.parse().expect("a port");
        let queue = tempfile::tempdir().expect("a folder");
        let relay = RelayProcess::start(queue.path(), SocketAddr::from(([127, 0, 0, 1], port)), "");
        Path { sink, relay, queue }
    }

    fn port(&self) -> String {
        self.relay.address.port().to_string()
    }

    /// What the sink saw, once the relay's queue is empty.
    fn emptied(self) -> Stopped {
        wait_until("the queue does not empty", || count(self.queue.path())["total"] == 0);
        assert_eq!(self.relay.terminate(), Some(0));
        self.sink.stop()
    }
}

/// Messages 0 to `count` arrived intact, once each, in whatever order.
fn assert_intact(stopped: &Stopped, count: u64) {
    let seen = attempts(&stopped.events);
    let mut probes: Vec<u64> = seen.iter().map(|attempt| attempt.probe.0).collect();
    probes.sort_unstable();
    assert_eq!(probes, (0..count).collect::<Vec<_>>(), "{}", stopped.summary);
    for attempt in seen {
        assert_eq!(attempt.content.as_ref().expect("checked content").changes, []);
    }
}

#[test]
fn smtplib_delivers_through_the_relay() {
    let Some(python) = found("python3") else { return };
    let path = Path::start();
    let mut command = Command::new(python);
    command.args(["-c", SMTPLIB, &path.port()]);
    for n in 0..5 {
        command.args([from(n), to(n)]).arg(path.sink.text_file(n));
    }
    run(&mut command);
    assert_intact(&path.emptied(), 5);
}

/// A pool of three sessions for messages that are sent as they are, and one for an international
/// recipient, with a text and an attachment of nodemailer's own making.
const NODEMAILER: &str = "
const [port, ...rest] = process.argv.slice(1);
const fs = require('fs');
const transport = require('nodemailer').createTransport({
  host: '127.0.0.1', port: Number(port), ignoreTLS: true, pool: true, maxConnections: 3,
  maxMessages: 4,
});
const mails = [transport.sendMail({
  from: 'me@x.test', to: 'gr\u{fc}n@a.test', subject: 'Gr\u{fc}\u{df}e', text: 'Gr\u{fc}\u{df}e\\n.\\n',
  attachments: [{ filename: 'a.bin', content: Buffer.alloc(100000, 7) }],
})];
while (rest.length) {
  const [from, to, file] = rest.splice(0, 3);
  mails.push(transport.sendMail({ envelope: { from, to: [to] }, raw: fs.readFileSync(file) }));
}
Promise.all(mails).then(() => transport.close(), (error) => { console.error(error); process.exit(1); });
";

#[test]
fn nodemailer_delivers_through_the_relay() {
    let Some(mut command) = nodemailer(NODEMAILER) else { return };
    let path = Path::start();
    command.arg(path.port());
    for n in 0..20 {
        command.args([from(n), to(n)]).arg(path.sink.text_file(n));
    }
    run(&mut command);
    let stopped = path.emptied();
    assert_intact(&stopped, 20);
    let foreign = stopped.events.iter().filter(|event| matches!(event, Event::Foreign { .. }));
    assert_eq!(foreign.count(), 1, "nodemailer's own: {}", stopped.summary);
}
