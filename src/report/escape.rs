//! Makes text inert, one function a format.
//!
//! Reply texts, headers and addresses come from peers and may hold anything: control characters,
//! terminal codes, markup, commands to a CI runner. Every format passes such text through here.

use std::fmt::Write as _;

/// One visible line for a terminal or a log: control characters are spelt out, and what a GitHub
/// runner would take for a command no longer reads as one.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => inert.push_str("\\n"),
            '\r' => inert.push_str("\\r"),
            '\t' => inert.push_str("\\t"),
            c if is_hazard(c) => spell(&mut inert, c),
            c => inert.push(c),
        }
    }
    without_commands(&inert)
}

/// Characters that act instead of showing: controls, DEL, C1, line separators, overrides of the
/// direction of text, byte order marks.
fn is_hazard(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn spell(into: &mut String, c: char) {
    // Writing to a String cannot fail.
    let _infallible = match u32::from(c) {
        code @ 0..=0xff => write!(into, "\\x{code:02x}"),
        code => write!(into, "\\u{{{code:x}}}"),
    };
}

/// A GitHub runner takes `::name` at the start of a line (after spaces) and `##[name]` anywhere
/// in one as a command.
fn without_commands(text: &str) -> String {
    let mut inert = text.replace("##[", "#\\x23[");
    let mut from = 0;
    while let Some(found) = inert[from..].find("::") {
        let second = from + found + 1;
        if inert[second + 1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            inert.replace_range(second..=second, "\\x3a");
        }
        from = second;
    }
    inert
}

/// JSON text, already well formed, with what a terminal would act on escaped.
#[must_use]
pub fn json(text: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_hazard(c) {
            let _infallible = write!(inert, "\\u{:04x}", u32::from(c));
        } else {
            inert.push(c);
        }
    }
    inert.replace("##[", "#\\u0023[")
}

/// Well-formed JSON for an HTML `<script>` element: no tag can begin in it.
#[must_use]
pub fn json_in_html(text: &str) -> String {
    json(text).replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// Text or an attribute value of XML 1.0 or HTML.
#[must_use]
pub fn xml(text: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => inert.push_str("&amp;"),
            '<' => inert.push_str("&lt;"),
            '>' => inert.push_str("&gt;"),
            '"' => inert.push_str("&quot;"),
            '\'' => inert.push_str("&#39;"),
            c => inert.push(c),
        }
    }
    inert
}

/// Several lines of text for XML or HTML: line ends stay.
#[must_use]
pub fn xml_lines(text: &str) -> String {
    text.lines().map(|line| xml(line) + "\n").collect()
}

/// A run of prose in Markdown, table cells included: no markup, no HTML, no mention, no link.
#[must_use]
pub fn markdown(text: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => inert.push_str("&amp;"),
            '<' => inert.push_str("&lt;"),
            '>' => inert.push_str("&gt;"),
            // A backslash does not stop GitHub from seeing a mention; an empty comment does.
            '@' => inert.push_str("@<!-- -->"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '!' | '|' => {
                inert.push('\\');
                inert.push(c);
            }
            c => inert.push(c),
        }
    }
    inert.replace("://", ":<!-- -->//").replace("www.", "www<!-- -->.")
}

/// A Markdown code span: the fence is longer than any run of backticks inside.
#[must_use]
pub fn markdown_code(text: &str) -> String {
    fenced(&plain(text))
}

/// A Markdown code span for a table cell: an odd number of backslashes stands before every pipe.
#[must_use]
pub fn markdown_cell(text: &str) -> String {
    let text = plain(text);
    if !text.contains('|') {
        return fenced(&text);
    }
    fenced(&text.replace('\\', "\\\\").replace('|', "\\|"))
}

fn fenced(text: &str) -> String {
    let fence = "`".repeat(longest_run(text, '`') + 1);
    let pad =
        if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(str::len).max().unwrap_or(0)
}

/// A cell of CSV for a spreadsheet: one line, and never a formula. Quoting is the CSV writer's.
#[must_use]
pub fn csv(text: &str) -> String {
    let inert = plain(text);
    if inert.starts_with(['=', '+', '-', '@']) { format!("'{inert}") } else { inert }
}

/// A label value of OpenMetrics, without its quotes.
#[must_use]
pub fn openmetrics(text: &str) -> String {
    plain(text).replace('\\', "\\\\").replace('"', "\\\"")
}

/// The message of a GitHub workflow command.
#[must_use]
pub fn workflow_data(text: &str) -> String {
    plain(text).replace('%', "%25")
}

/// A property of a GitHub workflow command.
#[must_use]
pub fn workflow_property(text: &str) -> String {
    workflow_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "\x1b[31m</script>]]>|`@root`\u{9b}2J\r\n::error::x ##[error]y\u{202e}\0";

    #[test]
    fn a_terminal_gets_one_line_without_codes_or_commands() {
        let inert = plain(HOSTILE);
        assert!(!inert.chars().any(is_hazard), "{inert:?}");
        assert!(!inert.contains("::error") && !inert.contains("##["), "{inert}");
        assert!(inert.starts_with("\\x1b[31m</script>"), "{inert}");
        assert_eq!(plain("::::warning"), ":::\\x3awarning");
        assert_eq!(plain("[::1]:25, 10:20"), "[::1]:25, 10:20");
    }

    #[test]
    fn json_stays_the_same_value() {
        let text = serde_json::to_string(HOSTILE).expect("JSON");
        for inert in [json(&text), json_in_html(&text)] {
            assert!(!inert.chars().any(is_hazard));
            assert_eq!(serde_json::from_str::<String>(&inert).expect("JSON"), HOSTILE);
        }
        assert!(!json_in_html(&text).contains("</"));
    }

    #[test]
    fn xml_has_no_markup_and_no_illegal_character() {
        let inert = xml(HOSTILE);
        assert!(!inert.contains(['<', '>', '"', '\'']) && !inert.chars().any(is_hazard), "{inert}");
        assert_eq!(xml_lines("a<\nb"), "a&lt;\nb\n");
    }

    #[test]
    fn markdown_prose_has_no_markup() {
        let inert = markdown(HOSTILE);
        assert!(!inert.contains("</script") && inert.contains("@<!-- -->root"), "{inert}");
        for (at, _) in inert.match_indices(['|', '`']) {
            assert_eq!(&inert[at - 1..at], "\\");
        }
        assert_eq!(markdown("see https://x.test"), "see https:<!-- -->//x.test");
    }

    #[test]
    fn a_code_span_ends_where_it_should() {
        assert_eq!(markdown_code("plain"), "`plain`");
        assert_eq!(markdown_code("a``b"), "```a``b```");
        assert_eq!(markdown_code("`"), "`` ` ``");
        assert_eq!(markdown_code(r"a\|b"), r"`a\|b`");
        assert_eq!(markdown_cell(r"a\|b"), r"`a\\\|b`");
        assert_eq!(markdown_cell(r"a\b"), r"`a\b`");
    }

    #[test]
    fn a_spreadsheet_gets_no_formula() {
        assert_eq!(csv("=1+1"), "'=1+1");
        assert_eq!(csv("451 4.7.1 later"), "451 4.7.1 later");
        assert!(!csv(HOSTILE).chars().any(is_hazard));
    }

    #[test]
    fn a_metric_label_ends_where_it_should() {
        assert_eq!(openmetrics("a\"b\\c\nd"), "a\\\"b\\\\c\\\\nd");
    }

    #[test]
    fn a_workflow_command_stays_one_command() {
        assert!(!workflow_data(HOSTILE).contains(['\r', '\n']));
        assert_eq!(workflow_data("50%\n"), "50%25\\n");
        assert_eq!(workflow_property("a:b,c"), "a%3Ab%2Cc");
    }
}
