FROM node:26-slim

WORKDIR /usher
COPY package.json package-lock.json .npmrc ./
# The image brings Node and DATABASE_URL brings Postgres, so neither is fetched again from npm.
RUN npm ci --omit=dev --omit=optional --ignore-scripts
COPY src ./src
COPY migrations ./migrations
COPY examples ./examples
COPY LICENSE ./

ENV NODE_ENV=production \
    PORT=8080 \
    USHER_DATA_DIR=/data
RUN mkdir /data && chown node:node /data
VOLUME /data
USER node
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
