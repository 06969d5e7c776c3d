import http, { type ServerResponse } from 'node:http';
import type { Address } from '../config/address.js';
import { listenOn } from '../client/listen.js';

/** Answers `GET` for one path at an address of its own; the returned function stops that. */
export async function servePath(
  path: string,
  address: Address,
  answer: (res: ServerResponse) => void,
): Promise<() => void> {
  const server = http.createServer((req, res) => {
    if (req.method === 'GET' && req.url === path) answer(res);
    else {
      const message = `only GET ${path} is here`;
      res.writeHead(404, { 'Content-Type': 'application/json' }).end(`${JSON.stringify({ message })}\n`);
    }
  });
  await listenOn(server, address);
  return () => {
    server.close();
    server.closeAllConnections();
  };
}
