//! `hub person rotate-key`.

use std::io::Write;

use ::people::Rotated;

use super::{
    error::Error,
    opened::{claim, directory},
};
use crate::config::Loaded;

/// `hub person rotate-key`: puts the people store under another master key.
///
/// # Errors
/// When a hub serves, the old key is not given or wrong, or a file cannot be written.
pub fn rotate(loaded: &Loaded, output: &mut impl Write) -> Result<(), Error> {
    let old = loaded.secrets.old_people.as_ref().ok_or(Error::NoOldKey)?;
    let _claim = claim(loaded, |directory| Error::Serves { directory })?;
    let place = directory(loaded);
    match people::rotate(place, old, &loaded.secrets.people)? {
        None => return Err(Error::NoStore(place.into())),
        Some(Rotated { people, changed: true }) => {
            writeln!(output, "The people store has {people} people, and is under the new master key.")?;
            writeln!(
                output,
                "Remove the old key from the configuration. Destroy it once no backup of the key file needs it."
            )?;
        }
        Some(Rotated { changed: false, .. }) => {
            writeln!(output, "The people store is under this master key already; nothing was changed.")?;
        }
    }
    Ok(())
}
