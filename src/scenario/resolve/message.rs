//! `[message]`.

use super::amount::{Bounds, quantity};
use super::not_built;
use crate::limits;
use crate::quantity::Quantity;
use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{self, At};
use crate::scenario::model::{Encoding, MessageSpec, Parts};
use crate::scenario::units::{Count, Size};

const SIZE: f64 = 4096.0;

pub(super) fn message(written: Option<&At<file::Message>>, problems: &mut Problems) -> MessageSpec {
    let nothing = file::Message::default();
    let message = written.map_or(&nothing, |written| &written.value);
    let sizes = Bounds { least: Size(1), greatest: Size(limits::MESSAGE_SIZE) };
    let size = message.size.as_ref();
    let size = size.map_or(Quantity::Constant(SIZE), |size| quantity(size, &sizes, problems));
    let counts = Bounds { least: Count(1.0), greatest: Count(limits::RECIPIENTS as f64) };
    let recipients = message.recipients.as_ref();
    let recipients =
        recipients.map_or(Quantity::Constant(1.0), |count| quantity(count, &counts, problems));
    if let (Quantity::Constant(count), Some(written)) = (&recipients, &message.recipients)
        && count.fract() != 0.0
    {
        problems.push(Problem::new(&written.span, "a message has a whole number of recipients"));
    }
    MessageSpec {
        size,
        recipients,
        parts: parts(message, problems),
        encoding: encoding(message.encoding.as_ref(), problems),
    }
}

fn parts(message: &file::Message, problems: &mut Problems) -> Parts {
    let written = message.parts.as_ref();
    let parts = written.map_or(file::Parts::Text, |parts| parts.value);
    match (&message.corpus, written) {
        (_, Some(At { value: file::Parts::Corpus, span })) => {
            not_built(span, "parts corpus", problems);
        }
        (Some(corpus), _) => {
            let problem = Problem::new(&corpus.span, "`corpus` belongs to parts corpus");
            problems.push(problem.help("write `parts = \"corpus\"`, or leave it out"));
        }
        (None, _) => {}
    }
    match parts {
        file::Parts::Text | file::Parts::Corpus => Parts::Text,
        file::Parts::Alternative => Parts::Alternative,
        file::Parts::Mixed => Parts::Mixed,
    }
}

fn encoding(written: Option<&At<file::Encoding>>, problems: &mut Problems) -> Encoding {
    match written {
        None | Some(At { value: file::Encoding::SevenBit, .. }) => Encoding::SevenBit,
        Some(At { value: file::Encoding::EightBit, .. }) => Encoding::EightBit,
        Some(At { value: file::Encoding::Utf8, span }) => {
            not_built(span, "encoding utf8", problems);
            Encoding::EightBit
        }
    }
}
