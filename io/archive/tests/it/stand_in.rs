//! A local HTTP server that answers as an S3 bucket does, checks the signature of each request, and fails on demand.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

pub const KEY: &str = "AKIDEXAMPLE";
pub const SECRET: &str = "a secret of a test, which no bucket has";
pub const REGION: &str = "eu-central-1";
const DATE: &str = "Sun, 29 Nov 2026 17:00:00 GMT";
/// Objects in one answer to a list.
const PAGE: usize = 4;

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 503 with `Retry-After`.
    Unavailable,
    /// The connection ends before an answer; nothing was done.
    CutBefore,
    /// The connection ends before the answer, but it was done.
    CutAfter,
    /// The connection ends in the middle of the answer's body.
    CutBody,
    /// 200, and nothing was done.
    Forget,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    uploads: BTreeMap<String, (String, BTreeMap<u32, Vec<u8>>)>,
    begun: u32,
    /// Faults of the next requests with a method.
    faults: VecDeque<(&'static str, Fault)>,
    /// Every request: method and path with its query, and the status.
    seen: Vec<(String, u16)>,
}

/// A running stand-in. It ends with the test's process.
#[derive(Clone)]
pub struct StandIn {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl StandIn {
    pub fn start() -> StandIn {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stand_in = StandIn { address: listener.local_addr().unwrap(), state: Arc::default() };
        let served = stand_in.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = served.clone();
                thread::spawn(move || served.serve(stream));
            }
        });
        stand_in
    }

    /// The variables that lead a client here.
    pub fn variables(&self, secret: &str) -> Vec<(String, String)> {
        let endpoint = format!("http://{}", self.address);
        let of = [
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_REGION", REGION),
            ("AWS_ENDPOINT_URL", &endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_PROFILE", "of another program"),
        ];
        of.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    pub fn fail(&self, method: &'static str, fault: Fault) {
        self.state.lock().unwrap().faults.push_back((method, fault));
    }

    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.state.lock().unwrap().objects.clone()
    }

    /// Unfinished uploads.
    pub fn unfinished(&self) -> usize {
        self.state.lock().unwrap().uploads.len()
    }

    /// Requests with this method and status so far.
    pub fn seen(&self, method: &str, status: u16) -> usize {
        let state = self.state.lock().unwrap();
        state.seen.iter().filter(|(line, seen)| line.starts_with(method) && *seen == status).count()
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some(request) = read(&mut reader) {
            let fault = {
                let mut state = self.state.lock().unwrap();
                let place = state.faults.iter().position(|(method, _)| *method == request.method);
                place.and_then(|place| state.faults.remove(place)).map(|(_, fault)| fault)
            };
            let answer = match fault {
                Some(Fault::CutBefore) => return,
                Some(Fault::Unavailable) => {
                    Answer { status: 503, headers: vec![("retry-after", "1".into())], body: Vec::new() }
                }
                Some(Fault::Forget) => ok(Vec::new()),
                Some(Fault::CutAfter | Fault::CutBody) | None => self.answer(&request),
            };
            let line = format!("{} {}?{}", request.method, request.path, request.query);
            self.state.lock().unwrap().seen.push((line, answer.status));
            if fault == Some(Fault::CutAfter) {
                return;
            }
            let bytes = written(&answer, request.method == "HEAD");
            let sent =
                if fault == Some(Fault::CutBody) { bytes.len() - answer.body.len() / 2 } else { bytes.len() };
            if stream.write_all(&bytes[..sent]).is_err() || sent < bytes.len() {
                return;
            }
        }
    }

    fn answer(&self, request: &Request) -> Answer {
        if let Err(why) = signed(request) {
            return Answer { status: 403, headers: Vec::new(), body: why.into() };
        }
        let mut state = self.state.lock().unwrap();
        let Some(key) = request.path.strip_prefix("/bucket") else { return not_found() };
        let key = key.trim_start_matches('/').to_owned();
        let query: BTreeMap<&str, String> = request
            .query
            .split('&')
            .filter(|part| !part.is_empty())
            .map(|part| part.split_once('=').unwrap_or((part, "")))
            .map(|(name, value)| (name, decoded(value)))
            .collect();
        match (request.method.as_str(), query.get("uploadId")) {
            ("GET", None) if key.is_empty() => list(&state, &query),
            ("GET" | "HEAD", None) => match state.objects.get(&key) {
                Some(bytes) => ok(bytes.clone()),
                None => not_found(),
            },
            ("PUT", None) => {
                if request.headers.contains_key("if-none-match") && state.objects.contains_key(&key) {
                    return Answer { status: 412, headers: Vec::new(), body: Vec::new() };
                }
                state.objects.insert(key, request.body.clone());
                ok(Vec::new())
            }
            ("POST", None) => {
                state.begun += 1;
                let id = format!("upload-{}", state.begun);
                state.uploads.insert(id.clone(), (key, BTreeMap::new()));
                ok(format!(
                    "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                )
                .into())
            }
            ("PUT", Some(id)) => {
                let number = query["partNumber"].parse().unwrap();
                match state.uploads.get_mut(id) {
                    Some((_, parts)) => {
                        parts.insert(number, request.body.clone());
                        ok(Vec::new())
                    }
                    None => not_found(),
                }
            }
            ("POST", Some(id)) => match state.uploads.remove(id) {
                Some((key, parts)) => {
                    state.objects.insert(key, parts.into_values().flatten().collect());
                    ok(b"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"
                        .into())
                }
                None => not_found(),
            },
            ("DELETE", Some(id)) => {
                state.uploads.remove(id);
                Answer { status: 204, headers: Vec::new(), body: Vec::new() }
            }
            _ => Answer { status: 400, headers: Vec::new(), body: Vec::new() },
        }
    }
}

fn ok(body: Vec<u8>) -> Answer {
    Answer { status: 200, headers: Vec::new(), body }
}

fn not_found() -> Answer {
    Answer { status: 404, headers: Vec::new(), body: b"<Error><Code>NoSuchKey</Code></Error>".into() }
}

/// A list in pages, as a bucket gives it.
fn list(state: &State, query: &BTreeMap<&str, String>) -> Answer {
    let (prefix, after) = (query.get("prefix").cloned().unwrap_or_default(), query.get("continuation-token"));
    let found: Vec<_> = state
        .objects
        .iter()
        .filter(|(key, _)| key.starts_with(&prefix) && after.is_none_or(|after| *key > after))
        .collect();
    let mut text = "<ListBucketResult>".to_owned();
    for (key, bytes) in found.iter().take(PAGE) {
        text += &format!(
            "<Contents><Key>{key}</Key><Size>{}</Size><LastModified>2026-11-29T17:00:00.000Z</LastModified><ETag>e</ETag></Contents>",
            bytes.len()
        );
    }
    if found.len() > PAGE {
        text += &format!("<NextContinuationToken>{}</NextContinuationToken>", found[PAGE - 1].0);
    }
    ok((text + "</ListBucketResult>").into())
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Request { method, path: path.to_owned(), query: query.to_owned(), headers, body })
}

fn written(answer: &Answer, head: bool) -> Vec<u8> {
    let mut text = format!(
        "HTTP/1.1 {} X\r\ncontent-length: {}\r\netag: \"e\"\r\nlast-modified: {DATE}\r\n",
        answer.status,
        answer.body.len()
    );
    for (name, value) in &answer.headers {
        text += &format!("{name}: {value}\r\n");
    }
    let mut bytes = (text + "\r\n").into_bytes();
    if !head {
        bytes.extend(&answer.body);
    }
    bytes
}

/// Checks the signature of version 4 and the hash of the body, as the documentation of S3 describes them.
fn signed(request: &Request) -> Result<(), &'static str> {
    let header = |name: &str| request.headers.get(name).map(String::as_str).ok_or("a header is missing");
    let authorization = header("authorization")?;
    let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("another algorithm")?;
    let field = |name: &str| {
        let part = fields.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        part.ok_or("a field is missing")
    };
    let (credential, names, signature) = (field("Credential")?, field("SignedHeaders")?, field("Signature")?);
    let scope = credential.strip_prefix(KEY).and_then(|rest| rest.strip_prefix('/')).ok_or("another key")?;
    let [day, region, service, end] =
        scope.split('/').collect::<Vec<_>>().try_into().map_err(|_| "the scope")?;
    if (region, service, end) != (REGION, "s3", "aws4_request") {
        return Err("another scope");
    }
    let hash = header("x-amz-content-sha256")?;
    if hash != hex(&Sha256::digest(&request.body)) {
        return Err("the hash of the body");
    }
    let mut parts: Vec<&str> = request.query.split('&').filter(|part| !part.is_empty()).collect();
    parts.sort_unstable();
    let parts: Vec<String> = parts
        .iter()
        .map(|part| if part.contains('=') { (*part).to_owned() } else { format!("{part}=") })
        .collect();
    let mut canonical = format!("{}\n{}\n{}\n", request.method, request.path, parts.join("&"));
    for name in names.split(';') {
        canonical += &format!("{name}:{}\n", header(name)?);
    }
    canonical += &format!("\n{names}\n{hash}");
    let text = format!(
        "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
        header("x-amz-date")?,
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    let mut key = mac(format!("AWS4{SECRET}").as_bytes(), day);
    for step in [region, service, end, text.as_str()] {
        key = mac(&key, step);
    }
    if hex(&key) == signature { Ok(()) } else { Err("the signature") }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decoded(value: &str) -> String {
    value.replace("%2F", "/").replace("%2f", "/")
}
