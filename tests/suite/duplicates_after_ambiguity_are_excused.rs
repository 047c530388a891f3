//! A connection that ends after the final dot, before its reply, makes duplicates that are the
//! protocol's nature (RFC 1047): counted, excused, and nothing is lost.

use crate::support::Lab;

#[test]
fn disconnects_after_the_final_dot_duplicate_and_lose_nothing() {
    for engine in ["native", "samotop"] {
        let ran = Lab::small(
            r#"
            [[fault]]
            name = "hang up"
            stage = "end-of-data"
            odds = 0.3
            attempts = "1"
            disconnect = "fin"
            "#,
        )
        .set("sink.engine", engine)
        .run();
        ran.assert_code(0);
        assert!(ran.count("duplicates_excused") > 10, "{ran}");
        assert_eq!(ran.count("duplicates"), ran.count("duplicates_excused"));
        assert_eq!(ran.count("duplicates_unexcused"), 0);
        assert_eq!(ran.count("lost"), 0);
        assert_eq!(ran.count("delivered"), ran.count("accepted"), "{ran}");
    }
}
