//! The generator grades itself: a run it spoiled is INVALID (96), not slow.

use crate::support::Lab;

#[test]
fn a_generator_capped_to_one_session_is_invalid() {
    let ran = Lab::small(
        r#"
        [[fault]]
        name = "slow"
        stage = "end-of-data"
        delay = "50ms"
        "#,
    )
    .set("target.kind", "direct")
    .set("load.sessions", "1")
    .set("load.duration", "4s")
    .strict()
    .run();
    ran.assert_code(96);
    let report = ran.report();
    assert_eq!(report["health"]["status"], "invalid");
    let response = report["latency"]["submit_response"]["max"].as_u64().expect("a maximum");
    let service = report["latency"]["submit_service"]["max"].as_u64().expect("a maximum");
    assert!(response > 4 * service, "the wait is in the response time: {response} {service}");
    assert_eq!(ran.count("lost"), 0);
}
