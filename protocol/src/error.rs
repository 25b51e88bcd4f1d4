//! The error of a frame that cannot be decoded.

use crate::{U53, code::ErrorCode};

/// Why a frame cannot be decoded, with the request's id when it could be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct FrameError {
    /// The request's id.
    pub id: Option<U53>,
    /// The code the client gets.
    pub code: ErrorCode,
    /// What is wrong, for the client's programmer.
    pub detail: String,
}
