//! How the test's own SMTP clients read a reply.

use tokio::io::{AsyncRead, AsyncReadExt};

/// The next reply, whole, all its lines; `None` when the connection ends before its last line
/// does, in whatever way.
pub(crate) async fn read_reply(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let (mut reply, mut line_start) = (Vec::new(), 0);
    loop {
        reply.push(stream.read_u8().await.ok()?);
        if !reply.ends_with(b"\r\n") {
            continue;
        }
        if reply.get(line_start + 3) == Some(&b' ') {
            return Some(String::from_utf8(reply).expect("a reply in UTF-8"));
        }
        line_start = reply.len();
    }
}
