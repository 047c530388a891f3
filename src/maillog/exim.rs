//! Lines of Exim's main log: `DATE TIME [PID] ID FLAG …`.

use super::Said;

/// What a line says of a message.
pub(super) fn read(line: &str) -> Option<Said<'_>> {
    let mut words = line.split_ascii_whitespace().skip(2).peekable();
    while words.peek().is_some_and(|word| word.starts_with(['[', '+', '-']) && *word != "->") {
        words.next();
    }
    let id = words.next().filter(|id| is_id(id))?;
    match words.next()? {
        "<=" => {
            let size = words.find_map(|word| word.strip_prefix("S="));
            match size.and_then(|size| size.parse().ok()) {
                Some(bytes) => Some(Said::Size { id, bytes }),
                None => Some(Said::Seen { id }),
            }
        }
        "=>" | "->" | "**" | "==" | ">>" => {
            let named = words.next()?;
            // A local delivery names the user first, then the whole address.
            let whole = words.next().and_then(|word| word.strip_prefix('<')?.strip_suffix('>'));
            Some(Said::Recipient { id, address: whole.unwrap_or(named).trim_end_matches(':') })
        }
        "Completed" => Some(Said::Done { id }),
        _ => None,
    }
}

/// `1rABCD-0001aB-XY`, since 4.97 `1rABCD-0000000001a-0XyZ`.
fn is_id(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    matches!(lengths[..], [6, 6, 2] | [6, 11, 4])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}
