//! What stalled sessions and finished probes hold.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::contest::met;
use crate::process::{self, Server};
use crate::runs::Shape;

/// The rows about memory.
pub(crate) fn all(wanted: &dyn Fn(&str) -> bool) {
    if wanted("memory-sessions") {
        stalled_sessions();
    }
    if wanted("memory-probes") {
        finished_probes();
    }
}

/// Sessions that came to mid-content and say nothing more.
fn stalled_sessions() {
    const SESSIONS: usize = 10_000;
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::mailbench_sink(&folder.path().join("journal.bin"));
    let open = || {
        let mut stream = TcpStream::connect(server.address).expect("a connection");
        let lines = b"EHLO a.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n";
        let mut answer = [0; 2048];
        let _banner = stream.read(&mut answer).expect("a banner");
        stream.write_all(lines).expect("written");
        let mut seen = Vec::new();
        while !seen.windows(5).any(|window| window == b"\n354 ") {
            let read = stream.read(&mut answer).expect("replies");
            assert_ne!(read, 0, "closed: {}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&answer[..read]);
        }
        stream.write_all(b"Subject: half a message\r\n\r\nand no more").expect("written");
        stream
    };
    let first = open();
    process::rest(Duration::from_millis(200));
    let before = process::resident(server.pid());
    let sessions: Vec<TcpStream> = (0..SESSIONS).map(|_| open()).collect();
    // Until the last of them has given its buffer back.
    process::rest(Duration::from_secs(2));
    let each = (process::resident(server.pid()) - before) / SESSIONS as f64 / 1024.0;
    println!(
        "memory-sessions: {SESSIONS} stalled in mid-content hold {each:.1} KiB each; ≤ 20: {}",
        met(each <= 20.0)
    );
    drop((first, sessions));
    server.stop();
}

/// Two lengths of the same run: what the longer one holds more at its end, before it is judged.
fn finished_probes() {
    let few = Shape::direct(50_000);
    let many = Shape::direct(550_000);
    let peak = |shape: &Shape| shape.run().figure("/resources/rss_max_bytes");
    let each = (peak(&many) - peak(&few)) / (many.messages - few.messages) as f64;
    println!(
        "memory-probes: a finished probe keeps {each:.1} bytes in generator and sink; ≤ 64: {}",
        met(each <= 64.0)
    );
}
