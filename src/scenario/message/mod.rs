//! `[message]`: what the messages are.

pub(super) mod corpus;
pub(super) mod dkim;
pub(super) mod key;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file::Place;
use super::load::{LoadModel, Trace};
use super::sink::{Extension, SinkSpec};
use crate::grammar::amount::{Amount, Bounds, amount, quantity};
use crate::grammar::at::{At, place, some, value_or};
use crate::grammar::checks::{bounded, misplaced};
use crate::grammar::diagnosis::{Problem, Problems};
use crate::grammar::schema::{self, Refinement};
use crate::grammar::units::{Count, Share, Size};
use crate::limits;
use crate::probe::address::Letters;
use crate::quantity::Quantity;
use corpus::Corpus;
use dkim::Dkim;

const SIZE: f64 = 4096.0;

/// `[message]`: what the messages are.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Message")]
pub(super) struct Written {
    /// Size of the whole message text. Default: 4KiB.
    pub size: Option<At<Amount<Size>>>,
    /// Recipients a message. Default: 1.
    pub recipients: Option<At<Amount<Count>>>,
    /// MIME structure. Default: text.
    pub parts: Option<At<Parts>>,
    /// What lines of made-up text are like. Default: prose.
    pub text: Option<At<TextStyle>>,
    /// Transfer encoding. Default: 7bit.
    pub encoding: Option<At<Encoding>>,
    /// Priority by MT-PRIORITY (RFC 6710), -9 to 9, said when the target offers it. Default: not
    /// said.
    pub priority: Option<At<Amount<Count>>>,
    /// Share of messages sent from the null reverse-path, as notifications are: one that cannot be
    /// delivered is dropped, not returned. Default: 0.
    pub null_sender: Option<At<Share>>,
    /// Parts corpus: which files, seen from the scenario's folder, such as `mail/*.eml`.
    pub corpus: Option<At<String>>,
    /// Sign each message by DKIM (RFC 6376).
    pub dkim: Option<At<dkim::Written>>,
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    let mut all = vec![
        ("Message.recipients", schema::whole(1, limits::RECIPIENTS as u64)),
        ("Message.priority", schema::whole(-9, 9)),
    ];
    all.extend(dkim::refinements());
    all
}

/// `[message]`.
// What it serialises to goes into the tag of a plan, and stays as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MessageSpec {
    /// Size of the whole message text. Bytes.
    pub size: Quantity,
    /// Recipients a message. Count.
    pub recipients: Quantity,
    /// MIME structure.
    pub parts: Parts,
    /// What the texts are, where they are not made up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corpus: Option<Corpus>,
    /// What lines of text are like.
    #[serde(skip_serializing_if = "TextStyle::is_prose")]
    pub text: TextStyle,
    /// Transfer encoding.
    pub encoding: Encoding,
    /// `MT-PRIORITY` (RFC 6710), -9 to 9; `None`: not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Quantity>,
    /// Share of messages sent from the null reverse-path.
    #[serde(skip_serializing_if = "is_none_of_them")]
    pub null_sender: f64,
    /// Who signs; `None`: nothing is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dkim: Option<Dkim>,
}

/// MIME structure of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Parts {
    /// One text/plain part.
    #[default]
    Text,
    /// Plain text and HTML.
    Alternative,
    /// Text and attachments.
    Mixed,
    /// Messages from files.
    Corpus,
}

/// What lines of text are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TextStyle {
    #[default]
    /// Ordinary lines, and here and there one that broken software trips over.
    Prose,
    /// Every line of 998 bytes, the most a line may have.
    LongLines,
    /// Every line begins with dots; some are nothing else.
    Dots,
}

/// Transfer encoding of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Encoding {
    /// ASCII.
    #[default]
    #[serde(rename = "7bit")]
    SevenBit,
    /// UTF-8 text with 8BITMIME.
    #[serde(rename = "8bit")]
    EightBit,
    // RFC 6531, RFC 6532.
    /// UTF-8 in text, headers and addresses, by SMTPUTF8. A target that does not offer it gets no
    /// mail.
    #[serde(rename = "utf8")]
    Utf8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
fn is_none_of_them(share: &f64) -> bool {
    *share == 0.0
}

impl TextStyle {
    fn is_prose(&self) -> bool {
        *self == TextStyle::Prose
    }
}

impl Encoding {
    /// What local-parts of such mail are made of.
    #[must_use]
    pub fn letters(self) -> Letters {
        match self {
            Encoding::SevenBit | Encoding::EightBit => Letters::Ascii,
            Encoding::Utf8 => Letters::Utf8,
        }
    }
}

pub(super) fn resolve(
    written: Option<&At<Written>>,
    trace: Option<&Trace>,
    sink: &SinkSpec,
    at: &Place<'_>,
    problems: &mut Problems,
) -> MessageSpec {
    let nothing = Written::default();
    let message = written.map_or(&nothing, |written| &written.value);
    let sizes = Bounds { least: Size(1), greatest: Size(limits::MESSAGE_SIZE) };
    let size = message.size.as_ref();
    let size = size.map_or(Quantity::Constant(SIZE), |size| quantity(size, &sizes, problems));
    let recipients = recipients(message, problems);
    also_in_trace(message, trace, problems);
    let corpus = corpus(message, at, problems);
    let shares = Share(0.0)..=Share(1.0);
    MessageSpec {
        size,
        recipients,
        parts: parts(message, problems),
        encoding: match &corpus {
            Some(corpus) => corpus.encoding(),
            None => encoding(message, sink, problems),
        },
        text: value_or(&message.text, TextStyle::default()),
        corpus,
        null_sender: bounded(message.null_sender.as_ref(), Share(0.0), shares, problems).0,
        dkim: message.dkim.as_ref().map(|written| dkim::resolve(&written.value, at, problems)),
        priority: message.priority.as_ref().map(|written| priority(written, problems)),
    }
}

fn recipients(message: &Written, problems: &mut Problems) -> Quantity {
    let Some(written) = &message.recipients else { return Quantity::Constant(1.0) };
    let bounds = Bounds { least: Count(1.0), greatest: Count(limits::RECIPIENTS as f64) };
    let recipients = quantity(written, &bounds, problems);
    if matches!(&recipients, Quantity::Constant(count) if count.fract() != 0.0) {
        problems.push(Problem::new(&written.span, "a message has a whole number of recipients"));
    }
    recipients
}

fn priority(written: &At<Amount<Count>>, problems: &mut Problems) -> Quantity {
    let bounds = Bounds { least: Count(-9.0), greatest: Count(9.0) };
    let priority = quantity(written, &bounds, problems);
    if matches!(&priority, Quantity::Constant(value) if value.fract() != 0.0) {
        problems.push(Problem::new(&written.span, "a priority is a whole number"));
    }
    priority
}

fn parts(message: &Written, problems: &mut Problems) -> Parts {
    let parts = value_or(&message.parts, Parts::default());
    if parts != Parts::Corpus {
        let help = "write `parts = \"corpus\"`, or leave it out";
        misplaced([("corpus", place(&message.corpus))], "parts corpus", help, problems);
    }
    parts
}

/// Notes what a trace says already.
fn also_in_trace(message: &Written, trace: Option<&Trace>, problems: &mut Problems) {
    let Some(Trace(trace)) = trace else { return };
    let size = place(&message.size).filter(|_| !trace.sizes.is_empty());
    let recipients = place(&message.recipients).filter(|_| !trace.destinations.is_empty());
    let keys = [("size", size), ("recipients", recipients)];
    misplaced(keys, "load without a trace", "the trace says it: leave it out", problems);
}

fn corpus(message: &Written, at: &Place<'_>, problems: &mut Problems) -> Option<Corpus> {
    let parts = message.parts.as_ref().filter(|parts| parts.value == Parts::Corpus)?;
    let help = "the files are sent as they are: leave it out";
    let keys = [
        ("size", place(&message.size)),
        ("encoding", place(&message.encoding)),
        ("text", place(&message.text)),
        ("dkim", place(&message.dkim)),
    ];
    misplaced(keys, "messages that are made up", help, problems);
    let Some(pattern) = &message.corpus else {
        problems.refuse(&parts.span, "parts corpus needs files", "write `corpus = \"mail/*.eml\"`");
        return None;
    };
    Some(corpus::resolve(pattern, at.folder, at.is_stored(), problems))
}

fn encoding(message: &Written, sink: &SinkSpec, problems: &mut Problems) -> Encoding {
    let encoding = value_or(&message.encoding, Encoding::default());
    let lacking = encoding == Encoding::Utf8 && !sink.extensions.contains(&Extension::SmtpUtf8);
    if let Some(place) = place(&message.encoding).filter(|_| lacking) {
        let what = "the sink does not offer SMTPUTF8, so that not even a bounce could come";
        let help = "offer it in [sink], and withhold it from a [[destination]]";
        problems.refuse(place, what, help);
    }
    encoding
}

impl MessageSpec {
    /// As written, beside such a load: what a trace or a corpus says is not said here.
    pub(super) fn written(&self, load: &LoadModel) -> Written {
        let made_up = self.corpus.is_none();
        let trace = load.trace().map(|trace| &*trace.0);
        let sized = made_up && trace.is_none_or(|trace| trace.sizes.is_empty());
        let counted = trace.is_none_or(|trace| trace.destinations.is_empty());
        Written {
            size: sized.then(|| At::from(amount::<Size>(&self.size))),
            recipients: counted.then(|| At::from(amount::<Count>(&self.recipients))),
            parts: some(self.parts),
            text: made_up.then(|| At::from(self.text)),
            encoding: made_up.then(|| At::from(self.encoding)),
            null_sender: (self.null_sender > 0.0).then(|| At::from(Share(self.null_sender))),
            priority: self.priority.as_ref().map(|it| At::from(amount::<Count>(it))),
            corpus: self.corpus.as_ref().map(|corpus| At::from(corpus.0.pattern.clone())),
            dkim: self.dkim.as_ref().map(|dkim| At::from(dkim::Written::from(dkim))),
        }
    }
}
