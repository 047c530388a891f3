//! The kernel's FUSE protocol, version 7.31, as far as a file system of plain image files needs it
//! (linux/fuse.h): requests read, replies written. Pure.

/// Bytes of the header of a request.
const HEADER: usize = 40;

/// Bytes of the header of a reply.
const REPLY_HEADER: usize = 16;

/// Most bytes of one write or read.
pub(super) const TRANSFER: usize = 1 << 20;

/// Number of the folder.
pub(super) const ROOT: u64 = 1;

/// An error as replies name it (errno(3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errno {
    /// ENOENT.
    NoEntry = 2,
    /// EIO.
    Io = 5,
    /// EINVAL.
    Invalid = 22,
    /// EFBIG.
    TooBig = 27,
    /// ENOSYS.
    NotImplemented = 38,
    /// EOPNOTSUPP.
    NotSupported = 95,
}

/// What the kernel asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask<'a> {
    /// Which version is spoken; with the kernel's minor version and what it can do.
    Init { minor: u32, readahead: u32, flags: u32 },
    /// The number of a file.
    Lookup(&'a [u8]),
    /// Size and mode.
    Attributes,
    /// To open a file or the folder.
    Open,
    /// Bytes.
    Read { offset: u64, length: u32 },
    /// To write bytes.
    Write { offset: u64, data: &'a [u8] },
    /// To make what was written durable.
    Flush,
    /// To set a range to zeros, or to discard it.
    Clear { offset: u64, length: u64 },
    /// Free space.
    Space,
    /// What needs no more than a yes.
    Nothing,
    /// What is not answered.
    Silent,
    /// What there is not.
    Unknown,
}

/// A request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request<'a> {
    /// Its number, for the reply.
    pub(super) unique: u64,
    /// The file it is about.
    pub(super) node: u64,
    /// What is asked.
    pub(super) ask: Ask<'a>,
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// Reads a request; `None` where it is cut short.
pub(super) fn read(bytes: &[u8]) -> Option<Request<'_>> {
    let (opcode, unique, node) = (u32_at(bytes, 4)?, u64_at(bytes, 8)?, u64_at(bytes, 16)?);
    let body = bytes.get(HEADER..)?;
    let ask = match opcode {
        1 => Ask::Lookup(body.split(|byte| *byte == 0).next().unwrap_or_default()),
        // FORGET, INTERRUPT, BATCH_FORGET.
        2 | 36 | 42 => Ask::Silent,
        // GETATTR, SETATTR.
        3 | 4 => Ask::Attributes,
        // OPEN, OPENDIR.
        14 | 27 => Ask::Open,
        15 => Ask::Read { offset: u64_at(body, 8)?, length: u32_at(body, 16)? },
        16 => {
            let length = usize::try_from(u32_at(body, 16)?).ok()?;
            Ask::Write { offset: u64_at(body, 8)?, data: body.get(40..40 + length)? }
        }
        17 => Ask::Space,
        // RELEASE, FLUSH (of close(2)), RELEASEDIR, READDIR, ACCESS, DESTROY.
        18 | 25 | 28 | 29 | 34 | 38 => Ask::Nothing,
        20 => Ask::Flush,
        26 => Ask::Init {
            minor: u32_at(body, 4)?,
            readahead: u32_at(body, 8)?,
            flags: u32_at(body, 12)?,
        },
        43 => clear(body)?,
        _ => Ask::Unknown,
    };
    Some(Request { unique, node, ask })
}

/// FALLOCATE: only what makes zeros of a range (FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE).
fn clear(body: &[u8]) -> Option<Ask<'_>> {
    let zeroes = u32_at(body, 24)? & (0x02 | 0x10) != 0;
    let range = Ask::Clear { offset: u64_at(body, 8)?, length: u64_at(body, 16)? };
    Some(if zeroes { range } else { Ask::Unknown })
}

/// A reply, written piece by piece.
#[derive(Debug)]
pub(super) struct Reply(Vec<u8>);

impl Reply {
    /// One that says yes.
    pub(super) fn new() -> Reply {
        Reply(vec![0; REPLY_HEADER])
    }

    /// One that says why not.
    pub(super) fn error(errno: Errno) -> Reply {
        let mut reply = Reply::new();
        reply.0[4..8].copy_from_slice(&(-(errno as i32)).to_le_bytes());
        reply
    }

    fn u16(mut self, value: u16) -> Reply {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn u32(mut self, value: u32) -> Reply {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn u64(mut self, value: u64) -> Reply {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn zeros(mut self, count: usize) -> Reply {
        self.0.resize(self.0.len() + count, 0);
        self
    }

    /// The version and what is wanted of it: ASYNC_READ, BIG_WRITES, ASYNC_DIO, PARALLEL_DIROPS,
    /// MAX_PAGES.
    pub(super) fn init(minor: u32, readahead: u32, flags: u32) -> Reply {
        let wanted = 1 | 1 << 5 | 1 << 15 | 1 << 18 | 1 << 22;
        let pages = u16::try_from(TRANSFER / 4096).unwrap_or(u16::MAX);
        let transfer = u32::try_from(TRANSFER).unwrap_or(u32::MAX);
        Reply::new()
            .u32(7)
            .u32(minor.min(31))
            .u32(readahead)
            .u32(wanted & flags)
            .u16(64)
            .u16(48)
            .u32(transfer)
            .u32(1)
            .u16(pages)
            .u16(0)
            .u32(0)
            .zeros(28)
    }

    /// The number of a file, with its attributes, valid for an hour.
    pub(super) fn entry(node: u64, size: u64) -> Reply {
        Reply::new().u64(node).u64(0).u64(3600).u64(3600).u32(0).u32(0).attributes_of(node, size)
    }

    /// Attributes, valid for an hour.
    pub(super) fn attributes(node: u64, size: u64) -> Reply {
        Reply::new().u64(3600).u32(0).u32(0).attributes_of(node, size)
    }

    fn attributes_of(self, node: u64, size: u64) -> Reply {
        let mode: u32 = if node == ROOT { 0o040_755 } else { 0o100_600 };
        let reply = self.u64(node).u64(size).u64(size / 512).zeros(24).zeros(12);
        reply.u32(mode).u32(1).u32(0).u32(0).u32(0).u32(4096).u32(0)
    }

    /// A file is open: FOPEN_DIRECT_IO spares the kernel a second cache of it.
    pub(super) fn opened() -> Reply {
        Reply::new().u64(0).u32(1).u32(0)
    }

    /// Bytes that were read: `fill` puts them in place.
    pub(super) fn bytes(length: usize, fill: impl FnOnce(&mut [u8])) -> Reply {
        let mut reply = Reply::new().zeros(length);
        fill(&mut reply.0[REPLY_HEADER..]);
        reply
    }

    /// So many bytes were written.
    pub(super) fn written(length: u32) -> Reply {
        Reply::new().u32(length).u32(0)
    }

    /// Free space: there always is.
    pub(super) fn space() -> Reply {
        let reply = Reply::new().u64(1 << 20).u64(1 << 19).u64(1 << 19).u64(100).u64(50);
        reply.u32(4096).u32(255).u32(4096).u32(0).zeros(24)
    }

    /// Its bytes, as the reply to a request.
    pub(super) fn to(mut self, unique: u64) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0[0..4].copy_from_slice(&length.to_le_bytes());
        self.0[8..16].copy_from_slice(&unique.to_le_bytes());
        self.0
    }
}

impl Default for Reply {
    fn default() -> Reply {
        Reply::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(opcode: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        bytes[4..8].copy_from_slice(&opcode.to_le_bytes());
        bytes[8..16].copy_from_slice(&77_u64.to_le_bytes());
        bytes[16..24].copy_from_slice(&2_u64.to_le_bytes());
        bytes.extend_from_slice(body);
        bytes
    }

    fn numbers(values: &[u64]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn a_write_is_read_with_its_bytes() {
        let mut body = numbers(&[0, 8192, 3, 0, 0]);
        body.extend_from_slice(b"abc");
        let bytes = request(16, &body);
        let ask = Ask::Write { offset: 8192, data: b"abc" };
        assert_eq!(read(&bytes), Some(Request { unique: 77, node: 2, ask }));
        assert_eq!(read(&bytes[..bytes.len() - 1]), None, "cut short");
    }

    #[test]
    fn a_name_ends_at_its_zero() {
        let bytes = request(1, b"disk0.img\0");
        assert_eq!(read(&bytes).expect("a request").ask, Ask::Lookup(b"disk0.img"));
    }

    #[test]
    fn only_what_makes_zeros_clears() {
        let body = |mode| numbers(&[0, 4096, 512, mode]);
        let clear = Ask::Clear { offset: 4096, length: 512 };
        assert_eq!(read(&request(43, &body(3))).expect("a request").ask, clear);
        assert_eq!(read(&request(43, &body(0))).expect("a request").ask, Ask::Unknown);
    }

    #[test]
    fn bytes_that_are_no_request_are_none() {
        for length in 0..HEADER {
            assert_eq!(read(&request(16, &[])[..length]), None);
        }
        for opcode in 0..60 {
            let _any = read(&request(opcode, &[0xFF; 24]));
        }
    }

    #[test]
    fn a_reply_has_its_length_number_and_error() {
        let bytes = Reply::error(Errno::Io).to(9);
        assert_eq!(
            bytes,
            [&16_u32.to_le_bytes()[..], &(-5_i32).to_le_bytes(), &9_u64.to_le_bytes()].concat()
        );
        let read = Reply::bytes(3, |out| out.copy_from_slice(b"abc")).to(1);
        assert_eq!((read.len(), &read[16..]), (19, &b"abc"[..]));
        assert_eq!(Reply::init(40, 0, 0).to(1).len(), 16 + 64, "as long as the kernel expects");
    }
}
