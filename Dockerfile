# One image in place of two: `haproxy` (mount /usr/local/etc/haproxy/haproxy.cfg, or give its options) and `dockercloud/haproxy`
# (mount /var/run/docker.sock). The last stage is the image; `--target api` is the replica of the example in compose.yaml.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin hydroxy && cp target/release/hydroxy /hydroxy

FROM debian:bookworm-slim AS base
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 99 --system haproxy \
    && useradd --gid haproxy --home-dir /var/lib/haproxy --no-create-home --system --uid 99 haproxy \
    && mkdir -p /usr/local/etc/haproxy /var/lib/haproxy \
    && chown haproxy:haproxy /var/lib/haproxy
COPY --from=build /hydroxy /usr/local/bin/hydroxy
RUN ln -s ../bin/hydroxy /usr/local/sbin/haproxy

FROM base AS api
USER haproxy
EXPOSE 80
ENTRYPOINT ["/usr/local/bin/hydroxy", "demo", "--replica", "--listen", ":80"]

FROM base
# The variables of dockercloud/haproxy with its defaults.
ENV RSYSLOG_DESTINATION=127.0.0.1 \
    MODE=http \
    BALANCE=roundrobin \
    MAXCONN=4096 \
    OPTION="redispatch, httplog, dontlognull, forwardfor" \
    TIMEOUT="connect 5000, client 50000, server 50000" \
    STATS_PORT=1936 \
    STATS_AUTH="stats:stats" \
    SSL_BIND_OPTIONS=no-sslv3 \
    HEALTH_CHECK="check inter 2000 rise 2 fall 3" \
    NBPROC=1
EXPOSE 80 443 1936
# It starts as root for the ports and the engine's socket, and goes on as the user haproxy.
HEALTHCHECK --interval=10s --timeout=3s CMD ["/usr/local/bin/hydroxy", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/hydroxy", "entrypoint"]
