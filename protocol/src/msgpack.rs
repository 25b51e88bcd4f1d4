//! Checks the shape of MessagePack bytes before they are decoded.
//!
//! One pass without allocation finds what a typed decoder reports badly: truncated bytes, bytes after the value, too
//! deep nesting, types that the protocol does not allow. The decoder then only finds fields that are missing, unknown
//! or of the wrong type. A length field is only compared with the bytes that are present.

use rmp::Marker;

use crate::U53;

/// What is wrong with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// They end inside the value.
    Truncated,
    /// They go on after the value.
    TrailingBytes,
    /// More arrays and maps inside each other than allowed.
    TooDeep,
    /// An integer below -2^53 or above 2^53, where only exact ones are allowed.
    Inexact,
    /// Something that JSON cannot represent, so neither encoding may carry it.
    NotAllowed(&'static str),
}

/// Checks that `bytes` are exactly one value of at most `depth_max` nested arrays and maps.
pub(crate) fn check(bytes: &[u8], depth_max: usize) -> Result<(), Flaw> {
    walk(bytes, depth_max).map(drop)
}

/// As [`check`], and every integer lies between -2^53 and 2^53, so that every JSON reader holds it exactly.
pub(crate) fn check_exact(bytes: &[u8], depth_max: usize) -> Result<(), Flaw> {
    if walk(bytes, depth_max)?.inexact { Err(Flaw::Inexact) } else { Ok(()) }
}

fn walk(bytes: &[u8], depth_max: usize) -> Result<Walk<'_>, Flaw> {
    let mut walk = Walk { rest: bytes, inexact: false };
    walk.value(depth_max)?;
    if walk.rest.is_empty() { Ok(walk) } else { Err(Flaw::TrailingBytes) }
}

struct Walk<'a> {
    rest: &'a [u8],
    /// An integer beyond 2^53 was passed.
    inexact: bool,
}

impl<'a> Walk<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Flaw> {
        let (head, tail) = self.rest.split_at_checked(count).ok_or(Flaw::Truncated)?;
        self.rest = tail;
        Ok(head)
    }

    fn eight(&mut self) -> Result<[u8; 8], Flaw> {
        Ok(self.take(8)?.try_into().expect("eight bytes were taken"))
    }

    /// A length field of `width` bytes, at most four.
    fn length(&mut self, width: usize) -> Result<usize, Flaw> {
        Ok(self.take(width)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    }

    fn value(&mut self, depth_left: usize) -> Result<(), Flaw> {
        match Marker::from_u8(self.take(1)?[0]) {
            Marker::Null | Marker::True | Marker::False | Marker::FixPos(_) | Marker::FixNeg(_) => Ok(()),
            Marker::U8 | Marker::I8 => self.take(1).map(drop),
            Marker::U16 | Marker::I16 => self.take(2).map(drop),
            Marker::U32 | Marker::I32 => self.take(4).map(drop),
            Marker::U64 => {
                self.inexact |= u64::from_be_bytes(self.eight()?) > U53::MAX;
                Ok(())
            }
            Marker::I64 => {
                self.inexact |= i64::from_be_bytes(self.eight()?).unsigned_abs() > U53::MAX;
                Ok(())
            }
            Marker::F32 => {
                let bytes = self.take(4)?.try_into().expect("four bytes were taken");
                finite(f64::from(f32::from_be_bytes(bytes)))
            }
            Marker::F64 => {
                let bytes = self.eight()?;
                finite(f64::from_be_bytes(bytes))
            }
            Marker::FixStr(count) => self.text(usize::from(count)),
            Marker::Str8 => self.length(1).and_then(|count| self.text(count)),
            Marker::Str16 => self.length(2).and_then(|count| self.text(count)),
            Marker::Str32 => self.length(4).and_then(|count| self.text(count)),
            Marker::FixArray(count) => self.items(usize::from(count), depth_left),
            Marker::Array16 => self.length(2).and_then(|count| self.items(count, depth_left)),
            Marker::Array32 => self.length(4).and_then(|count| self.items(count, depth_left)),
            Marker::FixMap(count) => self.entries(usize::from(count), depth_left),
            Marker::Map16 => self.length(2).and_then(|count| self.entries(count, depth_left)),
            Marker::Map32 => self.length(4).and_then(|count| self.entries(count, depth_left)),
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => Err(Flaw::NotAllowed("binary data")),
            Marker::Reserved => Err(Flaw::NotAllowed("the byte 0xc1, which is not MessagePack")),
            Marker::Ext8
            | Marker::Ext16
            | Marker::Ext32
            | Marker::FixExt1
            | Marker::FixExt2
            | Marker::FixExt4
            | Marker::FixExt8
            | Marker::FixExt16 => Err(Flaw::NotAllowed("an extension type")),
        }
    }

    fn text(&mut self, count: usize) -> Result<(), Flaw> {
        std::str::from_utf8(self.take(count)?)
            .map(drop)
            .map_err(|_| Flaw::NotAllowed("text that is not UTF-8"))
    }

    fn items(&mut self, count: usize, depth_left: usize) -> Result<(), Flaw> {
        let inside = depth_left.checked_sub(1).ok_or(Flaw::TooDeep)?;
        (0..count).try_for_each(|_| self.value(inside))
    }

    fn entries(&mut self, count: usize, depth_left: usize) -> Result<(), Flaw> {
        let inside = depth_left.checked_sub(1).ok_or(Flaw::TooDeep)?;
        (0..count).try_for_each(|_| {
            let is_text = self.rest.first().is_none_or(|byte| matches!(byte, 0xa0..=0xbf | 0xd9..=0xdb));
            if !is_text {
                return Err(Flaw::NotAllowed("a map key that is not text"));
            }
            self.value(inside)?;
            self.value(inside)
        })
    }
}

fn finite(value: f64) -> Result<(), Flaw> {
    if value.is_finite() { Ok(()) } else { Err(Flaw::NotAllowed("a float that is not finite")) }
}
