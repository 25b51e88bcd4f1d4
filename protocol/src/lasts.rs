//! How long an exclusion lasts, on the wire.

use crate::{ErrorCode, FrameError, U53};

/// How long an exclusion lasts. In a frame it is `days`, or `permanent` that is true: what is missing is never for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// So many days.
    Days(U53),
    /// For good, which only a self-exclusion is.
    ForGood,
}

impl Lasts {
    /// How long an exclusion lasts: the one that is given of both fields.
    pub(crate) fn given(days: Option<U53>, permanent: Option<bool>, id: U53) -> Result<Self, FrameError> {
        let wrong = |code, detail: &str| FrameError { id: Some(id), code, detail: detail.into() };
        match (days, permanent.unwrap_or(false)) {
            (Some(days), false) => Ok(Lasts::Days(days)),
            (None, true) => Ok(Lasts::ForGood),
            (Some(_), true) => {
                Err(wrong(ErrorCode::Malformed, "exclude has \"days\" or is \"permanent\", and not both"))
            }
            (None, false) => Err(wrong(
                ErrorCode::MissingField,
                "exclude needs the field \"days\", or \"permanent\": true",
            )),
        }
    }
}
