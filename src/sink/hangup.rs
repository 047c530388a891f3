//! Breaks connections: an orderly FIN, or a RST.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::fault::rule::Hangup;
use crate::limits;
use crate::smtp::stream::Stream;

/// Ends a connection in this way. After a FIN what the peer still sends is read and dropped for
/// a while: closing a socket with unread bytes would reset it. Returns whether the peer ended its
/// half in order, too. `peer_first`: waits for that before our own end. Under TLS our end is bytes
/// (close_notify), and a peer that closes without reading them resets the connection, which would
/// hide that it had read everything before.
pub(super) async fn hang_up(mut stream: Stream, how: Hangup, peer_first: bool) -> bool {
    if how == Hangup::Rst {
        reset(stream);
        return false;
    }
    if peer_first && let Some(in_order) = peer_ends(&mut stream).await {
        // The peer is gone: whether it takes our end does not matter.
        let _ = stream.shutdown().await;
        return in_order;
    }
    stream.shutdown().await.is_ok() && peer_ends(&mut stream).await.unwrap_or(false)
}

/// Waits for the peer to end its half: in order or by a reset. `None`: it does not.
async fn peer_ends(stream: &mut Stream) -> Option<bool> {
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
    tokio::time::timeout(limits::CLOSE_DRAIN, drain).await.ok()
}

fn reset(stream: Stream) {
    if let Err(error) = stream.reset_at_close() {
        tracing::warn!("a connection could not be reset: {error}");
    }
    drop(stream);
}
