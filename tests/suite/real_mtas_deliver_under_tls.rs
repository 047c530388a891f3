//! Every real MTA delivers to the sink under TLS where the sink offers it.

use crate::real_mtas::{self, Promise, is_here};
use crate::support::{Lab, SMALL};

/// A rule that nobody notices, but that is counted: STARTTLS was said.
const SAID: &str = "[sink]\ntls = \"starttls\"\n[[fault]]\nname = \"said\"\nstage = \"starttls\"\n\
    delay = \"1ms\"\n";

fn delivers(promise: &Promise) {
    if !is_here(promise) {
        return;
    }
    let scenario = SMALL.replace("first = \"500ms\"", "first = \"5s\"");
    let ran = Lab::new(&format!("{scenario}{SAID}")).set("target.kind", promise.kind).run();
    ran.assert_code(0);
    // OpenSMTPD may end a connection under TLS so that nothing proves that it read the last reply.
    let arrived = ran.count("delivered") + ran.count("unconfirmed");
    assert_eq!((ran.count("accepted"), arrived), (120, 120), "{ran}");
    assert!(ran.report()["faults"][0]["struck"].as_u64() > Some(0), "no TLS\n{ran}");
}

#[test]
fn postfix_does() {
    delivers(&real_mtas::POSTFIX);
}

#[test]
fn exim_does() {
    delivers(&real_mtas::EXIM);
}

#[test]
fn opensmtpd_does() {
    delivers(&real_mtas::OPENSMTPD);
}

#[test]
fn haraka_does() {
    delivers(&real_mtas::HARAKA);
}
