//! What kept a run from being carried out is said once, with the exit code of its kind; and a
//! failure that was allowed is still told.

use std::net::TcpListener;

use crate::support::{Lab, mailbench};

#[test]
fn a_folder_that_holds_a_run_is_the_users_mistake_and_stays_as_it_is() {
    let lab = Lab::small("").set("target.kind", "direct").set("load.duration", "300ms");
    let path = lab.path();
    std::fs::create_dir_all(&path).expect("a folder");
    std::fs::write(path.join("journal.bin"), "an earlier run").expect("written");
    let ran = lab.run();
    ran.assert_code(2);
    assert_eq!(ran.stderr.matches("holds a run already").count(), 1, "{ran}");
    assert_eq!(std::fs::read(path.join("journal.bin")).expect("kept"), b"an earlier run");
}

#[test]
fn a_port_that_is_taken_belongs_to_the_surroundings() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let ran = Lab::small("").set("target.kind", "direct").set("sink.listen", &address).run();
    ran.assert_code(106);
    assert_eq!(ran.stderr.matches("cannot listen on").count(), 1, "{ran}");
    assert!(ran.stderr.contains(&address), "{ran}");
    let alone = mailbench().args(["sink", "--listen", &address]).output().expect("it ends");
    assert_eq!(alone.status.code(), Some(106), "the same of the sink alone");
}

#[test]
fn an_allowed_failure_is_printed_beside_the_exit_code() {
    let more = "[thresholds]\n\"submit_response.max\" = \"< 1us\"\n";
    let ran = Lab::small(more).set("target.kind", "direct").arg("--allow").arg("threshold").run();
    ran.assert_code(0);
    assert!(ran.stdout.contains("exit 99"), "the verdict stands\n{ran}");
    assert!(ran.stderr.contains("exit 0: allowed"), "{ran}");
}

#[test]
fn mail_that_never_waited_has_drained_at_once() {
    let more = "[thresholds]\ndrain_time = \"< 1ms\"\n";
    let ran = Lab::small(more).set("target.kind", "direct").run();
    ran.assert_code(0);
    assert_eq!(ran.report()["queue"]["drain_time_s"], 0.0, "{ran}");
    assert!(ran.stdout.contains("nothing to drain"), "{ran}");
}
