//! A container's web server: says its name to whoever asks.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

pub struct Replica {
    end: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    thread: Option<JoinHandle<()>>,
}

impl Replica {
    /// Listens at 127.0.1.NUMBER.
    pub fn new(number: u8, port: u16) -> Replica {
        let listener = TcpListener::bind((format!("127.0.1.{number}"), port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (end, open) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (ended, streams) = (end.clone(), open.clone());
        let thread = std::thread::spawn(move || {
            while !ended.load(SeqCst) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        stream.set_nonblocking(false).unwrap();
                        streams.lock().unwrap().push(stream.try_clone().unwrap());
                        let ended = ended.clone();
                        std::thread::spawn(move || serve(stream, number, &ended));
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(1)),
                }
            }
        });
        Replica { end, open, thread: Some(thread) }
    }
}

/// Like a server that takes SIGTERM seriously: what has begun is answered, then everything is closed.
impl Drop for Replica {
    fn drop(&mut self) {
        self.end.store(true, SeqCst);
        self.thread.take().unwrap().join().unwrap();
        for stream in self.open.lock().unwrap().drain(..) {
            // What was asked before is still answered.
            let _ = stream.shutdown(Shutdown::Read);
        }
    }
}

fn serve(mut stream: TcpStream, number: u8, ended: &AtomicBool) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    while lines.next().is_some() {
        if lines.by_ref().take_while(|line| !line.is_empty()).count() == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
        let close = if ended.load(SeqCst) { "Connection: close\r\n" } else { "" };
        let body = format!("api-{number}\n");
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{close}\r\n{body}", body.len());
        if stream.write_all(text.as_bytes()).is_err() || ended.load(SeqCst) {
            return;
        }
    }
}
