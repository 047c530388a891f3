//! The journal: events on disk as they happen.
//!
//! Format: the line [`MAGIC`], then records of `length (u32 LE) · CRC-32 (u32 LE) · postcard
//! bytes`. A journal cut anywhere reads up to its last whole record.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::event::Event;
use super::record::with_record;
use crate::{files, limits};

/// First bytes of a journal.
pub const MAGIC: &[u8] = b"mailbench journal 1\n";

/// Appends records to a journal. After the first failure it writes nothing more: what came behind
/// a record that is not there would be read as if that had never happened.
pub struct Writer {
    file: File,
    buffer: Vec<u8>,
    /// Bytes of the file up to its last whole record.
    whole: u64,
    failure: Option<String>,
}

impl Writer {
    /// Creates the file; refuses to overwrite one.
    ///
    /// # Errors
    /// When the file exists or cannot be written.
    pub fn create(path: &Path) -> io::Result<Writer> {
        let mut file = File::create_new(path)?;
        file.write_all(MAGIC)?;
        Ok(Writer { file, buffer: Vec::new(), whole: MAGIC.len() as u64, failure: None })
    }

    /// A writer to a file that may not be writable.
    #[cfg(test)]
    pub(super) fn to(file: File) -> Writer {
        let whole = file.metadata().map_or(0, |about| about.len());
        Writer { file, buffer: Vec::new(), whole, failure: None }
    }

    /// Appends one event to the buffer; writes the buffer when it is full.
    pub fn append(&mut self, event: &Event) {
        if self.failure.is_some() {
            return;
        }
        let appended = with_record(event, |record| self.buffer.extend_from_slice(record));
        if let Err(error) = appended {
            self.fail(&error);
        }
        if self.buffer.len() >= limits::JOURNAL_BUFFER {
            self.flush();
        }
    }

    /// Writes whole records to the kernel. What of them was written when that fails is taken back.
    pub(super) fn write(&mut self, records: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        match self.file.write_all(records) {
            Ok(()) => self.whole += records.len() as u64,
            Err(error) => {
                self.fail(&error);
                let _a_reader_sees_a_record_cut_short = self.file.set_len(self.whole);
            }
        }
    }

    /// Writes the buffer to the kernel.
    pub fn flush(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        self.write(&buffer);
        buffer.clear();
        self.buffer = buffer;
    }

    /// The first failure, if there was one.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.failure.clone()
    }

    /// Nothing more is written.
    pub(super) fn fail(&mut self, error: &dyn std::fmt::Display) {
        self.failure.get_or_insert_with(|| error.to_string());
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.buffer.is_empty() {
            self.flush();
        }
    }
}

/// Reads the events of a journal, in the order in which they were written.
pub struct Reader<R> {
    source: R,
    record: Vec<u8>,
    damage: Option<String>,
}

/// Opens a journal.
///
/// # Errors
/// When the file cannot be read or is not a journal.
pub fn open(path: &Path) -> io::Result<Reader<BufReader<File>>> {
    Reader::new(BufReader::with_capacity(1 << 20, files::open(path)?))
}

impl<R: Read> Reader<R> {
    /// Reads the journal's first line.
    ///
    /// # Errors
    /// When it is not that of a journal.
    pub fn new(mut source: R) -> io::Result<Reader<R>> {
        let mut magic = [0; MAGIC.len()];
        let read = read_up_to(&mut source, &mut magic)?;
        if magic != MAGIC {
            let what = if read == 0 { "it is empty" } else { "not a mailbench journal" };
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(Reader { source, record: Vec::new(), damage: None })
    }

    /// Why reading stopped before the end of the file, if it did: a record cut short or damaged.
    #[must_use]
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// Goes back to the first event.
    ///
    /// # Errors
    /// When the source cannot be read again.
    pub fn rewind(&mut self) -> io::Result<()>
    where
        R: Seek,
    {
        self.source.seek(SeekFrom::Start(MAGIC.len() as u64))?;
        self.damage = None;
        Ok(())
    }

    fn next_event(&mut self) -> Result<Option<Event>, String> {
        let mut head = [0; 8];
        match read_up_to(&mut self.source, &mut head) {
            Ok(0) => return Ok(None),
            Ok(8) => {}
            Ok(_) => return Err("the last record is cut short".to_owned()),
            Err(error) => return Err(error.to_string()),
        }
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let check = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        if length > limits::JOURNAL_RECORD {
            return Err(format!("a record claims {length} bytes"));
        }
        self.record.resize(length, 0);
        match read_up_to(&mut self.source, &mut self.record) {
            Ok(read) if read == length => {}
            Ok(_) => return Err("the last record is cut short".to_owned()),
            Err(error) => return Err(error.to_string()),
        }
        if crc32fast::hash(&self.record) != check {
            return Err("a record does not match its check sum".to_owned());
        }
        postcard::from_bytes(&self.record).map(Some).map_err(|error| error.to_string())
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.damage.is_some() {
            return None;
        }
        self.next_event().unwrap_or_else(|damage| {
            self.damage = Some(damage);
            None
        })
    }
}

fn read_up_to(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::super::record::HEAD;
    use super::*;
    use crate::clock::Time;
    use crate::ledger::event::Proof;

    #[test]
    fn a_journal_cut_anywhere_reads_up_to_its_last_whole_record() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.bin");
        let mut writer = Writer::create(&path).expect("a journal");
        (0..10).for_each(|n| writer.append(&event(n)));
        drop(writer);
        let whole = std::fs::read(&path).expect("its bytes");
        let record = (whole.len() - MAGIC.len()) / 10;
        for cut in MAGIC.len()..=whole.len() {
            let mut reader = Reader::new(&whole[..cut]).expect("a journal");
            let events: Vec<Event> = reader.by_ref().collect();
            let kept = (cut - MAGIC.len()) / record;
            assert_eq!(events, (0..kept as u64).map(event).collect::<Vec<_>>());
            assert_eq!(reader.damage().is_none(), (cut - MAGIC.len()).is_multiple_of(record));
        }
    }

    #[test]
    fn what_is_no_journal_is_named() {
        for (bytes, named) in [(&b""[..], "it is empty"), (&MAGIC[1..], "not a mailbench journal")]
        {
            assert_eq!(Reader::new(bytes).err().map(|it| it.to_string()).as_deref(), Some(named));
        }
    }

    fn event(n: u64) -> Event {
        Event::Confirmed { reception: n, at: Time(n), proof: Proof::Command }
    }

    /// A whole journal of these events, in memory.
    fn journal(events: &[Event]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for event in events {
            with_record(event, |record| bytes.extend_from_slice(record)).expect("a record");
        }
        bytes
    }

    #[test]
    fn record_is_a_head_and_the_encoded_event() {
        for event in [event(1), Event::Limit { at: Time(2), name: "x".repeat(600), value: 3 }] {
            let body = postcard::to_stdvec(&event).expect("an event");
            let record = &journal(&[event])[MAGIC.len()..];
            assert_eq!(record[HEAD..], body);
            let length = u32::try_from(body.len()).expect("a length");
            assert_eq!(record[..4], length.to_le_bytes());
        }
    }

    #[test]
    fn event_longer_than_the_stack_buffer_is_recorded() {
        let name = "x".repeat(2 * limits::JOURNAL_STACK);
        let events = [event(1), Event::Limit { at: Time(2), name, value: 3 }, event(4)];
        let read: Vec<Event> = Reader::new(&journal(&events)[..]).expect("a journal").collect();
        assert_eq!(read, events);
    }

    #[test]
    fn appended_events_reach_the_file_when_the_buffer_is_full() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.bin");
        let mut writer = Writer::create(&path).expect("a journal");
        let on_disk = || std::fs::metadata(&path).expect("a file").len() as usize - MAGIC.len();
        writer.append(&event(1));
        assert_eq!(on_disk(), 0);
        let record = journal(&[event(1)]).len() - MAGIC.len();
        (0..limits::JOURNAL_BUFFER / record).for_each(|_| writer.append(&event(1)));
        assert!(on_disk() >= limits::JOURNAL_BUFFER);
        writer.append(&event(1));
        writer.flush();
        assert_eq!(writer.whole as usize - MAGIC.len(), on_disk(), "so much can be kept");
        assert_eq!(writer.failure(), None);
    }

    #[test]
    fn first_failure_to_write_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.bin");
        std::fs::write(&path, "").expect("a file");
        let mut writer = Writer::to(File::open(&path).expect("a file open for reading"));
        writer.append(&event(1));
        assert_eq!(writer.failure(), None, "nothing is written yet");
        writer.flush();
        let failure = writer.failure().expect("a failure");
        writer.fail(&"another");
        assert_eq!(writer.failure(), Some(failure));
    }

    #[test]
    fn a_record_longer_than_any_reader_takes_is_not_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.bin");
        let mut writer = Writer::create(&path).expect("a journal");
        let named = |length| Event::Limit { at: Time(2), name: "x".repeat(length), value: 3 };
        let overhead = postcard::to_stdvec(&named(limits::JOURNAL_RECORD)).expect("bytes").len()
            - limits::JOURNAL_RECORD;
        let longest = named(limits::JOURNAL_RECORD - overhead);
        writer.append(&longest);
        assert_eq!(writer.failure(), None);
        writer.append(&named(limits::JOURNAL_RECORD - overhead + 1));
        assert!(writer.failure().is_some_and(|failure| failure.contains("1048577 bytes")));
        writer.append(&event(1));
        drop(writer);
        let mut reader = open(&path).expect("a journal");
        assert_eq!(reader.by_ref().collect::<Vec<_>>(), [longest], "nothing comes behind it");
        assert_eq!(reader.damage(), None);
    }

    #[test]
    fn reader_that_is_rewound_starts_at_the_first_event() {
        let events = [event(1), event(2)];
        let mut bytes = journal(&events);
        bytes.truncate(bytes.len() - 1);
        let mut reader = Reader::new(io::Cursor::new(bytes)).expect("a journal");
        assert_eq!(reader.by_ref().count(), 1);
        assert_eq!(reader.damage(), Some("the last record is cut short"));
        reader.rewind().expect("a source that can seek");
        assert_eq!(reader.damage(), None);
        assert_eq!(reader.next(), Some(event(1)));
    }

    #[test]
    fn record_length_is_bounded() {
        let damage = |length: usize| {
            let mut bytes = MAGIC.to_vec();
            bytes.extend(u32::try_from(length).expect("a length").to_le_bytes());
            bytes.extend([0; 4]);
            let mut reader = Reader::new(&bytes[..]).expect("a journal");
            assert_eq!(reader.next(), None);
            reader.damage().map(str::to_owned).expect("damage")
        };
        assert_eq!(damage(limits::JOURNAL_RECORD), "the last record is cut short");
        assert_eq!(damage(limits::JOURNAL_RECORD + 1), "a record claims 1048577 bytes");
    }

    /// Gives a byte at a time, each after an interruption; fails at the end.
    struct Unsteady<'a> {
        bytes: &'a [u8],
        interrupted: bool,
    }

    impl Read for Unsteady<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.interrupted = !self.interrupted;
            let Some((first, rest)) = self.bytes.split_first() else {
                return Err(io::Error::other("the disk is gone"));
            };
            if self.interrupted {
                return Err(io::ErrorKind::Interrupted.into());
            }
            buffer[0] = *first;
            self.bytes = rest;
            Ok(1)
        }
    }

    #[test]
    fn interrupted_reads_are_repeated_and_failed_ones_end_the_journal() {
        let events = [event(1), event(2)];
        let bytes = journal(&events);
        let source = Unsteady { bytes: &bytes, interrupted: false };
        let mut reader = Reader::new(source).expect("a journal");
        assert_eq!(reader.by_ref().collect::<Vec<_>>(), events);
        assert_eq!(reader.damage(), Some("the disk is gone"));
        let cut = Unsteady { bytes: &bytes[..bytes.len() - 1], interrupted: false };
        let mut reader = Reader::new(cut).expect("a journal");
        assert_eq!(reader.by_ref().collect::<Vec<_>>(), events[..1]);
        assert_eq!(reader.damage(), Some("the disk is gone"));
    }

    #[test]
    fn other_files_are_no_journal() {
        let other = [b"mailbench journal 2\n".as_slice(), &[0; 8]].concat();
        assert!(Reader::new(&other[..]).is_err());
    }

    #[test]
    fn a_flipped_bit_is_damage() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.bin");
        let mut writer = Writer::create(&path).expect("a journal");
        writer.append(&Event::Interrupted { at: Time(77_777) });
        drop(writer);
        let mut bytes = std::fs::read(&path).expect("its bytes");
        *bytes.last_mut().expect("a byte") ^= 1;
        let mut reader = Reader::new(&bytes[..]).expect("a journal");
        assert_eq!(reader.next(), None);
        assert!(reader.damage().is_some());
    }
}
