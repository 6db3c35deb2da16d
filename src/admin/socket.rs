//! The runtime sockets (`stats socket`, management.txt 9.3): one thread for all of them, beside the cores.
//!
//! Without a prompt a connection carries one line and is closed after the answer; with one it stays until `quit`. A client that
//! sends several lines at once has them all answered, as HAProxy does. Which sockets there are changes with a reload; sessions go on.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Socket};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::cli::console::{Mode, SeverityOutput, Wait};
use super::cli::{self, Console, Level, Reply};
use super::descriptors::{self, Exposed};

/// A listening runtime socket.
pub struct Listening {
    /// The socket, non-blocking.
    pub socket: OwnedFd,
    /// Rights of those who connect.
    pub level: Level,
    /// `severity-output` of the line.
    pub severity: SeverityOutput,
    /// `expose-fd listeners`: gives the listening sockets to another process that asks for them.
    pub expose: bool,
}

/// Runs commands for a connection.
pub trait Interpreter: Send + Sync {
    /// Runs one command; `payload` is what came behind `<<`.
    fn run(&self, console: &mut Console, command: &str, payload: Option<&str>) -> Reply;
    /// Whether what a command waits for has come; an error says that it never will.
    fn has_come(&self, console: &mut Console, wait: &Wait) -> Result<bool, String>;
    /// Seconds since the start, for the prompt.
    fn uptime(&self) -> u64;
}

/// Copies of the process's listening sockets.
pub type Exposer = Arc<dyn Fn() -> Vec<Exposed> + Send + Sync>;

/// What bounds the connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Closes connections that say nothing (`stats timeout`).
    pub idle: Duration,
    /// How many are served at a time (`stats maxconn`).
    pub connections: usize,
}

/// The thread that serves runtime sockets.
pub struct Server {
    orders: UnboundedSender<Order>,
}

enum Order {
    Listen(Vec<Listening>, Limits),
    Talk(StdUnixStream, Level),
}

/// Starts the thread, which ends with the process or the `Server`.
pub fn serve(interpreter: Arc<dyn Interpreter>, exposer: Exposer) -> io::Result<Server> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (orders, inbox) = unbounded_channel();
    let thread = std::thread::Builder::new().name("runtime-api".into());
    thread.spawn(move || runtime.block_on(follow(inbox, interpreter, exposer)))?;
    Ok(Server { orders })
}

impl Server {
    /// From now on these are the sockets.
    pub fn listen(&self, sockets: Vec<Listening>, limits: Limits) {
        // The thread lives as long as the server.
        let _ = self.orders.send(Order::Listen(sockets, limits));
    }

    /// Serves a connection that came another way: from the supervisor's own socket.
    pub fn talk(&self, stream: StdUnixStream, level: Level) {
        let _ = self.orders.send(Order::Talk(stream, level));
    }
}

async fn follow(mut inbox: UnboundedReceiver<Order>, interpreter: Arc<dyn Interpreter>, exposer: Exposer) {
    let mut running = JoinSet::new();
    while let Some(order) = inbox.recv().await {
        match order {
            Order::Listen(sockets, limits) => {
                // Rights and limits may be others, so each is accepted on anew; what waits in a socket stays there.
                running.shutdown().await;
                let served = Arc::new(Semaphore::new(limits.connections.max(1)));
                for Listening { socket, level, severity, expose } in sockets {
                    let door = Door {
                        console: Console::new(level, severity, limits.idle),
                        served: served.clone(),
                        interpreter: interpreter.clone(),
                        exposer: expose.then(|| exposer.clone()),
                    };
                    running.spawn(accept(socket, door));
                }
            }
            Order::Talk(stream, level) => {
                let stream = stream.set_nonblocking(true).and_then(|()| UnixStream::from_std(stream));
                let console = Console::new(level, SeverityOutput::None, SUPERVISED_IDLE);
                if let Ok(mut stream) = stream {
                    let interpreter = interpreter.clone();
                    tokio::spawn(async move { session(&mut stream, console, interpreter, false).await });
                }
            }
        }
    }
}

/// What a listening socket gives its connections.
struct Door {
    console: Console,
    served: Arc<Semaphore>,
    interpreter: Arc<dyn Interpreter>,
    exposer: Option<Exposer>,
}

async fn accept(socket: OwnedFd, door: Door) {
    let socket = Socket::from(socket);
    let unix = socket.domain().is_ok_and(|domain| domain == Domain::UNIX);
    let result = match unix {
        true => accept_unix(socket, door).await,
        false => accept_tcp(socket, door).await,
    };
    if let Err(error) = result {
        tracing::error!(%error, "a runtime socket cannot be served");
    }
}

async fn accept_unix(socket: Socket, door: Door) -> io::Result<()> {
    let listener = UnixListener::from_std(OwnedFd::from(socket).into())?;
    loop {
        // The semaphore is never closed.
        let Ok(permit) = door.served.clone().acquire_owned().await else { return Ok(()) };
        match listener.accept().await {
            Ok((mut stream, _)) => {
                let (console, interpreter) = (door.console.clone(), door.interpreter.clone());
                let exposer = door.exposer.clone();
                drop(tokio::spawn(async move {
                    let idle = console.idle;
                    let end = session(&mut stream, console, interpreter, exposer.is_some()).await;
                    if let (End::Descriptors, Some(exposer)) = (end, exposer) {
                        // Who asks and goes away has not got them; nothing is to be done about it.
                        let _ = timeout(idle, descriptors::send(&stream, exposer())).await;
                        let _ = stream.shutdown().await;
                    }
                    drop(permit);
                }));
            }
            Err(_) => tokio::time::sleep(BACK_OFF).await,
        }
    }
}

async fn accept_tcp(socket: Socket, door: Door) -> io::Result<()> {
    let listener = TcpListener::from_std(OwnedFd::from(socket).into())?;
    loop {
        let Ok(permit) = door.served.clone().acquire_owned().await else { return Ok(()) };
        match listener.accept().await {
            Ok((mut stream, _)) => {
                let (console, interpreter) = (door.console.clone(), door.interpreter.clone());
                drop(tokio::spawn(async move {
                    session(&mut stream, console, interpreter, false).await;
                    drop(permit);
                }));
            }
            Err(_) => tokio::time::sleep(BACK_OFF).await,
        }
    }
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Closed,
    /// It wants the listening sockets.
    Descriptors,
}

/// One connection. Whoever breaks it or says nothing for too long is no news.
async fn session<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    mut console: Console,
    interpreter: Arc<dyn Interpreter>,
    expose: bool,
) -> End {
    let mut input = Input::default();
    while let Some(line) = input.line(stream, console.idle).await {
        if expose && line == "_getsocks" {
            return End::Descriptors;
        }
        let served = self::line(stream, &mut input, &mut console, &*interpreter, &line).await;
        let more = console.mode != Mode::Single || input.has_line();
        if served.is_none() || console.closing || !more {
            break;
        }
    }
    let _ = stream.shutdown().await;
    End::Closed
}

/// Answers one line, which may hold several commands; a payload belongs to the last. `None` once the connection is broken.
async fn line<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    input: &mut Input,
    console: &mut Console,
    interpreter: &dyn Interpreter,
    line: &str,
) -> Option<()> {
    let (line, payload) = match cli::payload(line) {
        Some((line, pattern)) => (line, Some(payload(stream, input, console, pattern).await?)),
        None => (line, None),
    };
    let commands = cli::split(line);
    let last = commands.len() - 1;
    for (at, command) in commands.into_iter().enumerate() {
        let payload = payload.as_deref().filter(|_| at == last);
        let Reply { mut text, wait } = interpreter.run(console, command, payload);
        if console.closing {
            return write(stream, console, &text).await;
        }
        if let Some(wait) = wait
            && let Err(why) = until(interpreter, console, &wait).await
        {
            text.push_str(&why);
        }
        text.push_str(&console.end(interpreter.uptime()));
        write(stream, console, &text).await?;
    }
    Some(())
}

/// The lines up to the one that is `pattern`; each keeps its end.
async fn payload<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    input: &mut Input,
    console: &Console,
    pattern: &str,
) -> Option<String> {
    let mut payload = String::new();
    loop {
        if console.mode == Mode::Prompt {
            write(stream, console, "+ ").await?;
        }
        let line = input.line(stream, console.idle).await?;
        if line == pattern {
            return Some(payload);
        }
        payload.push_str(&line);
        payload.push('\n');
        if payload.len() > LONGEST_PAYLOAD {
            return None;
        }
    }
}

/// Waits for what a command wants, at most so long.
async fn until(interpreter: &dyn Interpreter, console: &mut Console, wait: &Wait) -> Result<(), String> {
    let end = Instant::now() + wait.at_most;
    if wait.removable.is_none() {
        tokio::time::sleep_until(end).await;
        return Ok(());
    }
    while !interpreter.has_come(console, wait)? {
        if Instant::now() >= end {
            return Err("Wait delay expired.\n".to_owned());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, console: &Console, text: &str) -> Option<()> {
    timeout(console.idle, stream.write_all(text.as_bytes())).await.ok()?.ok()
}

/// What was received and not answered yet.
#[derive(Default)]
struct Input {
    bytes: Vec<u8>,
}

impl Input {
    fn has_line(&self) -> bool {
        memchr::memchr(b'\n', &self.bytes).is_some()
    }

    /// The next line without its end; at the end of the stream what is left counts as one. `None` at the end, on an error or when
    /// nothing comes for too long.
    async fn line<S: AsyncRead + Unpin>(&mut self, stream: &mut S, idle: Duration) -> Option<String> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.bytes) {
                let line = self.bytes.drain(..=end).collect::<Vec<u8>>();
                return Some(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned());
            }
            if self.bytes.len() > LONGEST_LINE {
                return None;
            }
            let mut chunk = [0; 4096];
            match timeout(idle, stream.read(&mut chunk)).await.ok()? {
                Ok(0) if self.bytes.is_empty() => return None,
                Ok(0) => return Some(String::from_utf8_lossy(&std::mem::take(&mut self.bytes)).into_owned()),
                Ok(length) => self.bytes.extend_from_slice(chunk.get(..length).unwrap_or_default()),
                Err(_) => return None,
            }
        }
    }
}

/// The supervisor closes what its own clients leave; this is for its sudden end.
const SUPERVISED_IDLE: Duration = Duration::from_secs(3600);
/// Pause after a failed accept, which mostly means that descriptors ran out.
const BACK_OFF: Duration = Duration::from_millis(100);
/// How often a condition is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// `tune.bufsize` by default, as HAProxy limits it.
const LONGEST_LINE: usize = 16 * 1024;
/// `tune.cli.max-payload-size` by default.
const LONGEST_PAYLOAD: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    struct Echo;

    impl Interpreter for Echo {
        fn run(&self, console: &mut Console, command: &str, payload: Option<&str>) -> Reply {
            match command {
                "prompt" => console.mode = Mode::Prompt,
                "prompt i" => console.mode = Mode::Interactive,
                "quit" => console.closing = true,
                _ => {
                    let payload = payload.map(|text| format!("[{text}]")).unwrap_or_default();
                    return Reply { text: format!("<{command}>{payload}\n"), wait: None };
                }
            }
            Reply { text: String::new(), wait: None }
        }

        fn has_come(&self, _: &mut Console, _: &Wait) -> Result<bool, String> {
            Ok(true)
        }

        fn uptime(&self) -> u64 {
            0
        }
    }

    fn ask(text: &str) -> io::Result<String> {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("hydroxy-socket-{}-{number}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        listener.set_nonblocking(true)?;
        let listening =
            Listening { socket: listener.into(), level: Level::Admin, severity: SeverityOutput::None, expose: true };
        let limits = Limits { idle: Duration::from_secs(5), connections: 1 };
        let server = serve(Arc::new(Echo), Arc::new(Vec::new))?;
        server.listen(vec![listening], limits);
        let mut stream = UnixStream::connect(&path)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        std::fs::remove_file(&path)?;
        stream.write_all(text.as_bytes())?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    #[test]
    fn what_is_sent_at_once_is_answered_and_the_connection_closed() -> io::Result<()> {
        assert_eq!(ask("show info\nshow stat;a\n")?, "<show info>\n\n<show stat>\n\n<a>\n\n");
        Ok(())
    }

    #[test]
    fn a_prompt_keeps_the_connection_until_quit() -> io::Result<()> {
        assert_eq!(ask("prompt\na\nb\nquit\nc\n")?, "\n> <a>\n\n> <b>\n\n> ");
        Ok(())
    }

    #[test]
    fn the_interactive_mode_has_no_prompt() -> io::Result<()> {
        assert_eq!(ask("prompt i\na\nquit\n")?, "\n<a>\n\n");
        Ok(())
    }

    #[test]
    fn a_payload_ends_with_its_pattern() -> io::Result<()> {
        assert_eq!(ask("a <<\nx\ny\n\nb\n")?, "<a >[x\ny\n]\n\n<b>\n\n");
        assert_eq!(ask("a;b <<END\nx\n\nEND\n")?, "<a>\n\n<b >[x\n\n]\n\n");
        assert_eq!(ask("prompt\na <<\nx\n\nquit\n")?, "\n> + + <a >[x\n]\n\n> ");
        Ok(())
    }
}
