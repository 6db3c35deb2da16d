//! Reason phrases and the built-in answers to errors (manual, `errorfile`): what HAProxy sends when no file replaces them.

/// The reason phrase that HAProxy writes for a status when nobody gave one.
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        210 => "Content Different",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        310 => "Too many Redirects",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Time-out",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Requested range unsatisfiable",
        417 => "Expectation failed",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Method failure",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        449 => "Retry With",
        450 => "Blocked by Windows Parental Controls",
        451 => "Unavailable For Legal Reasons",
        456 => "Unrecoverable Error",
        499 => "client has closed connection",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway or Proxy Error",
        503 => "Service Unavailable",
        504 => "Gateway Time-out",
        505 => "HTTP Version not supported",
        506 => "Variant also negotiate",
        507 => "Insufficient storage",
        508 => "Loop detected",
        509 => "Bandwidth Limit Exceeded",
        510 => "Not extended",
        511 => "Network authentication required",
        520 => "Web server is returning an unknown error",
        _ => class(status),
    }
}

/// The phrase for a status without one of its own.
fn class(status: u16) -> &'static str {
    match status / 100 {
        1 => "Informational",
        2 => "Success",
        3 => "Redirection",
        4 => "Client Error",
        5 => "Server Error",
        _ => "Other",
    }
}

/// A built-in answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ErrorPage {
    pub status: u16,
    /// Not always the phrase of `reason`: `Bad request`, `Bad Gateway`.
    pub reason: &'static str,
    pub body: &'static str,
    /// Whether the answer carries `connection: close`.
    pub close: bool,
    /// The complete answer as the HTTP/1 layer itself sends it, before any rule could run: with capitals, and for 400 and 408
    /// with `Connection: close`.
    pub bytes: &'static str,
}

/// The fields of a built-in answer besides the length, in the order of the text; `connection: close` follows where asked for.
pub const ERROR_PAGE_FIELDS: [(&str, &str); 2] = [("cache-control", "no-cache"), ("content-type", "text/html")];

/// The built-in answer with this status, if it is one of the codes of `errorfile`.
pub fn error_page(status: u16) -> Option<&'static ErrorPage> {
    ERROR_PAGES.iter().find(|page| page.status == status)
}

/// Every status that has a built-in answer.
pub fn error_pages() -> &'static [ErrorPage] {
    ERROR_PAGES
}

macro_rules! page {
    (@ $status:literal $reason:literal $length:literal $text:literal $close:expr, $connection:literal) => {
        ErrorPage {
            status: $status,
            reason: $reason,
            close: $close,
            body: page!(@body $status $reason $text),
            bytes: concat!(
                "HTTP/1.1 ", $status, " ", $reason, "\r\nContent-length: ", $length, "\r\nCache-Control: no-cache\r\n", $connection,
                "Content-Type: text/html\r\n\r\n", page!(@body $status $reason $text)
            ),
        }
    };
    (@body $status:literal $reason:literal $text:literal) => {
        concat!("<html><body><h1>", $status, " ", $reason, "</h1>\n", $text, "\n</body></html>\n")
    };
    ($status:literal $reason:literal $length:literal $text:literal) => { page!(@ $status $reason $length $text false, "") };
    (close $status:literal $reason:literal $length:literal $text:literal) => { page!(@ $status $reason $length $text true, "Connection: close\r\n") };
}

const ERROR_PAGES: &[ErrorPage] = &[
    page!(200 "OK" 58 "Service ready."),
    page!(close 400 "Bad request" 90 "Your browser sent an invalid request."),
    page!(401 "Unauthorized" 112 "You need a valid user and password to access this content."),
    page!(403 "Forbidden" 93 "Request forbidden by administrative rules."),
    page!(404 "Not Found" 83 "The resource could not be found."),
    page!(405 "Method Not Allowed" 147 "A request was made of a resource using a request method not supported by that resource."),
    page!(407 "Unauthorized" 112 "You need a valid user and password to access this content."),
    page!(close 408 "Request Time-out" 110 "Your browser didn't send a complete request in time."),
    page!(410 "Gone" 114 "The resource is no longer available and will not be available again."),
    page!(413 "Payload Too Large" 106 "The request entity exceeds the maximum allowed."),
    page!(close 414 "URI Too Long" 96 "The request target is longer than allowed."),
    page!(421 "Misdirected Request" 104 "Request sent to a non-authoritative server."),
    page!(422 "Unprocessable Content" 116 "The server cannot process the contained instructions."),
    page!(425 "Too Early" 80 "Your browser sent early data."),
    page!(429 "Too Many Requests" 117 "You have sent too many requests in a given amount of time."),
    page!(close 431 "Request Header Fields Too Large" 116 "The request fields are larger than allowed."),
    page!(500 "Internal Server Error" 97 "An internal server error occurred."),
    page!(501 "Not Implemented" 135 "The server does not support the functionality required to fulfill the request."),
    page!(502 "Bad Gateway" 107 "The server returned an invalid or incomplete response."),
    page!(503 "Service Unavailable" 107 "No server is available to handle this request."),
    page!(504 "Gateway Time-out" 92 "The server didn't respond in time."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_answers_announce_their_length() {
        for page in error_pages() {
            let announced = format!("\r\nContent-length: {}\r\n", page.body.len());
            assert!(page.bytes.contains(&announced), "{}: {}", page.status, page.body.len());
        }
        assert!(error_page(418).is_none());
    }

    #[test]
    fn the_answer_to_a_bad_request_is_haproxys_to_the_byte() {
        let expected = "HTTP/1.1 400 Bad request\r\nContent-length: 90\r\nCache-Control: no-cache\r\nConnection: close\r\n\
            Content-Type: text/html\r\n\r\n<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\n";
        assert_eq!(error_page(400).unwrap().bytes, expected);
        assert_eq!(
            (reason(400), reason(418), reason(299), reason(600)),
            ("Bad Request", "I'm a teapot", "Success", "Other")
        );
    }
}
