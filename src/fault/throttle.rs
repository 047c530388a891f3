//! The `throttle` fault: content is read no faster than this. It does not decide, so that a slow
//! session can still break in mid-content; of several the slowest holds.

use super::page::{Case, Keys, Page, Problems, Stage, Verdict, some};
use crate::grammar::units::ByteRate;

/// Bytes a second.
#[derive(Clone, Debug, PartialEq)]
pub struct Throttle {
    /// At most so many.
    pub bytes_per_second: f64,
}

impl Page for Throttle {
    type Written = ByteRate;

    const DOES: &'static str = "Read no faster.";

    fn can_happen(stage: Stage) -> Result<(), &'static str> {
        let help = "reading is slowed while content flows: use stage content";
        if stage == Stage::Content { Ok(()) } else { Err(help) }
    }

    fn read(keys: &Keys, problems: &mut Problems) -> Option<Throttle> {
        let throttle = keys.throttle.as_ref()?;
        let bytes_per_second = throttle.value.0;
        if bytes_per_second < 1.0 {
            problems.refuse(
                &throttle.span,
                "slower than a byte a second",
                "use `stall` for no progress at all",
            );
        }
        Some(Throttle { bytes_per_second })
    }

    fn write(&self, keys: &mut Keys) {
        keys.throttle = some(ByteRate(self.bytes_per_second));
    }

    fn words(&self) -> String {
        format!("read {} bytes/s", self.bytes_per_second)
    }

    fn strike(&self, case: &mut Case<'_>, verdict: &mut Verdict) {
        if verdict.throttle.is_none_or(|(_, least)| self.bytes_per_second < least) {
            verdict.throttle = Some((case.number, self.bytes_per_second));
        }
    }

    fn keeps_away(&self, _: bool) -> bool {
        false
    }
}
