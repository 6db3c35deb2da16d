//! Sockets to the name servers of a section: questions go out, answers come back to who waits for their number.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::ir::{NameServer, Resolvers};
use crate::state::{DnsCount, NameServerState, ResolversState};
use crate::wire::dns::{self, Fault, Kind, Records};

/// What one name server says to a question: the server's place in the section, and its answer.
pub(super) type Said = (usize, Result<Records, Fault>);

/// The questions that wait for an answer.
#[derive(Default)]
pub(super) struct Board {
    waiting: RefCell<HashMap<u16, Rc<Question>>>,
}

struct Question {
    name: String,
    kind: Kind,
    answers: UnboundedSender<Said>,
}

/// A question on the board; taken off when dropped. Answers that come later are outdated.
pub(super) struct Pinned {
    board: Rc<Board>,
    id: u16,
    pub(super) answers: UnboundedReceiver<Said>,
}

/// The name servers of a section.
pub(super) struct Post {
    board: Rc<Board>,
    state: Arc<ResolversState>,
    payload: u16,
    ways: Vec<Way>,
    _readers: JoinSet<()>,
}

/// How one name server is reached.
enum Way {
    Datagram(std::net::UdpSocket),
    Stream(Line),
    /// No socket can be had.
    None,
}

impl Post {
    /// Opens the sockets. Must be called on the resolver's runtime.
    pub(super) fn open(config: &Resolvers, state: &Arc<ResolversState>) -> Post {
        let board = Rc::new(Board::default());
        let mut readers = JoinSet::new();
        let ways = config.servers.iter().enumerate().map(|(at, server)| {
            if server.stream {
                return Way::Stream(Line::new(server, at, &board, state));
            }
            match datagram(server.addr) {
                Ok((to, from)) => {
                    readers.spawn_local(read(from, at, board.clone(), state.clone(), config.payload));
                    Way::Datagram(to)
                }
                Err(error) => {
                    tracing::error!("name server {}/{}: no socket: {error}", config.name, server.name);
                    Way::None
                }
            }
        });
        let ways = ways.collect();
        Post { board, state: state.clone(), payload: config.payload, ways, _readers: readers }
    }

    /// Asks all name servers. None if the name cannot be asked for.
    pub(super) fn send(&self, name: &str, kind: Kind) -> Option<Pinned> {
        let id = self.board.free_number()?;
        let bytes = dns::question(id, name, kind, self.payload)?;
        let (answers, said) = unbounded_channel();
        self.board.waiting.borrow_mut().insert(id, Rc::new(Question { name: name.to_owned(), kind, answers }));
        for (way, state) in self.ways.iter().zip(&self.state.servers) {
            let sent = match way {
                Way::Datagram(socket) => socket.send(&bytes).is_ok(),
                Way::Stream(line) => line.send(&bytes),
                Way::None => false,
            };
            state.count(if sent { DnsCount::Sent } else { DnsCount::SendError });
        }
        Some(Pinned { board: self.board.clone(), id, answers: said })
    }

    /// How many name servers there are.
    pub(super) fn len(&self) -> usize {
        self.ways.len()
    }
}

impl Board {
    /// A number that nobody can guess and no question has.
    fn free_number(&self) -> Option<u16> {
        let waiting = self.waiting.borrow();
        (0..TRIES).find_map(|_| {
            let mut bytes = [0; 2];
            aws_lc_rs::rand::fill(&mut bytes).ok()?;
            Some(u16::from_be_bytes(bytes)).filter(|id| !waiting.contains_key(id))
        })
    }

    /// An answer has come from the name server at that place.
    fn deliver(&self, at: usize, bytes: &[u8], state: &NameServerState) {
        let Some(id) = dns::number(bytes) else { return state.count(DnsCount::Invalid) };
        let Some(question) = self.waiting.borrow().get(&id).cloned() else {
            return state.count(DnsCount::Outdated);
        };
        let answer = dns::answer(bytes, &question.name, question.kind);
        state.count(match answer {
            Ok(_) => DnsCount::Valid,
            Err(Fault::Nx) => DnsCount::Nx,
            Err(Fault::Refused) => DnsCount::Refused,
            Err(Fault::Other) => DnsCount::Other,
            Err(Fault::Invalid) => DnsCount::Invalid,
            Err(Fault::Empty) => DnsCount::AnyError,
            Err(Fault::Alias) => DnsCount::CnameError,
            Err(Fault::Truncated) => DnsCount::Truncated,
        });
        // Whoever asked may have gone.
        let _ = question.answers.send((at, answer));
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.board.waiting.borrow_mut().remove(&self.id);
    }
}

/// A socket for questions, and the same one for answers.
fn datagram(to: SocketAddr) -> io::Result<(std::net::UdpSocket, UdpSocket)> {
    let any: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = std::net::UdpSocket::bind(any)?;
    socket.connect(to)?;
    socket.set_nonblocking(true)?;
    let answers = UdpSocket::from_std(socket.try_clone()?)?;
    Ok((socket, answers))
}

/// Reads answers for ever.
async fn read(socket: UdpSocket, at: usize, board: Rc<Board>, state: Arc<ResolversState>, payload: u16) {
    let Some(state) = state.servers.get(at) else { return };
    let mut bytes = vec![0; usize::from(payload) + 1];
    loop {
        match socket.recv(&mut bytes).await {
            Ok(len) if len > usize::from(payload) => state.count(DnsCount::TooBig),
            Ok(len) => board.deliver(at, bytes.get(..len).unwrap_or_default(), state),
            // Nobody listens there at present; the system says it once per question.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// Connections to a name server that is asked over TCP.
struct Line {
    addr: SocketAddr,
    at: usize,
    board: Rc<Board>,
    state: Arc<ResolversState>,
    connections: RefCell<Vec<Connection>>,
}

/// A connection: what it is told to send, and how many answers it owes.
struct Connection {
    questions: UnboundedSender<Vec<u8>>,
    owed: Rc<Cell<usize>>,
}

impl Line {
    fn new(server: &NameServer, at: usize, board: &Rc<Board>, state: &Arc<ResolversState>) -> Line {
        Line { addr: server.addr, at, board: board.clone(), state: state.clone(), connections: RefCell::default() }
    }

    /// Up to four questions share a connection (manual 5.3.2).
    fn send(&self, question: &[u8]) -> bool {
        let Ok(len) = u16::try_from(question.len()) else { return false };
        let bytes = [&len.to_be_bytes(), question].concat();
        let mut connections = self.connections.borrow_mut();
        connections.retain(|connection| !connection.questions.is_closed());
        if let Some(free) = connections.iter().find(|connection| connection.owed.get() < PIPELINED) {
            free.owed.set(free.owed.get() + 1);
            return free.questions.send(bytes).is_ok();
        }
        let (questions, told) = unbounded_channel();
        let owed = Rc::new(Cell::new(1));
        // Dropping the sender ends the task.
        tokio::task::spawn_local(talk(self.addr, self.at, told, owed.clone(), self.board.clone(), self.state.clone()));
        let sent = questions.send(bytes).is_ok();
        connections.push(Connection { questions, owed });
        sent
    }
}

/// Serves one connection until nothing was asked for a while, or it fails.
async fn talk(
    addr: SocketAddr,
    at: usize,
    mut questions: UnboundedReceiver<Vec<u8>>,
    owed: Rc<Cell<usize>>,
    board: Rc<Board>,
    state: Arc<ResolversState>,
) {
    let Some(state) = state.servers.get(at) else { return };
    let connected = tokio::time::timeout(IDLE, TcpStream::connect(addr)).await;
    let Ok(Ok(stream)) = connected else { return state.count(DnsCount::SendError) };
    let (mut from, mut to) = stream.into_split();
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        tokio::select! {
            question = questions.recv() => match question {
                Some(question) => {
                    if to.write_all(&question).await.is_err() {
                        return state.count(DnsCount::SendError);
                    }
                }
                None => return,
            },
            read = from.read_buf(&mut buffer) => {
                if !matches!(read, Ok(len) if len > 0) {
                    return;
                }
                while let Some(len) = message_len(&buffer) {
                    board.deliver(at, buffer.get(2..2 + len).unwrap_or_default(), state);
                    owed.set(owed.get().saturating_sub(1));
                    buffer.drain(..2 + len);
                }
            }
            () = tokio::time::sleep(IDLE) => return,
        }
    }
}

/// The length of the message at the start of the buffer, if it is complete.
fn message_len(buffer: &[u8]) -> Option<usize> {
    let len = usize::from(u16::from_be_bytes([*buffer.first()?, *buffer.get(1)?]));
    (buffer.len() >= 2 + len).then_some(len)
}

/// Questions that wait on one connection at most.
const PIPELINED: usize = 4;
/// A connection that carries nothing for so long is closed.
const IDLE: Duration = Duration::from_secs(5);
/// So many numbers are tried before the board counts as full.
const TRIES: usize = 64;
