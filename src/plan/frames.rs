//! Frames of messages, made once and filled in: what mail-builder writes for two messages to the
//! same destination differs in their numbers only, and making it costs as much as all the rest.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::message::Frame;
use crate::limits;
use crate::probe::{DestinationId, MessageId};

/// Most digits of a number that has a twin of as many digits for comparison.
const DIGITS: u32 = 19;

/// First recipient's destination, digits of the message's number.
type Key = (Option<DestinationId>, u32);

/// Templates by what they depend on; `None`: there is more in such a frame than its number.
#[derive(Debug, Default)]
pub(super) struct Frames {
    templates: RwLock<HashMap<Key, Option<Arc<Template>>>>,
}

/// A frame, and where the number stands in it.
#[derive(Debug)]
struct Template {
    frame: Frame,
    places: Vec<usize>,
}

impl Frames {
    /// The frame of a message that `make` would make.
    pub(super) fn frame(
        &self,
        message: MessageId,
        to: Option<DestinationId>,
        make: impl Fn(MessageId) -> Frame,
    ) -> Frame {
        let digits = message.0.checked_ilog10().unwrap_or(0) + 1;
        if digits > DIGITS {
            return make(message);
        }
        match self.template((to, digits), &make) {
            Some(template) => template.filled(message),
            None => make(message),
        }
    }

    fn template(&self, key: Key, make: impl Fn(MessageId) -> Frame) -> Option<Arc<Template>> {
        let known = self.templates.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(template) = known.get(&key) {
            return template.clone();
        }
        let full = known.len() >= limits::FRAMES;
        drop(known);
        if full {
            return None;
        }
        let template = Template::of(key.1, make).map(Arc::new);
        let mut templates = self.templates.write().unwrap_or_else(PoisonError::into_inner);
        templates.entry(key).or_insert(template).clone()
    }
}

impl Template {
    /// Compares the frames of two numbers that differ in every digit; a third must come out of
    /// what is found.
    fn of(digits: u32, make: impl Fn(MessageId) -> Frame) -> Option<Template> {
        let ones = MessageId((10_u64.pow(digits) - 1) / 9);
        let [one, two, proof] = [ones, MessageId(ones.0 * 2), MessageId(ones.0 * 7)];
        let proof = if digits == DIGITS { MessageId(ones.0 + 1) } else { proof };
        let (frame, twin) = (make(one), make(two));
        if frame.bytes.len() != twin.bytes.len() {
            return None;
        }
        let digits = digits as usize;
        let mut places = Vec::new();
        let mut from = 0;
        while let Some(at) =
            (from..frame.bytes.len()).find(|at| frame.bytes[*at] != twin.bytes[*at])
        {
            places.push(at);
            from = at + digits;
        }
        let template = Template { frame, places };
        let whole = template.places.iter().all(|at| at + digits <= template.frame.bytes.len());
        (whole && template.filled(proof) == make(proof)).then_some(template)
    }

    fn filled(&self, message: MessageId) -> Frame {
        let mut frame = Frame { message, ..self.frame.clone() };
        let mut digits = [0; DIGITS as usize];
        let mut left = message.0;
        let mut start = digits.len();
        while start == digits.len() || left > 0 {
            start -= 1;
            digits[start] = b'0' + (left % 10) as u8;
            left /= 10;
        }
        let number = &digits[start..];
        for place in &self.places {
            frame.bytes[*place..place + number.len()].copy_from_slice(number);
        }
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(message: MessageId) -> Frame {
        let bytes = format!("To: mb+{0}@a.test\r\nId: {0}{0}\r\n\r\n", message.0).into_bytes();
        Frame { message, gaps: [bytes.len(); 2], bytes }
    }

    #[test]
    fn a_filled_frame_is_the_one_that_would_be_made() {
        let frames = Frames::default();
        let ends = (0..DIGITS).flat_map(|power| [10_u64.pow(power) - 1, 10_u64.pow(power)]);
        for number in ends.chain([7, 4095, 1 << 40, u64::MAX - 1]) {
            let message = MessageId(number);
            assert_eq!(frames.frame(message, None, plain), plain(message));
        }
        assert_eq!(frames.templates.read().expect("whole").len(), DIGITS as usize);
    }

    #[test]
    fn a_frame_that_holds_more_than_the_number_is_made_each_time() {
        let hashed = |message: MessageId| {
            let mut frame = plain(message);
            frame.bytes.push(b'a' + (message.0 * 7 % 26) as u8);
            frame
        };
        let frames = Frames::default();
        for number in [1, 20, 21, 345] {
            assert_eq!(frames.frame(MessageId(number), None, hashed), hashed(MessageId(number)));
        }
    }
}
