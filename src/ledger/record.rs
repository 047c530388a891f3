//! One record of a journal: an event behind its length and check sum.

use super::event::Event;
use crate::limits;

/// Bytes before the body of a record: its length and check sum.
pub(super) const HEAD: usize = 8;

/// Why an event cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    #[error("an event cannot be encoded: {0}")]
    Encoding(#[from] postcard::Error),
    #[error("an event of {0} bytes is longer than a record may be ({most})", most = limits::JOURNAL_RECORD)]
    TooLong(usize),
}

/// Encodes an event as a record and hands that on; most events fit on the stack. One that no reader
/// would take is not written.
pub(super) fn with_record<T>(
    event: &Event,
    take: impl FnOnce(&[u8]) -> T,
) -> Result<T, RecordError> {
    let mut room = [0; limits::JOURNAL_STACK];
    match postcard::to_slice(event, &mut room[HEAD..]).map(|body| body.len()) {
        Ok(length) => Ok(take(sealed(&mut room[..HEAD + length]))),
        Err(postcard::Error::SerializeBufferFull) => {
            let mut record = postcard::to_extend(event, vec![0; HEAD])?;
            match record.len() - HEAD {
                length if length > limits::JOURNAL_RECORD => Err(RecordError::TooLong(length)),
                _ => Ok(take(sealed(&mut record))),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Fills in the head of a record.
fn sealed(record: &mut [u8]) -> &[u8] {
    let (head, body) = record.split_at_mut(HEAD);
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    head[..4].copy_from_slice(&length.to_le_bytes());
    head[4..].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
    record
}
