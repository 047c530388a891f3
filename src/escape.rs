//! Makes text inert, one function a format.
//!
//! Reply texts, headers, addresses, scenarios and what commands print come from others and may hold
//! anything: control characters, terminal codes, markup, commands to a CI server. Every output
//! passes such text through here: files of a report, stdout, diagnostics and the log on stderr.

use std::fmt::Write as _;

/// One visible line for a terminal or a log: control characters are spelt out, and what a CI server
/// would take for a command no longer reads as one.
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
    without_commands(&inert, "\\x23", "\\x3a")
}

/// Several lines of our own with colours of our own (SGR sequences of ECMA-48), in which text of
/// others may stand: line ends and colours stay, all else is as in [`plain`].
#[must_use]
pub fn styled(text: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let kept = if c == '\n' { 1 } else { colour(rest) };
        if kept > 0 {
            inert.push_str(&rest[..kept]);
        } else if is_hazard(c) {
            spell(&mut inert, c);
        } else {
            inert.push(c);
        }
        rest = &rest[kept.max(c.len_utf8())..];
    }
    without_commands(&inert, "\\x23", "\\x3a")
}

/// The length of the SGR sequence with which `text` begins; 0: with none.
fn colour(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\x1b[") else { return 0 };
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';');
    let end = end.filter(|end| parameters[*end..].starts_with('m'));
    end.map_or(0, |end| "\x1b[".len() + end + "m".len())
}

/// Characters that act instead of showing: controls, DEL, C1, line separators, what changes the
/// direction of text (UAX #9) or is not seen at all, byte order marks.
fn is_hazard(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

fn spell(into: &mut String, c: char) {
    // Writing to a String cannot fail.
    let _infallible = match u32::from(c) {
        code @ 0..=0xff => write!(into, "\\x{code:02x}"),
        code => write!(into, "\\u{{{code:x}}}"),
    };
}

/// What CI servers take for commands: `::name` at the start of a line (GitHub; after spaces), and
/// `##[name]` (GitHub), `##vso[name]` (Azure Pipelines), `##teamcity[name]` anywhere in one. The
/// second `:` and the second `#` are written as given.
fn without_commands(text: &str, hash: &str, colon: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['#', ':']) {
        let (before, found) = rest.split_at(at);
        inert.push_str(before);
        inert.push_str(&found[..1]);
        rest = &found[1..];
        let name = |text: &str| {
            text.trim_start_matches(|c: char| c.is_ascii_alphanumeric()).starts_with('[')
        };
        if found.starts_with("##") && name(&found[2..]) {
            inert.push_str(hash);
            rest = &found[2..];
        } else if found.starts_with("::")
            && found[2..].starts_with(|c: char| c.is_ascii_alphabetic())
        {
            inert.push_str(colon);
            rest = &found[2..];
        }
    }
    inert + rest
}

/// JSON text, already well formed, with what a terminal or a CI server would act on escaped.
#[must_use]
pub fn json(text: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_hazard(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(inert, "\\u{unit:04x}");
            }
        } else {
            inert.push(c);
        }
    }
    without_commands(&inert, "\\u0023", ":")
}

/// A basic string of TOML, with its quotes.
#[must_use]
pub fn toml(text: &str) -> String {
    let mut inert = String::with_capacity(text.len() + 2);
    for c in text.chars() {
        match c {
            '\n' => inert.push_str("\\n"),
            '"' | '\\' => inert.extend(['\\', c]),
            c if is_hazard(c) => {
                let _infallible = write!(inert, "\\U{:08X}", u32::from(c));
            }
            c => inert.push(c),
        }
    }
    format!("\"{}\"", without_commands(&inert, "\\u0023", ":"))
}

/// Whether text shows as it is, on one line.
#[must_use]
pub fn is_inert(text: &str) -> bool {
    plain(text) == text
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

    const HOSTILE: &str = "\x1b[31m</script>]]>|`@root`\u{9b}2J\r\n::error::x ##[error]y\u{202e}\0 \
        ##vso[task.setvariable]z\x07 ##teamcity[buildStop]\u{2066}\u{61c}\u{e0041}\u{85}";

    fn acts(text: &str) -> bool {
        let commands = ["::error", "##[", "##vso[", "##teamcity["];
        text.chars().any(|c| is_hazard(c) && c != '\n')
            || commands.iter().any(|it| text.contains(it))
    }

    #[test]
    fn a_terminal_gets_one_line_without_codes_or_commands() {
        let inert = plain(HOSTILE);
        assert!(!acts(&inert) && !inert.contains('\n'), "{inert:?}");
        assert!(inert.starts_with("\\x1b[31m</script>"), "{inert}");
        assert_eq!(plain("::::warning"), ":::\\x3awarning");
        assert_eq!(plain("[::1]:25, 10:20, ### a [b]"), "[::1]:25, 10:20, ### a [b]");
        assert_eq!(plain("###vso[a"), "##\\x23vso[a");
    }

    #[test]
    fn our_own_colours_and_lines_stay() {
        let ours = "\x1b[1;31merror\x1b[0m: a\n --> b\n";
        assert_eq!(styled(ours), ours);
        let inert = styled(&format!("\x1b[1mours\x1b[0m\n{HOSTILE}\x1b]0;title\x07\x1b[2J\x1b["));
        assert!(!acts(&anstream::adapter::strip_str(&inert).to_string()), "{inert:?}");
        assert!(inert.contains("\\x1b]0;title\\x07\\x1b[2J\\x1b["), "{inert:?}");
    }

    #[test]
    fn a_string_of_toml_stays_the_same_value() {
        let inert = toml(HOSTILE);
        assert!(!acts(&inert.replace("\\n::error", "")) && !inert.contains('\n'), "{inert:?}");
        assert!(is_inert("plain text") && !is_inert("two\nlines"));
    }

    #[test]
    fn json_stays_the_same_value() {
        let text = serde_json::to_string(HOSTILE).expect("JSON");
        for inert in [json(&text), json_in_html(&text)] {
            assert!(!inert.chars().any(is_hazard), "{inert}");
            assert!(!inert.contains("##vso[") && !inert.contains("##teamcity["), "{inert}");
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
