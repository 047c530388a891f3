//! Target, relay and sink at IPv6 addresses: the whole path of a run goes over ::1.

use std::net::{Ipv6Addr, TcpListener};

use crate::support::{Lab, SMALL, pass_over};

fn free() -> Option<u16> {
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).ok()?;
    listener.local_addr().ok().map(|address| address.port())
}

#[test]
fn a_run_goes_over_v6_from_end_to_end() {
    let (Some(target), Some(sink)) = (free(), free()) else {
        return pass_over("IPv6", "this machine has no ::1");
    };
    let queue = tempfile::tempdir().expect("a folder");
    let start = [
        env!("CARGO_BIN_EXE_mailbench"),
        "relay",
        "--listen",
        &format!("[::1]:{target}"),
        "--relay-to",
        &format!("[::1]:{sink}"),
        "--queue",
        &queue.path().display().to_string(),
    ]
    .map(str::to_owned);
    let ran = Lab::new(&SMALL.replace("kind = \"relay\"", "kind = \"external\""))
        .set("target.address", &format!("[::1]:{target}"))
        .set("target.start_command", &format!("{start:?}"))
        .set("sink.listen", &format!("[::1]:{sink}"))
        .arg("--allow")
        .arg("unaccounted")
        .run();
    assert_eq!((ran.count("accepted"), ran.count("delivered")), (120, 120), "{ran}");
    assert_eq!(ran.report()["target"]["address"], format!("[::1]:{target}"), "{ran}");
    ran.assert_code(0);
}
