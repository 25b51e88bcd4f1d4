//! What a replay begins with: the state of the state store. One that is missing, damaged, of another log or far behind is
//! built from the log first, by the code of its follower and in bounded memory. What was removed from the log is read in its
//! archive, where there is one.

use std::time::{Duration, Instant};

use actors::stored::{self, Following, Keeper, Stored, UNCOMMITTED_MAX};
use engine::{Parted, Unknown, World};
use journal::{Cursor, Files, LogRecords, Lsn, RecordReader, storage::Storage};

use super::{
    Error, Expectations,
    removed::{Whole, hash_at},
    scratch::Scratch,
};
use crate::telemetry::events as telemetry;

/// How often a store that another process changes meanwhile is read again.
pub(super) const ATTEMPTS: u32 = 5;

/// Why a store is passed over whose hash the log does not have.
const OTHER_LOG: &str = "it is not of this log";

/// How often a build tells how far it is.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// A state, and the store that has its keys.
pub struct Base {
    /// The state.
    pub world: World,
    /// Why the store that was there could not be used.
    pub passed_over: Option<String>,
    /// Keeps a store of its own, when the state came from one.
    pub scratch: Option<Scratch>,
}

impl Base {
    /// The state of the store in a storage, which is open for its follower then. A store that cannot be used is removed and
    /// built again. `whole` has the records that were removed from the log, if something has.
    ///
    /// # Errors
    /// When the store is of later records than the log, or of a later release; or when it cannot be built.
    pub fn kept<S: Storage, T: Storage>(
        files: &Files<S>,
        whole: Whole<'_>,
        storage: T,
        expectations: &Expectations,
    ) -> Result<(Keeper<T>, Self), Error> {
        let why = match Keeper::over(storage.clone(), expectations.formats) {
            Ok(mut keeper) => match unusable(files, whole, &keeper.cursor())? {
                None => match build(files, whole, &mut keeper).and_then(|()| Ok(keeper.load()?)) {
                    Ok(world) => return Ok((keeper, Self { world, passed_over: None, scratch: None })),
                    Err(error) => error.of_the_store()?,
                },
                Some(why) => why,
            },
            Err(error) => Error::from(error).of_the_store()?,
        };
        Self::anew(files, whole, storage, expectations, why)
    }

    /// The same of a store that cannot be used, and why.
    ///
    /// # Errors
    /// As [`Base::kept`].
    pub fn anew<S: Storage, T: Storage>(
        files: &Files<S>,
        whole: Whole<'_>,
        storage: T,
        expectations: &Expectations,
        why: String,
    ) -> Result<(Keeper<T>, Self), Error> {
        // What cannot be built again is not removed.
        reaches_back(files, whole, Lsn(0), Some(&why))?;
        if let Some(whole) = whole.filter(|_| files.begins().lsn > Lsn(0)) {
            whole.read(Lsn(0))?;
        }
        telemetry::store_is_built_again(&why);
        let mut keeper = Keeper::anew(storage, expectations.formats)?;
        build(files, whole, &mut keeper)?;
        let world = keeper.load()?;
        Ok((keeper, Self { world, passed_over: Some(why), scratch: None }))
    }

    /// The same of a store that is only read: instead of one that cannot be used, another one is built in a directory for
    /// temporary files.
    ///
    /// # Errors
    /// As [`Base::kept`].
    pub fn read<S: Storage, T: Storage>(
        files: &Files<S>,
        whole: Whole<'_>,
        storage: Option<&T>,
        expectations: &Expectations,
    ) -> Result<Self, Error> {
        Self::only_read((files, whole), storage, expectations, |files, at| unusable(files, None, at))
    }

    /// The same beside a log that is a restored copy: a store of later records is of its lost future, and is passed over.
    ///
    /// # Errors
    /// As [`Base::kept`], but for that.
    pub fn restored<S: Storage, T: Storage>(
        files: &Files<S>,
        storage: &T,
        expectations: &Expectations,
    ) -> Result<Self, Error> {
        Self::only_read((files, None), Some(storage), expectations, |files, at| foreign(files, None, at))
    }

    fn only_read<S: Storage, T: Storage>(
        (files, whole): (&Files<S>, Whole<'_>),
        storage: Option<&T>,
        expectations: &Expectations,
        unusable: impl Fn(&Files<S>, &Cursor) -> Result<Option<String>, Error>,
    ) -> Result<Self, Error> {
        let Some(storage) = storage else { return Self::without(files, whole, expectations, None) };
        let mut attempt = 1;
        // As in `kept`, and in its order: the same damage has the same verdict.
        let passed_over = loop {
            let stored = match Stored::read(storage) {
                Ok(stored) => stored,
                Err(error) => break Some(Error::from(error).of_the_store()?),
            };
            let why = unusable(files, &stored.0.cursor())?;
            if why.is_some() || stored.0.cursor().lsn == Lsn(0) {
                break why;
            }
            match stored.load(expectations.formats, Unknown::Refused) {
                Ok(world) => return Ok(Self { world, passed_over: None, scratch: None }),
                // A serving hub removes files that it has merged.
                Err(_) if attempt < ATTEMPTS && stored.has_moved(storage) => attempt += 1,
                Err(error) => break Some(Error::from(error).of_the_store()?),
            }
        };
        Self::without(files, whole, expectations, passed_over)
    }

    /// The state before the first record, or one that is near to the end of a long log; and why the store that is there
    /// cannot be used.
    ///
    /// # Errors
    /// As [`Base::kept`].
    pub fn without<S: Storage>(
        files: &Files<S>,
        whole: Whole<'_>,
        expectations: &Expectations,
        passed_over: Option<String>,
    ) -> Result<Self, Error> {
        reaches_back(files, whole, Lsn(0), passed_over.as_ref())?;
        if files.begins().lsn == Lsn(0) && !is_far_behind(files, Lsn(0)) {
            return Ok(Self { world: World::default(), passed_over, scratch: None });
        }
        let scratch = Scratch::new()?;
        let mut keeper = Keeper::over(scratch.storage()?, expectations.formats)?;
        build(files, whole, &mut keeper)?;
        let world = keeper.load()?;
        Ok(Self { world, passed_over, scratch: Some(scratch) })
    }
}

/// Why a store that stands at this cursor cannot be used with the log.
///
/// # Errors
/// When the cursor is of later records than the log has: they are missing from it.
fn unusable<S: Storage>(files: &Files<S>, whole: Whole<'_>, at: &Cursor) -> Result<Option<String>, Error> {
    let why = foreign(files, whole, at)?;
    if why.is_some() {
        let of_last_segment = files.reader(Lsn(u64::MAX - 1))?;
        files.reaches(&files.restored(of_last_segment)?, at, stored::DIRECTORY)?;
    }
    Ok(why)
}

/// Why a cursor is not one of this log.
fn foreign<S: Storage>(files: &Files<S>, whole: Whole<'_>, at: &Cursor) -> Result<Option<String>, Error> {
    if at.lsn == Lsn(0) {
        return Ok(None);
    }
    match files.admits(at, stored::DIRECTORY) {
        Err(lost) => Ok(Some(lost.to_string())),
        Ok(()) => match hash_at(files, whole, at.lsn) {
            Ok(hash) if hash == Some(at.hash) => Ok(None),
            Ok(_) => Ok(Some(OTHER_LOG.into())),
            Err(error @ journal::Error::Removed { .. }) => Ok(Some(error.with_causes())),
            Err(error) => Err(error.into()),
        },
    }
}

/// Whether so many records come after one that they are not to be replayed in memory alone.
fn is_far_behind<S: Storage>(files: &Files<S>, at: Lsn) -> bool {
    match files.noted_end() {
        Lsn(0) => files.segments() > 1,
        end => end.0.saturating_sub(at.0) > UNCOMMITTED_MAX,
    }
}

/// Whether every record after one can be read: the oldest segments may have been removed from the log.
fn reaches_back<S: Storage>(
    files: &Files<S>,
    whole: Whole<'_>,
    from: Lsn,
    why: Option<&String>,
) -> Result<(), Error> {
    let begins = files.begins().lsn;
    if from >= begins || whole.is_some() {
        return Ok(());
    }
    let passed_over = why.map(|why| format!("; {why}")).unwrap_or_default();
    Err(Error::NoState { first: begins.next().0, passed_over })
}

/// Brings a store that is far behind near to the end of the log, and any store to the records that the log keeps.
fn build<S: Storage, T: Storage>(
    files: &Files<S>,
    whole: Whole<'_>,
    keeper: &mut Keeper<T>,
) -> Result<(), Error> {
    let (from, begins) = (keeper.cursor().lsn, files.begins().lsn);
    reaches_back(files, whole, from, None)?;
    let mut reader: Box<dyn RecordReader> = match whole.filter(|_| from < begins) {
        Some(whole) => {
            telemetry::store_is_built_from_the_archive(from.0, begins.0);
            read_behind(whole, &keeper.cursor())?
        }
        None if !is_far_behind(files, from) => return Ok(()),
        None => match files.reader(from)? {
            Some(reader) => Box::new(reader),
            None => return Ok(()),
        },
    };
    let (end, mut told) = (files.noted_end(), Instant::now());
    let tell = |at: Lsn| {
        if told.elapsed() >= TELL_EVERY {
            telemetry::store_is_being_built(at.0, end.0);
            told = Instant::now();
        }
    };
    follow(keeper, &mut *reader, begins, tell)
}

/// Reads what comes after the end of a batch, beginning with that batch: so what comes after it has to follow it, whatever other
/// histories of the log the archive has.
fn read_behind(whole: &dyn LogRecords, at: &Cursor) -> Result<Box<dyn RecordReader>, Error> {
    let mut reader = whole.read(Lsn(at.lsn.0.saturating_sub(1)))?;
    while reader.next(at.lsn)?.is_some() {}
    let found = reader.cursor();
    if (found.lsn, found.hash) != (at.lsn, at.hash) && at.lsn > Lsn(0) {
        return Err(Error::StoreDamaged(OTHER_LOG.into()));
    }
    Ok(reader)
}

/// Lets a store take every record that the log has behind it, and commits it there.
///
/// # Errors
/// When the log does not stand for the store, or one of the two cannot be used.
pub fn catch_up<S: Storage, T: Storage>(files: &Files<S>, keeper: &mut Keeper<T>) -> Result<(), Error> {
    let Some(mut reader) = files.reader(keeper.lsn())? else { return Ok(()) };
    follow(keeper, &mut reader, Lsn(0), |_| {})?;
    keeper.commit(reader.cursor()).map_err(stored::Error::from)?;
    Ok(())
}

fn follow<T: Storage>(
    keeper: &mut Keeper<T>,
    reader: &mut dyn RecordReader,
    needed: Lsn,
    tell: impl FnMut(Lsn),
) -> Result<(), Error> {
    keeper.follow(reader, needed, tell).map_err(|error| match error {
        Following::Log(error) => error.into(),
        Following::Parted { location, source: Parted::Unreadable { lsn, source } } => {
            Error::Record { lsn, location, source }
        }
        Following::Parted { location, source: Parted::Unfit { lsn, source } } => {
            Error::Unfit { lsn, location, source }
        }
        Following::Parted { source: Parted::Store(unreadable), .. } => unreadable.into(),
        Following::Store(error) => stored::Error::from(error).into(),
    })
}
