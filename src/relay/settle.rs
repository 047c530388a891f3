//! What follows from the results of one attempt: who is done, who is tried again and when, who is
//! returned to the sender. Pure; the commit and the next attempt are made elsewhere.

use std::time::Duration;

use rand::Rng;

use crate::clock::Time;
use crate::queue::schedule::{Next, RetrySchedule};
use crate::relay::mail::{Delivery, Recipient};
use crate::relay::rows::Change;
use crate::smtp::reply::{EnhancedStatus, Reply, Severity};

/// What one attempt came to for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The next hop took responsibility.
    Delivered,
    /// The next hop answered 4yz or 5yz.
    Refused(Reply),
    /// No answer: not reached, connection lost, time out, not SMTP. As 451 (RFC 5321 §3.8).
    Unanswered(String),
    /// It cannot be sent to this next hop at all.
    Unsendable(EnhancedStatus, &'static str),
}

/// A recipient that is returned to its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The recipient; its last reply says why.
    pub recipient: Recipient,
    /// Status of the report, class 5.
    pub status: EnhancedStatus,
}

/// What follows from one attempt.
#[derive(Debug)]
pub struct Settled {
    /// For the store; the report is still to be added.
    pub change: Change,
    /// Recipients to report as failed.
    pub failed: Vec<Failure>,
    /// What is left to try.
    pub again: Option<Delivery>,
}

/// RFC 3463 §3.5 X.4.7: delivery time expired.
const EXPIRED: EnhancedStatus = EnhancedStatus { class: 5, subject: 4, detail: 7 };

/// RFC 3463 §3.1 X.0.0: other undefined status.
const UNDEFINED: EnhancedStatus = EnhancedStatus { class: 5, subject: 0, detail: 0 };

/// Settles an attempt with one outcome a recipient.
pub fn settle<R: Rng>(
    delivery: Delivery,
    outcomes: Vec<Outcome>,
    schedule: &RetrySchedule,
    now: Time,
    rng: &mut R,
) -> Settled {
    let attempts = delivery.attempts.saturating_add(1);
    let age = now.since(delivery.envelope.accepted);
    let wait = match schedule.after_failure(attempts, age, rng) {
        Next::Retry { after } | Next::GiveUp { after } => after,
    };
    let mut sorted = Sorted::default();
    for (recipient, outcome) in delivery.recipients.iter().zip(outcomes) {
        sorted.add(recipient.clone(), outcome);
    }
    sorted.settle(delivery, attempts, now, wait)
}

/// Settles a delivery that is too old to be tried again.
pub fn give_up(delivery: Delivery) -> Settled {
    let failed = delivery.recipients.iter().cloned();
    let sorted = Sorted {
        failed: failed.map(|recipient| Failure { recipient, status: EXPIRED }).collect(),
        ..Sorted::default()
    };
    let (attempts, due) = (delivery.attempts, delivery.due);
    sorted.settle(delivery, attempts, due, Duration::ZERO)
}

/// Recipients by what becomes of them.
#[derive(Default)]
struct Sorted {
    done: Vec<u16>,
    failed: Vec<Failure>,
    again: Vec<Recipient>,
}

impl Sorted {
    fn add(&mut self, mut recipient: Recipient, outcome: Outcome) {
        match outcome {
            Outcome::Delivered => self.done.push(recipient.position),
            Outcome::Refused(reply) => {
                recipient.last_reply = Some(format!("smtp; {}", one_line(&reply.to_string())));
                // A first digit other than 2 to 5 ends the transaction, not the mail.
                if reply.severity() == Some(Severity::Permanent) {
                    let status = reply.enhanced.filter(|s| s.class == 5).unwrap_or(UNDEFINED);
                    self.failed.push(Failure { recipient, status });
                } else {
                    self.again.push(recipient);
                }
            }
            Outcome::Unanswered(cause) => {
                recipient.last_reply = Some(format!("x-mailbench; {}", one_line(&cause)));
                self.again.push(recipient);
            }
            Outcome::Unsendable(status, cause) => {
                recipient.last_reply = Some(format!("x-mailbench; {cause}"));
                self.failed.push(Failure { recipient, status });
            }
        }
    }

    fn settle(self, delivery: Delivery, attempts: u32, now: Time, wait: Duration) -> Settled {
        let due = now.plus(wait);
        let failed = self.failed.iter().map(|failure| failure.recipient.position);
        let change = Change {
            message: delivery.envelope.id,
            done: self.done.iter().copied().chain(failed).collect(),
            deferred: self
                .again
                .iter()
                .map(|again| (again.position, again.last_reply.clone().unwrap_or_default()))
                .collect(),
            attempts,
            next_due: due,
            report: None,
        };
        // The content is read again for the next attempt: memory is for what is on its way.
        let again = (!self.again.is_empty()).then_some(Delivery {
            recipients: self.again,
            attempts,
            due,
            content: None,
            ..delivery
        });
        Settled { change, failed: self.failed, again }
    }
}

/// A peer's text as it may stand in a header: one line of printable ASCII, bounded.
fn one_line(text: &str) -> String {
    let printable = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { ' ' };
    text.chars().take(crate::limits::REPLY_TEXT).map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::schedule::Growth;
    use crate::relay::mail::Envelope;
    use crate::seed::{Key, Purpose, Seed};
    use std::sync::Arc;

    fn delivery(recipients: u16) -> Delivery {
        let envelope = Envelope {
            id: 7,
            reverse_path: "s@x.test".into(),
            priority: 0,
            eight_bit: false,
            utf8: false,
            accepted: Time::ZERO,
        };
        let recipient = |position| Recipient {
            position,
            address: format!("r{position}@y.test"),
            last_reply: None,
        };
        Delivery {
            envelope: Arc::new(envelope),
            domain: "y.test".into(),
            recipients: (0..recipients).map(recipient).collect(),
            attempts: 1,
            due: Time::ZERO,
            content: None,
        }
    }

    fn settled(outcomes: Vec<Outcome>, age: u64) -> Settled {
        let kind = Growth::Fixed { first: Duration::from_secs(10) };
        let schedule = RetrySchedule { kind, jitter: 0.0, give_up_after: Duration::from_secs(60) };
        let mut rng = Seed(1).stream(Purpose::RetryJitter, Key::default());
        let now = Time::from_offset(Duration::from_secs(age));
        settle(delivery(outcomes.len() as u16), outcomes, &schedule, now, &mut rng)
    }

    fn reply(text: &str) -> Outcome {
        Outcome::Refused(text.parse().expect("a reply"))
    }

    #[test]
    fn each_recipient_gets_what_is_its_own() {
        let outcomes = vec![
            Outcome::Delivered,
            reply("451 4.7.1 later"),
            reply("550 5.1.1 no such user"),
            Outcome::Unanswered("connection lost".into()),
        ];
        let settled = settled(outcomes, 5);
        assert_eq!(settled.change.done, [0, 2]);
        let deferred =
            [(1, "smtp; 451 4.7.1 later".into()), (3, "x-mailbench; connection lost".into())];
        assert_eq!(settled.change.deferred, deferred);
        let again = settled.again.expect("two are left");
        assert_eq!(again.recipients.iter().map(|r| r.position).collect::<Vec<_>>(), [1, 3]);
        assert_eq!((again.attempts, again.due), (2, Time::from_offset(Duration::from_secs(15))));
        let failed = &settled.failed[0];
        assert_eq!((failed.recipient.position, failed.status.to_string()), (2, "5.1.1".into()));
    }

    #[test]
    fn waits_no_longer_than_the_give_up_time() {
        let again = settled(vec![reply("451 later")], 55).again.expect("left");
        assert_eq!(again.due, Time::from_offset(Duration::from_secs(60)));
    }

    #[test]
    fn a_recipient_given_up_is_done_and_reported() {
        let settled = give_up(delivery(2));
        assert_eq!(settled.change.done, [0, 1]);
        assert!(settled.failed.iter().all(|failure| failure.status == EXPIRED));
        assert!(settled.again.is_none());
    }

    #[test]
    fn a_hostile_reply_cannot_break_out_of_its_line() {
        let text = "no\r\nBcc: x\0é".to_owned() + &"x".repeat(5000);
        let outcome = Outcome::Refused(Reply::new(451, None, text));
        let (_, reason) = &settled(vec![outcome], 0).change.deferred[0];
        assert!(reason.len() < 600 && reason.bytes().all(|b| (b' '..=b'~').contains(&b)));
    }
}
