//! A tiny HTTP/1.1 server whose answers a test decides, the impossible ones included.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::Authority;

/// Bytes of an endless body at most: no test runs on if its client does not stop.
const ENDLESS: usize = 64 * 1024 * 1024;
const REQUEST_BODY: usize = 1024 * 1024;

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Method.
    pub method: String,
    /// Path, with the query.
    pub path: String,
    /// Headers; names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Body, if `Content-Length` announced one.
    pub body: Vec<u8>,
}

impl Request {
    /// Returns a header, or the empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What the server does about a request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Headers, without those that the body decides.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

/// How a body is sent.
#[derive(Clone, Debug)]
pub enum Body {
    /// With its true length.
    Whole(Vec<u8>),
    /// With another length than it has; the connection is closed after it.
    Lying {
        /// What `Content-Length` says.
        length: u64,
        /// What is sent.
        content: Vec<u8>,
    },
    /// In pieces; `end` says whether the closing piece is sent.
    Chunked {
        /// The pieces.
        pieces: Vec<Vec<u8>>,
        /// Whether the transfer is ended properly.
        end: bool,
    },
    /// Without length, until the client goes away.
    Endless,
    /// With its true length, a byte at a time.
    Slow {
        /// What is sent.
        content: Vec<u8>,
        /// How long each byte takes.
        pause: Duration,
    },
    /// Nothing: the connection is closed without an answer.
    Hangup,
}

impl Reply {
    /// An answer with a body.
    pub fn new(status: u16, content: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: Body::Whole(content.into()) }
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Replaces the body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// A running server. It stops when dropped.
pub struct Server {
    host: String,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Server {
    /// Starts a server that speaks plain HTTP.
    pub fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::tcp(handler, None)
    }

    /// Starts a server that speaks HTTPS, with a certificate for `127.0.0.1` and `localhost`.
    pub fn start_tls(
        authority: &Authority,
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::tcp(handler, Some(authority.server_config()))
    }

    /// Starts a server on a Unix socket.
    pub fn start_unix(
        path: &Path,
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = UnixListener::bind(path).expect("a socket can be made in a test's folder");
        let wake_path = path.to_owned();
        let server = Self::new("localhost".into(), move || {
            UnixStream::connect(&wake_path).ok();
        });
        let (stop, requests) = (server.stop.clone(), server.requests.clone());
        let handler: Arc<Handler> = Arc::new(handler);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), handler, requests) = (stream, handler.clone(), requests.clone())
                else {
                    return;
                };
                stream.set_read_timeout(Some(Duration::from_secs(20))).ok();
                std::thread::spawn(move || serve(stream, &*handler, &requests).ok());
            }
        });
        server
    }

    /// Returns `127.0.0.1:port`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[expect(clippy::disallowed_methods, reason = "a test's server, on loopback only")]
    fn tcp(
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
        tls: Option<Arc<ServerConfig>>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let server = Self::new(address.to_string(), move || {
            TcpStream::connect(address).ok();
        });
        let (stop, requests) = (server.stop.clone(), server.requests.clone());
        let handler: Arc<Handler> = Arc::new(handler);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { return };
                let (handler, requests, tls) = (handler.clone(), requests.clone(), tls.clone());
                stream.set_nodelay(true).ok();
                stream.set_read_timeout(Some(Duration::from_secs(20))).ok();
                stream.set_write_timeout(Some(Duration::from_secs(20))).ok();
                std::thread::spawn(move || match tls {
                    None => serve(stream, &*handler, &requests).ok(),
                    Some(config) => {
                        let connection = ServerConnection::new(config).ok()?;
                        serve(StreamOwned::new(connection, stream), &*handler, &requests).ok()
                    }
                });
            }
        });
        server
    }

    fn new(host: String, wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { host, requests: Arc::default(), stop: Arc::default(), wake: Box::new(wake) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        (self.wake)();
    }
}

/// Answers the requests of one connection.
fn serve(
    stream: impl Read + Write,
    handler: &Handler,
    requests: &Mutex<Vec<Request>>,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    // Somebody greets encrypted, and this is not: a real server hangs up too.
    if stream.fill_buf()?.first() == Some(&0x16) {
        return Ok(());
    }
    while let Some(request) = read_request(&mut stream)? {
        requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        if !write_reply(stream.get_mut(), &handler(&request))? {
            return Ok(());
        }
    }
    Ok(())
}

fn read_request(stream: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let mut request = Request {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        ..Request::default()
    };
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        request.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length: usize = request.header("content-length").parse().unwrap_or(0);
    request.body.resize(length.min(REQUEST_BODY), 0);
    stream.read_exact(&mut request.body)?;
    Ok(Some(request))
}

/// Writes a reply; says whether the connection may be used again.
fn write_reply(stream: &mut impl Write, reply: &Reply) -> io::Result<bool> {
    if matches!(reply.body, Body::Hangup) {
        return Ok(false);
    }
    let mut head = format!("HTTP/1.1 {} Scripted\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match &reply.body {
        Body::Whole(content) => {
            head.push_str(&format!("content-length: {}\r\n\r\n", content.len()));
        }
        Body::Lying { length, .. } => head.push_str(&format!("content-length: {length}\r\n\r\n")),
        Body::Chunked { .. } => head.push_str("transfer-encoding: chunked\r\n\r\n"),
        Body::Slow { content, .. } => {
            head.push_str(&format!("content-length: {}\r\n\r\n", content.len()));
        }
        Body::Endless => head.push_str("connection: close\r\n\r\n"),
        Body::Hangup => {}
    }
    stream.write_all(head.as_bytes())?;
    let reusable = match &reply.body {
        Body::Whole(content) => {
            stream.write_all(content)?;
            true
        }
        Body::Lying { content, .. } => {
            stream.write_all(content)?;
            false
        }
        Body::Chunked { pieces, end } => {
            for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
                stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes())?;
                stream.write_all(piece)?;
                stream.write_all(b"\r\n")?;
            }
            if *end {
                stream.write_all(b"0\r\n\r\n")?;
            }
            *end
        }
        Body::Slow { content, pause } => {
            for byte in content {
                stream.write_all(&[*byte])?;
                stream.flush()?;
                std::thread::sleep(*pause);
            }
            true
        }
        Body::Endless => {
            let piece = vec![b' '; 64 * 1024];
            for _ in 0..ENDLESS / piece.len() {
                stream.write_all(&piece)?;
            }
            false
        }
        Body::Hangup => false,
    };
    stream.flush()?;
    Ok(reusable)
}
