//! Lines of Postfix: `postfix/DAEMON[PID]: ID: …`.

use super::Said;

/// What a line says of a message.
pub(super) fn read(line: &str) -> Option<Said<'_>> {
    let (head, rest) = line.split_once("]: ")?;
    // Instances have names of their own, such as `postfix-out/smtp`.
    let program = head.rsplit(' ').next()?;
    if !program.starts_with("postfix") {
        return None;
    }
    let daemon = program.split('[').next()?.rsplit('/').next()?;
    let (id, said) = rest.split_once(": ")?;
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) || id == "NOQUEUE" {
        return None;
    }
    if said == "removed" {
        return Some(Said::Done { id });
    }
    if daemon == "qmgr" {
        let bytes = said.split(", ").find_map(|field| field.strip_prefix("size="))?;
        return Some(Said::Size { id, bytes: bytes.parse().ok()? });
    }
    if let Some(address) = said.strip_prefix("to=<") {
        return Some(Said::Recipient { id, address: address.split_once('>')?.0 });
    }
    (said.starts_with("client=") || said.starts_with("uid=")).then_some(Said::Seen { id })
}
