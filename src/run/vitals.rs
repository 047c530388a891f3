//! Whether a target is still there whose processes are not known: one that refuses every connection
//! for a while, though nothing was done to it, has ended.

use std::net::SocketAddr;

use super::target_handle::TargetHandle;
use super::watch::SECOND;
use crate::ledger::Ledger;
use crate::targets;

/// Looks in a row, one a second, after which a target that refuses connections is taken to have
/// ended. Some MTAs close their port for a moment while they are overloaded.
const LOOKS: u32 = 5;

/// Looks until the target is found to have ended. It is not bothered while mail goes through.
pub(super) async fn watch(target_handle: TargetHandle, ledger: Ledger, address: SocketAddr) {
    let (mut refused, mut before) = (0, ledger.tally());
    loop {
        tokio::time::sleep(SECOND).await;
        let now = ledger.tally();
        let failing = now.not_sent > before.not_sent || now.accepted == before.accepted;
        before = now;
        let may_be_down =
            target_handle.in_hand() || target_handle.is_excused() || target_handle.is_watched();
        if may_be_down || !(failing || refused > 0) {
            refused = 0;
            continue;
        }
        let is_refused = targets::refuses(address).await == Some(true);
        refused = if is_refused { refused + 1 } else { 0 };
        if refused == LOOKS {
            return target_handle
                .is_gone(format!("{address} refused every connection for {LOOKS} s"));
        }
    }
}
