//! `[target.changes]`.

use crate::probe::address::is_same;
use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{self, At};
use crate::scenario::model::Changes;

pub(super) fn changes(written: Option<&At<file::Changes>>, problems: &mut Problems) -> Changes {
    let default = Changes::default();
    let Some(At { value: written, .. }) = written else { return default };
    let flag = |key: &Option<At<bool>>, default| key.as_ref().map_or(default, |key| key.value);
    Changes {
        headers: written.headers.as_ref().map_or(default.headers, |key| key.value),
        subject: flag(&written.subject, default.subject),
        footer: flag(&written.footer, default.footer),
        reencoded: flag(&written.reencoded, default.reencoded),
        sender: written.sender.as_ref().map_or(default.sender, |key| key.value),
        recipient: written.recipient.as_ref().map_or(default.recipient, |key| key.value),
        copies: copies(written.copies.as_ref(), problems),
    }
}

/// The addresses, each once.
fn copies(written: Option<&At<Vec<At<String>>>>, problems: &mut Problems) -> Vec<String> {
    let mut copies: Vec<String> = Vec::new();
    for At { value: address, span } in written.iter().flat_map(|list| &list.value) {
        if !is_address(address) {
            let problem = Problem::new(span, format!("`{address}` is not an address"));
            problems.push(problem.help("write `local@domain`, without angle brackets"));
        } else if copies.iter().any(|earlier| is_same(earlier, address)) {
            let problem = Problem::new(span, format!("`{address}` is listed twice"));
            problems.push(problem.help("leave one out"));
        } else {
            copies.push(address.clone());
        }
    }
    copies
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain = |part: &str| !part.is_empty() && !part.contains(char::is_control);
    plain(local)
        && plain(domain)
        && !text.contains(['<', '>'])
        && !domain.contains(|letter: char| letter.is_whitespace() || letter == ',')
        && (local.starts_with('"') || !local.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_local_part_and_a_domain() {
        for good in ["archive@a.test", "\"a b\"@a.test", "信@例.test", "a+b@[127.0.0.1]"] {
            assert!(is_address(good), "{good}");
        }
        for bad in
            ["", "archive", "@a.test", "a@", "<a@a.test>", "a b@a.test", "a@b.test, c", "a@b\n"]
        {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
