//! Nothing outside loopback is contacted unless authorised twice; nothing is loaded before a
//! preflight message has arrived at our own sink.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use crate::support::{Lab, free_address};

fn external(address: &str) -> Lab {
    Lab::small("")
        .set("target.kind", "external")
        .set("target.address", address)
        .set("sink.listen", "127.0.0.1:0")
}

#[test]
fn another_address_is_refused_even_when_the_command_line_allows_it() {
    for extra in [None, Some("192.0.2.0/24")] {
        let lab = external("192.0.2.1:25");
        let lab = match extra {
            Some(range) => lab.arg("--allow-target").arg(range),
            None => lab,
        };
        let ran = lab.run();
        ran.assert_code(106);
        assert!(ran.stderr.contains("authorized-targets"), "it says what to do\n{ran}");
        assert!(!ran.path.join("journal.bin").exists(), "nothing was begun");
    }
}

#[test]
fn recipients_outside_reserved_domains_are_refused() {
    let ran = Lab::small("").set("destination.0.domain", "gmail.com").run();
    ran.assert_code(104);
    assert!(ran.stderr.contains("--allow-recipient-domain"), "{ran}");
}

#[test]
fn a_target_that_relays_elsewhere_gets_no_load() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let server = std::thread::spawn(move || swallow(&listener));
    let ran = external(&address.to_string()).run();
    ran.assert_code(106);
    assert!(ran.stderr.contains("preflight"), "{ran}");
    std::net::TcpStream::connect(address)
        .expect("the last one")
        .write_all(b"STOP\r\n")
        .expect("said");
    assert_eq!(server.join().expect("it ends"), 1, "one preflight message, no load");
}

/// Takes all mail and relays nothing; returns how many messages it took, when told to stop.
fn swallow(listener: &TcpListener) -> usize {
    let mut taken = 0;
    loop {
        let (mut stream, _) = listener.accept().expect("a connection");
        let reader = BufReader::new(stream.try_clone().expect("a clone"));
        stream.write_all(b"220 swallow\r\n").expect("written");
        let mut content = false;
        for line in reader.lines().map_while(Result::ok) {
            let reply: &[u8] = match (content, line.to_ascii_uppercase().as_str()) {
                (true, ".") => {
                    content = false;
                    taken += 1;
                    b"250 taken\r\n"
                }
                (true, _) => b"",
                (false, "STOP") => return taken,
                (false, "DATA") => {
                    content = true;
                    b"354 go on\r\n"
                }
                (false, _) => b"250 ok\r\n",
            };
            if stream.write_all(reply).is_err() {
                break;
            }
        }
    }
}

#[test]
fn a_silent_target_is_named() {
    let address = free_address().to_string();
    let ran = external(&address).run();
    ran.assert_code(106);
    assert!(ran.stderr.contains(&address), "{ran}");
}
