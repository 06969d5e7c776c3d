# Agent, proxy and everything they use in one image; the command decides which of them runs. `npm run image` builds it.
ARG BASE=node:22-bookworm-slim

# `npm run image` passes in the built product. A plain clone is copied without one (see .dockerignore).
FROM ${BASE} AS product
LABEL socketplane.stage=product
WORKDIR /usr/local/lib/socketplane
COPY . .
RUN [ -e dist/.built ] || { npm ci && npm run build && npm prune --omit=dev; }
# A base made by `lib/install/without-registry/debian-base` already has Consul and everything else that the product uses.
RUN mkdir /consul && { command -v consul >/dev/null || { \
    apt-get update && \
    apt-get install --yes --no-install-recommends debian-archive-keyring && \
    lib/install/without-registry/consul-program /consul/consul; }; }

FROM ${BASE}
RUN command -v consul >/dev/null || { \
    apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
      openvswitch-switch iproute2 iptables ethtool util-linux curl && \
    rm -rf /var/lib/apt/lists; }
COPY --from=product /consul /usr/local/bin
WORKDIR /usr/local/lib/socketplane
COPY --from=product /usr/local/lib/socketplane/node_modules node_modules
COPY --from=product /usr/local/lib/socketplane/package.json /usr/local/lib/socketplane/proxy.yml ./
COPY --from=product /usr/local/lib/socketplane/bin bin
COPY --from=product /usr/local/lib/socketplane/adapters adapters
COPY --from=product /usr/local/lib/socketplane/lib/ui/static lib/ui/static
COPY --from=product /usr/local/lib/socketplane/dist dist
RUN ln -s ../lib/socketplane/bin/socketplane ../lib/socketplane/bin/socketplaned ../lib/socketplane/bin/powerstrip /usr/local/bin
HEALTHCHECK --interval=10s --timeout=10s --retries=3 CMD ["/usr/local/lib/socketplane/bin/health", "agent"]
CMD ["socketplaned"]
