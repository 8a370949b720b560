# kvsync as a container: the npm package on Node 24, as a user without privileges, with its config, its state and its folders in one volume.
#
#   docker build -t kvsync .
#   mkdir kv                                           # must be writable for the user 1000, or add: --user "$(id -u):$(id -g)"
#   docker run --rm -v ./kv:/data kvsync init          # writes ./kv/kvsync.yaml, to begin with
#   docker run -d --name kvsync --init --stop-timeout 30 -v ./kv:/data kvsync
#   docker exec kvsync kvsync status

FROM node:24-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# Without scripts: the Node of this image builds. The one that the package "node" would fetch is not needed.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# The same steps as `npm run build`. What the package has is said in package.json alone.
RUN node build.js \
  && node src/cli/help/write-man-page.ts \
  && npm pack --ignore-scripts --silent --pack-destination /tmp \
  && mkdir /kvsync \
  && tar -xzf /tmp/kvsync-*.tgz -C /kvsync --strip-components=1 --no-same-owner

FROM node:24-slim
LABEL org.opencontainers.image.title="kvsync" \
  org.opencontainers.image.description="Keep Cloudflare Workers KV namespaces and folders of files in step, back them up and move them" \
  org.opencontainers.image.source="https://github.com/kvsync/kvsync" \
  org.opencontainers.image.licenses="MIT"
COPY --from=build /kvsync /opt/kvsync
# kvsync needs Node alone: no package manager stays.
RUN ln -s /opt/kvsync/dist/main.js /usr/local/bin/kvsync \
  && rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-* /usr/local/bin/yarn* \
  && install -d -o node -g node -m 750 /data
USER node
ENV NODE_ENV=production KVSYNC_CONFIG=/data/kvsync.yaml
WORKDIR /data
VOLUME /data
# Healthy: the daemon answers. A mapping that is held or fails is told by notices, /health and /metrics: a restart does not help it.
# One that hangs does not, and timeout ends what asks it. For other commands than run, such as serve, say: --no-healthcheck.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["timeout", "8", "kvsync", "status", "--quiet"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["kvsync"]
CMD ["run"]
