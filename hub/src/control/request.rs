//! What is asked of a serving hub, and what it answers, as JSON.

use std::fmt;

use protocol::PlayerId;
use serde::{Deserialize, Serialize};

use super::frame::FRAME_MAX;

/// The version of requests and answers. A hub refuses a request of another version and names both.
pub const VERSION: u32 = 1;

/// Longest text of an answer, so that its frame is never too long whatever it has to escape. Bytes.
const TEXT_MAX: usize = FRAME_MAX / 8;

/// What a serving hub is told to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
pub enum ControlTask {
    /// Commit the state store and send a copy of it to the archive.
    Anchor {},
    /// Erase a person.
    Erase(ErasePerson),
}

/// Whom to erase: the player with an id, or the person whom an issuer calls so. `Debug` shows no name, and neither may a log
/// message or an answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasePerson {
    /// The player id, where no name is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<PlayerId>,
    /// Who issues the tokens of the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Box<str>>,
    /// The name there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Box<str>>,
    /// Whether the person stays excluded.
    pub excluded: bool,
}

impl fmt::Debug for ErasePerson {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ErasePerson");
        shown.field("id", &self.id).field("excluded", &self.excluded).finish_non_exhaustive()
    }
}

/// What a serving hub says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "text", rename_all = "snake_case")]
pub enum ControlAnswer {
    /// How far it is; more comes.
    Progress(String),
    /// It is done; the last word.
    Done(String),
    /// Nothing was done, or not all of it, and why; the last word.
    Failed(String),
}

/// The version of a request, whatever else it has.
#[derive(Serialize, Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Whole<T> {
    version: u32,
    #[serde(flatten)]
    content: T,
}

impl ControlTask {
    /// The request for it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encoded(self)
    }

    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it, for whoever has sent it.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let broken = |error: serde_json::Error| format!("the request is not one: {error}");
        let Versioned { version } = serde_json::from_slice(bytes).map_err(broken)?;
        if version != VERSION {
            return Err(format!(
                "the request has version {version}, and this hub, of release {}, answers version {VERSION}: give the command \
                 with the program that the hub runs",
                env!("CARGO_PKG_VERSION")
            ));
        }
        serde_json::from_slice(bytes).map(|Whole { content, .. }| content).map_err(broken)
    }
}

impl ControlAnswer {
    /// The bytes of an answer. A text that is too long is cut.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut answer = self.clone();
        let (Self::Progress(text) | Self::Done(text) | Self::Failed(text)) = &mut answer;
        text.truncate(text.floor_char_boundary(TEXT_MAX));
        encoded(&answer)
    }

    /// Reads an answer; `None` when it is none of this version.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let whole: Whole<Self> = serde_json::from_slice(bytes).ok()?;
        (whole.version == VERSION).then_some(whole.content)
    }
}

fn encoded(content: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(&Whole { version: VERSION, content }).expect("text and numbers are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers_are_these_bytes_and_read_back() {
        let task = ControlTask::Anchor {};
        assert_eq!(task.encode(), br#"{"version":1,"task":"anchor"}"#);
        assert_eq!(ControlTask::decode(&task.encode()), Ok(task));
        let (issuer, subject) = (Some("hub".into()), Some("anna".into()));
        let by_name = ControlTask::Erase(ErasePerson { id: None, issuer, subject, excluded: true });
        let bytes = br#"{"version":1,"task":"erase","issuer":"hub","subject":"anna","excluded":true}"#;
        assert_eq!(by_name.encode(), bytes);
        let id = Some(PlayerId(0xAB));
        let by_id = ControlTask::Erase(ErasePerson { id, issuer: None, subject: None, excluded: false });
        let bytes =
            br#"{"version":1,"task":"erase","id":"000000000000000000000000000000ab","excluded":false}"#;
        assert_eq!(by_id.encode(), bytes);
        for task in [by_name, by_id] {
            assert_eq!(ControlTask::decode(&task.encode()), Ok(task.clone()));
            assert!(!format!("{task:?}").contains("anna"), "no name is shown: {task:?}");
        }
        for answer in [
            ControlAnswer::Progress("a".into()),
            ControlAnswer::Done("b\n".into()),
            ControlAnswer::Failed(String::new()),
        ] {
            assert_eq!(ControlAnswer::decode(&answer.encode()), Some(answer));
        }
        let done = ControlAnswer::Done("b".into()).encode();
        assert_eq!(done, br#"{"version":1,"answer":"done","text":"b"}"#);
    }

    #[test]
    fn what_is_no_request_is_refused_with_what_is_wrong() {
        for (bytes, expected) in [
            (&b""[..], "the request is not one"),
            (b"hello", "the request is not one"),
            (b"\xff\xfe", "the request is not one"),
            (b"{}", "missing field `version`"),
            (br#"{"version":"1","task":"anchor"}"#, "invalid type"),
            (br#"{"version":2,"task":"anchor"}"#, "the request has version 2"),
            (br#"{"version":2,"other":[]}"#, "the request has version 2"),
            (br#"{"version":1}"#, "missing field `task`"),
            (br#"{"version":1,"task":"format"}"#, "unknown variant `format`"),
            (br#"{"version":1,"task":"anchor","deep":true}"#, "unknown field `deep`"),
            (br#"{"version":1,"task":"erase","id":null}"#, "missing field `excluded`"),
            (br#"{"version":1,"task":"erase","excluded":true,"deep":true}"#, "unknown field `deep`"),
            (br#"{"version":1,"task":"anchor"} {}"#, "trailing characters"),
        ] {
            let refused = ControlTask::decode(bytes).expect_err("it is none");
            assert!(refused.contains(expected), "{refused}");
        }
        let deep = [vec![b'['; 60_000], vec![b']'; 60_000]].concat();
        assert!(ControlTask::decode(&deep).is_err());
    }

    #[test]
    fn the_longest_answer_fits_into_a_frame() {
        let answer = ControlAnswer::Failed("\u{1}é".repeat(FRAME_MAX));
        let bytes = answer.encode();
        assert!(bytes.len() <= FRAME_MAX, "{}", bytes.len());
        assert!(ControlAnswer::decode(&bytes).is_some());
    }
}
