//! SCRAM against its published example, and against what a peer may say wrong.

use std::num::NonZeroU32;

use super::client::Client;
use super::server::{Ended, Stored};
use super::{Keys, Password, decoded};

/// RFC 7677 §3.
const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
const SERVER_FIRST: &str =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const CLIENT_LAST: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                           p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SERVER_LAST: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

fn password(text: &str) -> Password {
    Password::prepared(text).expect("a password")
}

fn example_client() -> Client {
    Client::new("user", CLIENT_NONCE.to_owned())
}

fn example_server(iterations: u32) -> Stored {
    let salt = decoded(SALT).expect("base64");
    let iterations = NonZeroU32::new(iterations).expect("some");
    Stored::under(&password("pencil"), &salt, iterations, SERVER_NONCE)
}

#[test]
fn both_sides_say_what_the_standards_example_says() {
    let client = example_client();
    assert_eq!(client.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let asked = client.asked(SERVER_FIRST).expect("sense");
    let keys = Keys::derive(&password("pencil"), &asked.salt, asked.iterations);
    let last = client.last(SERVER_FIRST, &asked, &keys);
    assert_eq!(last.message, CLIENT_LAST);
    assert!(last.is_answered_by(SERVER_LAST));

    let server = example_server(4096);
    let pending = server.begin(&client.first()).expect("sense");
    assert_eq!(pending.asked, SERVER_FIRST);
    assert_eq!(server.end(&pending, CLIENT_LAST), Ended::Proved(SERVER_LAST.to_owned()));
}

#[test]
fn a_server_that_does_not_know_the_password_proves_nothing() {
    let client = example_client();
    let asked = client.asked(SERVER_FIRST).expect("sense");
    let keys = Keys::derive(&password("pencil"), &asked.salt, asked.iterations);
    let last = client.last(SERVER_FIRST, &asked, &keys);
    for claim in ["", "v=", "e=other-error", "v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="] {
        assert!(!last.is_answered_by(claim), "{claim}");
    }
    assert!(last.is_answered_by(&format!("{SERVER_LAST},x=more")));
}

#[test]
fn a_client_goes_no_further_than_makes_sense() {
    let client = example_client();
    let first = |nonce: &str, salt: &str, count: &str| format!("r={nonce},s={salt},i={count}");
    let ours = format!("{CLIENT_NONCE}%h");
    assert!(client.asked(&first(&ours, SALT, "4096")).is_some());
    for wrong in [
        first(CLIENT_NONCE, SALT, "4096"),
        first("another%h", SALT, "4096"),
        first(&ours, "%%%", "4096"),
        first(&ours, SALT, "0"),
        first(&ours, SALT, "4294967295"),
        format!("m=must,{}", first(&ours, SALT, "4096")),
        String::new(),
    ] {
        assert!(client.asked(&wrong).is_none(), "{wrong}");
    }
}

#[test]
fn a_server_takes_the_right_proof_only() {
    let server = example_server(1);
    let try_with = |secret: &str, spoil: fn(String) -> String| {
        let client = Client::new("a,b=c", "abc".to_owned());
        let pending = server.begin(&client.first()).expect("sense");
        let asked = client.asked(&pending.asked).expect("sense");
        let keys = Keys::derive(&password(secret), &asked.salt, asked.iterations);
        server.end(&pending, &spoil(client.last(&pending.asked, &asked, &keys).message))
    };
    assert!(matches!(try_with("pencil", |last| last), Ended::Proved(_)));
    // SASLprep: a soft hyphen is nothing, a fullwidth letter is its ordinary one.
    assert!(matches!(try_with("pen\u{ad}c\u{ff49}l", |last| last), Ended::Proved(_)));
    assert_eq!(try_with("pencils", |last| last), Ended::Wrong);
    let bound = |last: String| last.replace("c=biws", "c=eSws");
    assert_eq!(try_with("pencil", bound), Ended::Malformed);
    let other_nonce = |last: String| last.replace("r=abc", "r=abd");
    assert_eq!(try_with("pencil", other_nonce), Ended::Malformed);
    assert_eq!(try_with("pencil", |last| last.replace(",p=", ",p=AAAA")), Ended::Malformed);
    assert_eq!(try_with("pencil", |last| last.replace(",p=", ",x=y,p=")), Ended::Wrong);
}

#[test]
fn what_does_not_begin_a_log_in_is_refused() {
    let server = example_server(1);
    for good in ["n,,n=u,r=x", "y,,n=u,r=x", "n,a=v,n=u,r=x,e=more"] {
        assert!(server.begin(good).is_some(), "{good}");
    }
    for bad in ["", "n,,", "p=tls-unique,,n=u,r=x", "n,,n=,r=x", "n,,n=u,r=", "n,b=v,n=u,r=x"] {
        assert!(server.begin(bad).is_none(), "{bad}");
    }
    assert!(Password::prepared("bell\u{7}").is_none() && Password::prepared("").is_none());
}

#[test]
fn nothing_shows_what_is_kept_of_a_password() {
    assert_eq!(format!("{:?}", example_server(1)), "a password");
}
