//! The archive itself: which store it is, what it has, and the check of an object.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path as Directory, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt;
use journal::{Files, Lsn, Sealed, storage::Storage};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::runtime::{Builder, Runtime};

use crate::compress::Unpacked;
use crate::name::Stated;
use crate::{AnchorName, ArchivedAnchor, Error, ObjectName, RetryRule};

/// The store of archived segments. Its calls block the thread, at most as long as [`RetryRule`] says.
pub struct Archive {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) retry: RetryRule,
    pub(crate) runtime: Calls,
    /// What was given as its place.
    place: String,
    /// The directory that it is, if it is one.
    directory: Option<PathBuf>,
}

/// Runs the calls. May be dropped on any thread, also on one that runs tasks: nothing is waited for then.
pub(crate) struct Calls(Option<Runtime>);

impl Calls {
    fn new() -> Result<Calls, Error> {
        let system = |source| Error::System { action: "start the archive's calls", source };
        Builder::new_current_thread().enable_all().build().map(|runtime| Calls(Some(runtime))).map_err(system)
    }

    /// Waits for calls. Not on a thread that runs tasks.
    pub fn block_on<F: Future>(&self, calls: F) -> F::Output {
        self.0.as_ref().expect("it is taken in the drop alone").block_on(calls)
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// An object of the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archived {
    /// What it is.
    pub name: ObjectName,
    /// Its length in the archive. Bytes.
    pub packed: u64,
}

/// What the archive has of one log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// The objects of this log and its lineages, by their first records. Where two have the same, one may be of a restored
    /// copy's lost future.
    pub objects: BTreeMap<Lsn, Vec<Archived>>,
    /// The anchors of this log and its lineages, by their records.
    pub anchors: Vec<ArchivedAnchor>,
    /// Objects of lineages that the log does not have, or has abandoned before them.
    pub lost_future: u64,
    /// Objects with other names; they are left alone.
    pub foreign: u64,
}

impl Catalogue {
    /// Objects that state the lineage, the records and the length of a segment.
    pub(crate) fn of(&self, segment: &Sealed) -> impl Iterator<Item = &Archived> {
        let found = self.objects.get(&segment.first).into_iter().flatten();
        found.filter(|archived| archived.name.states(segment))
    }

    /// Whether there is an object that states a segment.
    pub fn has(&self, segment: &Sealed) -> bool {
        self.of(segment).next().is_some()
    }

    /// The last record of which all before it are in the archive without a gap, from record 1 on.
    pub fn reaches(&self) -> Lsn {
        let mut last = Lsn(0);
        while let Some(next) = self.objects.get(&last.next()).and_then(|found| found.last()) {
            last = next.name.last;
        }
        last
    }

    /// Length of all objects of segments. Bytes.
    pub fn packed(&self) -> u64 {
        self.objects.values().flatten().map(|archived| archived.packed).sum()
    }
}

impl Archive {
    /// The archive at a directory, `file:///directory`, or, in a build with the feature `s3`, `s3://bucket/prefix`. A
    /// directory is made when it is missing, for its owner alone; files and directories in it get the modes that the umask of
    /// the process leaves.
    pub fn open(to: &str, retry: RetryRule) -> Result<Archive, Error> {
        let refused = |why: String| Error::Target { to: to.to_owned(), why };
        let directory = match Place::of(to)? {
            Place::Bucket => return Archive::bucket(to, retry, std::env::vars()),
            Place::Directory(directory) => directory,
        };
        // Made by the journal's own rules: for its owner alone, and durable.
        journal::file::Directory::create(directory)?;
        let store =
            LocalFileSystem::new_with_prefix(directory).map_err(|error| refused(error.to_string()))?;
        let archive = Archive::over(Arc::new(store.with_fsync(true)), to, retry)?;
        Ok(Archive { directory: Some(directory.to_owned()), ..archive })
    }

    /// Checks the text that names an archive, as [`Archive::open`] does. Nothing is made, and no bucket is asked.
    ///
    /// # Errors
    /// [`Error::Target`], with what is wrong.
    pub fn check(to: &str) -> Result<(), Error> {
        match Place::of(to)? {
            Place::Bucket => bucket(to, &RetryRule::default(), std::env::vars()).map(drop),
            Place::Directory(_) => Ok(()),
        }
    }

    /// The archive in an S3-compatible bucket, `s3://bucket/prefix`. Credentials, region and endpoint are those of the variables
    /// named `AWS_…`. Refused in a build without the feature `s3`.
    pub fn bucket(
        to: &str,
        retry: RetryRule,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Archive, Error> {
        Archive::over(bucket(to, &retry, variables)?, to, retry)
    }

    /// The archive in any store.
    pub fn over(store: Arc<dyn ObjectStore>, place: &str, retry: RetryRule) -> Result<Archive, Error> {
        Ok(Archive { store, retry, runtime: Calls::new()?, place: place.to_owned(), directory: None })
    }

    /// Where it is, as it was given.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Removes what a killed process left of uploads of segments to a directory. Call it before the first [`Archive::send`]; the
    /// upload of another process at the same time would fail, and be repeated. Those of anchors stay: [`Archive::send_anchor`]
    /// removes them. A bucket needs a rule for unfinished uploads.
    pub fn remove_unfinished(&self) -> Result<(), Error> {
        self.remove_uploads(".log.zst#")
    }

    /// The same of uploads of what has names that end with `kind`, a number sign behind it.
    pub(crate) fn remove_uploads(&self, kind: &str) -> Result<(), Error> {
        let swept = self.directory.as_deref().map_or(Ok(()), |directory| sweep(directory, kind));
        swept.map_err(|source| Error::System { action: "remove unfinished uploads", source })
    }

    /// Lists what it has of a log.
    pub fn catalogue<S: Storage>(&self, files: &Files<S>) -> Result<Catalogue, Error> {
        let Some(log) = files.id() else { return Ok(Catalogue::default()) };
        let listed = self.runtime.block_on(self.retry.run(|| self.list(log)))?;
        let mut catalogue = Catalogue::default();
        for (path, packed) in listed {
            if let Some(name) = AnchorName::parse(&path) {
                if is_of_this_log(files, name.log, (name.at.lineage, name.at.lsn)) {
                    catalogue.anchors.push(ArchivedAnchor { name, packed });
                } else {
                    catalogue.lost_future += 1;
                }
                continue;
            }
            match ObjectName::parse(&path) {
                Some(name) if !is_of_this_log(files, name.log, (name.lineage, name.last)) => {
                    catalogue.lost_future += 1;
                }
                Some(name) => {
                    catalogue.objects.entry(name.first).or_default().push(Archived { name, packed });
                }
                None => catalogue.foreign += 1,
            }
        }
        catalogue.anchors.sort_by_key(|archived| (archived.name.at.lsn, archived.name.path()));
        catalogue.objects.values_mut().for_each(|found| found.sort_by_key(|archived| archived.name.path()));
        Ok(catalogue)
    }

    pub(crate) async fn list(&self, log: [u8; 16]) -> Result<Vec<(String, u64)>, Error> {
        let prefix = Path::from(journal::LineageId(log).to_string());
        let mut list = self.store.list(Some(&prefix));
        let (mut found, object) = (Vec::new(), prefix.to_string());
        // Each answer has its deadline; a list comes in several.
        while let Some(meta) =
            self.retry.call(("list", &object), async { list.next().await.transpose() }).await?
        {
            found.push((meta.location.to_string(), meta.size));
        }
        Ok(found)
    }

    /// Reads an object back whole, and checks that it is what its name states.
    pub fn verify(&self, name: &ObjectName) -> Result<(), Error> {
        let read = self.runtime.block_on(self.retry.run(|| self.read(name, io::sink())));
        read.map(drop).map_err(lost)
    }

    /// Hands the plain bytes of a segment's object to a sink; they are whole only when it returns it.
    pub(crate) async fn read<W: io::Write>(&self, name: &ObjectName, into: W) -> Result<W, Error> {
        self.read_stated(&name.stated(), into).await
    }

    /// [`Archive::read`] of any object.
    pub(crate) async fn read_stated<W: io::Write>(&self, stated: &Stated, into: W) -> Result<W, Error> {
        let object = &stated.object;
        let path = Path::from(object.as_str());
        let got = self.retry.call(("get", object), self.store.get(&path)).await?;
        let mut stream = got.into_stream();
        let system = |source| Error::System { action: "unpack an object of the archive", source };
        let judged = |source: io::Error| match source.get_ref() {
            // The system's own errors have a number, and come from the sink.
            _ if source.raw_os_error().is_some() => system(source),
            _ => Error::Altered { object: object.clone(), what: source.to_string() },
        };
        let mut unpacked = Unpacked::new(stated, into).map_err(system)?;
        while let Some(bytes) =
            self.retry.call(("read", object), async { stream.next().await.transpose() }).await?
        {
            unpacked.push(&bytes).map_err(judged)?;
        }
        unpacked.finish().map_err(judged)
    }
}

/// What the text that names an archive means.
enum Place<'a> {
    /// Whether the bucket can be used is another question.
    Bucket,
    Directory(&'a Directory),
}

impl Place<'_> {
    fn of(to: &str) -> Result<Place<'_>, Error> {
        let refused = |why: &str| Err(Error::Target { to: to.to_owned(), why: why.to_owned() });
        let path = match to.split_once("://") {
            Some(("s3", at)) if at.is_empty() || at.starts_with('/') => {
                return refused("the bucket is missing: expected s3://bucket/prefix");
            }
            Some(("s3", _)) => return Ok(Place::Bucket),
            Some(("file", path)) if !path.is_empty() && !path.starts_with('/') => {
                return refused("the path is not absolute: expected file:///directory");
            }
            Some(("file", path)) => path,
            None if !to.starts_with("s3:") && !to.starts_with("file:") => to,
            _ => return refused("expected a directory, file:///directory or s3://bucket/prefix"),
        };
        if path.is_empty() { refused("it is empty") } else { Ok(Place::Directory(Directory::new(path))) }
    }
}

/// An object that must be there and is not.
pub(crate) fn lost(error: Error) -> Error {
    match error {
        Error::Store { object, source: object_store::Error::NotFound { .. }, .. } => Error::Lost { object },
        other => other,
    }
}

/// Whether the records of an object are records of this log, as far as its name tells.
fn is_of_this_log<S: Storage>(
    files: &Files<S>,
    log: [u8; 16],
    (lineage, lsn): (journal::LineageId, Lsn),
) -> bool {
    let end = journal::Cursor { lineage, lsn, hash: [0; 32] };
    files.id() == Some(log) && files.admits(&end, "the archive").is_ok()
}

/// Removes the files of uploads that a killed process did not finish: the store gives them a number sign and a number, and
/// never lists them.
fn sweep(directory: &Directory, kind: &str) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let found = entry.file_type()?;
        if found.is_dir() {
            sweep(&entry.path(), kind)?;
        }
        let name = entry.file_name();
        let unfinished = name.to_str().and_then(|name| name.split_once(kind));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if found.is_file() && unfinished.is_some_and(|(_, digits)| is_number(digits)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(feature = "s3")]
fn bucket(
    to: &str,
    retry: &RetryRule,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Arc<dyn ObjectStore>, Error> {
    use object_store::aws::AmazonS3Builder;
    use object_store::{ClientOptions, RetryConfig, prefix::PrefixStore};

    let refused = |error: object_store::Error| Error::Target { to: to.to_owned(), why: error.to_string() };
    let prefix = to.trim_start_matches("s3://").split_once('/').map_or("", |(_, prefix)| prefix);
    let prefix = Path::parse(prefix.trim_end_matches('/'))
        .map_err(|error| Error::Target { to: to.to_owned(), why: error.to_string() })?;
    // Repeated here, with a deadline of our own: the client's repetitions would hide how long a call takes.
    let once = RetryConfig { max_retries: 0, retry_timeout: retry.call, ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::new();
    let mut plain = false;
    for (name, value) in variables.into_iter().filter(|(name, _)| name.starts_with("AWS_")) {
        plain |= name == "AWS_ALLOW_HTTP" && value == "true";
        // Other programs have variables with this beginning too.
        if let Ok(key) = name.to_ascii_lowercase().parse() {
            builder = builder.with_config(key, value);
        }
    }
    let options =
        ClientOptions::new().with_allow_http(plain).with_timeout(retry.call).with_connect_timeout(retry.call);
    let store =
        builder.with_url(to).with_retry(once).with_client_options(options).build().map_err(refused)?;
    Ok(if prefix.as_ref().is_empty() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, prefix)) })
}

#[cfg(not(feature = "s3"))]
fn bucket(
    to: &str,
    _: &RetryRule,
    _: impl IntoIterator<Item = (String, String)>,
) -> Result<Arc<dyn ObjectStore>, Error> {
    let why = "this build has no S3: build the hub with `--features s3`, or name a directory".to_owned();
    Err(Error::Target { to: to.to_owned(), why })
}
