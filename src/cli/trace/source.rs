//! Where the lines of a log come from: files, unpacked where they are compressed, in the order in
//! which they were written, or standard input.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::clock::Clock;
use crate::maillog::{self, Log};
use crate::{files, limits};

/// What compressed files begin with that are unpacked here.
const GZIP: [u8; 2] = [0x1f, 0x8b];
const XZ: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];

/// What files begin with that cannot be read, and what that is.
const OTHERS: [(&[u8], &str); 5] = [
    (&[0x28, 0xb5, 0x2f, 0xfd], "it is compressed by zstd: unpack it first"),
    (b"BZh", "it is compressed by bzip2: unpack it first"),
    (b"PK\x03\x04", "it is a ZIP archive: unpack it first"),
    (&[0xff, 0xfe], "it is UTF-16: convert it to UTF-8 first"),
    (&[0xfe, 0xff], "it is UTF-16: convert it to UTF-8 first"),
];

/// Reads logs, one after the other, as one.
pub(super) fn read(paths: &[PathBuf], year: Option<i16>) -> anyhow::Result<(Log, bool)> {
    let until = match year {
        Some(year) => Date::new(year, 12, 31)?,
        None => written_until(paths)?,
    };
    let (paths, reordered) = in_order(paths, until)?;
    let mut log = Log::until(until);
    for path in &paths {
        let about = || format!("cannot read {}", path.display());
        let mut source = open(path).with_context(about)?;
        each_line(&mut source, usize::MAX, |line| match line {
            Some(line) => log.line(line),
            None => log.too_long(),
        })
        .with_context(about)?;
    }
    Ok((log, reordered))
}

/// The day on which the youngest file was last written to; of standard input, today.
fn written_until(paths: &[PathBuf]) -> anyhow::Result<Date> {
    let mut latest: Option<SystemTime> = None;
    for path in paths {
        let at = match is_standard_input(path) {
            true => Clock::start().wall(),
            false => std::fs::metadata(path)
                .and_then(|about| about.modified())
                .with_context(|| format!("cannot read {}", path.display()))?,
        };
        latest = latest.max(Some(at));
    }
    let latest = latest.unwrap_or(SystemTime::UNIX_EPOCH);
    let at = Timestamp::try_from(latest).unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(jiff::tz::Offset::UTC.to_datetime(at).date())
}

/// Rotated logs in the order in which they begin, and whether that is another than the one given.
fn in_order(paths: &[PathBuf], until: Date) -> anyhow::Result<(Vec<PathBuf>, bool)> {
    if paths.len() < 2 || paths.iter().any(|path| is_standard_input(path)) {
        return Ok((paths.to_vec(), false));
    }
    let mut begun = Vec::new();
    for path in paths {
        let Some(begins) = begins(path, until)? else { return Ok((paths.to_vec(), false)) };
        begun.push((begins, path.clone()));
    }
    begun.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let sorted: Vec<PathBuf> = begun.into_iter().map(|(_, path)| path).collect();
    let reordered = sorted != paths;
    Ok((sorted, reordered))
}

fn begins(path: &Path, until: Date) -> anyhow::Result<Option<f64>> {
    let about = || format!("cannot read {}", path.display());
    let mut first = None;
    let mut source = open(path).with_context(about)?;
    each_line(&mut source, limits::LOG_HEAD, |line| {
        if first.is_none() {
            first = line.and_then(|line| maillog::begins(line, until));
        }
    })
    .with_context(about)?;
    Ok(first)
}

fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    let plain: Box<dyn Read> =
        if is_standard_input(path) { Box::new(io::stdin()) } else { Box::new(files::open(path)?) };
    let mut plain = BufReader::new(plain);
    let head = plain.fill_buf()?;
    if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        bail!("{what}");
    }
    if head.starts_with(&GZIP) {
        return Ok(Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(plain))));
    }
    if head.starts_with(&XZ) {
        let unpacked = liblzma::bufread::XzDecoder::new_multi_decoder(plain);
        return Ok(Box::new(BufReader::new(unpacked)));
    }
    Ok(Box::new(plain))
}

/// Every line, as text, at most so many; `None`: one that is too long.
fn each_line(
    source: &mut dyn BufRead,
    most: usize,
    mut act: impl FnMut(Option<&str>),
) -> io::Result<()> {
    let (mut line, mut too_long, mut count) = (Vec::new(), false, 0);
    while count < most {
        line.clear();
        let room = limits::LOG_LINE as u64;
        if (&mut *source).take(room).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let ends = line.ends_with(b"\n") || (line.len() as u64) < room;
        match (ends, too_long) {
            (true, false) => act(Some(String::from_utf8_lossy(&line).trim_end())),
            (true, true) => act(None),
            (false, _) => {}
        }
        too_long = !ends;
        count += usize::from(ends);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_takes_no_memory_and_the_next_one_is_read() {
        let text = [vec![b'x'; 3 * limits::LOG_LINE], b"\nshort\nlast".to_vec()].concat();
        let mut lines = Vec::new();
        let seen = |line: Option<&str>| lines.push(line.map(str::to_owned));
        each_line(&mut &text[..], usize::MAX, seen).expect("read");
        assert_eq!(lines, [None, Some("short".to_owned()), Some("last".to_owned())]);
    }
}
