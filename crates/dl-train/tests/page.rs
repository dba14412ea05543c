//! The page of a training, by real requests over loopback.
#![cfg(all(feature = "cpu", feature = "page"))]
#![allow(clippy::unwrap_used)] // shared by tests

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use dl_backends::{Cpu, Session};
use dl_core::nn::{self, Sgd};
use dl_core::{F32, Graph, I64, Named, Program, U8};
use dl_train::{Epoch, LivePage, Observer, Trainer};
use serde_json::Value;

const B: Named = Named("B");

fn step() -> Program {
    let g = Graph::new();
    let x = g.input("x", U8, (B, 64)).cast(F32) / 16.0;
    let j = nn::cross_entropy(nn::dense(x, "fc", 10), g.input("y", I64, B)).mean(..);
    j.minimize(Sgd::new(0.1)).unwrap()
}

fn trainer<'a>(page: &LivePage) -> Trainer<'a> {
    Trainer::new(Session::new(Cpu::default(), 7), &step()).unwrap().observe(page.clone())
}

/// What is answered to these bytes.
fn ask(to: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn get(to: SocketAddr, path: &str) -> String {
    ask(to, format!("GET {path} HTTP/1.1\r\nHost: {to}\r\n\r\n").as_bytes())
}

/// A client that listens to events.
struct Listener {
    stream: TcpStream,
    bytes: Vec<u8>,
    /// Signs of life without news.
    signs: usize,
}

impl Listener {
    fn new(to: SocketAddr) -> Listener {
        let mut stream = TcpStream::connect(to).unwrap();
        stream.write_all(format!("GET /events HTTP/1.1\r\nHost: {to}\r\n\r\n").as_bytes()).unwrap();
        Listener { stream, bytes: Vec::new(), signs: 0 }
    }

    /// The next event; none when the server ended the connection.
    fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.bytes.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.bytes.drain(..end + 2).collect();
                let text = String::from_utf8(event).unwrap();
                if let Some((_, json)) = text.split_once("data: ") {
                    return Some(serde_json::from_str(json).unwrap());
                }
                self.signs += 1;
                continue;
            }
            let mut part = [0; 4096];
            match self.stream.read(&mut part).unwrap() {
                0 => return None,
                n => self.bytes.extend_from_slice(&part[..n]),
            }
        }
    }
}

/// Stops a training after each epoch until it is told to go on.
struct Gate {
    reached: Sender<usize>,
    go_on: Receiver<()>,
}

impl Observer for Gate {
    fn epoch(&mut self, epoch: &Epoch, _: &Session) -> ControlFlow<()> {
        self.reached.send(epoch.number).unwrap();
        self.go_on.recv().unwrap();
        ControlFlow::Continue(())
    }
}

#[test]
fn a_training_is_watched_from_its_beginning_to_its_end() {
    let page = LivePage::serve().unwrap();
    let to = page.socket();
    assert!(to.ip().is_loopback());
    assert_eq!(page.address(), format!("http://127.0.0.1:{}/", to.port()));
    let before = get(to, "/");
    assert!(before.starts_with("HTTP/1.1 200 OK\r\n") && before.contains("The training has not begun."));
    assert!(before.contains("connect-src 'self'"));
    let mut listener = Listener::new(to);
    assert_eq!(listener.next().unwrap()["title"], "not begun – Training");

    let (reached, at) = channel();
    let (open, go_on) = channel();
    let observed = page.clone();
    let training = thread::spawn(move || {
        let digits = dl_data::digits().unwrap();
        let mut trainer = trainer(&observed).epochs(3).observe(Gate { reached, go_on });
        trainer.fit(&digits.train, None).unwrap();
    });
    assert_eq!(at.recv().unwrap(), 1);
    // It waits within the first epoch's end: the page says where it is.
    let running = get(to, "/");
    assert!(running.contains("Epoch 1 of 3, batch "), "{running}");
    assert!(running.contains("<progress ") && running.contains("1437 examples in batches of 64 on cpu"));
    let event = listener.next().unwrap();
    assert!(event["title"].as_str().unwrap().ends_with(" – Training"));
    for _ in 0..2 {
        open.send(()).unwrap();
        at.recv().unwrap();
    }
    open.send(()).unwrap();
    training.join().unwrap();

    let finished = get(to, "/");
    assert!(finished.contains("Finished after ") && finished.contains("all epochs are trained"));
    assert!(finished.contains("Learning curves") && finished.matches("<tr>").count() == 4, "{finished}");
    let last = std::iter::from_fn(|| listener.next()).find(|event| event["over"] == true).unwrap();
    assert!(last["now"].as_str().unwrap().contains("Finished after "));
    assert!(last["epochs"].as_str().unwrap().contains("<svg "));

    let folder = tempfile::tempdir().unwrap();
    page.write(folder.path().join("training.html")).unwrap();
    let kept = std::fs::read_to_string(folder.path().join("training.html")).unwrap();
    assert!(kept.contains("Finished after ") && !kept.contains("<script") && !kept.contains("connect-src"));

    // The server ends with the page: who listened hears the end of the connection.
    drop(page);
    assert_eq!(listener.next(), None);
}

#[test]
fn who_listens_hears_the_end_though_the_server_ends_at_once() {
    let page = LivePage::serve().unwrap();
    let mut listener = Listener::new(page.socket());
    listener.next().unwrap();
    let digits = dl_data::digits().unwrap();
    trainer(&page).epochs(1).fit(&digits.test, None).unwrap();
    drop(page);
    let all: Vec<Value> = std::iter::from_fn(|| listener.next()).collect();
    assert_eq!(all.last().unwrap()["over"], true);
    // The end is told once.
    assert!(listener.signs <= 1, "{}", listener.signs);
}

#[test]
fn only_this_machine_under_its_name_is_answered() {
    let page = LivePage::serve().unwrap();
    let to = page.socket();
    let status = |bytes: &str| ask(to, bytes.as_bytes()).lines().next().unwrap_or_default().to_owned();
    let request = |method: &str, path: &str, host: &str| {
        status(&format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
    };
    let (own, port) = (to.to_string(), to.port());
    assert_eq!(request("GET", "/", &own), "HTTP/1.1 200 OK");
    assert_eq!(request("GET", "/", &format!("LOCALHOST:{port}")), "HTTP/1.1 200 OK");
    for host in ["evil.example", &format!("evil.example:{port}"), "127.0.0.1", "127.0.0.1:1", "localhost", ""]
    {
        assert_eq!(request("GET", "/", host), "HTTP/1.1 421 Misdirected Request", "{host}");
        assert_eq!(request("GET", "/events", host), "HTTP/1.1 421 Misdirected Request", "{host}");
    }
    assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 421 Misdirected Request");
    let two = format!("GET / HTTP/1.1\r\nHost: {own}\r\nHost: evil.example\r\n\r\n");
    assert_eq!(status(&two), "HTTP/1.1 400 Bad Request");
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"] {
        assert_eq!(request(method, "/", &own), "HTTP/1.1 405 Method Not Allowed");
    }
    for path in ["/x", "//", "/../", "/events?", "http://127.0.0.1/"] {
        assert_eq!(request("GET", path, &own), "HTTP/1.1 404 Not Found", "{path}");
    }
    assert_eq!(status("what is this\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    assert_eq!(status(&format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(8200))), "HTTP/1.1 400 Bad Request");
    let headers = ask(to, format!("GET / HTTP/1.1\r\nHost: {own}\r\n\r\n").as_bytes());
    assert!(headers.contains("\r\nCross-Origin-Resource-Policy: same-origin\r\n"));
}

#[test]
fn clients_that_neither_ask_nor_read_hold_up_nothing() {
    let page = LivePage::serve().unwrap();
    let to = page.socket();
    // One says nothing, one says half, one asks for events and never reads, one is gone at once.
    let silent = TcpStream::connect(to).unwrap();
    let mut half = TcpStream::connect(to).unwrap();
    half.write_all(b"GET / HT").unwrap();
    let deaf = Listener::new(to);
    drop(Listener::new(to));
    let digits = dl_data::digits().unwrap();
    trainer(&page).epochs(5).fit(&digits.train, None).unwrap();
    assert!(get(to, "/").contains("Finished after "));
    // Nor the end.
    drop(page);
    drop((silent, half, deaf));
}

#[test]
fn many_connections_are_turned_away_and_there_is_room_again() {
    let page = LivePage::serve().unwrap();
    let to = page.socket();
    let mut listeners: Vec<Listener> = (0..16).map(|_| Listener::new(to)).collect();
    listeners.iter_mut().for_each(|listener| drop(listener.next().unwrap()));
    let mut turned_away = TcpStream::connect(to).unwrap();
    let mut answer = String::new();
    turned_away.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    // The training tells them something, by which the server finds that they are gone.
    listeners.iter().for_each(|listener| listener.stream.shutdown(Shutdown::Both).unwrap());
    drop(listeners);
    let digits = dl_data::digits().unwrap();
    let mut trainer = trainer(&page).epochs(1);
    let served = std::iter::repeat_with(|| {
        trainer.fit(&digits.test, None).unwrap();
        let mut stream = TcpStream::connect(to).unwrap();
        let _ = stream.write_all(format!("GET / HTTP/1.1\r\nHost: {to}\r\n\r\n").as_bytes());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer.starts_with("HTTP/1.1 200 OK\r\n")
    });
    assert!(served.take(100_000).any(|served| served));
}
