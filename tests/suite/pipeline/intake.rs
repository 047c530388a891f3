//! The side that takes mail.

use std::net::TcpStream;

use super::mail::{Mail, bare, parameter};
use super::wire::Wire;
use super::{Answer, Shared};

/// Bytes of a content after which a connection is cut.
const CUT: usize = 8 * 1024;

/// The transaction so far.
#[derive(Default)]
struct Transaction {
    sender: String,
    recipients: Vec<String>,
    envelope_id: String,
}

impl Shared {
    /// One session; ends with the client.
    pub(super) fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut wire = Wire::new(stream)?;
        wire.send(b"220 pipeline.test ESMTP\r\n")?;
        let (mut transaction, mut secured) = (Transaction::default(), false);
        loop {
            let line = wire.line()?;
            let verb = line.get(..4).unwrap_or(&line).to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => wire.send(self.greeting(secured).as_bytes())?,
                "STAR" => {
                    wire.send(b"220 2.0.0 go ahead\r\n")?;
                    wire.secure_as_server(self.tls.as_ref()?)?;
                    (transaction, secured) = (Transaction::default(), true);
                }
                "MAIL" => {
                    transaction = Transaction {
                        sender: bare(&line),
                        envelope_id: parameter(&line, "ENVID").unwrap_or_default(),
                        ..Transaction::default()
                    };
                    wire.send(b"250 2.1.0 ok\r\n")?;
                }
                "RCPT" => {
                    transaction.recipients.push(bare(&line));
                    wire.send(b"250 2.1.5 ok\r\n")?;
                }
                "DATA" => {
                    wire.send(b"354 go on\r\n")?;
                    wire = self.end_of_data(wire, std::mem::take(&mut transaction))?;
                }
                "QUIT" => {
                    wire.send(b"221 2.0.0 bye\r\n")?;
                    wire.close();
                    return None;
                }
                _ => wire.send(b"250 2.0.0 ok\r\n")?,
            }
        }
    }

    fn greeting(&self, secured: bool) -> String {
        let starttls = if self.tls.is_some() && !secured { "250-STARTTLS\r\n" } else { "" };
        format!("250-pipeline.test\r\n{starttls}250-PIPELINING\r\n250-DSN\r\n250 8BITMIME\r\n")
    }

    /// Reads content and answers it; the connection, if it goes on.
    fn end_of_data(&self, mut wire: Wire, transaction: Transaction) -> Option<Wire> {
        let Transaction { sender, recipients, envelope_id } = transaction;
        let mut mail = Mail::new(sender, recipients, Vec::new());
        mail.envelope_id = envelope_id;
        let answer = match self.behaviour.concerns(&mail) {
            true => self.behaviour.answer,
            false => Answer::Accept,
        };
        if answer == Answer::CutShort {
            mail.text = wire.beginning(CUT)?;
            self.take(mail);
            wire.reset();
            return None;
        }
        mail.text = wire.content()?;
        if answer != Answer::Forget {
            self.take(mail);
        }
        match answer {
            Answer::Accept => wire.send(b"250 2.0.0 queued\r\n")?,
            Answer::Refuse => wire.send(b"554 5.6.0 not wanted\r\n")?,
            Answer::Nothing | Answer::Forget | Answer::CutShort => {
                wire.close();
                return None;
            }
        }
        Some(wire)
    }
}
