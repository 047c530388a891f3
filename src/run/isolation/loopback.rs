//! Brings up the loopback interface of a new network namespace: one message to the kernel
//! (rtnetlink(7)) and its answer.

use std::io::{self, Read, Write};

use socket2::{Domain, Protocol, Socket, Type};

/// Address family and protocol (`AF_NETLINK`, `NETLINK_ROUTE`).
const NETLINK: (i32, i32) = (16, 0);

/// The interface with number 1: in every namespace that is loopback.
const LOOPBACK: i32 = 1;

const RTM_NEWLINK: u16 = 16;
const NLMSG_ERROR: u16 = 2;
/// `NLM_F_REQUEST | NLM_F_ACK`.
const ACKNOWLEDGED_REQUEST: u16 = 0x1 | 0x4;
const IFF_UP: u32 = 1;

/// Length of the header of a message (`struct nlmsghdr`), and of the body here (`struct ifinfomsg`).
const HEADER: usize = 16;
const BODY: usize = 16;

/// Sets the interface up; `::1` and all of 127.0.0.0/8 come with it.
pub(super) fn bring_up() -> io::Result<()> {
    let (family, protocol) = NETLINK;
    let mut socket = Socket::new(Domain::from(family), Type::RAW, Some(Protocol::from(protocol)))?;
    socket.write_all(&request())?;
    let mut answer = [0; 128];
    let length = socket.read(&mut answer)?;
    outcome(&answer[..length])
}

fn request() -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER + BODY);
    let length = (HEADER + BODY) as u32;
    message.extend_from_slice(&length.to_ne_bytes());
    message.extend_from_slice(&RTM_NEWLINK.to_ne_bytes());
    message.extend_from_slice(&ACKNOWLEDGED_REQUEST.to_ne_bytes());
    // Sequence number and sender: one request, and the kernel fills in the other.
    message.extend_from_slice(&[0; 8]);
    // Family, padding and type: any.
    message.extend_from_slice(&[0; 4]);
    message.extend_from_slice(&LOOPBACK.to_ne_bytes());
    // The flags, and which of them to change.
    message.extend_from_slice(&IFF_UP.to_ne_bytes());
    message.extend_from_slice(&IFF_UP.to_ne_bytes());
    message
}

/// What the kernel's answer says: error number 0 acknowledges.
fn outcome(answer: &[u8]) -> io::Result<()> {
    let strange = || io::Error::other("the kernel's answer about loopback was not understood");
    let kind = answer.get(4..6).and_then(|it| it.try_into().ok()).map(u16::from_ne_bytes);
    let error = answer.get(HEADER..HEADER + 4).and_then(|it| it.try_into().ok());
    match (kind, error.map(i32::from_ne_bytes)) {
        (Some(NLMSG_ERROR), Some(0)) => Ok(()),
        (Some(NLMSG_ERROR), Some(error)) => Err(io::Error::from_raw_os_error(-error)),
        _ => Err(strange()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(kind: u16, error: i32) -> Vec<u8> {
        let mut answer = vec![0; 4];
        answer.extend_from_slice(&kind.to_ne_bytes());
        answer.resize(HEADER, 0);
        answer.extend_from_slice(&error.to_ne_bytes());
        answer
    }

    #[test]
    fn a_request_has_the_length_it_names() {
        let request = request();
        assert_eq!(request.len(), 32);
        assert_eq!(u32::from_ne_bytes(request[..4].try_into().expect("four bytes")), 32);
    }

    #[test]
    fn an_acknowledgement_is_distinguished_from_a_refusal() {
        assert!(outcome(&answer(NLMSG_ERROR, 0)).is_ok());
        let refused = outcome(&answer(NLMSG_ERROR, -1)).expect_err("refused");
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        assert!(outcome(&answer(7, 0)).is_err());
        assert!(outcome(&[1, 2, 3]).is_err());
    }
}
