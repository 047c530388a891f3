//! Breaks connections: an orderly FIN, or a RST.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::fault::rule::Hangup;
use crate::limits;
use crate::smtp::stream::Stream;

/// Ends a connection in this way. After a FIN what the peer still sends is read and dropped for
/// a while: closing a socket with unread bytes would reset it. Returns whether the peer ended its
/// half in order, too.
pub(super) async fn hang_up(mut stream: Stream, how: Hangup) -> bool {
    match how {
        Hangup::Rst => {
            reset(stream);
            false
        }
        Hangup::Fin => {
            if stream.shutdown().await.is_err() {
                return false;
            }
            let mut dropped = [0; 1024];
            let drain = async {
                loop {
                    match stream.read(&mut dropped).await {
                        Ok(0) => return true,
                        Ok(_) => {}
                        Err(_) => return false,
                    }
                }
            };
            tokio::time::timeout(limits::CLOSE_DRAIN, drain).await.unwrap_or(false)
        }
    }
}

fn reset(stream: Stream) {
    if let Err(error) = stream.reset_at_close() {
        tracing::warn!("a connection could not be reset: {error}");
    }
    drop(stream);
}
