//! The service over HTTP, in this process: everybody gets their own answer, limits hold, and after too much it goes
//! on.
// The lint's exemption for tests does not see the functions that they share.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use dl_backends::{Cpu, Model, Session};
use dl_core::{DType, F32, Graph, Named, Program, Tensor, TensorRef, U8, nn};
use dl_examples::serve::Limits;
use dl_examples::serve::body::Form;
use dl_examples::serve::http::{Service, serve};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A service that listens, until it is dropped.
struct Running {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn new(service: Service) -> Running {
        let ((to, address), (end, ended)) = (channel(), oneshot::channel());
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.unwrap().block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                to.send(listener.local_addr().unwrap()).unwrap();
                serve(listener, service, async { drop(ended.await) }).await;
            });
        });
        Running { address: address.recv().unwrap(), end: Some(end), thread: Some(thread) }
    }

    fn client(&self) -> Client {
        Client(BufReader::new(TcpStream::connect(self.address).unwrap()))
    }

    fn end(&mut self) {
        drop(self.end.take());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
        self.thread.take().into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// A connection.
struct Client(BufReader<TcpStream>);

impl Client {
    fn send(&mut self, head: &str, body: &[u8]) {
        let request = format!("{head} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
        self.0.get_mut().write_all(&[request.as_bytes(), body].concat()).unwrap();
    }

    /// Status, lines of the head, body.
    fn receive(&mut self) -> (u16, String, String) {
        let (mut head, mut line) = (String::new(), String::new());
        while self.0.read_line(&mut line).unwrap() > 2 {
            head += &line.to_lowercase();
            line.clear();
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.trim().parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head, String::from_utf8(body).unwrap())
    }

    fn ask(&mut self, head: &str, body: &[u8]) -> (u16, String) {
        self.send(head, body);
        let (status, _, body) = self.receive();
        (status, body)
    }
}

fn json(x: &[u8]) -> Vec<u8> {
    format!("{{\"x\": {x:?}}}").into_bytes()
}

fn model() -> Model {
    let g = Graph::new();
    let x = g.input("x", U8, (Named("B"), 5)).cast(F32) / 255.0;
    let logits = nn::dense(nn::dense(x, "fc1", 32).relu(), "fc2", 3);
    let program =
        Program::builder(&g).output("p", nn::softmax(logits, -1)).output("class", logits.argmax(-1));
    let program = program.compile().unwrap();
    let mut session = Session::new(Cpu::with_threads(1), 7);
    session.compile(&program).unwrap();
    Model::new(&program, &session).unwrap()
}

fn limits() -> Limits {
    Limits { batch: 8, queue: 64, ..Limits::default() }
}

#[test]
fn everybody_gets_their_own_answer() {
    let model = model();
    let running = Running::new(Service::new(model.clone(), limits()).unwrap());
    thread::scope(|threads| {
        for thread in 0..8u8 {
            let (running, model) = (&running, &model);
            threads.spawn(move || {
                let mut client = running.client();
                for i in 0..50u8 {
                    let x: Vec<u8> =
                        (0..5).map(|k| thread.wrapping_mul(31) ^ i.wrapping_mul(7) ^ (k << 5)).collect();
                    let want = model.run(&[TensorRef::new(&[1, 5], &x).unwrap()]).unwrap().read("p").unwrap();
                    let (status, answer) = match i % 2 {
                        0 => client.ask("POST /predict", &json(&x)),
                        _ => {
                            let head = "content-type: application/octet-stream";
                            let head = format!("POST /predict HTTP/1.1\r\n{head}\r\nhost: localhost");
                            let request = format!("{head}\r\ncontent-length: 5\r\n\r\n");
                            client.0.get_mut().write_all(&[request.as_bytes(), &x].concat()).unwrap();
                            let (status, _, answer) = client.receive();
                            (status, answer)
                        }
                    };
                    assert_eq!(status, 200, "{answer}");
                    let p: Vec<f64> = numbers(&answer, "\"p\":[").into_iter().map(f64::from).collect();
                    // To the last bit: whatever it was put together with.
                    assert_eq!(p, want.to_f64());
                }
            });
        }
    });
    let (status, text) = running.client().ask("GET /metrics", b"");
    assert_eq!(status, 200);
    assert!(text.contains("dl_requests_total{status=\"200\"} 400\n"), "{text}");
    assert!(text.contains("dl_batch_examples_sum 400.0\n"), "{text}");
    // Several at once.
    let (_, answer) = running.client().ask("POST /predict", b"{\"x\": [[1, 2, 3, 4, 5], [5, 4, 3, 2, 1]]}");
    assert_eq!(numbers(&answer, "\"class\":[").len(), 2, "{answer}");
}

/// The numbers between what begins so and the next bracket.
fn numbers(text: &str, begin: &str) -> Vec<f32> {
    let from = text.find(begin).unwrap() + begin.len();
    let to = from + text[from..].find(']').unwrap();
    text[from..to].split(',').map(|x| x.parse().unwrap()).collect()
}

/// Asks, and looks at status and answer.
fn told(client: &mut Client, head: &str, body: &[u8], status: u16, why: &str) {
    let (got, answer) = client.ask(head, body);
    assert_eq!(got, status, "{answer}");
    assert!(answer.contains(why), "{answer}");
}

#[test]
fn requests_that_cannot_be_answered_are_told_why() {
    let running = Running::new(Service::new(model(), Limits { body: 100, ..limits() }).unwrap());
    let mut client = running.client();
    let mut fails =
        |head: &str, body: &[u8], status: u16, why: &str| told(&mut client, head, body, status, why);
    fails("POST /predict", b"{\"x\": [1]}", 400, "x: expected numbers of shape [5] or [n, 5], got [1]");
    fails("POST /predict", b"{\"x\": [1, 2, 3, 4, NaN]}", 400, "expected value");
    fails("POST /predict", b"{\"x\": [1, 2, 3, 4, 256]}", 400, "x: 256 is no u8");
    fails("POST /predict", b"", 400, "EOF");
    fails(
        "POST /predict",
        "{\"x\": [[1,1,1,1,1]]}".replace("[[1,1,1,1,1]]", &nine()).as_bytes(),
        413,
        "100 bytes at most",
    );
    // The rest of a body that is too long is not read: another connection.
    let mut client = running.client();
    let mut fails =
        |head: &str, body: &[u8], status: u16, why: &str| told(&mut client, head, body, status, why);
    fails("GET /predict", b"", 405, "POST is expected here");
    fails("POST /health", b"", 405, "GET is expected here");
    fails("GET /predictions", b"", 404, "there is no /predictions");
    fails("GET /health", b"", 200, "\"ready\":true");
    let octets = |client: &mut Client, kind: &str, body: &[u8]| {
        let head = format!("POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}");
        let request = format!("{head}\r\ncontent-length: {}\r\n\r\n", body.len());
        client.0.get_mut().write_all(&[request.as_bytes(), body].concat()).unwrap();
        let (status, _, answer) = client.receive();
        (status, answer)
    };
    assert_eq!(octets(&mut client, "text/plain", b"1").0, 415);
    let (status, answer) = octets(&mut client, "application/octet-stream", &[0; 7]);
    assert_eq!((status, answer.as_str()), (400, "{\"error\":\"7 bytes: an example has 5\"}"));
    let (status, answer) = octets(&mut client, "application/octet-stream", &[0; 45]);
    assert_eq!((status, answer.as_str()), (400, "{\"error\":\"9 examples, at most 8 are taken at once\"}"));
}

/// Nine examples.
fn nine() -> String {
    format!("{:?}", vec![vec![1; 5]; 9])
}

/// Twice every number, once the test has let the batch begin.
fn gated(limits: Limits) -> (Running, Sender<()>, Receiver<()>) {
    let ((go, gate), (begun, begins)) = (channel::<()>(), channel());
    let (gate, begun) = (Mutex::new(gate), Mutex::new(begun));
    let work = move |x: TensorRef<'_>| {
        begun.lock().unwrap().send(()).map_err(|e| e.to_string())?;
        gate.lock().unwrap().recv().map_err(|e| e.to_string())?;
        let double: Vec<f64> = x.to_owned().to_f64().iter().map(|x| 2.0 * x).collect();
        Tensor::from_f64(DType::F32, x.shape(), &double).map(|y| vec![y]).map_err(|e| e.to_string())
    };
    let form = Form { name: "x".into(), dtype: DType::F32, shape: vec![], outputs: vec!["y".into()] };
    (Running::new(Service::by(form, Arc::new(work), limits).unwrap()), go, begins)
}

/// Asks from a thread of its own.
fn asking(running: &Running, x: u8) -> JoinHandle<(u16, String, String)> {
    let mut client = running.client();
    thread::spawn(move || {
        client.send("POST /predict", format!("{{\"x\": {x}}}").as_bytes());
        client.receive()
    })
}

/// How many examples wait.
fn waiting(running: &Running) -> usize {
    let (_, text) = running.client().ask("GET /metrics", b"");
    text.lines().find_map(|line| line.strip_prefix("dl_queue_examples ")).unwrap().parse().unwrap()
}

#[test]
fn what_is_too_much_is_refused_at_once_and_then_it_goes_on() {
    let (running, go, begun) = gated(Limits { batch: 2, queue: 3, ..Limits::default() });
    let first = asking(&running, 1);
    begun.recv().unwrap();
    let queued: Vec<_> = (2..5).map(|x| asking(&running, x)).collect();
    while waiting(&running) < 3 {
        thread::yield_now();
    }
    for x in 5..25 {
        let (status, head, body) = asking(&running, x).join().unwrap();
        assert_eq!((status, body.as_str()), (503, "{\"error\":\"3 examples are waiting: try again later\"}"));
        assert!(head.contains("retry-after: 1"), "{head}");
    }
    (0..3).for_each(|_| go.send(()).unwrap());
    assert_eq!(first.join().unwrap().2, "{\"y\":2.0}".replace(".0", ""));
    for (x, answer) in (2..5).zip(queued) {
        let (status, _, body) = answer.join().unwrap();
        assert_eq!((status, body), (200, format!("{{\"y\":{}}}", 2 * x)));
    }
    let after = asking(&running, 30);
    go.send(()).unwrap();
    assert_eq!(after.join().unwrap().0, 200);
    let (_, text) = running.client().ask("GET /metrics", b"");
    assert!(text.contains("status=\"503\"} 20\n") && text.contains("status=\"200\"} 5\n"), "{text}");
}

#[test]
fn at_the_end_what_has_begun_is_answered_and_nothing_else() {
    let (mut running, go, begun) = gated(Limits { batch: 1, ..Limits::default() });
    let mut idle = running.client();
    assert_eq!(idle.ask("GET /health", b"").0, 200);
    let first = asking(&running, 1);
    begun.recv().unwrap();
    let second = asking(&running, 2);
    while waiting(&running) < 1 {
        thread::yield_now();
    }
    running.end();
    // An idle connection is closed, and no other one is taken.
    let mut rest = vec![];
    assert_eq!(idle.0.read_to_end(&mut rest).unwrap(), 0);
    while TcpStream::connect(running.address).is_ok() {
        thread::yield_now();
    }
    (0..2).for_each(|_| go.send(()).unwrap());
    assert_eq!((first.join().unwrap().0, second.join().unwrap().0), (200, 200));
}

#[test]
fn a_slow_answer_is_a_time_out() {
    let timeout = std::time::Duration::from_millis(20);
    let (running, go, begun) = gated(Limits { batch: 1, timeout, ..Limits::default() });
    let first = asking(&running, 1);
    begun.recv().unwrap();
    let (status, _, body) = first.join().unwrap();
    assert_eq!((status, body.as_str()), (504, "{\"error\":\"the examples were not answered in time\"}"));
    go.send(()).unwrap();
}

#[test]
fn models_that_cannot_be_served_are_refused() {
    let form = |build: fn(&Graph) -> Program| {
        let (program, mut session) = (build(&Graph::new()), Session::new(Cpu::with_threads(1), 7));
        session.compile(&program).unwrap();
        Form::of(&Model::new(&program, &session).unwrap()).unwrap_err()
    };
    let whole = form(|g| {
        let x = g.input("x", F32, [3]);
        Program::builder(g).output("y", x + 1.0).compile().unwrap()
    });
    assert_eq!(whole, "input x: the first axis must be a named dimension");
    let sum = form(|g| {
        let x = g.input("x", F32, (Named("B"), 3));
        Program::builder(g).output("y", x.sum(..)).compile().unwrap()
    });
    assert_eq!(sum, "output y: its first axis must be B, as the input's is");
    let two = form(|g| {
        let x = g.input("x", F32, Named("B")) + g.input("z", F32, Named("B"));
        Program::builder(g).output("y", x).compile().unwrap()
    });
    assert_eq!(two, "the model has 2 inputs, and one can be served");
    assert!(
        form(|g| {
            let x = g.input("x", F32, (Named("B"), Named("T")));
            Program::builder(g).output("y", x).compile().unwrap()
        })
        .contains("only the first axis may be named")
    );
}
