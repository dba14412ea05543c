//! The server: a few connections over loopback, each on a thread of its own with limits of time and size.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Board, show};

/// Connections at a time; more are turned away.
const MOST: usize = 16;
/// Bytes of a request and its headers.
const REQUEST: usize = 8 << 10;
/// How long a client may take for its request, and for each part of an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long those who listen have for the last news when the server ends.
const FAREWELL: Duration = Duration::from_secs(1);
/// News come no faster than this, and a sign of life at least as often as that.
const NEWS: Duration = Duration::from_millis(400);
const ALIVE: Duration = Duration::from_secs(10);

/// A server that ends when it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) board: Arc<Board>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start() -> io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (address, board) = (listener.local_addr()?, Arc::new(Board::default()));
        let own = Arc::clone(&board);
        let thread = thread::Builder::new().name("page".into());
        let thread = thread.spawn(move || Connections::new(address, own).accept(&listener))?;
        Ok(Server { address, board, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.board.close();
        // Wakes the thread, which waits for a connection.
        let woken = TcpStream::connect_timeout(&self.address, FAREWELL).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

/// The connections that are open.
struct Connections {
    address: SocketAddr,
    board: Arc<Board>,
    open: Vec<(TcpStream, JoinHandle<()>)>,
    /// Whoever serves a connection holds a sender until it is done.
    serving: Sender<()>,
    done: Receiver<()>,
}

impl Connections {
    fn new(address: SocketAddr, board: Arc<Board>) -> Connections {
        let (serving, done) = channel();
        Connections { address, board, open: Vec::new(), serving, done }
    }

    /// Takes connections until the board is closed, then says farewell.
    fn accept(mut self, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.board.lock().closed {
                break;
            }
            self.open.retain(|(_, thread)| !thread.is_finished());
            match stream {
                Ok(stream) => self.take(stream),
                // Such as too many open files: not to be asked again at once.
                Err(_) => self.board.pause(Duration::from_millis(100)),
            }
        }
        self.farewell();
    }

    fn take(&mut self, stream: TcpStream) {
        let limits = stream.set_read_timeout(Some(PATIENCE)).and(stream.set_write_timeout(Some(PATIENCE)));
        let Ok(other) = limits.and_then(|()| stream.try_clone()) else { return };
        if self.open.len() >= MOST {
            // A new connection has room for this, so that nobody waits.
            let _ = answer(&stream, "503 Service Unavailable", "text/plain", "too many connections\n");
            return;
        }
        let (board, address, serving) = (Arc::clone(&self.board), self.address, self.serving.clone());
        let serve = move || {
            // A client that is gone or too slow has ended its connection.
            let _ = serve(&stream, address, &board);
            let _ = stream.shutdown(Shutdown::Both);
            drop(serving);
        };
        if let Ok(thread) = thread::Builder::new().name("page client".into()).spawn(serve) {
            self.open.push((other, thread));
        }
    }

    /// Gives those who listen time for the last news, then cuts off the rest.
    fn farewell(self) {
        let Connections { open, serving, done, .. } = self;
        drop(serving);
        open.iter().for_each(|(stream, _)| drop(stream.shutdown(Shutdown::Read)));
        // Nobody sends: it returns when all are done, or the time is over.
        let _ = done.recv_timeout(FAREWELL);
        for (stream, thread) in open {
            let _ = stream.shutdown(Shutdown::Both);
            let _ = thread.join();
        }
    }
}

/// Answers a connection's one request.
fn serve(stream: &TcpStream, own: SocketAddr, board: &Board) -> io::Result<()> {
    let request = match read(stream) {
        Ok(request) => request,
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            return answer(stream, "400 Bad Request", "text/plain", &format!("{error}\n"));
        }
        Err(error) => return Err(error),
    };
    // Another name for this address is how a page from elsewhere would read what is here.
    let port = own.port();
    let names = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    if !request.host.as_ref().is_some_and(|host| names.contains(&host.to_ascii_lowercase())) {
        let told = format!("this page is at http://{own}/ and under no other name\n");
        return answer(stream, "421 Misdirected Request", "text/plain", &told);
    }
    if request.method != "GET" {
        return answer(stream, "405 Method Not Allowed\r\nAllow: GET", "text/plain", "only GET\n");
    }
    match request.path.as_str() {
        "/" => answer(stream, "200 OK", "text/html; charset=utf-8", &show::page(&board.now(), true).html()),
        "/events" => events(stream, board),
        _ => answer(stream, "404 Not Found", "text/plain", "there are / and /events\n"),
    }
}

/// Tells what happens until the training, the client or the server ends.
fn events(mut stream: &TcpStream, board: &Board) -> io::Result<()> {
    stream.write_all(head("200 OK", "text/event-stream", "").as_bytes())?;
    let (mut version, mut epochs) = (None, None);
    loop {
        let (news, closed) = board.after(version, ALIVE);
        let event = match &news {
            Some(snapshot) => format!("data: {}\n\n", show::news(snapshot, epochs)),
            None => ":\n\n".to_owned(),
        };
        // In the time for one write, or else the client is too slow to be served.
        stream.write_all(event.as_bytes())?;
        if let Some(snapshot) = news {
            (version, epochs) = (Some(snapshot.version), Some(snapshot.epochs));
        }
        if closed {
            return Ok(());
        }
        board.pause(NEWS);
    }
}

struct Request {
    method: String,
    path: String,
    host: Option<String>,
}

/// Reads a request's head, within limits of time and size.
fn read(mut stream: &TcpStream) -> io::Result<Request> {
    let wrong = |why: &str| io::Error::new(ErrorKind::InvalidData, why.to_owned());
    let begun = Instant::now();
    let mut bytes = Vec::with_capacity(1 << 10);
    loop {
        let mut part = [0; 1 << 10];
        let n = stream.read(&mut part)?;
        if n == 0 || begun.elapsed() > PATIENCE {
            return Err(ErrorKind::TimedOut.into());
        }
        bytes.extend_from_slice(&part[..n]);
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&bytes) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) if bytes.len() < REQUEST => continue,
            Ok(httparse::Status::Partial) => return Err(wrong("the request is too long")),
            Err(error) => return Err(wrong(&error.to_string())),
        }
        let mut hosts = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host"));
        let host = hosts.next().map(|header| String::from_utf8_lossy(header.value).into_owned());
        if hosts.next().is_some() {
            return Err(wrong("two hosts"));
        }
        let [method, path] = [request.method, request.path].map(|part| part.unwrap_or_default().to_owned());
        return Ok(Request { method, path, host });
    }
}

fn answer(mut stream: &TcpStream, status: &str, kind: &str, body: &str) -> io::Result<()> {
    let length = format!("Content-Length: {}\r\n", body.len());
    stream.write_all(head(status, kind, &length).as_bytes())?;
    stream.write_all(body.as_bytes())
}

fn head(status: &str, kind: &str, more: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}Connection: close\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nCross-Origin-Resource-Policy: same-origin\r\n\
         Referrer-Policy: no-referrer\r\n\r\n"
    )
}
