//! What is wrong with a scenario, shown where it stands: file, line, column, the line itself,
//! and a way out.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::escape::{plain, styled};
use crate::{files, limits};

/// Longest help that stands beside the place it is about.
const LABEL: usize = 60;

/// The text a scenario was read from: a file, then the overrides of the command line. Byte
/// ranges count through the file and on through the overrides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file's name, as the user gave it.
    pub name: String,
    /// The file's text.
    pub text: String,
    /// Overrides: where each comes from, and it as `key=value`.
    pub overrides: Vec<(String, String)>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    span: Option<Range<usize>>,
    message: String,
    help: Option<String>,
    /// The system refused a file; nothing is wrong with the scenario.
    refused: bool,
}

/// Why a file that a scenario names is of no use.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct Unusable {
    why: String,
    refused: bool,
}

/// Problems found so far; reading goes on after one, so that a user sees them all at once.
#[derive(Debug, Default)]
pub struct Problems {
    kept: Vec<Problem>,
    /// Those beyond [`limits::PROBLEMS_KEPT`].
    further: usize,
}

/// Why a scenario cannot be run; its `Display` shows every problem in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    source: Source,
    problems: Vec<Problem>,
    /// How many more there are.
    further: usize,
}

impl Source {
    /// A file's text without overrides.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        Source { name: name.into(), text: text.into(), overrides: Vec::new() }
    }

    /// Where the text of the next override begins.
    pub fn end(&self) -> usize {
        self.text.len() + 1 + self.overrides.iter().map(|(_, text)| text.len() + 1).sum::<usize>()
    }

    /// The piece in which `span` lies (name and text), and the span within it.
    fn locate(&self, span: &Range<usize>) -> (&str, &str, Range<usize>) {
        let mut start = 0;
        let mut piece = (self.name.as_str(), self.text.as_str());
        for (from, text) in &self.overrides {
            let next = start + piece.1.len() + 1;
            if span.start < next {
                break;
            }
            (start, piece) = (next, (from.as_str(), text.as_str()));
        }
        let from = piece.1.floor_char_boundary(span.start.saturating_sub(start));
        let to = piece.1.ceil_char_boundary(span.end.saturating_sub(start)).max(from);
        (piece.0, piece.1, from..to)
    }
}

impl Problem {
    /// A problem at `span` of a [`Source`].
    #[must_use]
    pub fn new(span: &Range<usize>, message: impl Into<String>) -> Problem {
        Problem { span: Some(span.clone()), ..Problem::unplaced(message) }
    }

    /// A problem that is nowhere in the text.
    #[must_use]
    pub fn unplaced(message: impl Into<String>) -> Problem {
        Problem { span: None, message: message.into(), help: None, refused: false }
    }

    /// A file that cannot be used: as `before` the reason says.
    pub fn unusable(before: &str, wrong: &Unusable) -> Problem {
        Problem { refused: wrong.refused, ..Problem::unplaced(format!("{before}{wrong}")) }
    }

    /// The same at `span` of a [`Source`].
    pub fn at(self, span: &Range<usize>) -> Problem {
        Problem { span: Some(span.clone()), ..self }
    }

    /// With a way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }

    /// The problem in its place. A short way out stands at the place itself, a long one below.
    fn group<'a>(&'a self, source: &'a Source) -> Group<'a> {
        let mut group = Group::with_title(Level::ERROR.primary_title(plain(&self.message)));
        let mut help = self.help.as_deref();
        if let Some(span) = &self.span {
            let (name, text, span) = source.locate(span);
            let label = help.take_if(|help| help.len() <= LABEL).map(plain).map(Cow::Owned);
            let annotation = AnnotationKind::Primary.span(span).label(label);
            group = group.element(Snippet::source(text).path(plain(name)).annotation(annotation));
        }
        match help {
            Some(help) => group.element(Level::HELP.message(plain(help))),
            None => group,
        }
    }
}

impl Unusable {
    /// The same, with which file it is.
    pub fn of(self, file: &Path) -> Unusable {
        Unusable { why: format!("{}: {}", file.display(), self.why), ..self }
    }
}

impl From<std::io::Error> for Unusable {
    fn from(error: std::io::Error) -> Unusable {
        Unusable { why: error.to_string(), refused: files::is_refused(&error) }
    }
}

impl From<String> for Unusable {
    fn from(why: String) -> Unusable {
        Unusable { why, refused: false }
    }
}

impl Problems {
    /// Notes a problem and goes on.
    pub fn push(&mut self, problem: Problem) {
        match self.kept.len() < limits::PROBLEMS_KEPT {
            true => self.kept.push(problem),
            false => self.further += 1,
        }
    }

    /// Notes what is wrong at `span`, with a way out, and goes on.
    pub fn refuse(
        &mut self,
        span: &Range<usize>,
        what: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Problem::new(span, what).help(help));
    }

    /// `Ok` when nothing was wrong so far; otherwise everything that was, in file order.
    pub fn check(&self, source: &Source) -> Result<(), ScenarioError> {
        if self.kept.is_empty() {
            return Ok(());
        }
        let error = ScenarioError::new(source, self.kept.clone());
        Err(ScenarioError { further: error.further + self.further, ..error })
    }
}

impl ScenarioError {
    /// An error of one or several problems of one source; shown in file order, the first
    /// [`limits::PROBLEMS_SHOWN`] of them.
    #[must_use]
    pub fn new(source: &Source, mut problems: Vec<Problem>) -> ScenarioError {
        problems.sort_by_key(|problem| problem.span.as_ref().map(|span| span.start));
        let further = problems.len().saturating_sub(limits::PROBLEMS_SHOWN);
        problems.truncate(limits::PROBLEMS_SHOWN);
        ScenarioError { source: source.clone(), problems, further }
    }

    /// Whether nothing is wrong but that the system refused files which the scenario names, or itself.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.problems.iter().all(|problem| problem.refused)
    }

    /// As `Display`, in colour.
    #[must_use]
    pub fn styled(&self) -> String {
        self.render(&Renderer::styled())
    }

    fn render(&self, renderer: &Renderer) -> String {
        let shown = self.problems.iter().map(|problem| {
            let text = renderer.render(&[problem.group(&self.source)]);
            // An empty line of the source leaves blanks at the ends of lines.
            let text = text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
            styled(&text)
        });
        let more = match self.further {
            0 => None,
            1 => Some("and 1 more problem".to_owned()),
            more => Some(format!("and {more} more problems")),
        };
        shown.chain(more).collect::<Vec<_>>().join("\n\n")
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

impl std::error::Error for ScenarioError {}

/// ``did you mean `…`?``, when one of `known` is close to `word`; otherwise the list of them.
#[must_use]
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let close = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), *candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match close {
        Some((_, candidate)) => format!("did you mean `{candidate}`?"),
        None => format!("known here: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_place_in_an_override() {
        let mut source = Source::new("a.toml", "x = 1\n");
        let start = source.end();
        source.overrides.push(("--set".to_owned(), "y=2".to_owned()));
        let problem = Problem::new(&(start + 2..start + 3), "too small").help("say 3");
        let error = ScenarioError::new(&source, vec![problem]);
        insta::assert_snapshot!(error, @r"
        error: too small
         --> --set:1:3
          |
        1 | y=2
          |   ^ say 3
        ");
    }

    #[test]
    fn a_span_anywhere_is_harmless() {
        let source = Source::new("a.toml", "é = 1\n");
        for span in [0..0, 1..1, 1..2, 5..900, 900..901, Range { start: 7, end: 2 }] {
            let error = ScenarioError::new(&source, vec![Problem::new(&span, "m").help("h")]);
            assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn the_first_problems_are_shown_and_the_others_counted() {
        let source = Source::new("a.toml", "x = 1\n".repeat(3000));
        let mut problems = Problems::default();
        (0..3000).for_each(|nth| problems.push(Problem::new(&(6 * nth..6 * nth + 1), "wrong")));
        let text = problems.check(&source).expect_err("problems").to_string();
        assert_eq!(text.matches("error: wrong").count(), limits::PROBLEMS_SHOWN);
        assert!(text.ends_with("\n\nand 2980 more problems"), "{text}");
        let few = ScenarioError::new(&source, vec![Problem::unplaced("m"); 21]).to_string();
        assert!(few.ends_with("\n\nand 1 more problem"), "{few}");
    }

    #[test]
    fn suggests_the_closest_word() {
        assert_eq!(suggest("rat", ["model", "rate"]), "did you mean `rate`?");
        assert_eq!(suggest("zzz", ["model", "rate"]), "known here: model, rate");
    }
}
