//! The process that serves the images: answers the kernel, and does what mailbench orders.
//!
//! It is a process of its own because whoever waits for a disk of its own making can wait for ever.
//! It ends when mailbench closes its standard input, however mailbench ended.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::fuse::{self, Ask, Errno, Reply, Request};
use super::image::Image;
use super::orders::{Answer, Counts, Order};
use crate::limits;
use crate::seed::{Key, Purpose, Seed};

/// Number of the first image; each life of the disk is an image.
const FIRST: u64 = fuse::ROOT + 1;

/// What kernel and orders act on.
struct State {
    lives: Vec<Image>,
    is_frozen: bool,
    flush: Duration,
    /// Flushes are answered and not done.
    lies: bool,
    /// Reads and writes fail.
    fails: bool,
    counts: Counts,
}

struct Shared {
    state: Mutex<State>,
    thawed: Condvar,
    size: u64,
}

/// Serves until mailbench is gone or the folder is unmounted.
///
/// # Errors
/// When the images cannot be served from the start.
pub fn serve(folder: &Path, size: u64, flush: Duration) -> io::Result<()> {
    let device = File::options().read(true).write(true).open("/dev/fuse")?;
    let options = format!("fd={},rootmode=40755,user_id=0,group_id=0", device.as_raw_fd());
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("mailbench"), folder, Some("fuse"), flags, Some(options.as_str()))?;
    let state = State {
        lives: vec![Image::new(size)],
        is_frozen: false,
        flush,
        lies: false,
        fails: false,
        counts: Counts::default(),
    };
    let shared = Arc::new(Shared { state: Mutex::new(state), thawed: Condvar::new(), size });
    let for_kernel = Arc::clone(&shared);
    std::thread::spawn(move || answer_kernel(device, &for_kernel));
    let ended = take_orders(&shared);
    // What still uses it loses it: mailbench is gone.
    let _gone = umount2(folder, MntFlags::MNT_DETACH);
    ended
}

fn answer_kernel(mut device: File, shared: &Shared) {
    let Ok(mut replies) = device.try_clone() else { return };
    let mut buffer = vec![0; fuse::TRANSFER + 64 * 1024];
    loop {
        let length = match device.read(&mut buffer) {
            Ok(length) => length,
            Err(error) if is_passing(&error) => continue,
            // Unmounted.
            Err(_) => return,
        };
        let Some(request) = fuse::read(&buffer[..length]) else { continue };
        if request.ask == Ask::Silent {
            continue;
        }
        let unique = request.unique;
        let reply = shared.reply(&request);
        // A request that was interrupted takes no reply.
        let _taken = replies.write_all(&reply.to(unique));
    }
}

/// ENOENT: the request was interrupted; EINTR, EAGAIN.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(2 | 4 | 11))
}

impl Shared {
    /// The state, once the disk is not frozen.
    fn awake(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.is_frozen {
            state = self.thawed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    fn reply(&self, request: &Request<'_>) -> Reply {
        let mut state = self.awake();
        let life = usize::try_from(request.node.saturating_sub(FIRST)).unwrap_or(usize::MAX);
        match &request.ask {
            Ask::Init { minor, readahead, flags } => Reply::init(*minor, *readahead, *flags),
            Ask::Lookup(name) => match number(name).filter(|it| *it < state.lives.len()) {
                Some(number) => Reply::entry(number as u64 + FIRST, self.size),
                None => Reply::error(Errno::NoEntry),
            },
            Ask::Space => Reply::space(),
            Ask::Nothing => Reply::new(),
            Ask::Attributes if request.node <= fuse::ROOT => Reply::attributes(fuse::ROOT, 0),
            Ask::Open if request.node <= fuse::ROOT => Reply::opened(),
            Ask::Unknown | Ask::Silent => Reply::error(Errno::NotImplemented),
            _ if request.node < FIRST || life >= state.lives.len() => Reply::error(Errno::NoEntry),
            Ask::Attributes => Reply::attributes(request.node, self.size),
            Ask::Open => Reply::opened(),
            Ask::Flush => {
                state = self.wait_for_flush(state, life);
                state.flush(life)
            }
            ask => state.transfer(life, ask, self.size),
        }
    }

    /// A flush takes its time, in which the disk may be frozen.
    #[expect(
        clippy::disallowed_methods,
        reason = "the thread of a slow disk has nothing else to do"
    )]
    fn wait_for_flush<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        life: usize,
    ) -> MutexGuard<'a, State> {
        let flush = state.flush;
        if flush.is_zero() || state.lives[life].is_void() {
            return state;
        }
        drop(state);
        std::thread::sleep(flush);
        self.awake()
    }
}

/// The number in `disk7.img`.
fn number(name: &[u8]) -> Option<usize> {
    let name = std::str::from_utf8(name).ok()?;
    name.strip_prefix("disk")?.strip_suffix(".img")?.parse().ok()
}

/// The name of an image.
#[must_use]
pub fn name(number: usize) -> String {
    format!("disk{number}.img")
}

impl State {
    fn flush(&mut self, life: usize) -> Reply {
        self.counts.flushes += 1;
        if self.fails {
            return Reply::error(Errno::Io);
        }
        if !self.lies {
            self.lives[life].flush();
        }
        Reply::new()
    }

    fn transfer(&mut self, life: usize, ask: &Ask<'_>, size: u64) -> Reply {
        if self.fails && !self.lives[life].is_void() {
            return Reply::error(Errno::Io);
        }
        match ask {
            Ask::Read { offset, length } => {
                self.counts.reads += 1;
                let length = u64::from(*length).min(size.saturating_sub(*offset));
                let length = usize::try_from(length).unwrap_or(0).min(fuse::TRANSFER);
                Reply::bytes(length, |out| self.lives[life].read(*offset, out))
            }
            Ask::Write { offset, data } => {
                if offset.saturating_add(data.len() as u64) > size {
                    return Reply::error(Errno::TooBig);
                }
                self.counts.writes += 1;
                self.counts.bytes_written += data.len() as u64;
                self.lives[life].write(*offset, data);
                self.note_memory();
                Reply::written(u32::try_from(data.len()).unwrap_or(u32::MAX))
            }
            Ask::Clear { offset, length } => {
                if offset.saturating_add(*length) > size {
                    return Reply::error(Errno::NotSupported);
                }
                self.clear(life, *offset, *length);
                Reply::new()
            }
            _ => Reply::error(Errno::Invalid),
        }
    }

    fn clear(&mut self, life: usize, offset: u64, length: u64) {
        let zeros = vec![0; fuse::TRANSFER];
        let mut done = 0;
        while done < length {
            let take = (length - done).min(zeros.len() as u64);
            self.lives[life].write(offset + done, &zeros[..usize::try_from(take).unwrap_or(0)]);
            done += take;
        }
        self.note_memory();
    }

    /// Counting what is held takes a walk over all blocks.
    fn note_memory(&mut self) {
        if self.counts.writes.is_multiple_of(limits::DISK_LOOK) {
            let held = self.lives.iter().map(Image::memory).sum();
            self.counts.memory_most = self.counts.memory_most.max(held);
        }
    }

    fn lose_power(&mut self, order: (super::Keep, u64, u64)) -> Answer {
        let (keep, seed, ordinal) = order;
        let mut rng =
            Seed(seed).stream(Purpose::PowerCut, Key { subject: ordinal, ..Key::default() });
        // There is always one.
        let Some((last, earlier)) = self.lives.split_last_mut() else {
            return Answer::Refused("no disk".to_owned());
        };
        earlier.iter_mut().for_each(Image::forget);
        let (next, survived) = last.lose_power(keep, &mut rng);
        self.lives.push(next);
        Answer::PowerLost { unflushed: survived.unflushed, kept: survived.kept }
    }

    fn obey(&mut self, order: Order) -> Answer {
        match order {
            Order::Freeze => self.is_frozen = true,
            Order::Thaw => self.is_frozen = false,
            Order::Flush { us } => self.flush = Duration::from_micros(us),
            Order::Lie { on } => self.lies = on,
            Order::Fail { on } => self.fails = on,
            Order::LosePower { keep, seed, ordinal } => {
                return self.lose_power((keep, seed, ordinal));
            }
            Order::Count => {
                let held: u64 = self.lives.iter().map(Image::memory).sum();
                self.counts.memory_most = self.counts.memory_most.max(held);
                return Answer::Counted(self.counts);
            }
        }
        Answer::Done
    }
}

/// Does what each line of the standard input says, and prints a line for each.
fn take_orders(shared: &Shared) -> io::Result<()> {
    let mut out = io::stdout().lock();
    print(&mut out, &Answer::Done)?;
    for line in io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?) {
            Ok(order) => {
                let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
                let answer = state.obey(order);
                shared.thawed.notify_all();
                answer
            }
            Err(error) => Answer::Refused(error.to_string()),
        };
        print(&mut out, &answer)?;
    }
    Ok(())
}

fn print(out: &mut impl Write, answer: &Answer) -> io::Result<()> {
    serde_json::to_writer(&mut *out, answer)?;
    out.write_all(b"\n")?;
    out.flush()
}
