//! Limits of one session, in memory and time, and the close codes the driver uses by itself.

/// Bounds of one session, the same for every session of a worker. Times are rounded up to `tick_ms`.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Longest payload one client frame may declare. Bytes. Refused at its header with close 1009.
    pub frame_bytes_max: usize,
    /// Longest message a client may send in fragments. Bytes; at least `frame_bytes_max`. Over it: close
    /// 1009.
    pub message_bytes_max: usize,
    /// Size of the worker's one shared read buffer: what one session may read before the next has its turn.
    /// Bytes.
    pub read_bytes: usize,
    /// Reads are held while more than this waits to be sent, so that TCP slows a client that asks and never
    /// listens. Bytes; at most `queue_bytes_max`.
    pub read_pause_bytes: usize,
    /// Most that may wait to be sent; the next frame closes the session as too slow. Each frame counts 128 bytes
    /// besides its own. A single frame to an empty queue is always taken, so the true bound is this plus one
    /// frame. Bytes.
    pub queue_bytes_max: usize,
    /// Control frames, and fragments that bring nothing, that a client may send in a second; a client that sends
    /// more is closed as flooding. The actor never hears them, so nobody else can count them.
    pub control_frames_per_second_max: u32,
    /// Longest a frame that must not be dropped may wait to be sent; then the session is closed as too slow.
    /// Milliseconds.
    pub stall_ms_max: u64,
    /// A client silent for this long is pinged (a quarter earlier for some, so that pings do not come in
    /// bursts). Milliseconds.
    pub ping_every_ms: u64,
    /// Longest silence after a ping before the session is closed. Milliseconds.
    pub pong_within_ms: u64,
    /// Longest wait for the client's part of the closing handshake, then the connection is dropped.
    /// Milliseconds.
    pub close_within_ms: u64,
    /// How often the worker looks at every session. Milliseconds. One timer a worker, none a session.
    pub tick_ms: u64,
    /// Kernel send buffer. Bytes; 0 leaves it to the kernel, which may take 4 MB for a client that does not
    /// read.
    pub send_buffer_bytes: usize,
    /// Bytes the kernel may hold unsent before it refuses more (`TCP_NOTSENT_LOWAT`); what waits here instead
    /// can still be conflated or dropped. 0 leaves it to the kernel.
    pub unsent_bytes_max: u32,
    /// Longest the peer's kernel may leave data unacknowledged (`TCP_USER_TIMEOUT`). Milliseconds; 0 leaves
    /// it to the kernel, about 15 minutes.
    pub unacknowledged_ms_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            frame_bytes_max: 64 * 1024,
            message_bytes_max: 64 * 1024,
            read_bytes: 16 * 1024,
            read_pause_bytes: 64 * 1024,
            queue_bytes_max: 256 * 1024,
            control_frames_per_second_max: 100,
            stall_ms_max: 10_000,
            ping_every_ms: 20_000,
            pong_within_ms: 10_000,
            close_within_ms: 3_000,
            tick_ms: 1_000,
            send_buffer_bytes: 64 * 1024,
            unsent_bytes_max: 16 * 1024,
            unacknowledged_ms_max: 25_000,
        }
    }
}

/// Why limits cannot be used: the first rule they break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// A session could receive nothing.
    #[error("frame_bytes_max and read_bytes must be above zero")]
    NothingReadable,
    /// A frame within its own limit could never be a message.
    #[error("message_bytes_max is below frame_bytes_max")]
    MessageBelowFrame,
    /// The read pause would never be reached.
    #[error("read_pause_bytes must not exceed queue_bytes_max")]
    MarkAboveQueue,
    /// A period of zero would spin or close at once.
    #[error("tick_ms, ping_every_ms, pong_within_ms, stall_ms_max and close_within_ms must be above zero")]
    ZeroPeriod,
}

impl Limits {
    /// Checks that the limits agree with each other.
    pub fn check(&self) -> Result<(), LimitsError> {
        if self.frame_bytes_max == 0 || self.read_bytes == 0 {
            return Err(LimitsError::NothingReadable);
        }
        if self.message_bytes_max < self.frame_bytes_max {
            return Err(LimitsError::MessageBelowFrame);
        }
        if self.read_pause_bytes > self.queue_bytes_max {
            return Err(LimitsError::MarkAboveQueue);
        }
        let periods =
            [self.tick_ms, self.ping_every_ms, self.pong_within_ms, self.stall_ms_max, self.close_within_ms];
        if periods.contains(&0) {
            return Err(LimitsError::ZeroPeriod);
        }
        Ok(())
    }
}

/// Close codes the driver sends by itself, apart from those RFC 6455 fixes (1000, 1002, 1007, 1009, 1011).
#[derive(Debug, Clone, Copy)]
pub struct CloseCodes {
    /// The client does not read what it is sent.
    pub too_slow: u16,
    /// The client does not answer pings.
    pub no_pong: u16,
    /// The client sends control frames or empty fragments faster than it may.
    pub flooding: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_agree_with_each_other() {
        assert_eq!(Limits::default().check(), Ok(()));
    }

    #[test]
    fn each_contradiction_is_named() {
        let base = Limits::default;
        let cases = [
            (Limits { frame_bytes_max: 0, ..base() }, LimitsError::NothingReadable),
            (Limits { message_bytes_max: 1, ..base() }, LimitsError::MessageBelowFrame),
            (Limits { queue_bytes_max: 1, ..base() }, LimitsError::MarkAboveQueue),
            (Limits { tick_ms: 0, ..base() }, LimitsError::ZeroPeriod),
        ];
        for (limits, error) in cases {
            assert_eq!(limits.check(), Err(error));
        }
    }
}
