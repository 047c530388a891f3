//! Who may log in at a server, and whether what he says is right (RFC 4616, RFC 2195, RFC 7628).

use std::fmt;

use crate::smtp::scram::Password;
use crate::smtp::scram::server::Stored;

/// What a server knows of those who log in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The password that SCRAM works with; `None`: it is not offered.
    pub scram: Option<Stored>,
    /// The one user, without whom no mail is taken; `None`: credentials of any user are taken if
    /// they are well formed, and so is mail without.
    pub user: Option<User>,
}

/// A user and his password, or his token, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    name: String,
    password: String,
}

impl Known {
    /// This user alone.
    #[must_use]
    pub fn one(user: User) -> Known {
        let password = Password::prepared(&user.password);
        Known { scram: password.as_ref().map(Stored::of), user: Some(user) }
    }
}

impl User {
    /// A user of this name.
    #[must_use]
    pub fn new(name: String, password: String) -> User {
        User { name, password }
    }

    /// Whether he goes by this name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// Whether these are his name and his password.
    pub(super) fn says(&self, name: &[u8], password: &[u8]) -> bool {
        name == self.name.as_bytes() && password == self.password.as_bytes()
    }

    /// PLAIN: whether this is the right answer, without another authorisation identity.
    pub(super) fn verify_plain(&self, answer: &[u8]) -> bool {
        let parts: Vec<&[u8]> = answer.split(|byte| *byte == 0).collect();
        let [acts_for, name, password] = parts[..] else { return false };
        (acts_for.is_empty() || acts_for == name) && self.says(name, password)
    }

    /// CRAM-MD5: whether this is his answer to the challenge.
    pub(super) fn digests(&self, challenge: &str, answer: &[u8]) -> bool {
        let digest = hmac_md5(self.password.as_bytes(), challenge.as_bytes());
        answer == format!("{} {digest:x}", self.name).as_bytes()
    }

    /// XOAUTH2: whether this is his answer, the password being the token.
    pub(super) fn verify_bearer_token(&self, answer: &[u8]) -> bool {
        let (name, token) = (&self.name, &self.password);
        answer == format!("user={name}\u{1}auth=Bearer {token}\u{1}\u{1}").as_bytes()
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

/// RFC 2104, over blocks of 64 bytes.
fn hmac_md5(key: &[u8], text: &[u8]) -> md5::Digest {
    let mut block = [0; 64];
    if key.len() > block.len() {
        block[..16].copy_from_slice(&md5::compute(key).0);
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = md5::compute([&block.map(|byte| byte ^ 0x36)[..], text].concat());
    md5::compute([&block.map(|byte| byte ^ 0x5c)[..], &inner.0].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> User {
        User::new("tim".to_owned(), "tanstaaftanstaaf".to_owned())
    }

    #[test]
    fn the_example_of_rfc_2195_is_right() {
        let challenge = "<1896.697170952@postoffice.reston.mci.net>";
        assert!(user().digests(challenge, b"tim b913a602c7eda7a495b4e6e7334d3890"));
        assert!(!user().digests("<other>", b"tim b913a602c7eda7a495b4e6e7334d3890"));
    }

    #[test]
    fn a_long_key_is_hashed_first() {
        // RFC 2202, test 6.
        let digest =
            hmac_md5(&[0xaa; 80], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(format!("{digest:x}"), "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
    }

    #[test]
    fn he_acts_for_himself_with_his_password() {
        for right in ["\0tim\0tanstaaftanstaaf", "tim\0tim\0tanstaaftanstaaf"] {
            assert!(user().verify_plain(right.as_bytes()), "{right:?}");
        }
        for wrong in
            ["tom\0tim\0tanstaaftanstaaf", "\0tim\0tanstaaf", "\0tom\0tanstaaftanstaaf", "x"]
        {
            assert!(!user().verify_plain(wrong.as_bytes()), "{wrong:?}");
        }
        assert!(user().verify_bearer_token(b"user=tim\x01auth=Bearer tanstaaftanstaaf\x01\x01"));
        assert!(!user().verify_bearer_token(b"user=tim\x01auth=Bearer other\x01\x01"));
    }

    #[test]
    fn his_password_is_not_shown() {
        assert!(!format!("{:?}", Known::one(user())).contains("tanstaaf"));
    }
}
