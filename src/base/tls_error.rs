//! Errors of TLS by the numbers and texts of OpenSSL 3 (`openssl errstr`), as logs and rules of HAProxy name them (manual 7.3.4
//! `ssl_fc_err`).

/// Why TLS failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsError(u16);

/// Alerts of the peer (RFC 8446 section 6) have these reasons and up.
const ALERTS: u16 = 1000;
/// Where errors of the library for TLS begin.
const LIBRARY: u32 = 0x0a00_0000;

impl TlsError {
    /// None, or one that OpenSSL has no number for.
    pub const NONE: TlsError = TlsError(0);
    /// There is no signature that both sides know.
    pub const NO_SIGNATURE: TlsError = TlsError(118);
    /// The peer's certificate is not good.
    pub const BAD_CERTIFICATE: TlsError = TlsError(134);
    /// A message of HTTP came, asking for a proxy.
    pub const PROXY_REQUEST: TlsError = TlsError(155);
    /// A message of HTTP came.
    pub const HTTP_REQUEST: TlsError = TlsError(156);
    /// There is no key exchange that both sides know.
    pub const NO_GROUP: TlsError = TlsError(101);
    /// There is no cipher suite that both sides know.
    pub const NO_CIPHER: TlsError = TlsError(193);
    /// The peer has no certificate.
    pub const NO_CERTIFICATE: TlsError = TlsError(199);
    /// No certificate is for the name.
    pub const NO_NAME: TlsError = TlsError(234);
    /// There is no protocol that both sides know (ALPN).
    pub const NO_PROTOCOL: TlsError = TlsError(235);
    /// There is no version that both sides know.
    pub const NO_VERSION: TlsError = TlsError(258);
    /// What came is no TLS.
    pub const NO_TLS: TlsError = TlsError(267);
    /// A record could not be deciphered.
    pub const BAD_RECORD: TlsError = TlsError(281);

    /// An alert that the peer has sent.
    pub const fn alert(description: u8) -> Self {
        TlsError(ALERTS + description as u16)
    }

    /// OpenSSL's number; 0 for none.
    pub fn number(self) -> u32 {
        if self.0 == 0 { 0 } else { LIBRARY + u32::from(self.0) }
    }

    /// As OpenSSL tells it; nothing for none.
    pub fn text(self) -> Option<String> {
        if self.0 == 0 {
            return None;
        }
        let known = TEXTS.iter().find(|(reason, _)| *reason == self.0);
        let text = known.map_or_else(|| format!("reason({})", self.0), |(_, text)| (*text).to_owned());
        Some(format!("error:{:08X}:SSL routines::{text}", self.number()))
    }
}

const TEXTS: [(u16, &str); 43] = [
    (101, "no suitable key share"),
    (118, "no suitable signature algorithm"),
    (134, "certificate verify failed"),
    (155, "https proxy request"),
    (156, "http request"),
    (193, "no shared cipher"),
    (199, "peer did not return a certificate"),
    (234, "callback failed"),
    (235, "no application protocol"),
    (258, "unsupported protocol"),
    (267, "wrong version number"),
    (281, "decryption failed or bad record mac"),
    (1000, "sslv3 alert close notify"),
    (1010, "sslv3 alert unexpected message"),
    (1020, "sslv3 alert bad record mac"),
    (1021, "tlsv1 alert decryption failed"),
    (1022, "tlsv1 alert record overflow"),
    (1030, "sslv3 alert decompression failure"),
    (1040, "sslv3 alert handshake failure"),
    (1041, "sslv3 alert no certificate"),
    (1042, "sslv3 alert bad certificate"),
    (1043, "sslv3 alert unsupported certificate"),
    (1044, "sslv3 alert certificate revoked"),
    (1045, "sslv3 alert certificate expired"),
    (1046, "sslv3 alert certificate unknown"),
    (1047, "sslv3 alert illegal parameter"),
    (1048, "tlsv1 alert unknown ca"),
    (1049, "tlsv1 alert access denied"),
    (1050, "tlsv1 alert decode error"),
    (1051, "tlsv1 alert decrypt error"),
    (1060, "tlsv1 alert export restriction"),
    (1070, "tlsv1 alert protocol version"),
    (1071, "tlsv1 alert insufficient security"),
    (1080, "tlsv1 alert internal error"),
    (1086, "tlsv1 alert inappropriate fallback"),
    (1090, "tlsv1 alert user cancelled"),
    (1100, "tlsv1 alert no renegotiation"),
    (1109, "tlsv13 alert missing extension"),
    (1110, "tlsv1 unsupported extension"),
    (1112, "tlsv1 unrecognized name"),
    (1113, "tlsv1 bad certificate status response"),
    (1116, "tlsv13 alert certificate required"),
    (1120, "tlsv1 alert no application protocol"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_those_of_openssl() {
        let of = |error: TlsError| (error.number(), error.text().unwrap_or_default());
        assert_eq!(of(TlsError::NONE), (0, String::new()));
        assert_eq!(of(TlsError::NO_CIPHER), (0x0A00_00C1, "error:0A0000C1:SSL routines::no shared cipher".to_owned()));
        let unknown_ca = "error:0A000418:SSL routines::tlsv1 alert unknown ca";
        assert_eq!(of(TlsError::alert(48)), (167_773_208, unknown_ca.to_owned()));
        assert_eq!(of(TlsError::alert(255)).1, "error:0A0004E7:SSL routines::reason(1255)");
        assert!(TEXTS.is_sorted());
    }
}
