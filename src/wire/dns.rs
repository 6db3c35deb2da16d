//! DNS messages (RFC 1035, RFC 2782, RFC 6891), as far as a resolver that asks and believes needs them (manual 5.3).

use std::net::IpAddr;
use std::str::FromStr;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Servers of a service.
    Srv,
}

/// What a valid answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// Of `A` and `AAAA`.
    Addresses(Vec<IpAddr>),
    /// Of `SRV`.
    Services(Vec<Service>),
}

/// One server of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The host's name, in lower case, without a dot at its end.
    pub target: String,
    /// Where it listens.
    pub port: u16,
    /// Its share of the load, 0 to 65535.
    pub weight: u16,
}

/// Why an answer is of no use; the names are those of the counters (management.txt 9.3 `show resolvers`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no such name.
    Nx,
    /// The server refuses.
    Refused,
    /// Another error of the server.
    Other,
    /// Not what the protocol allows.
    Invalid,
    /// No record of the kind that was asked for.
    Empty,
    /// The name is another one's, of which nothing is said.
    Alias,
    /// It did not fit.
    Truncated,
}

/// A question; none if the name cannot be one of a host. `payload` is how long an answer over UDP may be.
pub fn question(id: u16, name: &str, kind: Kind, payload: u16) -> Option<Vec<u8>> {
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(domain(name)?, kind.record_type()));
    let mut edns = Edns::new();
    edns.set_max_payload(payload);
    message.set_edns(edns);
    message.to_vec().ok()
}

/// The number by which an answer belongs to its question.
pub fn number(answer: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes([*answer.first()?, *answer.get(1)?]))
}

/// What an answer says to the question for the records of `kind` of `name`.
pub fn answer(bytes: &[u8], name: &str, kind: Kind) -> Result<Records, Fault> {
    let message = Message::from_vec(bytes).map_err(|_| Fault::Invalid)?;
    let asked = domain(name).ok_or(Fault::Invalid)?;
    if message.metadata.message_type != MessageType::Response {
        return Err(Fault::Invalid);
    }
    match message.metadata.response_code {
        ResponseCode::NoError => {}
        ResponseCode::NXDomain => return Err(Fault::Nx),
        ResponseCode::Refused => return Err(Fault::Refused),
        _ => return Err(Fault::Other),
    }
    let same = |query: &Query| query.name.eq_ignore_root(&asked) && query.query_type == kind.record_type();
    if !message.queries.first().is_some_and(same) {
        return Err(Fault::Invalid);
    }
    let (mut addresses, mut services) = (Vec::new(), Vec::new());
    let (mut owner, mut aliased) = (asked, false);
    for record in &message.answers {
        if !record.name.eq_ignore_root(&owner) {
            continue;
        }
        match &record.data {
            RData::CNAME(target) => (owner, aliased) = (target.0.clone(), true),
            RData::A(ip) if kind == Kind::A => addresses.push(IpAddr::V4(ip.0)),
            RData::AAAA(ip) if kind == Kind::Aaaa => addresses.push(IpAddr::V6(ip.0)),
            RData::SRV(srv) if kind == Kind::Srv => services.push(Service {
                target: srv.target.to_ascii().trim_end_matches('.').to_ascii_lowercase(),
                port: srv.port,
                weight: srv.weight,
            }),
            _ => {}
        }
    }
    match (addresses.is_empty() && services.is_empty(), aliased) {
        (true, true) => Err(Fault::Alias),
        (true, false) if message.metadata.truncation && !message.answers.is_empty() => Err(Fault::Truncated),
        (true, false) => Err(Fault::Empty),
        (false, _) if kind == Kind::Srv => Ok(Records::Services(services)),
        (false, _) => Ok(Records::Addresses(addresses)),
    }
}

impl Kind {
    fn record_type(self) -> RecordType {
        match self {
            Kind::A => RecordType::A,
            Kind::Aaaa => RecordType::AAAA,
            Kind::Srv => RecordType::SRV,
        }
    }
}

/// Labels as they are written: nothing is translated, since a configuration may name `_http._tcp` or an underscored host.
fn domain(name: &str) -> Option<Name> {
    let mut name = Name::from_ascii(name).or_else(|_| Name::from_str(name)).ok()?;
    name.set_fqdn(true);
    (!name.is_root()).then_some(name)
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::Record;
    use hickory_proto::rr::rdata::{A, AAAA, CNAME, SRV};

    use super::*;

    fn reply(kind: Kind, code: ResponseCode, answers: Vec<(&str, RData)>) -> Vec<u8> {
        let mut message = Message::new(7, MessageType::Response, OpCode::Query);
        message.metadata.response_code = code;
        message.add_query(Query::query(domain("a.example.org").unwrap(), kind.record_type()));
        for (owner, data) in answers {
            message.add_answer(Record::from_rdata(domain(owner).unwrap(), 60, data));
        }
        message.to_vec().unwrap()
    }

    fn a(ip: [u8; 4]) -> RData {
        RData::A(A(ip.into()))
    }

    #[test]
    fn a_question_can_be_read_again() {
        let bytes = question(0x1234, "a.example.org", Kind::Aaaa, 4096).unwrap();
        let message = Message::from_vec(&bytes).unwrap();
        assert_eq!(number(&bytes), Some(0x1234));
        assert_eq!(message.queries[0].name.to_ascii(), "a.example.org.");
        assert_eq!((message.queries[0].query_type, message.max_payload()), (RecordType::AAAA, 4096));
        assert!(message.metadata.recursion_desired);
        assert!(question(1, "", Kind::A, 512).is_none());
        assert!(question(1, &"a".repeat(64), Kind::A, 512).is_none());
        assert!(question(1, "_web._tcp.example.org", Kind::Srv, 512).is_some());
    }

    #[test]
    fn addresses_are_taken_from_records_of_the_name() {
        let bytes = reply(
            Kind::A,
            ResponseCode::NoError,
            vec![("A.Example.org", a([192, 0, 2, 1])), ("b.example.org", a([192, 0, 2, 2]))],
        );
        let expected = Records::Addresses(vec![[192, 0, 2, 1].into()]);
        assert_eq!(answer(&bytes, "a.example.org", Kind::A), Ok(expected));
        assert_eq!(answer(&bytes, "c.example.org", Kind::A), Err(Fault::Invalid));
        assert_eq!(answer(&bytes, "a.example.org", Kind::Aaaa), Err(Fault::Invalid));
    }

    #[test]
    fn aliases_are_followed() {
        let alias = |target: &str| RData::CNAME(CNAME(domain(target).unwrap()));
        let chain = vec![
            ("a.example.org", alias("b.example.org")),
            ("b.example.org", RData::AAAA(AAAA("::1".parse().unwrap()))),
        ];
        let bytes = reply(Kind::Aaaa, ResponseCode::NoError, chain);
        let expected = Records::Addresses(vec!["::1".parse().unwrap()]);
        assert_eq!(answer(&bytes, "a.example.org", Kind::Aaaa), Ok(expected));
        let dangling = reply(Kind::Aaaa, ResponseCode::NoError, vec![("a.example.org", alias("b.example.org"))]);
        assert_eq!(answer(&dangling, "a.example.org", Kind::Aaaa), Err(Fault::Alias));
    }

    #[test]
    fn services_have_a_port_and_a_weight() {
        let srv = RData::SRV(SRV::new(10, 2560, 8080, domain("Web1.example.org").unwrap()));
        let bytes = reply(Kind::Srv, ResponseCode::NoError, vec![("a.example.org", srv)]);
        let expected = Service { target: "web1.example.org".to_owned(), port: 8080, weight: 2560 };
        assert_eq!(answer(&bytes, "a.example.org", Kind::Srv), Ok(Records::Services(vec![expected])));
    }

    #[test]
    fn errors_have_names() {
        for (code, fault) in [
            (ResponseCode::NXDomain, Fault::Nx),
            (ResponseCode::Refused, Fault::Refused),
            (ResponseCode::ServFail, Fault::Other),
            (ResponseCode::NoError, Fault::Empty),
        ] {
            assert_eq!(answer(&reply(Kind::A, code, vec![]), "a.example.org", Kind::A), Err(fault));
        }
        let whole = reply(Kind::A, ResponseCode::NoError, vec![("a.example.org", a([192, 0, 2, 1]))]);
        for len in 0..whole.len() {
            assert_eq!(answer(&whole[..len], "a.example.org", Kind::A), Err(Fault::Invalid), "cut at {len}");
        }
    }
}
