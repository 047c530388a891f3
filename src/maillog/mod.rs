//! Mail logs of Postfix and Exim, read for what came when, how large, and for which domains; and
//! domains made unrecognisable. Pure: lines in, messages out.
//!
//! Nothing but times, sizes and domains is kept. Which domains a log names nobody can tell from
//! what is written; that two messages went to the same one, everybody can.

mod exim;
mod postfix;
mod stamp;

use std::collections::HashMap;

use stamp::Stamps;

/// What one line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said<'a> {
    /// The message is there.
    Seen { id: &'a str },
    /// So large it is, in bytes.
    Size { id: &'a str, bytes: u64 },
    /// It was tried, or delivered, to this address.
    Recipient { id: &'a str, address: &'a str },
    /// The MTA is done with it.
    Done { id: &'a str },
}

/// One message of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// When it came, in seconds.
    pub time_s: f64,
    /// Its size in bytes.
    pub bytes: u64,
    /// The domain of every recipient, in lower case, in the order of first mention.
    pub domains: Vec<String>,
}

/// A log being read.
#[derive(Debug, Default)]
pub struct Log {
    stamps: Stamps,
    underway: HashMap<String, Underway>,
    messages: Vec<Message>,
}

/// A message that is not done with.
#[derive(Debug)]
struct Underway {
    time_s: f64,
    bytes: Option<u64>,
    recipients: Vec<String>,
}

impl Log {
    /// Takes in one line; what is none of a message is passed over.
    pub fn line(&mut self, line: &str) {
        let Some(said) = postfix::read(line).or_else(|| exim::read(line)) else { return };
        let Some(time_s) = self.stamps.read(line) else { return };
        let (Said::Seen { id }
        | Said::Size { id, .. }
        | Said::Recipient { id, .. }
        | Said::Done { id }) = said;
        if let Said::Done { id } = said {
            if let Some(done) = self.underway.remove(id) {
                self.keep(done);
            }
            return;
        }
        let fresh = || Underway { time_s, bytes: None, recipients: Vec::new() };
        let message = self.underway.entry(id.to_owned()).or_insert_with(fresh);
        match said {
            Said::Size { bytes, .. } => message.bytes = message.bytes.or(Some(bytes)),
            Said::Recipient { address, .. } => {
                let address = address.to_ascii_lowercase();
                if !message.recipients.contains(&address) {
                    message.recipients.push(address);
                }
            }
            Said::Seen { .. } | Said::Done { .. } => {}
        }
    }

    /// Every message of which size and a recipient are known, by time, the first at zero; and how
    /// many others there were.
    #[must_use]
    pub fn finish(mut self) -> (Vec<Message>, usize) {
        let left: Vec<Underway> = self.underway.drain().map(|(_, left)| left).collect();
        let all = left.len() + self.messages.len();
        for message in left {
            self.keep(message);
        }
        let mut messages = self.messages;
        let complete = |message: &Message| message.bytes > 0 && !message.domains.is_empty();
        let partial = messages.iter().filter(|message| !complete(message)).count();
        messages.retain(complete);
        messages.sort_by(|one, other| one.time_s.total_cmp(&other.time_s));
        let first = messages.first().map_or(0.0, |message| message.time_s);
        for message in &mut messages {
            message.time_s -= first;
        }
        debug_assert_eq!(all, messages.len() + partial);
        (messages, partial)
    }

    fn keep(&mut self, message: Underway) {
        let domain = |address: &String| {
            address.rsplit_once('@').map_or("localhost", |(_, domain)| domain).to_owned()
        };
        self.messages.push(Message {
            time_s: message.time_s,
            bytes: message.bytes.unwrap_or(0),
            domains: message.recipients.iter().map(domain).collect(),
        });
    }
}

/// Makes domains unrecognisable: the same one always the same, under one key.
pub struct Pseudonyms {
    key: [u8; 32],
}

impl Pseudonyms {
    /// Under this key.
    #[must_use]
    pub fn new(key: &[u8]) -> Pseudonyms {
        Pseudonyms { key: *blake3::hash(key).as_bytes() }
    }

    /// A name in a reserved domain that stands for this one.
    #[must_use]
    pub fn of(&self, domain: &str) -> String {
        let hash = blake3::keyed_hash(&self.key, domain.as_bytes()).to_hex();
        format!("d{}.test", &hash[..12])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSTFIX: &str = "\
Nov 24 21:25:00 mx postfix/smtpd[12]: 4F1A2B3C: client=a[192.0.2.1], sasl_username=tim
Nov 24 21:25:00 mx postfix/cleanup[13]: 4F1A2B3C: message-id=<x@y>
Nov 24 21:25:01 mx postfix/qmgr[9]: 4F1A2B3C: from=<s@a.test>, size=5123, nrcpt=2 (queue active)
Nov 24 21:25:02 mx postfix/smtp[14]: 4F1A2B3C: to=<b@Gmail.com>, relay=none, delay=1, dsn=4.4.1, status=deferred (x)
Nov 24 21:25:03 mx postfix/qmgr[9]: 5555: from=<>, size=900, nrcpt=1 (queue active)
Nov 24 21:25:04 mx postfix/smtp[14]: 4F1A2B3C: to=<c@yahoo.com>, orig_to=<d@e.f>, relay=x, status=sent (250 ok)
Nov 24 21:26:00 mx postfix/smtp[14]: 4F1A2B3C: to=<b@gmail.com>, relay=x, dsn=2.0.0, status=sent (250 ok)
Nov 24 21:26:00 mx postfix/qmgr[9]: 4F1A2B3C: removed
Nov 24 21:26:30 mx postfix/local[15]: 5555: to=<root>, relay=local, status=sent (x)
Nov 24 21:26:31 mx sshd[1]: Accepted publickey for root
Nov 24 21:26:32 mx postfix/qmgr[9]: 4F1A2B3C: from=<s@a.test>, size=77, nrcpt=1 (queue active)
";

    const EXIM: &str = "\
2026-11-24 21:25:00.500 1vNabc-0000000012a-0XyZ <= s@a.test H=x [192.0.2.1] P=esmtps S=1234 id=x@y
2026-11-24 21:25:01 1vNabc-0000000012a-0XyZ => b@gmail.com R=dnslookup T=remote_smtp H=x C=\"250 ok\"
2026-11-24 21:25:01 1vNabc-0000000012a-0XyZ -> c@gmail.com R=dnslookup T=remote_smtp
2026-11-24 21:25:02 1vNabc-0000000012a-0XyZ == d@yahoo.com R=x defer (111): Connection refused
2026-11-24 21:25:02 1abcde-000123-XY <= <> R=1vNabc-0000000012a-0XyZ U=exim P=local S=900
2026-11-24 21:25:03 1abcde-000123-XY => tim <tim@here.test> R=local T=maildir
2026-11-24 21:25:03 1abcde-000123-XY Completed
2026-11-24 21:25:04 1vNabc-0000000012a-0XyZ ** d@yahoo.com: retry timeout exceeded
2026-11-24 21:25:04 1vNabc-0000000012a-0XyZ Completed
";

    fn read(text: &str) -> (Vec<Message>, usize) {
        let mut log = Log::default();
        text.lines().for_each(|line| log.line(line));
        log.finish()
    }

    fn message(time_s: f64, bytes: u64, domains: &[&str]) -> Message {
        let domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
        Message { time_s, bytes, domains }
    }

    #[test]
    fn a_log_of_postfix_is_read() {
        // The last line is a message of which nothing more is told.
        let first = message(0.0, 5123, &["gmail.com", "yahoo.com"]);
        assert_eq!(read(POSTFIX), (vec![first, message(3.0, 900, &["localhost"])], 1));
        let dated = POSTFIX.replace("Nov 24 21:", "2026-11-24T21:").replace(" mx ", "+00:00 mx ");
        assert_eq!(read(&dated), read(POSTFIX));
    }

    #[test]
    fn a_log_of_exim_is_read() {
        let first = message(0.0, 1234, &["gmail.com", "gmail.com", "yahoo.com"]);
        assert_eq!(read(EXIM), (vec![first, message(1.5, 900, &["here.test"])], 0));
    }

    #[test]
    fn a_pseudonym_is_the_same_under_the_same_key_only() {
        let names = Pseudonyms::new(b"one");
        assert_eq!(names.of("gmail.com"), Pseudonyms::new(b"one").of("gmail.com"));
        assert_ne!(names.of("gmail.com"), Pseudonyms::new(b"two").of("gmail.com"));
        assert_ne!(names.of("gmail.com"), names.of("gmail.con"));
        assert!(!names.of("gmail.com").contains("gmail") && names.of("a").ends_with(".test"));
    }
}
