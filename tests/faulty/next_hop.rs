//! Takes all mail and remembers the number of each.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A next hop, for the life of the process.
pub(crate) struct NextHop {
    pub(crate) address: SocketAddr,
    taken: Arc<Mutex<HashSet<u64>>>,
}

impl NextHop {
    pub(crate) fn start() -> NextHop {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let taken = Arc::<Mutex<HashSet<u64>>>::default();
        let shared = Arc::clone(&taken);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taken = Arc::clone(&shared);
                std::thread::spawn(move || serve(&stream, &taken));
            }
        });
        NextHop { address, taken }
    }

    /// Those of `numbers` that have not come.
    pub(crate) fn missing(&self, numbers: &HashSet<u64>) -> Vec<u64> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.difference(&taken).copied().take(20).collect()
    }
}

/// One session; `None` when the relay is gone.
fn serve(stream: &TcpStream, taken: &Mutex<HashSet<u64>>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let mut say = "220 next.test";
    loop {
        writer.write_all(format!("{say}\r\n").as_bytes()).ok()?;
        let line = read_line(&mut reader)?;
        say = match line.get(..4).unwrap_or_default() {
            "EHLO" => "250-next.test\r\n250-PIPELINING\r\n250 8BITMIME",
            "DATA" => {
                writer.write_all(b"354 go on\r\n").ok()?;
                let number = content(&mut reader)?;
                taken.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
                "250 2.0.0 taken"
            }
            "QUIT" => return None,
            _ => "250 ok",
        };
    }
}

fn read_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    Some(line)
}

/// The number in the content, once its final dot was read.
fn content(reader: &mut impl BufRead) -> Option<u64> {
    let mut number = 0;
    loop {
        let line = read_line(reader)?;
        if line == ".\r\n" {
            return Some(number);
        }
        if let Some(text) = line.strip_prefix("Subject: ") {
            number = text.trim().parse().ok()?;
        }
    }
}
