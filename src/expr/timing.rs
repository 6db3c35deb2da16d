//! How long the stages of a stream took (manual 8.4), for fetches and log aliases alike. All in milliseconds.

use super::Ctx;

impl Ctx<'_> {
    /// Handshakes of the connection, which belong to its first request (`%Th`).
    pub fn handshake_time(&self) -> u64 {
        if self.stream.began_ms == self.conn.accepted_ms { self.conn.handshake_ms.into() } else { 0 }
    }

    /// From the end of the handshakes to the first byte of the request (`%Ti`).
    pub fn idle_time(&self) -> u64 {
        self.first_byte().saturating_sub(self.stream.began_ms + self.handshake_time())
    }

    /// From the first byte of the request to the end of its head (`%TR`).
    pub fn request_time(&self) -> Option<u64> {
        span(Some(self.first_byte()), self.stream.request_ms)
    }

    /// From the accept or the end of the previous request to the end of the request's head (`%Tq`).
    pub fn whole_request_time(&self) -> Option<u64> {
        span(Some(self.stream.began_ms), self.stream.request_ms)
    }

    /// In queues (`%Tw`).
    pub fn queue_time(&self) -> Option<u64> {
        let from = self.stream.request_ms.unwrap_or(self.stream.began_ms + self.handshake_time());
        span(Some(from), self.stream.queue_ms)
    }

    /// To connect to the server (`%Tc`).
    pub fn connect_time(&self) -> Option<u64> {
        span(self.stream.queue_ms, self.stream.connect_ms)
    }

    /// From the connection to the end of the response's head (`%Tr`).
    pub fn response_time(&self) -> Option<u64> {
        span(self.stream.connect_ms, self.stream.response_ms)
    }

    /// Transfer of the data, which begins with the response's head in HTTP, with the connection in TCP (`%Td`).
    pub fn data_time(&self, is_tcp: bool) -> Option<u64> {
        let from = if is_tcp { self.stream.connect_ms } else { self.stream.response_ms };
        span(from, Some(self.end()))
    }

    /// From the first byte of the request to the end (`%Ta`).
    pub fn active_time(&self) -> u64 {
        self.end().saturating_sub(self.first_byte())
    }

    /// From the accept to the end (`%Tt`).
    pub fn total_time(&self) -> u64 {
        self.end().saturating_sub(self.stream.began_ms)
    }

    /// The same without the idle time (`%Tu`).
    pub fn user_time(&self) -> u64 {
        self.total_time().saturating_sub(self.idle_time())
    }

    /// When the request began to arrive. Without a byte there was no idle time: the whole wait counts as active.
    fn first_byte(&self) -> u64 {
        self.stream.first_byte_ms.unwrap_or(self.stream.began_ms + self.handshake_time())
    }

    /// The end of the stream, or now.
    fn end(&self) -> u64 {
        self.stream.end_ms.unwrap_or(self.now_ms)
    }
}

fn span(from: Option<u64>, to: Option<u64>) -> Option<u64> {
    Some(to?.saturating_sub(from?))
}
