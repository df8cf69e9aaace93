# The service as a container: `docker build --tag jarvis-secretsd .`; docs/CONTAINERS.md says how to run it.

# Has npm, of which nothing is left in the end. Its Node is not the one that runs the service: package-lock.json pins that.
ARG NPM_IMAGE=node:26.10.0-trixie-slim
# Nothing runs in it while the image is built, so anything with glibc and libstdc++ can stand in, without a shell too.
ARG RUNTIME_IMAGE=debian:trixie-20261005-slim

FROM ${NPM_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY bin/pinned-node bin/
# Only the program is left of the package of Node: its headers and manuals are a third of it.
RUN npm ci --omit=dev --no-audit --no-fund \
 && install -D "$(bin/pinned-node --print process.execPath)" /image/bin/node \
 && rm -rf bin node_modules/.bin node_modules/node-linux-*
COPY LICENSE ./
COPY telemetry telemetry
COPY src src
COPY packaging/container/config.toml policy.yaml /image/jarvis-secretsd/
# A checkout may be closed to others, and the service is one of them. Node links libatomic, which the runtime image lacks.
RUN chmod -R u=rwX,go=rX /app /image/jarvis-secretsd \
 && mkdir -m 0700 /image/data /image/keys \
 && cp -L /usr/lib/*-linux-gnu/libatomic.so.1 /image/
# One start compiles for the first start of every container, which then takes two fifths less CPU time. Node keeps what it compiled
# for one user and one set of options. The vault that this start makes is thrown away.
RUN install -d -m 0700 -o 10001 -g 10001 /image/compiled /tmp/start
USER 10001:10001
RUN cd /tmp/start && cp /image/jarvis-secretsd/* . \
 && export NODE_COMPILE_CACHE=/image/compiled JARVIS_SECRETSD_SERVER_INIT=auto JARVIS_SECRETSD_SERVER_BIND_ADDR=127.0.0.1:0 \
    JARVIS_SECRETSD_PATHS_VAULT_PATH=data/vault.db JARVIS_SECRETSD_PATHS_AUDIT_PATH=data/audit \
    JARVIS_SECRETSD_PATHS_MASTER_KEY_PATH=keys/master.key JARVIS_SECRETSD_PATHS_BOOTSTRAP_TOKEN_PATH=keys/bootstrap.token \
 && { /image/bin/node --disable-sigusr1 --no-allocation-site-pretenuring /app/src/cli/main.ts --config config.toml > log & } \
 && until grep '"ready"' log; do kill -0 $! && sleep 0.1 || exit; done \
 && kill $! && wait $! && rm -rf /tmp/start/*
USER root

FROM ${RUNTIME_IMAGE}
LABEL org.opencontainers.image.title="jarvis-secretsd" \
      org.opencontainers.image.description="A secrets service for one host or one team, instrumented with OpenTelemetry" \
      org.opencontainers.image.version="0.2.1" \
      org.opencontainers.image.licenses="Apache-2.0"

COPY --from=build /image/libatomic.so.1 /usr/lib/
# No VOLUME: the engine would make an anonymous one where none is mounted, and the vault would be gone with the container.
COPY --from=build --chown=10001:10001 /image/data /data
COPY --from=build --chown=10001:10001 /image/keys /keys
COPY --from=build /image/jarvis-secretsd /etc/jarvis-secretsd
COPY --from=build /image/bin /usr/local/bin
COPY --from=build /app /app
COPY --from=build --chown=10001:10001 /image/compiled /app/compiled
ENV NODE_COMPILE_CACHE=/app/compiled

USER 10001:10001
EXPOSE 8081
STOPSIGNAL SIGTERM

# Without a shell: no `bin/jarvis-secretsd` in between, but Node has the options that it gives. `docker run … audit verify
# --config FILE` runs another command.
ENTRYPOINT ["/usr/local/bin/node", "--disable-sigusr1", "--no-allocation-site-pretenuring", "/app/src/cli/main.ts"]
CMD ["--config", "/etc/jarvis-secretsd/config.toml"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 \
  CMD ["/usr/local/bin/node", "/app/src/cli/main.ts", "health", "--config", "/etc/jarvis-secretsd/config.toml"]
