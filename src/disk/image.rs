//! The content of a disk with a volatile write cache: what reads see, and what is durable. Pure.
//!
//! A write goes to the content that reads see and to the cache; a flush makes the cache durable. When
//! power is lost, the next life of the disk begins with what is durable and what [`Keep`] leaves of
//! the cache. Blocks are shared between both contents until one changes.

use std::collections::VecDeque;
use std::sync::Arc;

use rand::{Rng, RngExt};

use super::terms::Keep;
use crate::limits;

/// Bytes of a block: the unit in which content is kept, and the sector that a drive writes whole or
/// not at all. Drives with smaller ones can tear the superblock of ext4, so that it does not mount.
pub(super) const BLOCK: usize = 4096;

type Block = Arc<[u8; BLOCK]>;

/// Content in blocks; a block that was never written reads as zeros.
#[derive(Clone, Debug, Default)]
struct Blocks(Vec<Option<Block>>);

/// The part of a write that lies in one block.
#[derive(Debug)]
struct Piece {
    /// Number of the write.
    write: u64,
    offset: u64,
    data: Box<[u8]>,
}

/// A disk in one of its lives.
#[derive(Debug)]
pub(super) struct Image {
    live: Blocks,
    durable: Blocks,
    cache: VecDeque<Piece>,
    cached_bytes: usize,
    writes: u64,
    /// Power was lost: what is still written to this life goes nowhere.
    is_void: bool,
}

/// What happened to the cache when power was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Survived {
    /// Writes that were not flushed.
    pub(super) unflushed: u64,
    /// Of these, those of which all or a part was kept.
    pub(super) kept: u64,
}

impl Blocks {
    fn of(size: u64) -> Blocks {
        Blocks(vec![None; usize::try_from(size).unwrap_or(usize::MAX).div_ceil(BLOCK)])
    }

    /// Puts data that lies within one block.
    fn put(&mut self, offset: u64, data: &[u8]) {
        let (index, start) = place(offset);
        let Some(slot) = self.0.get_mut(index) else { return };
        let block = slot.get_or_insert_with(|| Arc::new([0; BLOCK]));
        Arc::make_mut(block)[start..start + data.len()].copy_from_slice(data);
    }

    fn read(&self, offset: u64, out: &mut [u8]) {
        for (offset, range) in pieces(offset, out.len()) {
            let (index, start) = place(offset);
            let piece = &mut out[range];
            match self.0.get(index).and_then(Option::as_ref) {
                Some(block) => piece.copy_from_slice(&block[start..start + piece.len()]),
                None => piece.fill(0),
            }
        }
    }

    fn written(&self) -> usize {
        self.0.iter().flatten().count()
    }
}

/// Block and place in it.
fn place(offset: u64) -> (usize, usize) {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    (offset / BLOCK, offset % BLOCK)
}

/// The parts of a range that lie in one block each: where on the disk, and where in the range.
fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let take = (BLOCK - place(at).1).min(length - done);
        let range = done..done + take;
        done += take;
        (take > 0).then_some((at, range))
    })
}

impl Image {
    /// An empty disk of this size in bytes.
    pub(super) fn new(size: u64) -> Image {
        Image::from(Blocks::of(size))
    }

    fn from(content: Blocks) -> Image {
        Image {
            live: content.clone(),
            durable: content,
            cache: VecDeque::new(),
            cached_bytes: 0,
            writes: 0,
            is_void: false,
        }
    }

    /// Whether power was lost: nothing that is written any more survives.
    pub(super) fn is_void(&self) -> bool {
        self.is_void
    }

    /// Reads what was last written.
    pub(super) fn read(&self, offset: u64, out: &mut [u8]) {
        self.live.read(offset, out);
    }

    /// Writes to the cache. A cache that is full writes back what is oldest, as a drive does.
    pub(super) fn write(&mut self, offset: u64, data: &[u8]) {
        self.writes += 1;
        for (offset, range) in pieces(offset, data.len()) {
            let data = &data[range];
            self.live.put(offset, data);
            if !self.is_void {
                self.cached_bytes += data.len();
                self.cache.push_back(Piece { write: self.writes, offset, data: data.into() });
            }
        }
        while self.cached_bytes > limits::DISK_CACHE {
            let Some(piece) = self.cache.pop_front() else { break };
            self.cached_bytes -= piece.data.len();
            self.durable.put(piece.offset, &piece.data);
        }
    }

    /// Makes the cache durable.
    pub(super) fn flush(&mut self) {
        for piece in std::mem::take(&mut self.cache) {
            self.durable.put(piece.offset, &piece.data);
        }
        self.cached_bytes = 0;
    }

    /// Power is lost. What is returned is the disk after it; this one goes on into the void, so that
    /// what is still about to die sees no error.
    pub(super) fn lose_power(&mut self, keep: Keep, rng: &mut impl Rng) -> (Image, Survived) {
        let cache = std::mem::take(&mut self.cache);
        self.cached_bytes = 0;
        self.is_void = true;
        let mut content = std::mem::take(&mut self.durable);
        let survived = survive(&mut content, &cache, keep, rng);
        (Image::from(content), survived)
    }

    /// Frees what a life that is over holds.
    pub(super) fn forget(&mut self) {
        self.live = Blocks(vec![None; self.live.0.len()]);
    }

    /// Bytes of memory that it holds, at most: blocks that both contents share count twice.
    pub(super) fn memory(&self) -> u64 {
        ((self.live.written() + self.durable.written()) * BLOCK + self.cached_bytes) as u64
    }
}

/// Adds to the durable content what is kept of the cache.
fn survive(
    content: &mut Blocks,
    cache: &VecDeque<Piece>,
    keep: Keep,
    rng: &mut impl Rng,
) -> Survived {
    let (Some(first), Some(last)) = (cache.front(), cache.back()) else {
        return Survived::default();
    };
    let unflushed = last.write - first.write + 1;
    let whole = rng.random_range(0..=unflushed);
    let mut survived = Survived { unflushed, kept: 0 };
    let mut current = (0, false, false);
    for piece in cache {
        if piece.write != current.0 {
            survived.kept += u64::from(current.2);
            current = (piece.write, rng.random(), false);
        }
        let is_kept = match keep {
            Keep::None => false,
            Keep::Subset => current.1,
            Keep::Prefix => piece.write - first.write < whole,
            Keep::Torn => rng.random(),
        };
        if is_kept {
            content.put(piece.offset, &piece.data);
        }
        current.2 |= is_kept;
    }
    survived.kept += u64::from(current.2);
    survived
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Key, Purpose, Seed};
    use proptest::prelude::*;

    const SIZE: u64 = 64 * 1024;

    fn content(image: &Image) -> Vec<u8> {
        let mut all = vec![0; SIZE as usize];
        image.read(0, &mut all);
        all
    }

    fn cut(image: &mut Image, keep: Keep, seed: u64) -> (Vec<u8>, Survived) {
        let mut rng = Seed(seed).stream(Purpose::PowerCut, Key::default());
        let (next, survived) = image.lose_power(keep, &mut rng);
        (content(&next), survived)
    }

    #[test]
    fn what_was_flushed_survives_and_the_rest_does_not() {
        let mut image = Image::new(SIZE);
        image.write(100, b"durable");
        image.flush();
        image.write(100, b"DURABLE and more");
        image.write(9000, b"lost");
        assert_eq!(&content(&image)[100..116], b"DURABLE and more", "reads see the cache");
        let (after, survived) = cut(&mut image, Keep::None, 1);
        assert_eq!(&after[100..116], b"durable\0\0\0\0\0\0\0\0\0");
        assert_eq!(&after[9000..9004], [0; 4]);
        assert_eq!(survived, Survived { unflushed: 2, kept: 0 });
    }

    #[test]
    fn a_life_that_is_over_goes_on_into_the_void() {
        let mut image = Image::new(SIZE);
        let mut rng = Seed(1).stream(Purpose::PowerCut, Key::default());
        let (next, _) = image.lose_power(Keep::None, &mut rng);
        image.write(0, b"late");
        image.flush();
        assert_eq!(&content(&image)[..4], b"late", "it sees no error");
        assert_eq!(&content(&next)[..4], [0; 4], "and it is not there afterwards");
    }

    #[test]
    fn a_prefix_is_a_prefix_and_a_torn_write_keeps_whole_sectors() {
        let mut torn = false;
        for seed in 0..50 {
            let mut image = Image::new(SIZE);
            (0..8_u8).for_each(|n| image.write(u64::from(n) * 4096, &[n + 1; 4096]));
            let (after, survived) = cut(&mut image, Keep::Prefix, seed);
            let kept = (0..8_usize).take_while(|n| after[n * 4096] != 0).count();
            assert!((kept..8).all(|n| after[n * 4096] == 0), "seed {seed}: a prefix");
            assert_eq!(survived, Survived { unflushed: 8, kept: kept as u64 });

            let mut image = Image::new(SIZE);
            image.write(100, &[7; 3 * BLOCK]);
            let (after, survived) = cut(&mut image, Keep::Torn, seed);
            let whole = |it: &[u8]| it.iter().all(|byte| *byte == 7);
            let blocks: Vec<bool> = after[BLOCK..3 * BLOCK].chunks(BLOCK).map(whole).collect();
            let none = after[BLOCK..3 * BLOCK].chunks(BLOCK).map(|it| it.iter().all(|b| *b == 0));
            assert!(blocks.iter().zip(none).all(|(whole, none)| *whole != none), "seed {seed}");
            torn |= blocks[0] != blocks[1] && survived == Survived { unflushed: 1, kept: 1 };
        }
        assert!(torn, "a write was torn");
    }

    #[test]
    fn the_seed_decides_what_survives() {
        let run = |seed| {
            let mut image = Image::new(SIZE);
            (0..12_u8).for_each(|n| image.write(u64::from(n) * 4096, &[n + 1; 4096]));
            cut(&mut image, Keep::Subset, seed)
        };
        assert_eq!(run(5), run(5));
        assert!((0..20).any(|seed| run(seed) != run(5)), "another seed, other survivors");
        assert!((0..20).all(|seed| run(seed).1.kept <= 12));
    }

    #[test]
    fn a_full_cache_writes_back_what_is_oldest() {
        let mut image = Image::new(SIZE);
        image.write(0, b"oldest");
        let rounds = limits::DISK_CACHE / BLOCK;
        (0..rounds).for_each(|_| image.write(8192, &[1; BLOCK]));
        assert!(image.memory() < (limits::DISK_CACHE + 8 * BLOCK) as u64);
        let (after, _) = cut(&mut image, Keep::None, 1);
        assert_eq!(&after[..6], b"oldest");
    }

    proptest! {
        /// Whatever is kept, every byte is that of the flushed content or of some write.
        #[test]
        fn every_byte_after_a_cut_was_written_there(
            flushed in prop::collection::vec((0..SIZE - 9000, 1..9000_usize, 1..=255_u8), 0..6),
            cached in prop::collection::vec((0..SIZE - 9000, 1..9000_usize, 1..=255_u8), 0..6),
            keep in prop::sample::select(Keep::ALL.to_vec()),
            seed in any::<u64>(),
        ) {
            let mut image = Image::new(SIZE);
            let mut model = vec![0_u8; SIZE as usize];
            for (offset, length, byte) in &flushed {
                image.write(*offset, &vec![*byte; *length]);
                model[*offset as usize..*offset as usize + length].fill(*byte);
            }
            image.flush();
            let durable = model.clone();
            for (offset, length, byte) in &cached {
                image.write(*offset, &vec![*byte; *length]);
                model[*offset as usize..*offset as usize + length].fill(*byte);
            }
            prop_assert_eq!(content(&image), model);
            let (after, survived) = cut(&mut image, keep, seed);
            prop_assert_eq!(survived.unflushed, cached.len() as u64);
            for (at, byte) in after.iter().enumerate() {
                let written = cached.iter().any(|(offset, length, with)| {
                    with == byte && (*offset as usize..*offset as usize + length).contains(&at)
                });
                prop_assert!(*byte == durable[at] || written, "byte {at}");
            }
        }
    }
}
