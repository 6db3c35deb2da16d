//! The runtime sockets (`stats socket`, management.txt 9.3): one thread for all of them, beside the cores.
//!
//! Without a prompt a connection carries one line and is closed after the answer; with one it stays until `quit`.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Socket};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::time::timeout;

use super::cli::{After, Level};

/// A listening runtime socket.
pub struct Listening {
    /// The socket, non-blocking.
    pub socket: OwnedFd,
    /// Rights of those who connect.
    pub level: Level,
}

/// Runs one line of commands with the given rights.
pub type Handler = Arc<dyn Fn(Level, &str) -> (String, After) + Send + Sync>;

/// Starts the thread that serves the sockets until the process ends. `idle` closes connections that say nothing
/// (`stats timeout`).
pub fn serve(sockets: Vec<Listening>, idle: Duration, handler: Handler) -> io::Result<()> {
    if sockets.is_empty() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("runtime-api".into()).spawn(move || {
        runtime.block_on(async move {
            for listening in sockets {
                tokio::spawn(accept(listening, idle, handler.clone()));
            }
            std::future::pending::<()>().await;
        });
    })?;
    Ok(())
}

async fn accept(listening: Listening, idle: Duration, handler: Handler) {
    let Listening { socket, level } = listening;
    let socket = Socket::from(socket);
    let unix = socket.domain().is_ok_and(|domain| domain == Domain::UNIX);
    let result = match unix {
        true => accept_unix(socket, level, idle, handler).await,
        false => accept_tcp(socket, level, idle, handler).await,
    };
    if let Err(error) = result {
        tracing::error!(%error, "a runtime socket cannot be served");
    }
}

async fn accept_unix(socket: Socket, level: Level, idle: Duration, handler: Handler) -> io::Result<()> {
    let listener = UnixListener::from_std(OwnedFd::from(socket).into())?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(session(stream, level, idle, handler.clone()))),
            Err(_) => tokio::time::sleep(BACK_OFF).await,
        }
    }
}

async fn accept_tcp(socket: Socket, level: Level, idle: Duration, handler: Handler) -> io::Result<()> {
    let listener = TcpListener::from_std(OwnedFd::from(socket).into())?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(session(stream, level, idle, handler.clone()))),
            Err(_) => tokio::time::sleep(BACK_OFF).await,
        }
    }
}

/// One connection. Whoever breaks it or says nothing for too long is no news.
async fn session<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, level: Level, idle: Duration, handler: Handler) {
    let mut prompt = false;
    let mut input = Vec::new();
    loop {
        let Ok(Some(line)) = timeout(idle, line(&mut stream, &mut input)).await else { break };
        let (answer, after) = handler(level, &line);
        prompt ^= after == After::Prompt;
        let answer = if prompt && after != After::Quit { answer + "> " } else { answer };
        if !matches!(timeout(idle, stream.write_all(answer.as_bytes())).await, Ok(Ok(()))) {
            break;
        }
        if after == After::Quit || !prompt {
            break;
        }
    }
    let _ = stream.shutdown().await;
}

/// The next line without its end; at the end of the stream what is left counts as one. `None` at the end or on an error.
async fn line<S: AsyncRead + Unpin>(stream: &mut S, input: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = memchr::memchr(b'\n', input) {
            let line = input.drain(..=end).collect::<Vec<u8>>();
            return Some(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned());
        }
        if input.len() > LONGEST_LINE {
            return None;
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) if input.is_empty() => return None,
            Ok(0) => return Some(String::from_utf8_lossy(&std::mem::take(input)).into_owned()),
            Ok(length) => input.extend_from_slice(&chunk[..length]),
            Err(_) => return None,
        }
    }
}

/// Pause after a failed accept, which mostly means that descriptors ran out.
const BACK_OFF: Duration = Duration::from_millis(100);
/// `tune.bufsize` by default, as HAProxy limits it.
const LONGEST_LINE: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    fn echo() -> Handler {
        Arc::new(|_, line| match line {
            "prompt" => (String::new(), After::Prompt),
            "quit" => (String::new(), After::Quit),
            line => (format!("<{line}>\n\n"), After::Nothing),
        })
    }

    fn ask(text: &str) -> io::Result<String> {
        let directory = std::env::temp_dir().join(format!("hydroxy-socket-{}-{}", std::process::id(), text.len()));
        let _ = std::fs::remove_file(&directory);
        let listener = UnixListener::bind(&directory)?;
        listener.set_nonblocking(true)?;
        serve(vec![Listening { socket: listener.into(), level: Level::Admin }], Duration::from_secs(5), echo())?;
        let mut stream = UnixStream::connect(&directory)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        std::fs::remove_file(&directory)?;
        stream.write_all(text.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    #[test]
    fn one_line_is_answered_and_the_connection_closed() -> io::Result<()> {
        assert_eq!(ask("show info\nshow stat\n")?, "<show info>\n\n");
        Ok(())
    }

    #[test]
    fn a_prompt_keeps_the_connection_until_quit() -> io::Result<()> {
        assert_eq!(ask("prompt\na\nb\nquit\n")?, "> <a>\n\n> <b>\n\n> ");
        Ok(())
    }
}
