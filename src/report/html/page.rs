//! The frame of a page: style, script, and the rule by which a browser fetches nothing and runs
//! no script but ours, whatever a peer may have smuggled in.

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use crate::escape::xml;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// A section of a page.
pub(in crate::report) struct Section {
    /// Its anchor, and its name in the list of sections.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// HTML.
    pub body: String,
}

/// A page: `head` first, then the sections that say something, with a list of them before.
/// `data` is JSON made safe for HTML by [`crate::escape::json_in_html`].
pub(in crate::report) fn page(title: &str, head: &str, sections: &[Section], data: &str) -> String {
    let said: Vec<&Section> = sections.iter().filter(|section| !section.body.is_empty()).collect();
    let links: String = said
        .iter()
        .map(|section| format!("<a href=\"#{id}\">{id}</a>\n", id = section.id))
        .collect();
    let bodies: String = said.iter().map(|section| body(section)).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{head}\
         <nav>\n{links}</nav>\n{bodies}\
         <script type=\"application/json\" id=\"report\">{data}</script>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n",
        policy(),
        xml(title),
    )
}

fn body(section: &Section) -> String {
    let Section { id, title, body } = section;
    format!("<section id=\"{id}\">\n<h2>{title}</h2>\n{body}</section>\n")
}

/// Nothing is fetched from anywhere; of scripts only the one of this digest runs.
fn policy() -> String {
    let digest = Sha256::digest(SCRIPT.as_bytes());
    let digest = base64::engine::general_purpose::STANDARD.encode(digest);
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
         script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
}
