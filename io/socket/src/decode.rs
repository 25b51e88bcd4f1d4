//! The frame decoder: turns a client's raw bytes into whole messages, and checks every limit.
//!
//! A state machine that accepts any split of the byte stream, RFC 6455 §5. It checks a frame at its header, before a
//! byte of payload is kept; joins fragments; checks text as it arrives; and keeps between reads only the bytes of the
//! incomplete message. After a fault or a close frame it ignores all further bytes.

use std::collections::VecDeque;

use actix_http::ws::{CloseCode, CloseReason, Message};
use bytes::Bytes;

use crate::frame::{BINARY, CLOSE, CONTINUATION, CONTROL_BYTES_MAX, FIN, PING, PONG, TEXT};

/// An event of a client's byte stream.
#[derive(Debug)]
pub(crate) enum Decoded {
    /// A whole text or binary message.
    Message(Message),
    /// A ping, to be answered with the same payload.
    Ping(Bytes),
    /// The client's close frame; nothing follows.
    Close(Option<CloseReason>),
    /// A violation of the protocol or of a limit; nothing follows.
    Fault(FrameFault),
    /// The end of the stream without a close frame; nothing follows.
    Eof,
}

/// Why a client's bytes are refused: code and reason of the close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameFault {
    pub code: u16,
    pub reason: &'static str,
}

const fn protocol(reason: &'static str) -> FrameFault {
    FrameFault { code: 1002, reason }
}
const BAD_TEXT: FrameFault = FrameFault { code: 1007, reason: "text is not utf-8" };
const TOO_BIG: FrameFault = FrameFault { code: 1009, reason: "message too big" };

#[derive(Clone, Copy)]
struct Frame {
    opcode: u8,
    fin: bool,
    key: [u8; 4],
    /// Payload bytes already taken, which is the position in the mask.
    taken: usize,
    remaining: usize,
}

/// Most events decoded ahead of the actor: one read could contain thousands of empty messages.
pub(crate) const EVENTS_MAX: usize = 256;

/// Longest client header: two bytes, eight of length, four of mask.
const HEADER_BYTES_MAX: usize = 14;

pub(crate) struct FrameDecoder {
    frame_bytes_max: usize,
    message_bytes_max: usize,
    header: [u8; HEADER_BYTES_MAX],
    header_len: usize,
    frame: Option<Frame>,
    /// Opcode of the incomplete fragmented message.
    fragmented: Option<u8>,
    message: Vec<u8>,
    /// Length of the part of `message` that is known to be UTF-8.
    valid: usize,
    control: Vec<u8>,
    /// Number of control frames and empty fragments since it was last read.
    idle_frames: u32,
    over: bool,
}

impl FrameDecoder {
    pub(crate) fn new(frame_bytes_max: usize, message_bytes_max: usize) -> Self {
        FrameDecoder {
            frame_bytes_max,
            message_bytes_max,
            header: [0; HEADER_BYTES_MAX],
            header_len: 0,
            frame: None,
            fragmented: None,
            message: Vec::new(),
            valid: 0,
            control: Vec::new(),
            idle_frames: 0,
            over: false,
        }
    }

    /// Decodes bytes of `data` and appends events, until there are [`EVENTS_MAX`]. Returns the number of bytes taken. A
    /// fault is also an event; the bytes after it are taken and ignored.
    pub(crate) fn decode(&mut self, data: &[u8], events: &mut VecDeque<Decoded>) -> usize {
        let mut rest = data;
        if let Err(fault) = self.take(&mut rest, events) {
            self.end();
            events.push_back(Decoded::Fault(fault));
        }
        if self.over { data.len() } else { data.len() - rest.len() }
    }

    /// Returns the number of control frames and empty fragments since the last call.
    pub(crate) fn take_idle_frames(&mut self) -> u32 {
        std::mem::take(&mut self.idle_frames)
    }

    /// True after a close frame or a fault: further bytes are ignored.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Bytes of heap memory kept for the incomplete message.
    #[cfg(test)]
    fn held_bytes(&self) -> usize {
        self.message.capacity() + self.control.capacity()
    }

    fn end(&mut self) {
        self.over = true;
        self.message = Vec::new();
        self.control = Vec::new();
    }

    fn take(&mut self, data: &mut &[u8], events: &mut VecDeque<Decoded>) -> Result<(), FrameFault> {
        while !data.is_empty() && !self.over && events.len() < EVENTS_MAX {
            let frame = match self.frame {
                Some(frame) => frame,
                None => match self.take_header(data)? {
                    Some(frame) => frame,
                    None => continue,
                },
            };
            let n = frame.remaining.min(data.len());
            let (payload, rest) = data.split_at(n);
            *data = rest;
            let buffer = if is_control(frame.opcode) { &mut self.control } else { &mut self.message };
            if buffer.is_empty() {
                // Most messages arrive as a whole: one allocation of the exact size. A longer one grows as its bytes
                // arrive, never by the length in its header.
                buffer.reserve_exact(n);
            }
            let start = buffer.len();
            buffer.extend_from_slice(payload);
            unmask(&mut buffer[start..], frame.key, frame.taken);

            let frame = Frame { taken: frame.taken + n, remaining: frame.remaining - n, ..frame };
            if frame.remaining == 0 {
                self.frame = None;
                self.finish(frame, events)?;
            } else {
                self.frame = Some(frame);
            }
            self.check_text(frame)?;
        }
        Ok(())
    }

    /// Collects header bytes. Checks the first two bytes as soon as they have arrived, and the length when it has.
    fn take_header(&mut self, data: &mut &[u8]) -> Result<Option<Frame>, FrameFault> {
        loop {
            let need = if self.header_len < 2 { 2 } else { header_bytes(self.header[1]) };
            let n = (need - self.header_len).min(data.len());
            self.header[self.header_len..self.header_len + n].copy_from_slice(&data[..n]);
            self.header_len += n;
            *data = &data[n..];
            if self.header_len < need {
                return Ok(None);
            }
            if need == 2 {
                self.judge(self.header[0], self.header[1])?;
                continue;
            }
            self.header_len = 0;
            let frame = self.begin(need)?;
            if frame.remaining > 0 && data.is_empty() {
                self.frame = Some(frame);
                return Ok(None);
            }
            return Ok(Some(frame));
        }
    }

    fn judge(&self, first: u8, second: u8) -> Result<(), FrameFault> {
        let (fin, opcode) = (first & FIN != 0, first & 0x0F);
        if first & 0x70 != 0 {
            return Err(protocol("reserved bits set"));
        }
        if second & 0x80 == 0 {
            return Err(protocol("frame is not masked"));
        }
        match opcode {
            TEXT | BINARY if self.fragmented.is_some() => {
                Err(protocol("new message within a fragmented one"))
            }
            CONTINUATION if self.fragmented.is_none() => Err(protocol("continuation of nothing")),
            TEXT | BINARY | CONTINUATION => Ok(()),
            CLOSE | PING | PONG if !fin => Err(protocol("fragmented control frame")),
            CLOSE | PING | PONG if usize::from(second & 0x7F) > CONTROL_BYTES_MAX => {
                Err(protocol("control frame too long"))
            }
            CLOSE | PING | PONG => Ok(()),
            _ => Err(protocol("unknown opcode")),
        }
    }

    /// Decodes the whole header of `len` bytes, and checks the declared length against the limits.
    fn begin(&mut self, len: usize) -> Result<Frame, FrameFault> {
        let header = &self.header[..len];
        let declared = match header[1] & 0x7F {
            126 => u64::from(u16::from_be_bytes([header[2], header[3]])),
            127 => u64::from_be_bytes(header[2..10].try_into().expect("the slice has eight bytes")),
            short => u64::from(short),
        };
        let shortest = match declared {
            0..=125 => 6,
            126..=0xFFFF => 8,
            _ => 14,
        };
        if declared >> 63 != 0 || shortest != len {
            return Err(protocol("length badly encoded"));
        }
        let remaining = usize::try_from(declared).map_err(|_| TOO_BIG)?;
        let (fin, opcode) = (header[0] & FIN != 0, header[0] & 0x0F);
        let room = self.message_bytes_max - self.message.len();
        if !is_control(opcode) && remaining > self.frame_bytes_max.min(room) {
            return Err(TOO_BIG);
        }
        let key = header[len - 4..].try_into().expect("the slice has four bytes");
        Ok(Frame { opcode, fin, key, taken: 0, remaining })
    }

    fn finish(&mut self, frame: Frame, events: &mut VecDeque<Decoded>) -> Result<(), FrameFault> {
        if is_control(frame.opcode) || (!frame.fin && frame.taken == 0) {
            self.idle_frames = self.idle_frames.saturating_add(1);
        }
        match frame.opcode {
            PING => events.push_back(Decoded::Ping(std::mem::take(&mut self.control).into())),
            PONG => self.control = Vec::new(),
            CLOSE => {
                let reason = close_reason(&self.control)?;
                self.end();
                events.push_back(Decoded::Close(reason));
            }
            _ if !frame.fin => {
                self.fragmented.get_or_insert(frame.opcode);
            }
            opcode => {
                let opcode = self.fragmented.take().unwrap_or(opcode);
                let message = std::mem::take(&mut self.message);
                self.valid = 0;
                events.push_back(Decoded::Message(if opcode == TEXT {
                    Message::Text(String::from_utf8(message).map_err(|_| BAD_TEXT)?.into())
                } else {
                    Message::Binary(message.into())
                }));
            }
        }
        Ok(())
    }

    /// Checks the new part of an incomplete text, so that invalid text is refused at its first invalid byte.
    fn check_text(&mut self, frame: Frame) -> Result<(), FrameFault> {
        if self.message.is_empty() || self.fragmented.unwrap_or(frame.opcode) != TEXT {
            return Ok(());
        }
        match std::str::from_utf8(&self.message[self.valid..]) {
            Ok(_) => self.valid = self.message.len(),
            // A character may be incomplete at the end of the bytes received so far.
            Err(error) if error.error_len().is_none() => self.valid += error.valid_up_to(),
            Err(_) => return Err(BAD_TEXT),
        }
        Ok(())
    }
}

fn is_control(opcode: u8) -> bool {
    opcode & 0x8 != 0
}

/// Length of a client's header, from its second byte.
fn header_bytes(second: u8) -> usize {
    match second & 0x7F {
        126 => 8,
        127 => 14,
        _ => 6,
    }
}

/// Decodes a close frame's payload, RFC 6455 §5.5.1 and §7.4.
fn close_reason(payload: &[u8]) -> Result<Option<CloseReason>, FrameFault> {
    let [high, low, reason @ ..] = payload else {
        return if payload.is_empty() { Ok(None) } else { Err(protocol("close code cut short")) };
    };
    let code = u16::from_be_bytes([*high, *low]);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(protocol("close code not allowed"));
    }
    let reason = std::str::from_utf8(reason).map_err(|_| BAD_TEXT)?;
    let description = (!reason.is_empty()).then(|| reason.to_owned());
    Ok(Some(CloseReason { code: CloseCode::from(code), description }))
}

/// Unmasks bytes that begin at `offset` in the payload. RFC 6455 §5.3.
fn unmask(bytes: &mut [u8], mut key: [u8; 4], offset: usize) {
    key.rotate_left(offset % 4);
    let word = u32::from_ne_bytes(key);
    let wide = (u64::from(word) << 32) | u64::from(word);
    let mut chunks = bytes.chunks_exact_mut(8);
    for chunk in &mut chunks {
        let masked = u64::from_ne_bytes((&*chunk).try_into().expect("the chunk has eight bytes"));
        chunk.copy_from_slice(&(masked ^ wide).to_ne_bytes());
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests;
