//! The parameters of a request that reads: each known, and given once.

use std::time::UNIX_EPOCH;

use actix_web::{HttpRequest, web};

use crate::edge::error::{Error, Kind};

/// The parameters of a request, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameters {
    given: Vec<(String, String)>,
}

impl Parameters {
    /// Reads those of a request, which may have only these.
    ///
    /// # Errors
    /// `malformed`, with the name of one that is not known, or is given twice.
    pub fn read(request: &HttpRequest, known: &[&str]) -> Result<Self, Error> {
        let query = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        let wrong = |_| Error::new(Kind::Malformed, "the parameters cannot be read");
        Self::checked(query.map_err(wrong)?.into_inner(), known)
    }

    /// These parameters, of which only known ones may be there.
    ///
    /// # Errors
    /// As [`Parameters::read`].
    pub fn checked(mut given: Vec<(String, String)>, known: &[&str]) -> Result<Self, Error> {
        given.sort();
        for (place, (name, _)) in given.iter().enumerate() {
            let shown = name.chars().take(32).collect::<String>().escape_default().to_string();
            if !known.contains(&name.as_str()) {
                let known = known.join(", ");
                let words = format!("there is no parameter \"{shown}\" here; the parameters are {known}");
                return Err(Error::new(Kind::Malformed, words));
            }
            if given.get(place + 1).is_some_and(|(next, _)| next == name) {
                return Err(Error::new(Kind::Malformed, format!("the parameter \"{shown}\" is given twice")));
            }
        }
        Ok(Self { given })
    }

    /// Those that have none of these names, sorted by name.
    pub fn without(&self, names: &[&str]) -> Vec<(String, String)> {
        self.given.iter().filter(|(name, _)| !names.contains(&name.as_str())).cloned().collect()
    }

    /// The text of one, if it is given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// One that is parsed, if it is given.
    ///
    /// # Errors
    /// `malformed`, with these words.
    pub fn parsed<T: std::str::FromStr>(
        &self,
        name: &'static str,
        words: &'static str,
    ) -> Result<Option<T>, Error> {
        let parse = |text: &str| text.parse().map_err(|_| Error::new(Kind::Malformed, words).field(name));
        self.text(name).map(parse).transpose()
    }

    /// A time, milliseconds since 1970, if it is given.
    ///
    /// # Errors
    /// `malformed` when it is no time.
    pub fn time(&self, name: &'static str) -> Result<Option<u64>, Error> {
        let wrong = || {
            let words = "a time is written as 2026-12-31T23:59:59Z (RFC 3339, UTC), from 1970 on";
            Error::new(Kind::Malformed, words).field(name)
        };
        let read = |text: &str| {
            let time = humantime::parse_rfc3339(text).map_err(|_| wrong())?;
            let since = time.duration_since(UNIX_EPOCH).map_err(|_| wrong())?;
            u64::try_from(since.as_millis()).map_err(|_| wrong())
        };
        self.text(name).map(read).transpose()
    }
}
