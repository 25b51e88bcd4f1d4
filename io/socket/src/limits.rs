//! The limits of a session in memory and time, and the close codes that the driver sends by itself.

/// The limits of a session, the same for every session of a worker. Times are rounded up to `tick_ms`.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Longest payload that a client frame may declare. Bytes. A longer one is refused at its header with close 1009.
    pub frame_bytes_max: usize,
    /// Longest message of a client, all fragments together. Bytes; at least `frame_bytes_max`. A longer one is refused
    /// with close 1009.
    pub message_bytes_max: usize,
    /// Size of the worker's shared read buffer, which is the most that a session reads in one turn. Bytes.
    pub read_bytes: usize,
    /// The session does not read while more than this waits to be sent, so that TCP slows a client that sends requests
    /// and does not read. Bytes; at most `queue_bytes_max`.
    pub read_pause_bytes: usize,
    /// Most that may wait to be sent; a frame beyond it closes the session as too slow. Bytes; each frame counts 128
    /// bytes more than its length. A single frame to an empty queue is always taken, so the real bound is this plus one
    /// frame.
    pub queue_bytes_max: usize,
    /// Most control frames and empty fragments of a client in a second; a client that sends more is closed as flooding.
    /// They are counted here because the actor never gets them.
    pub control_frames_per_second_max: u32,
    /// Longest time that a frame that must not be dropped may wait to be sent; then the session is closed as too slow.
    /// Milliseconds.
    pub stall_ms_max: u64,
    /// A client that has sent nothing for this long is pinged (for some up to a quarter earlier, so that pings do not
    /// come in bursts). Milliseconds.
    pub ping_every_ms: u64,
    /// Longest time after a ping without anything from the client; then the session is closed. Milliseconds.
    pub pong_within_ms: u64,
    /// Longest wait for the client's part of the closing handshake; then the connection is dropped. Milliseconds.
    pub close_within_ms: u64,
    /// Time between two checks of all sessions of a worker. Milliseconds. There is one timer for each worker.
    pub tick_ms: u64,
    /// Size of the kernel's send buffer. Bytes; 0 leaves it to the kernel, which may use 4 MB for a client that does
    /// not read.
    pub send_buffer_bytes: usize,
    /// Most unsent bytes in the kernel (`TCP_NOTSENT_LOWAT`): frames that wait in the queue instead can still be
    /// conflated or dropped. 0 leaves it to the kernel.
    pub unsent_bytes_max: u32,
    /// Longest time that sent data may stay unacknowledged (`TCP_USER_TIMEOUT`). Milliseconds; 0 leaves it to the
    /// kernel, about 15 minutes.
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

/// Why limits contradict each other: the first rule that they break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// A session could not receive anything.
    #[error("frame_bytes_max and read_bytes must be above zero")]
    NothingReadable,
    /// A frame within the limit of frames could exceed the limit of messages.
    #[error("message_bytes_max is below frame_bytes_max")]
    MessageBelowFrame,
    /// Reading would never pause, because the session would be closed before.
    #[error("read_pause_bytes must not exceed queue_bytes_max")]
    MarkAboveQueue,
    /// A period of zero would run without a pause or close sessions at once.
    #[error("tick_ms, ping_every_ms, pong_within_ms, stall_ms_max and close_within_ms must be above zero")]
    ZeroPeriod,
}

impl Limits {
    /// Checks that the limits do not contradict each other.
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

/// Close codes that the driver sends by itself, besides those of RFC 6455 (1000, 1002, 1007, 1009, 1011).
#[derive(Debug, Clone, Copy)]
pub struct CloseCodes {
    /// The client does not read what it is sent.
    pub too_slow: u16,
    /// The client does not answer pings.
    pub no_pong: u16,
    /// The client sends too many control frames or empty fragments.
    pub flooding: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_do_not_contradict_each_other() {
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
