//! The parameters of a request that reads: each known, and given once.

use actix_web::{HttpRequest, web};

use super::{fields::shown, times};
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
            let shown = shown(name);
            if !known.contains(&name.as_str()) {
                let known = if known.is_empty() { "there are none".into() } else { known.join(", ") };
                let words = format!("there is no parameter \"{shown}\" here; known: {known}");
                return Err(Error::new(Kind::Malformed, words));
            }
            if given.get(place + 1).is_some_and(|(next, _)| next == name) {
                return Err(Error::new(Kind::Malformed, format!("the parameter \"{shown}\" is given twice")));
            }
        }
        Ok(Self { given })
    }

    /// The names of those of a request, known or not.
    pub fn names(request: &HttpRequest) -> Vec<String> {
        let query = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        query.map_or_else(
            |_| Vec::new(),
            |query| query.into_inner().into_iter().map(|(name, _)| name).collect(),
        )
    }

    /// Those that have none of these names, sorted by name.
    pub fn without(&self, names: &[&str]) -> Vec<(String, String)> {
        self.given.iter().filter(|(name, _)| !names.contains(&name.as_str())).cloned().collect()
    }

    /// The text of one, if it is given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// Whether something is wanted: `true` or `false`, and not without the parameter.
    ///
    /// # Errors
    /// `malformed` for any other word.
    pub fn flag(&self, name: &'static str) -> Result<bool, Error> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Error::new(Kind::Malformed, format!("{name} is true or false")).field(name)),
        }
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
        self.text(name).map(|text| times::read(name, text)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn read(query: &str) -> Result<(bool, Option<String>), String> {
        let request = TestRequest::with_uri(&format!("/x?{query}")).to_http_request();
        let parameters = Parameters::read(&request, &["dry_run", "key"]).map_err(|error| error.body())?;
        let flag = parameters.flag("dry_run").map_err(|error| error.body())?;
        Ok((flag, parameters.text("key").map(str::to_owned)))
    }

    #[test]
    fn each_parameter_is_known_given_once_and_of_its_type() {
        assert_eq!(read(""), Ok((false, None)));
        assert_eq!(read("dry_run=true&key=a%20b"), Ok((true, Some("a b".into()))));
        assert_eq!(read("dry_run=false"), Ok((false, None)));
        for (query, words) in [
            ("dry_run=1", "true or false"),
            ("dry_run", "true or false"),
            ("dry_run=true&dry_run=true", "given twice"),
            ("dryrun=true", "no parameter"),
        ] {
            let told = read(query).expect_err(query);
            assert!(told.contains(words), "{query}: {told}");
        }
    }
}
