//! An array that grows by what is used of it: entries lie in small pages, and a page that nothing
//! was put into takes no memory. So a journal of a few records cannot ask for gigabytes.

/// Entries of a page.
const PAGE: usize = 64;

/// An array of `T` without gaps between used pages of [`PAGE`].
#[derive(Debug)]
pub(super) struct Pages<T> {
    pages: Vec<Option<Box<[T; PAGE]>>>,
    blank: T,
}

impl<T: Copy> Pages<T> {
    /// An array in which every entry is `blank`.
    pub(super) fn new(blank: T) -> Pages<T> {
        Pages { pages: Vec::new(), blank }
    }

    /// The entry at `at`, if its page was used.
    pub(super) fn get(&self, at: usize) -> Option<&T> {
        let page = self.pages.get(at / PAGE)?.as_ref()?;
        page.get(at % PAGE)
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        let page = self.pages.get_mut(at / PAGE)?.as_mut()?;
        page.get_mut(at % PAGE)
    }

    /// The entry at `at`, its page made if need be: the caller bounds `at`.
    pub(super) fn entry(&mut self, at: usize) -> &mut T {
        if self.pages.len() <= at / PAGE {
            self.pages.resize_with(at / PAGE + 1, || None);
        }
        let page = self.pages[at / PAGE].get_or_insert_with(|| Box::new([self.blank; PAGE]));
        &mut page[at % PAGE]
    }

    /// Every entry of a used page with its place, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        let used = (0_u64..).zip(&self.pages).filter_map(|(nth, page)| Some((nth, page.as_ref()?)));
        used.flat_map(|(nth, page)| (nth * PAGE as u64..).zip(page.iter()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_again_and_gaps_take_no_pages() {
        let mut pages = Pages::new(0_u32);
        let places = [65, 3, 64, 10_000_000];
        for (value, at) in (1..).zip(places) {
            *pages.entry(at) = value;
        }
        assert_eq!(places.map(|at| pages.get(at).copied()), [Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!((pages.get(4), pages.get(5000), pages.get(usize::MAX)), (Some(&0), None, None));
        assert!(pages.get_mut(64).is_some_and(|entry| *entry == 3) && pages.get_mut(200).is_none());
        let found: Vec<(u64, u32)> =
            pages.iter().filter(|(_, value)| **value > 0).map(|(at, value)| (at, *value)).collect();
        assert_eq!(found, [(3, 2), (64, 3), (65, 1), (10_000_000, 4)]);
        assert_eq!(pages.iter().count(), 3 * PAGE);
    }
}
