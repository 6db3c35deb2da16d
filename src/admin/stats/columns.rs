//! The columns of `show stat` and of `;csv`: names and order are those of HAProxy 3.4 (management.txt 9.1), programs rely on both.

/// All columns in order. Those up to [`CORE`] are the core ones, then a `-`, then those of protocol modules.
pub const COLUMNS: [&str; 213] = [
    "pxname", "svname", "qcur", "qmax", "scur", "smax", "slim", "stot", "bin", "bout", "dreq", "dresp", "ereq",
    "econ", "eresp", "wretr", "wredis", "status", "weight", "act", "bck", "chkfail", "chkdown", "lastchg", "downtime",
    "qlimit", "pid", "iid", "sid", "throttle", "lbtot", "tracked", "type", "rate", "rate_lim", "rate_max",
    "check_status", "check_code", "check_duration", "hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx",
    "hrsp_other", "hanafail", "req_rate", "req_rate_max", "req_tot", "cli_abrt", "srv_abrt", "comp_in", "comp_out",
    "comp_byp", "comp_rsp", "lastsess", "last_chk", "last_agt", "qtime", "ctime", "rtime", "ttime", "agent_status",
    "agent_code", "agent_duration", "check_desc", "agent_desc", "check_rise", "check_fall", "check_health",
    "agent_rise", "agent_fall", "agent_health", "addr", "cookie", "mode", "algo", "conn_rate", "conn_rate_max",
    "conn_tot", "intercepted", "dcon", "dses", "wrew", "connect", "reuse", "cache_lookups", "cache_hits", "srv_icur",
    "src_ilim", "qtime_max", "ctime_max", "rtime_max", "ttime_max", "eint", "idle_conn_cur", "safe_conn_cur",
    "used_conn_cur", "need_conn_est", "uweight", "agg_server_status", "agg_server_check_status", "agg_check_status",
    "srid", "sess_other", "h1sess", "h2sess", "h3sess", "req_other", "h1req", "h2req", "h3req", "proto",
    "priv_idle_cur", "reqbin", "reqbout", "resbin", "resbout", "-", "ssl_sess", "ssl_reused_sess",
    "ssl_failed_handshake", "ssl_ocsp_staple", "ssl_failed_ocsp_staple", "h3_data", "h3_headers", "h3_cancel_push",
    "h3_push_promise", "h3_max_push_id", "h3_goaway", "h3_settings", "h3_no_error", "h3_general_protocol_error",
    "h3_internal_error", "h3_stream_creation_error", "h3_closed_critical_stream", "h3_frame_unexpected",
    "h3_frame_error", "h3_excessive_load", "h3_id_error", "h3_settings_error", "h3_missing_settings",
    "h3_request_rejected", "h3_request_cancelled", "h3_request_incomplete", "h3_message_error", "h3_connect_error",
    "h3_version_fallback", "pack_decompression_failed", "qpack_encoder_stream_error", "qpack_decoder_stream_error",
    "quic_rxbuf_full", "quic_dropped_pkt", "quic_dropped_pkt_bufoverrun", "quic_dropped_parsing_pkt",
    "quic_socket_full", "quic_sendto_err", "quic_sendto_err_unknwn", "quic_sent_pkt", "quic_lost_pkt",
    "quic_too_short_dgram", "quic_retry_sent", "quic_retry_validated", "quic_retry_error", "quic_half_open_conn",
    "quic_hdshk_fail", "quic_stless_rst_sent", "quic_conn_migration_done", "quic_transp_err_no_error",
    "quic_transp_err_internal_error", "quic_transp_err_connection_refused", "quic_transp_err_flow_control_error",
    "quic_transp_err_stream_limit_error", "quic_transp_err_stream_state_error", "quic_transp_err_final_size_error",
    "quic_transp_err_frame_encoding_error", "quic_transp_err_transport_parameter_error",
    "quic_transp_err_connection_id_limit", "quic_transp_err_protocol_violation_error",
    "quic_transp_err_invalid_token", "quic_transp_err_application_error", "quic_transp_err_crypto_buffer_exceeded",
    "quic_transp_err_key_update_error", "quic_transp_err_aead_limit_reached", "quic_transp_err_no_viable_path",
    "quic_transp_err_crypto_error", "quic_transp_err_unknown_error", "quic_data_blocked", "quic_stream_data_blocked",
    "quic_streams_blocked_bidi", "quic_streams_blocked_uni", "quic_ncbuf_gap_limit", "h2_headers_rcvd",
    "h2_data_rcvd", "h2_settings_rcvd", "h2_rst_stream_rcvd", "h2_goaway_rcvd", "h2_detected_conn_protocol_errors",
    "h2_detected_strm_protocol_errors", "h2_rst_stream_resp", "h2_goaway_resp", "h2_open_connections",
    "h2_backend_open_streams", "h2_total_connections", "h2_backend_total_streams", "h1_open_connections",
    "h1_open_streams", "h1_total_connections", "h1_total_streams", "h1_bytes_in", "h1_bytes_out",
    "h1_spliced_bytes_in", "h1_spliced_bytes_out",
];

/// How many columns are not a module's.
pub const CORE: usize = col("-");

/// The index of a column; at compile time an unknown name stops the build.
pub const fn col(name: &str) -> usize {
    let mut at = 0;
    while at < COLUMNS.len() {
        if same(COLUMNS[at].as_bytes(), name.as_bytes()) {
            return at;
        }
        at += 1;
    }
    panic!("no such column")
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_release() {
        assert_eq!((COLUMNS[0], COLUMNS[17], COLUMNS[33], COLUMNS[CORE]), ("pxname", "status", "rate", "-"));
        assert_eq!(COLUMNS.len(), 213);
    }
}
