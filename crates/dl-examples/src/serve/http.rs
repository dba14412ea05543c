//! The service over HTTP/1.1: `POST /predict`, `GET /health`, `GET /metrics`.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dl_backends::Model;
use dl_core::{Tensor, TensorRef};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{timeout, timeout_at};

use super::Limits;
use super::batcher::{Batcher, Refusal, Work};
use super::body::{Examples, Form};
use super::metrics::Metrics;

/// A model that is served.
pub struct Service {
    form: Form,
    limits: Limits,
    metrics: Arc<Metrics>,
    batcher: Batcher,
    closing: AtomicBool,
}

/// How long open connections may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// Pause after the system refused a connection: it has no more files, say.
const PAUSE: Duration = Duration::from_millis(50);

impl Service {
    /// Serves `model`, which is made ready for every batch size up to the limit.
    ///
    /// # Errors
    /// When it cannot be served ([`Form::of`]), or the system has no more threads.
    pub fn new(model: Model, limits: Limits) -> Result<Service, Box<dyn std::error::Error>> {
        let form = Form::of(&model)?;
        let batch = model.inputs()[0].shape.first().and_then(|dim| dim.name().cloned());
        let batch = batch.ok_or("the first axis is a named dimension")?;
        model.keep_sizes(limits.batch);
        for rows in 1..=limits.batch {
            model.warm(&[(&*batch, rows)], limits.workers)?;
        }
        let work = move |examples: TensorRef<'_>| {
            let answer = model.run(&[examples]).map_err(|e| e.to_string())?;
            model.outputs().map(|name| answer.read(name).map_err(|e| e.to_string())).collect()
        };
        Ok(Service::by(form, Arc::new(work), limits)?)
    }

    /// Serves whatever answers examples of this form.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn by(form: Form, work: Arc<Work>, limits: Limits) -> std::io::Result<Service> {
        let metrics = Arc::new(Metrics::default());
        let batches = metrics.batches.clone();
        let batcher = Batcher::new(limits, work, move |examples| batches.observe(examples as f64))?;
        Ok(Service { form, limits, metrics, batcher, closing: AtomicBool::new(false) })
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/predict") => {
                let begun = Instant::now();
                let response = self.predict(request, begun).await;
                self.metrics.answered(response.status().as_u16(), begun.elapsed().as_secs_f64());
                response
            }
            (&Method::GET, "/health") => {
                let ready = !self.closing.load(Ordering::Relaxed);
                let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                respond(status, json!({ "live": true, "ready": ready }).to_string())
            }
            (&Method::GET, "/metrics") => {
                let mut response = respond(StatusCode::OK, self.metrics.text(self.batcher.waiting()));
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
                response
            }
            (_, "/predict") => not_allowed("POST"),
            (_, "/health" | "/metrics") => not_allowed("GET"),
            (_, path) => {
                let there = "/predict, /health and /metrics";
                refuse(StatusCode::NOT_FOUND, &format!("there is no {path}; there are {there}"))
            }
        }
    }

    async fn predict(&self, request: Request<Incoming>, begun: Instant) -> Response<Full<Bytes>> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim).unwrap_or("application/json");
        let is_json = match kind {
            "application/json" => true,
            "application/octet-stream" => false,
            other => {
                let why = format!("{other}: application/json or application/octet-stream is expected");
                return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, &why);
            }
        };
        let body = Limited::new(request.into_body(), self.limits.body).collect();
        let body = match timeout(self.limits.timeout, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                let why = format!("a body has {} bytes at most", self.limits.body);
                return refuse(StatusCode::PAYLOAD_TOO_LARGE, &why);
            }
            Ok(Err(error)) => return refuse(StatusCode::BAD_REQUEST, &format!("the body: {error}")),
            Err(_) => return refuse(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"),
        };
        let examples = if is_json { self.form.from_json(&body) } else { self.form.from_bytes(&body) };
        let Examples { all, single } = match examples {
            Ok(examples) => examples,
            Err(why) => return refuse(StatusCode::BAD_REQUEST, &why),
        };
        if all.shape()[0] > self.limits.batch {
            let why = format!("{} examples, at most {} are taken at once", all.shape()[0], self.limits.batch);
            return refuse(StatusCode::BAD_REQUEST, &why);
        }
        let until = begun + self.limits.timeout;
        let (to, answer) = oneshot::channel::<Result<Vec<Tensor>, Refusal>>();
        // Nobody may wait for it any more.
        let reply = move |outputs| drop(to.send(outputs));
        self.batcher.submit(all, until, Box::new(reply));
        let outputs = match timeout_at(until.into(), answer).await {
            Ok(Ok(outputs)) => outputs,
            Ok(Err(_)) => Err(Refusal::Failed("the worker gave no answer".into())),
            Err(_) => Err(Refusal::Late),
        };
        match outputs.map(|outputs| self.form.answer(&outputs, single)) {
            Ok(Ok(text)) => respond(StatusCode::OK, text),
            Ok(Err(why)) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &why),
            Err(refusal @ (Refusal::Full(_) | Refusal::Closed)) => {
                let mut response = refuse(StatusCode::SERVICE_UNAVAILABLE, &refusal.to_string());
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
                response
            }
            Err(Refusal::Late) => refuse(StatusCode::GATEWAY_TIMEOUT, &Refusal::Late.to_string()),
            // Types and shapes were checked: what is left is an index outside of its axis.
            Err(Refusal::Failed(why)) => refuse(StatusCode::UNPROCESSABLE_ENTITY, &why),
        }
    }
}

/// Takes connections until `end` is there; then answers what has begun, and returns.
pub async fn serve(listener: TcpListener, service: Service, end: impl Future<Output = ()>) {
    let service = Arc::new(service);
    let places = Arc::new(Semaphore::new(service.limits.connections));
    let (graceful, mut end) = (GracefulShutdown::new(), std::pin::pin!(end));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(service.limits.timeout);
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, stream) = tokio::select! {
            (place, accepted) = next => match accepted {
                Ok((stream, _)) => (place, stream),
                Err(error) => {
                    eprintln!("a connection could not be taken: {error}");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            },
            () = &mut end => break,
        };
        // Answers are one packet each, and nothing follows that could be sent with them.
        let _ = stream.set_nodelay(true);
        let own = service.clone();
        let answer = service_fn(move |request| {
            let own = own.clone();
            async move { Ok::<_, Infallible>(own.answer(request).await) }
        });
        let connection = graceful.watch(server.serve_connection(TokioIo::new(stream), answer));
        let open = service.metrics.connections.clone();
        open.inc();
        tokio::spawn(async move {
            // What goes wrong with a connection is the client's to know.
            let _ = connection.await;
            open.dec();
            drop(place);
        });
    }
    service.closing.store(true, Ordering::Relaxed);
    drop(listener);
    if timeout(GRACE, graceful.shutdown()).await.is_err() {
        eprintln!("connections are still open after {GRACE:?}, and are cut");
    }
}

fn respond(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn refuse(status: StatusCode, why: &str) -> Response<Full<Bytes>> {
    respond(status, json!({ "error": why }).to_string())
}

fn not_allowed(method: &'static str) -> Response<Full<Bytes>> {
    let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, &format!("{method} is expected here"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
    response
}
