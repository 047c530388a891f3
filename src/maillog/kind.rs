//! What a file looks like that is no log of Postfix or Exim, so that an error can name it.

/// A kind of file, and whether a line is one of it.
type Kind = (&'static str, fn(&str) -> bool);

/// Kinds of files. The first that fits names the line.
const KINDS: [Kind; 15] = [
    ("a log of Sendmail", |line| {
        line.contains("sm-mta[") || line.contains("sendmail[") || line.contains("mailer=esmtp")
    }),
    ("a log of OpenSMTPD", |line| {
        line.contains("smtpd[") && (line.contains(" mta ") || line.contains(" smtp "))
    }),
    ("a log of Haraka", |line| line.contains("] [core]") || line.contains("[outbound]")),
    ("a log of qmail", |line| {
        line.contains("starting delivery ")
            || line.contains("info msg ")
            || line.starts_with("@4000")
    }),
    ("a log of Courier", |line| line.contains("courierd:") || line.contains("courieresmtp")),
    ("a message tracking log of Exchange", |line| {
        line.starts_with("#Software: Microsoft Exchange") || line.contains(",event-id,")
    }),
    ("a W3C log", |line| line.starts_with("#Fields:") || line.starts_with("#Version:")),
    ("a log of Dovecot", |line| line.contains("dovecot:") || line.contains("lmtp(")),
    ("a log of Rspamd", |line| line.contains("rspamd_task_write_log") || line.contains("(rspamd_")),
    ("a log of chasquid", |line| line.contains("chasquid")),
    ("an HTTP access log", |line| line.contains("\" 200 ") || line.contains(" HTTP/1.")),
    ("a mailbox", |line| line.starts_with("From ") || line.starts_with("Received: from ")),
    ("a trace", |line| line.starts_with("time,size") || line.starts_with("time;size")),
    ("an export of the systemd journal, of which `journalctl -o json` makes a log", |line| {
        line.starts_with("__CURSOR=") || line.starts_with("__REALTIME_TIMESTAMP=")
    }),
    ("JSON", |line| line.starts_with('{') || line.starts_with('[')),
];

/// Counts what lines look like.
#[derive(Debug, Default)]
pub(super) struct Looks {
    counts: [u64; KINDS.len()],
}

impl Looks {
    /// Takes in a line that is neither Postfix's nor Exim's.
    pub(super) fn observe(&mut self, line: &str) {
        if let Some(kind) = KINDS.iter().position(|(_, fits)| fits(line)) {
            self.counts[kind] += 1;
        }
    }

    /// What most of them look like.
    pub(super) fn most(&self) -> Option<&'static str> {
        let most = self.counts.iter().max().filter(|count| **count > 0)?;
        let kind = self.counts.iter().position(|count| count == most)?;
        Some(KINDS[kind].0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_logs_are_named() {
        let looks = |lines: &[&str]| {
            let mut looks = Looks::default();
            lines.iter().for_each(|line| looks.observe(line));
            looks.most()
        };
        let sendmail = "Nov 24 10:00:00 mx sm-mta[1]: 3AOA: from=<s@a>, size=1000, class=0";
        assert_eq!(looks(&["x", sendmail, "y"]), Some("a log of Sendmail"));
        let opensmtpd =
            "Nov 24 10:00:00 mx smtpd[1]: 5d2f mta delivery evpid=1 from=<a@b> to=<c@d>";
        assert_eq!(looks(&[opensmtpd]), Some("a log of OpenSMTPD"));
        assert_eq!(looks(&["From a@b Tue Nov 24 10:00:00 2026"]), Some("a mailbox"));
        let export = ["__CURSOR=s=1", "MESSAGE=4F1A: removed"];
        assert!(looks(&export).is_some_and(|it| it.contains("journalctl -o json")));
        assert_eq!(looks(&["what is this"]), None);
    }
}
