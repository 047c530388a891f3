//! What the faults that answer with a reply have in common: how one is read, and where it can be
//! given.

use crate::grammar::at::At;
use crate::grammar::diagnosis::Problems;
use crate::limits;
use crate::smtp::reply::{Reply, Severity};
use crate::smtp::stage::Stage;

/// Whether a command is answered at a stage.
pub(super) fn can_happen(stage: Stage) -> Result<(), &'static str> {
    match stage {
        Stage::Connect | Stage::Content | Stage::Quit => Err(
            "before the greeting and while content flows nothing is answered: use stage banner, \
             mail-from, rcpt-to, data or end-of-data",
        ),
        _ => Ok(()),
    }
}

/// A reply of the severity that its key demands.
pub(super) fn read_as(
    written: &At<String>,
    demanded: Severity,
    problems: &mut Problems,
) -> Option<Reply> {
    let reply = read(written, problems)?;
    if reply.severity() == Some(demanded) {
        return Some(reply);
    }
    let (what, help) = match (demanded, reply.severity()) {
        (Severity::Transient, Some(Severity::Permanent)) => {
            ("deferral", "use `reject` for a 5yz reply")
        }
        (Severity::Transient, _) => {
            ("deferral", "a deferral is a 4yz reply, such as \"451 4.7.1 Try later\"")
        }
        (_, Some(Severity::Transient)) => ("rejection", "use `defer` for a 4yz reply"),
        _ => ("rejection", "a rejection is a 5yz reply, such as \"550 5.1.1 No such user\""),
    };
    problems.refuse(&written.span, format!("{} is no {what}", reply.code), help);
    None
}

/// A reply whose code and enhanced status say the same (RFC 2034 §4).
pub(super) fn read(written: &At<String>, problems: &mut Problems) -> Option<Reply> {
    let printable = written.value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let reply: Reply = match written.value.parse() {
        Ok(reply) if printable && written.value.len() <= limits::REPLY_TEXT => reply,
        _ => {
            problems.refuse(
                &written.span,
                format!("{:?} is not a reply", written.value),
                "write `CODE [x.y.z] text` in ASCII, such as \"451 4.7.1 Try later\"",
            );
            return None;
        }
    };
    let class = u16::from(reply.enhanced.map_or(0, |enhanced| enhanced.class));
    if class != 0 && class != reply.code / 100 {
        let what = format!("{} and a status of class {class} contradict each other", reply.code);
        problems.refuse(&written.span, what, "the first digit of both must be the same");
    }
    Some(reply)
}
