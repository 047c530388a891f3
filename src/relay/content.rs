//! Content on its way in: unstuffed, bounded in size and in the memory of all sessions together.
//! Pure; the socket is the session's.

use crate::relay::budget::Charge;
use crate::relay::mail::Content;
use crate::smtp::content::Unstuffer;

/// Content of which the final dot has not been seen.
#[derive(Debug)]
pub(super) struct Arriving {
    unstuffer: Unstuffer,
    kept: Result<Content, Trouble>,
    /// Octets of content so far, kept or not.
    size: u64,
    limit: u64,
}

/// Why content is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Larger than a message may be.
    TooLarge,
    /// No memory left for it.
    NoMemory,
}

impl Arriving {
    /// Content that begins with `trace`, of at most `limit` octets beyond it.
    pub(super) fn new(trace: Vec<u8>, limit: u64, charge: Charge) -> Arriving {
        let kept = Ok(Content { octets: trace, charge });
        Arriving { unstuffer: Unstuffer::default(), kept, size: 0, limit }
    }

    /// Takes what has come: how much of it was content, and whether the final dot was in it.
    pub(super) fn feed(&mut self, input: &[u8]) -> (usize, bool) {
        let Arriving { unstuffer, kept, size, limit } = self;
        unstuffer.feed(input, |text| {
            *size += text.len() as u64;
            let Ok(content) = kept else { return };
            if *size > *limit {
                *kept = Err(Trouble::TooLarge);
            } else if content.charge.grow(text.len()) {
                content.octets.extend_from_slice(text);
            } else {
                *kept = Err(Trouble::NoMemory);
            }
        })
    }

    /// Octets of content so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Whether there is so much of it that waiting for its end serves no one.
    pub(super) fn is_hopeless(&self) -> bool {
        self.size > self.limit.saturating_mul(2)
    }

    /// The content, or why it was not kept.
    pub(super) fn finish(self) -> Result<Content, Trouble> {
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::budget::Budget;

    fn feed(limit: u64, budget: &Budget, wire: &[u8]) -> (Arriving, bool) {
        let charge = budget.charge();
        let mut arriving = Arriving::new(b"T: x\r\n".to_vec(), limit, charge);
        let ended = wire.chunks(7).any(|chunk| arriving.feed(chunk).1);
        (arriving, ended)
    }

    #[test]
    fn keeps_what_fits() {
        let (arriving, ended) = feed(100, &Budget::new(100), b"a: b\r\n\r\n..x\r\n.\r\n");
        assert!(ended && arriving.size() == 12);
        assert_eq!(arriving.finish().expect("kept").octets, b"T: x\r\na: b\r\n\r\n.x\r\n");
    }

    #[test]
    fn gives_up_memory_of_what_does_not_fit_but_finds_its_end() {
        let wire = [&b"line\r\n".repeat(30)[..], b".\r\n"].concat();
        for (limit, budget, trouble) in
            [(100, 1000, Trouble::TooLarge), (1000, 100, Trouble::NoMemory)]
        {
            let memory = Budget::new(budget);
            let (arriving, ended) = feed(limit, &memory, &wire);
            assert!(ended && memory.charge().grow(budget), "all of it is free again");
            assert_eq!(arriving.finish().expect_err("refused"), trouble);
        }
        let (arriving, _) = feed(50, &Budget::new(1000), &wire);
        assert!(arriving.is_hopeless());
    }
}
