//! Asks a running `--example serve` from many connections at once, and compares every answer with that of the model
//! called directly: `ask ADDRESS MODEL.dlm CONNECTIONS REQUESTS`, so many requests on each connection.
//!
//! Load is for a load generator to make; this finds answers that are lost, wrong, or somebody else's.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use dl_backends::Model;
use dl_core::{DType, TensorRef};

/// Answers by status, and those that were not the model's.
#[derive(Default)]
struct Seen {
    statuses: BTreeMap<u16, usize>,
    wrong: usize,
    micros: Vec<u128>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, path, connections, requests] = &arguments[..] else {
        return Err("usage: ask ADDRESS MODEL.dlm CONNECTIONS REQUESTS".into());
    };
    let (connections, requests): (usize, usize) = (connections.parse()?, requests.parse()?);
    let model = Model::load(path)?;
    let begun = Instant::now();
    let all = std::thread::scope(|scope| {
        let ask = |number| {
            let model = &model;
            scope.spawn(move || connection(address, model, number, requests).map_err(|e| e.to_string()))
        };
        let threads: Vec<_> = (0..connections).map(ask).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("it did not panic"))
            .collect::<Result<Vec<_>, _>>()
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let (mut statuses, mut wrong, mut micros) = (BTreeMap::<u16, usize>::new(), 0, vec![]);
    for seen in all {
        seen.statuses.into_iter().for_each(|(status, count)| *statuses.entry(status).or_default() += count);
        wrong += seen.wrong;
        micros.extend(seen.micros);
    }
    micros.sort_unstable();
    let at =
        |part: f64| micros.get((micros.len().saturating_sub(1) as f64 * part) as usize).copied().unwrap_or(0);
    println!(
        "{connections} connections: {} answers, by status {statuses:?}, {wrong} wrong; {:.0} a second, p50 {} µs, p99 {} µs",
        micros.len(),
        micros.len() as f64 / seconds,
        at(0.5),
        at(0.99)
    );
    if wrong > 0 { Err("answers are wrong".into()) } else { Ok(()) }
}

fn connection(address: &str, model: &Model, number: usize, requests: usize) -> Result<Seen, Box<dyn Error>> {
    let [input] = model.inputs() else { return Err("a model of one input is expected".into()) };
    if input.dtype != DType::U8 {
        return Err("a model of bytes is expected".into());
    }
    let sizes: Vec<usize> = input.shape.iter().skip(1).filter_map(|dim| dim.size()).collect();
    let shape: Vec<usize> = [1].into_iter().chain(sizes).collect();
    let mut stream = BufReader::new(TcpStream::connect(address)?);
    stream.get_ref().set_nodelay(true)?;
    let (mut seen, mut runner) = (Seen::default(), model.runner());
    for request in 0..requests {
        // An example that no other request has.
        let own = number * requests + request;
        let count: usize = shape.iter().product();
        let element = |i: usize| ((own >> (i % 16)) * 37 + i * 11 + own * 5) % 17;
        let x: Vec<u8> = (0..count).map(|i| element(i) as u8).collect();
        let head = "POST /predict HTTP/1.1\r\nhost: service\r\ncontent-type: application/octet-stream\r\n";
        let head = format!("{head}content-length: {count}\r\n\r\n");
        let begun = Instant::now();
        stream.get_mut().write_all(&[head.as_bytes(), &x].concat())?;
        let (status, body) = answer(&mut stream)?;
        seen.micros.push(begun.elapsed().as_micros());
        *seen.statuses.entry(status).or_default() += 1;
        if status == 200 {
            let want = runner.run(&[TensorRef::new(&shape, &x)?])?.read("p")?.to_f64();
            let got = numbers(&body);
            // To the last bit: whatever it was put together with.
            if !got.iter().copied().map(f64::from).eq(want) {
                seen.wrong += 1;
            }
        }
    }
    Ok(seen)
}

fn answer(stream: &mut BufReader<TcpStream>) -> Result<(u16, String), Box<dyn Error>> {
    let (mut status, mut length, mut line) = (0, 0, String::new());
    while stream.read_line(&mut line)? > 2 {
        let lower = line.trim().to_lowercase();
        if let Some(rest) = lower.strip_prefix("http/1.1 ") {
            status = rest.get(..3).unwrap_or(rest).parse()?;
        } else if let Some(rest) = lower.strip_prefix("content-length: ") {
            length = rest.parse()?;
        }
        line.clear();
    }
    if status == 0 {
        return Err("the connection was closed without an answer".into());
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((status, String::from_utf8(body)?))
}

/// Those of `"p":[…]`.
fn numbers(body: &str) -> Vec<f32> {
    let list =
        body.split_once("\"p\":[").and_then(|(_, rest)| rest.split_once(']')).map_or("", |(list, _)| list);
    list.split(',').filter_map(|x| x.parse().ok()).collect()
}
