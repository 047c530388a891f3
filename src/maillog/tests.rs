//! Whole logs, read.

use super::*;

const POSTFIX: &str = "\
Nov 24 21:25:00 mx postfix/smtpd[12]: 4F1A2B3C: client=a[192.0.2.1], sasl_username=tim
Nov 24 21:25:00 mx postfix/cleanup[13]: 4F1A2B3C: message-id=<x@y>
Nov 24 21:25:01 mx postfix/qmgr[9]: 4F1A2B3C: from=<s@a.test>, size=5123, nrcpt=2 (queue active)
Nov 24 21:25:02 mx postfix/smtp[14]: 4F1A2B3C: to=<b@Gmail.com>, relay=none, delay=1, dsn=4.4.1, status=deferred (x)
Nov 24 21:25:03 mx postfix/pickup[9]: 5555: uid=0 from=<root>
Nov 24 21:25:03 mx postfix/qmgr[9]: 5555: from=<root@here>, size=900, nrcpt=1 (queue active)
Nov 24 21:25:04 mx postfix/smtp[14]: 4F1A2B3C: to=<c@yahoo.com>, orig_to=<d@e.f>, relay=x, status=sent (250 ok)
Nov 24 21:26:00 mx postfix/smtp[14]: 4F1A2B3C: to=<b@gmail.com>, relay=x, dsn=2.0.0, status=sent (250 ok)
Nov 24 21:26:00 mx postfix/qmgr[9]: 4F1A2B3C: removed
Nov 24 21:26:30 mx postfix/local[15]: 5555: to=<root>, relay=local, status=sent (x)
Nov 24 21:26:31 mx sshd[1]: Accepted publickey for root
Nov 24 21:26:32 mx postfix/qmgr[9]: 4F1A2B3C: from=<s@a.test>, size=77, nrcpt=1 (queue active)
";

const EXIM: &str = "\
2026-11-24 21:25:00.500 1vNabc-0000000012a-0XyZ <= s@a.test H=x [192.0.2.1] P=esmtps S=1234 id=x@y
2026-11-24 21:25:01.0 1vNabc-0000000012a-0XyZ => b@gmail.com R=dnslookup T=remote_smtp H=x C=\"250 ok\"
2026-11-24 21:25:01.0 1vNabc-0000000012a-0XyZ -> c@gmail.com R=dnslookup T=remote_smtp
2026-11-24 21:25:02.0 1vNabc-0000000012a-0XyZ == d@yahoo.com R=x defer (111): Connection refused
2026-11-24 21:25:02.0 1abcde-000123-XY <= <> R=1vNabc-0000000012a-0XyZ U=exim P=local S=900
2026-11-24 21:25:02.5 1abcde-000123-XY => tim <tim@here.test> R=local T=maildir
2026-11-24 21:25:03.0 1abcde-000123-XY Completed
2026-11-24 21:25:04.0 1vNabc-0000000012a-0XyZ ** d@yahoo.com: retry timeout exceeded
2026-11-24 21:25:04.0 1vNabc-0000000012a-0XyZ Completed
2026-11-24 21:25:05.0 1vNabd-0000000012a-0XyZ <= tim@here.test U=tim P=local S=77 id=z@y
2026-11-24 21:25:05.0 1vNabd-0000000012a-0XyZ => b@gmail.com R=dnslookup T=remote_smtp
";

fn read(text: &str) -> Reading {
    let mut log = Log::until("2026-11-30".parse().expect("a day"));
    text.lines().for_each(|line| log.line(line));
    log.finish()
}

fn message(time_s: f64, bytes: u64, domains: &[&str]) -> Message {
    let domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
    Message { time_s, bytes, domains }
}

/// Reasons with counts.
fn unused(reading: &Reading) -> Vec<(UnusedMessage, u64)> {
    reading.unused.messages.iter().map(|(reason, count)| (*reason, *count)).collect()
}

#[test]
fn a_log_of_postfix_is_read() {
    let reading = read(POSTFIX);
    let first = message(0.0, 5123, &["gmail.com", "yahoo.com"]);
    assert_eq!(reading.messages, [first, message(3.0, 900, &["localhost"])]);
    // The last line is a message of which nothing more is known.
    assert_eq!(unused(&reading), [(UnusedMessage::NoRecipient, 1)]);
    assert_eq!(reading.unused.lines, [(UnusedLine::OtherProgram, 1)].into());
    let dated = POSTFIX.replace("Nov 24 21:", "2026-11-24T21:").replace(" mx ", "+00:00 mx ");
    assert_eq!(read(&dated), reading);
}

#[test]
fn a_log_of_exim_is_read() {
    let reading = read(EXIM);
    let first = message(0.0, 1234, &["gmail.com", "gmail.com", "yahoo.com"]);
    assert_eq!(reading.messages, [first, message(4.5, 77, &["gmail.com"])]);
    assert_eq!(unused(&reading), [(UnusedMessage::OwnMail, 1)]);
}

#[test]
fn a_message_that_a_filter_returns_counts_once() {
    for (how, lines) in [
        (
            "by SMTP",
            "Nov 24 10:00:02 mx postfix/smtpd[1]: D2: client=localhost[127.0.0.1]
             Nov 24 10:00:02 mx postfix/cleanup[1]: D2: message-id=<m@a.test>",
        ),
        (
            "by another host",
            "Nov 24 10:00:02 mx postfix/smtpd[1]: D2: client=filter[192.0.2.77]
             Nov 24 10:00:02 mx postfix/cleanup[1]: D2: message-id=<m@a.test>",
        ),
        (
            "by pipe",
            "Nov 24 10:00:02 mx postfix/pickup[1]: D2: uid=99 from=<s@a.test>
             Nov 24 10:00:02 mx postfix/cleanup[1]: D2: message-id=<m@a.test>",
        ),
    ] {
        let text = format!(
            "Nov 24 10:00:00 mx postfix/smtpd[1]: D1: client=a.test[192.0.2.1]
             Nov 24 10:00:00 mx postfix/cleanup[1]: D1: message-id=<m@a.test>
             Nov 24 10:00:00 mx postfix/qmgr[1]: D1: from=<s@a.test>, size=1000, nrcpt=1 (x)
             {lines}
             Nov 24 10:00:02 mx postfix/qmgr[1]: D2: from=<s@a.test>, size=1400, nrcpt=1 (x)
             Nov 24 10:00:02 mx postfix/smtp[1]: D1: to=<u@d.test>, relay=filter[192.0.2.77]:10024, delay=2, status=sent (250 Ok: queued as D2)
             Nov 24 10:00:02 mx postfix/qmgr[1]: D1: removed
             Nov 24 10:00:03 mx postfix/smtp[1]: D2: to=<u@d.test>, relay=mx[192.0.2.9]:25, delay=1, status=sent (250 ok)
             Nov 24 10:00:03 mx postfix/qmgr[1]: D2: removed"
        );
        let text: Vec<&str> = text.lines().map(str::trim).collect();
        let reading = read(&text.join("\n"));
        assert_eq!(reading.messages, [message(0.0, 1000, &["d.test"])], "{how}");
        assert_eq!(unused(&reading), [(UnusedMessage::Reinjected, 1)], "{how}");
    }
    let exim = EXIM.replace("tim@here.test U=tim P=local", "s@a.test U=x P=spam-scanned");
    let kept = exim.replace("id=z@y", "id=x@y").replace("Completed", "Delayed");
    let reading = read(&kept);
    assert_eq!(unused(&reading), [(UnusedMessage::OwnMail, 1), (UnusedMessage::Reinjected, 1)]);
}

#[test]
fn what_the_mta_makes_and_what_it_refused_is_no_arrival() {
    let reading = read(
        "Nov 24 10:00:00 mx postfix/smtpd[1]: A1: client=a.test[192.0.2.1]
Nov 24 10:00:00 mx postfix/cleanup[1]: A1: message-id=<m@a.test>
Nov 24 10:00:00 mx postfix/qmgr[1]: A1: from=<s@a.test>, size=1000, nrcpt=1 (queue active)
Nov 24 10:00:01 mx postfix/cleanup[1]: F1: message-id=<m@a.test>
Nov 24 10:00:01 mx postfix/qmgr[1]: F1: from=<s@a.test>, size=1100, nrcpt=1 (queue active)
Nov 24 10:00:01 mx postfix/local[1]: A1: to=<tim@here.test>, relay=local, delay=1, status=sent (forwarded as F1)
Nov 24 10:00:02 mx postfix/smtp[1]: F1: to=<u@d.test>, relay=x[192.0.2.9]:25, delay=1, status=bounced (550)
Nov 24 10:00:02 mx postfix/cleanup[1]: B1: message-id=<b@here.test>
Nov 24 10:00:02 mx postfix/bounce[1]: F1: sender non-delivery notification: B1
Nov 24 10:00:02 mx postfix/qmgr[1]: B1: from=<>, size=2000, nrcpt=1 (queue active)
Nov 24 10:00:02 mx postfix/smtp[1]: B1: to=<s@a.test>, relay=x[192.0.2.9]:25, delay=0.1, status=sent (250 ok)
Nov 24 10:00:05 mx postfix/smtpd[1]: R1: client=b.test[192.0.2.1]
Nov 24 10:00:05 mx postfix/smtpd[1]: R1: reject: RCPT from b.test[192.0.2.1]: 550 5.1.1 <no@here.test>: x
Nov 24 10:00:05 mx postfix/cleanup[1]: R1: message-id=<r@b.test>
Nov 24 10:00:05 mx postfix/cleanup[1]: R1: milter-reject: END-OF-MESSAGE from b.test[192.0.2.1]: 5.7.1 spam
Nov 24 10:00:06 mx postfix/smtpd[1]: L1: client=b.test[192.0.2.1]
Nov 24 10:00:06 mx postfix/smtpd[1]: lost connection after DATA (99 bytes) from b.test[192.0.2.1]
",
    );
    assert_eq!(reading.messages, [message(0.0, 1000, &["here.test"])]);
    let reasons =
        [(UnusedMessage::OwnMail, 2), (UnusedMessage::Refused, 1), (UnusedMessage::NoSize, 1)];
    assert_eq!(unused(&reading), reasons);
}

#[test]
fn mail_that_waited_from_before_the_log_is_no_arrival() {
    let waited = "Nov 25 00:00:00 mx postfix/qmgr[1]: 90: from=<s@a.test>, size=1000, nrcpt=1 (x)
Nov 25 00:00:30 mx postfix/smtp[1]: 90: to=<u@down.test>, relay=none, delay=54000, status=deferred (x)
Nov 25 00:10:00 mx postfix/smtpd[1]: A1: client=a.test[192.0.2.1]
Nov 25 00:10:00 mx postfix/qmgr[1]: A1: from=<s@a.test>, size=1234, nrcpt=1 (queue active)
Nov 25 00:10:01 mx postfix/smtp[1]: A1: to=<u@d.test>, relay=x, delay=1, status=sent (250 ok)
2026-11-25 00:10:02 1vNabc-0000000012a-0XyZ == d@yahoo.test R=x defer (111): Connection refused
";
    let reading = read(waited);
    assert_eq!(reading.messages, [message(0.0, 1234, &["d.test"])]);
    assert_eq!(unused(&reading), [(UnusedMessage::Earlier, 2)]);
    // A log with lines of the queue manager alone shows arrivals by the age of what it delivers.
    let filtered = "Nov 25 00:00:00 mx postfix/qmgr[1]: 91: from=<s@a.test>, size=10, nrcpt=1 (x)
Nov 25 00:00:04 mx postfix/smtp[1]: 91: to=<u@d.test>, relay=x, delay=4, status=sent (250 ok)
Nov 25 00:00:10 mx postfix/qmgr[1]: 92: from=<s@a.test>, size=20, nrcpt=1 (queue active)
Nov 25 00:00:11 mx postfix/smtp[1]: 92: to=<u@d.test>, relay=x, delay=2.5, status=sent (250 ok)
";
    let expected = [message(0.0, 10, &["d.test"]), message(8.5, 20, &["d.test"])];
    assert_eq!(read(filtered).messages, expected);
}

#[test]
fn messages_of_one_whole_second_are_spread_over_it() {
    let text: String = (0..4)
        .map(|n| {
            format!(
                "Nov 24 10:00:0{0} mx postfix/smtpd[1]: A{n}: client=a.test[192.0.2.1]\n\
                 Nov 24 10:00:0{0} mx postfix/qmgr[1]: A{n}: from=<s@a.test>, size=9, nrcpt=1 (x)\n\
                 Nov 24 10:00:0{0} mx postfix/smtp[1]: A{n}: to=<u@d.test>, relay=x, status=sent (x)\n",
                n / 3
            )
        })
        .collect();
    let times = |reading: &Reading| -> Vec<f64> {
        reading.messages.iter().map(|it| (it.time_s * 1000.0).round()).collect()
    };
    let reading = read(&text);
    assert_eq!((times(&reading), reading.spread), (vec![0.0, 333.0, 667.0, 1000.0], 3));
    let exact = read(&text.replace(" mx ", ".5 mx "));
    assert_eq!((times(&exact), exact.spread), (vec![0.0, 0.0, 0.0, 1000.0], 0));
}

#[test]
fn many_recipients_take_no_quadratic_time() {
    let mut text = "Nov 24 10:00:00 mx postfix/smtpd[1]: A1: client=a.test[192.0.2.1]\n\
                    Nov 24 10:00:00 mx postfix/qmgr[1]: A1: from=<s@a.test>, size=9, nrcpt=1 (x)\n"
        .to_owned();
    for n in 0..50_000 {
        text += &format!("Nov 24 10:00:00 mx postfix/smtp[1]: A1: to=<u{n}@d.test>, relay=x\n");
    }
    // By comparing each with all it took minutes.
    assert_eq!(read(&text).messages[0].domains.len(), 50_000);
}

#[test]
fn lines_that_are_not_used_are_counted_by_reason() {
    let reading = read(
        "Nov 24 10:00:00 mx sm-mta[1]: 3AOA: from=<s@a.test>, size=1000, class=0, mailer=esmtp
Nov 24 10:00 mx postfix/qmgr[1]: A1: from=<s@a.test>, size=9, nrcpt=1 (queue active)
Nov 24 10:00:00 mx postfix/smtpd[1]: connect from a.test[192.0.2.1]

",
    );
    let lines =
        [(UnusedLine::OtherProgram, 1), (UnusedLine::OtherMatter, 1), (UnusedLine::Time, 1)];
    assert_eq!(reading.unused.lines, lines.into());
    assert_eq!(reading.looks_like, Some("a log of Sendmail"));
}
