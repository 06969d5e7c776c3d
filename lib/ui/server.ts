import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, dirname } from 'node:path';
import express, { type RequestHandler } from 'express';
import { listenTcp } from '../os/listen-tcp.js';
import { ICON, MAP_HASH, moduleFiles, PAGE, readPage, STYLE } from './files.js';
import { guard, safeHeaders } from './guard.js';
import type { LiveView } from './live-view.js';

const LOOPBACK = '127.0.0.1';

export interface UiServer {
  /** Contains the token, so it is only for the user who started the server. */
  url: string;
  close(): Promise<void>;
}

/** Serves the page, and updates to what it shows. Nothing can be changed through it. */
export async function serveUi(options: { view: LiveView; token: string; port: number }): Promise<UiServer> {
  const { view, token, port } = options;
  const app = express();
  const server = createServer(app);
  const host = () => `${LOOPBACK}:${(server.address() as AddressInfo).port}`;
  app.disable('x-powered-by');
  app.use(safeHeaders(MAP_HASH), guard({ host, token }));
  const page = readPage();
  app.get('/', (_request, response) => void response.type('html').send(page));
  app.get('/style.css', send(STYLE));
  app.get('/icon.svg', send(ICON));
  for (const [url, file] of moduleFiles()) app.get(url, send(file));
  app.use('/page', express.static(PAGE, { index: false, redirect: false }));
  app.get('/events', events(view));
  app.use((_request, response) => void response.status(404).type('text').send('there is no such page\n'));

  await listenTcp(server, { host: LOOPBACK, port }, { advice: 'choose another port with --port' });
  return {
    url: `http://${host()}/?token=${token}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Serves one file, even where the product lies below a folder whose name begins with a dot. */
const send =
  (file: string): RequestHandler =>
  (_request, response) =>
    response.sendFile(basename(file), { root: dirname(file) });

/** Server-sent events: browsers reconnect to these by themselves. */
function events(view: LiveView): RequestHandler {
  return (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write('retry: 1000\n\n');
    let waiting: string | undefined;
    const give = (text: string) => {
      // A browser that was asleep gets the latest view once it has read what it was sent, and none of those in between.
      if (response.writableNeedDrain) waiting = text;
      else response.write(`data: ${text}\n\n`);
    };
    response.on('drain', () => {
      const text = waiting;
      waiting = undefined;
      if (text !== undefined) give(text);
    });
    response.once('close', view.watch(give));
  };
}
