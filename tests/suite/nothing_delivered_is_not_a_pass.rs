//! A sink that takes nothing yields nothing delivered, and no run that calls itself good.

use crate::support::Lab;

#[test]
fn a_sink_that_rejects_everything_yields_nothing_delivered() {
    let ran = Lab::small(
        r#"
        [[fault]]
        name = "no"
        stage = "rcpt-to"
        reject = "550 5.1.1 No such user"
        "#,
    )
    .run();
    assert_ne!(ran.code, 0, "{ran}");
    assert_eq!(ran.count("delivered"), 0);
    assert!(ran.count("accepted") > 50, "{ran}");
    assert_eq!(ran.count("bounced"), ran.count("accepted"), "each came back as a DSN\n{ran}");
    assert_eq!(ran.count("lost"), 0);
    assert_eq!(ran.report()["latency"]["e2e_response"]["count"], 0);
}

#[test]
fn a_sink_that_defers_everything_leaves_all_pending() {
    let ran = Lab::small(
        r#"
        [[fault]]
        name = "later"
        stage = "rcpt-to"
        defer = "451 4.3.0 Later"
        "#,
    )
    .set("load.drain", "2s")
    .run();
    ran.assert_code(96);
    assert_eq!(ran.count("delivered"), 0);
    assert_eq!(ran.count("lost"), 0, "{ran}");
    assert_eq!(ran.count("pending"), ran.count("accepted"), "{ran}");
    assert!(ran.count("deferred") > ran.count("accepted"), "each was tried more than once");
}
