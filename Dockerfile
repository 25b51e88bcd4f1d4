# Two images from one builder: `hub`, the server (the default target), and `loadtest`, the load harness.
#
#   docker build --tag hub .
#   docker run --publish 7700:7700 --env HUB__MODE=development hub              # play money, at once
#   docker run --rm --volume hub-data:/var/lib/hub --env-file secrets.env hub init   # once: begins the log
#   docker run --publish 7700:7700 --volume hub-data:/var/lib/hub --env-file secrets.env hub
#
#   docker build --target loadtest --tag hub-loadtest .
#   docker run --name smoke --network host hub-loadtest run /etc/loadtest/smoke.toml
#   docker cp smoke:/var/lib/loadtest/smoke.report.json .
#
# Needs BuildKit, the default since Docker 23: the caches below keep what was compiled between builds.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY protocol protocol
COPY core core
COPY io io
COPY actors actors
COPY clients clients
COPY config config
COPY hub hub
COPY loadtest loadtest
COPY tests tests
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked -p hub -p loadtest \
    && install -D --strip --target-directory=/out target/release/hub target/release/loadtest

# The same Debian as the builder's, so that the C library fits. Nothing is installed: the page, the client and the
# cryptography are in the binary, the hub's own certificate is the reverse proxy's.
FROM debian:bookworm-slim AS runtime
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin hub

FROM runtime AS loadtest
# Reports go into the current directory: one the user may write to, or a whole run ends without its report.
RUN install -d -o 10001 -g 10001 /var/lib/loadtest
WORKDIR /var/lib/loadtest
COPY --from=build /out/loadtest /usr/local/bin/
COPY config/loadtest /etc/loadtest/
USER 10001:10001
ENTRYPOINT ["loadtest"]
CMD ["--help"]

FROM runtime AS hub
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/hub
COPY --from=build /out/hub /usr/local/bin/
# Whom the hub trusts when it posts alerts by HTTPS: the authorities of the builder's Debian.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY config/hub.toml config/dev.toml config/production.toml /etc/hub/
# Production by default: an image that opened a demo by itself would end up on the internet. It says what it needs.
ENV HUB_CONFIG_DIR=/etc/hub \
    HUB__MODE=production \
    HUB__SERVER__LISTEN=0.0.0.0:7700 \
    HUB__JOURNAL__DIRECTORY=/var/lib/hub
VOLUME /var/lib/hub
EXPOSE 7700
USER 10001:10001
STOPSIGNAL SIGTERM
# Alive, not ready: a hub that drains, or waits for Redis, must not be killed for it. Nothing is answered until the log
# is replayed, and a hub that is killed for that never starts: half an hour is some hundred million records. The first
# answer ends the period, and a hub that cannot start ends by itself. Longer logs: --health-start-period (docs/operating.md).
# Asked of the admin server, which answers also when the public one is full. Bash's own sockets: no curl needed.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30m --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/7701 && printf 'GET /health/live HTTP/1.0\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]"]
ENTRYPOINT ["hub"]
CMD ["serve"]
