# kvsync as a container: the daemon as a user without privileges, with its config, its state and its folders in one volume.
#
#   docker build -t kvsync .
#   docker run --rm -v ./kv:/data kvsync init          # writes ./kv/kvsync.yaml
#   docker run -d --name kvsync --init -v ./kv:/data kvsync
#
# ./kv must be writable for the user 1000, or say: --user "$(id -u):$(id -g)".

FROM node:24-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# Without scripts: the Node of this image builds, and the one that npm would fetch is not needed.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY build.js bundle.json ./
COPY src ./src
RUN node build.js /kvsync/dist && rm /kvsync/dist/*.map
COPY package.json config.example.yaml config.schema.json LICENSE /kvsync/
COPY example /kvsync/example

FROM node:24-slim
LABEL org.opencontainers.image.title="kvsync" \
  org.opencontainers.image.description="Keep Cloudflare Workers KV namespaces and folders of files in step" \
  org.opencontainers.image.source="https://github.com/kvsync/kvsync" \
  org.opencontainers.image.licenses="MIT"
COPY --from=build /kvsync /opt/kvsync
RUN ln -s /opt/kvsync/dist/main.js /usr/local/bin/kvsync \
  && rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-* /usr/local/bin/yarn* \
  && install -d -o node -g node -m 750 /data
USER node
ENV NODE_ENV=production KVSYNC_CONFIG=/data/kvsync.yaml
WORKDIR /data
VOLUME /data
# A daemon that answers is well; a mapping that is held or fails is told by notices, /health and /metrics, and no restart helps against it.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["kvsync", "status", "--quiet"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["kvsync"]
CMD ["run"]
