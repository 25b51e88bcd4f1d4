//! Spans: the parts of the key space that runs cover.
//!
//! The whole key space is the span of depth 0. Each span has four children, each a quarter of it. A span is a prefix of
//! two bits for each level of depth, so spans nest or are apart, and never overlap in part.

use crate::Key;

/// Depth at which spans are not divided further. Keys that are distributed evenly need one level for each factor of
/// four over 262,144 keys: 16 levels would be for 10^15 keys.
pub(crate) const DEPTH_MAX: u8 = 16;

/// A part of the key space: all keys that begin with these bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Span {
    /// Number of divisions; 0 for the whole key space.
    pub depth: u8,
    /// The first `2 * depth` bits of its keys.
    pub prefix: u32,
}

impl Span {
    /// The whole key space.
    pub const ALL: Span = Span { depth: 0, prefix: 0 };

    /// Whether it is one that [`Span::child_of`] can make.
    pub fn is_valid(self) -> bool {
        self.depth <= DEPTH_MAX && u64::from(self.prefix) >> (2 * u32::from(self.depth)) == 0
    }

    /// The span of one depth that has a key.
    pub fn child_of(depth: u8, key: &Key) -> Span {
        let prefix = if depth == 0 { 0 } else { (key.top() >> (64 - 2 * u32::from(depth))) as u32 };
        Span { depth, prefix }
    }

    /// The span of a smaller depth that contains this one.
    pub fn parent_at(self, depth: u8) -> Span {
        let deeper = 2 * u32::from(self.depth.saturating_sub(depth));
        Span { depth, prefix: self.prefix.checked_shr(deeper).unwrap_or_default() }
    }

    /// The top 8 bytes of its first key.
    pub fn first(self) -> u64 {
        if self.depth == 0 { 0 } else { u64::from(self.prefix) << (64 - 2 * u32::from(self.depth)) }
    }

    /// The top 8 bytes of the first key behind it; `None` at the end of the key space.
    pub fn end(self) -> Option<u64> {
        match self.depth {
            0 => None,
            depth => self.first().checked_add(1 << (64 - 2 * u32::from(depth))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_quarter_of_its_parent() {
        let key = Key([0xc5; 16]);
        let (two, three) = (Span::child_of(2, &key), Span::child_of(3, &key));
        assert_eq!((three.parent_at(2), two.parent_at(0)), (two, Span::ALL));
        assert_eq!((two.first(), two.end()), (0xc << 60, Some(0xd << 60)));
        assert_eq!((three.first(), three.end()), (0b11_0001 << 58, Some(0b11_0010 << 58)));
        assert_eq!(Span { depth: 1, prefix: 3 }.end(), None);
        assert_eq!(Span::child_of(0, &key), Span::ALL);
        let deepest = Span::child_of(DEPTH_MAX, &Key([0xff; 16]));
        assert!(deepest.is_valid() && deepest.parent_at(0) == Span::ALL && deepest.end().is_none());
        assert!(!Span { depth: 1, prefix: 4 }.is_valid());
    }
}
