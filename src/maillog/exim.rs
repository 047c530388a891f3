//! Lines of Exim's main log, after their stamp: `[PID] ID FLAG …`.

use super::record::{Fact, Record, Source, is_local};

/// Whether a text is about a message.
pub(super) fn begins_message(text: &str) -> bool {
    message(text).is_some()
}

/// The identifier, and what follows it.
fn message(text: &str) -> Option<(&str, &str)> {
    let mut rest = text.trim_start();
    // The process, where it is logged.
    if let Some((pid, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once("] "))
        && pid.bytes().all(|byte| byte.is_ascii_digit())
    {
        rest = after;
    }
    let (id, after) = rest.split_once(' ')?;
    is_id(id).then_some((id, after))
}

/// `1rABCD-0001aB-XY`, since 4.97 `1rABCD-0000000001a-0XyZ`.
fn is_id(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    matches!(lengths[..], [6, 6, 2] | [6, 11, 4])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// What a line says of a message.
pub(super) fn read(text: &str) -> Option<Record<'_>> {
    let (id, rest) = message(text)?;
    let (flag, after) = rest.split_once(' ').unwrap_or((rest, ""));
    let fact = match flag {
        "<=" => arrived(after),
        "=>" | "->" | "**" | "==" | ">>" => {
            Fact::Tried { address: recipient(after), age_s: None, queued_as: None }
        }
        "Completed" => Fact::Done,
        _ if rest.contains("rejected after DATA") || rest.contains("rejected by local_scan") => {
            Fact::Refused
        }
        _ => return None,
    };
    Some(Record { id, fact })
}

/// `SENDER FIELD=value …`.
fn arrived(text: &str) -> Fact<'_> {
    let (mut host, mut parent, mut bytes, mut message_id) = (None, false, None, None);
    for field in fields(text) {
        match field.split_once('=') {
            Some(("H", name)) => host = Some(name),
            Some(("R", _)) => parent = true,
            Some(("S", size)) => bytes = size.parse().ok(),
            Some(("id", id)) => message_id = Some(id),
            None if host.is_some() && field.starts_with('[') && is_local(field) => {
                host = Some("localhost");
            }
            _ => {}
        }
    }
    let source = match host {
        _ if parent && text.starts_with("<>") => Source::Itself,
        Some(host) if !is_local(host) => Source::Remote,
        _ => Source::Local,
    };
    Fact::Arrived { source, bytes, message_id }
}

/// The fields of a line; a value in quotes may hold blanks, and what looks like fields.
fn fields(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(' ');
        let (mut quoted, mut escaped) = (false, false);
        let end = rest.find(|c: char| {
            quoted ^= c == '"' && !escaped;
            escaped = quoted && c == '\\' && !escaped;
            c == ' ' && !quoted
        });
        let (field, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        (!field.is_empty()).then_some(field)
    })
}

/// `FINAL (PARENT) <ORIGINAL> R=…`: where the message went, or where that is a user, a file or a
/// program, the address that it was for. `None`: it was thrown away.
fn recipient(text: &str) -> Option<&str> {
    // `:blackhole: ` has a colon of its own; elsewhere an error follows one.
    let error = if text.starts_with(':') { None } else { text.find(": ") };
    let end = [" R=", " T="].iter().filter_map(|mark| text.find(mark)).chain(error).min();
    let named = &text[..end.unwrap_or(text.len())];
    let original = named.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>'));
    let original = original.map(|(original, _)| original).filter(|address| address.contains('@'));
    let last = named.find([' ', '<']).unwrap_or(named.len());
    let last = named[..last].trim_end_matches(':');
    let is_address = last.contains('@') && !last.starts_with(['|', '/', '>', ':', '"']);
    let thrown_away = last.starts_with(":blackhole") || last == "blackhole";
    match original {
        _ if is_address => Some(last),
        Some(original) => Some(original),
        None => (!thrown_away && !last.is_empty()).then_some(last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(rest: &str) -> Option<Fact<'_>> {
        let line: &'static str = format!("1abcd0-0000000001a-0XyZ {rest}").leak();
        read(line).map(|record| record.fact)
    }

    #[test]
    fn an_arrival_is_read_by_its_fields() {
        for (line, source, bytes) in [
            ("<= s@a.test H=x [192.0.2.1] P=esmtps S=1234 id=x@y", Source::Remote, Some(1234)),
            ("<= s@a.test H=(x) [192.0.2.1]:5 P=smtp S=1 id=x@y", Source::Remote, Some(1)),
            (
                "<= s@a H=a [192.0.2.1] DN=\"C=US, S=77 x, CN=\\\"a\" S=9 id=x@y T=\"S=5 H=[127.0.0.1]\"",
                Source::Remote,
                Some(9),
            ),
            ("<= s@a.test H=localhost [127.0.0.1] P=esmtp S=7 id=x@y", Source::Local, Some(7)),
            ("<= s@a.test H=(filter) [127.0.0.1] P=esmtp S=7 id=x@y", Source::Local, Some(7)),
            ("<= tim@a.test U=tim P=local S=7 id=x@y", Source::Local, Some(7)),
            ("<= <> R=1abcd0-0000000001a-0XyZ U=exim P=local S=7", Source::Itself, Some(7)),
            ("<= <> H=x [192.0.2.1] P=esmtps S=7 id=x@y", Source::Remote, Some(7)),
        ] {
            let message_id = (source != Source::Itself).then_some("x@y");
            assert_eq!(fact(line), Some(Fact::Arrived { source, bytes, message_id }), "{line}");
        }
    }

    #[test]
    fn a_recipient_is_where_the_message_went() {
        for (line, address) in [
            ("=> b@gmail.com R=dnslookup T=remote_smtp H=x", Some("b@gmail.com")),
            ("=> one@remote.test <list@here.test> R=all T=smtp", Some("one@remote.test")),
            ("=> one@remote.test (mid@here.test) <list@here.test> R=all", Some("one@remote.test")),
            ("=> tim <tim@here.test> R=local T=maildir", Some("tim@here.test")),
            ("=> tim R=local T=maildir", Some("tim")),
            ("=> |/usr/bin/procmail -d tim <tim@here.test> R=x T=y", Some("tim@here.test")),
            ("=> /var/mail/tim <tim@here.test> R=x T=y", Some("tim@here.test")),
            ("=> :blackhole: <void@here.test> R=x", Some("void@here.test")),
            ("=> :blackhole: R=x", None),
            ("=> blackhole (RCPT ACL discarded recipients)", None),
            ("** d@yahoo.test: retry timeout exceeded", Some("d@yahoo.test")),
            ("== d@yahoo.test R=x T=y defer (111): Connection refused", Some("d@yahoo.test")),
        ] {
            let tried = Fact::Tried { address, age_s: None, queued_as: None };
            assert_eq!(fact(line), Some(tried), "{line}");
        }
    }

    #[test]
    fn the_end_of_a_message_is_read() {
        assert_eq!(fact("Completed"), Some(Fact::Done));
        assert_eq!(fact("Completed QT=3s"), Some(Fact::Done));
        assert_eq!(fact("H=x [192.0.2.1] F=<a@b> rejected after DATA: spam"), Some(Fact::Refused));
        assert_eq!(fact("SMTP connection outbound 1 of 2"), None);
        assert_eq!(read("no message at all"), None);
        let with_pid = read("[77] 1rABCD-0001aB-XY Completed").map(|record| record.id);
        assert_eq!(with_pid, Some("1rABCD-0001aB-XY"));
    }
}
