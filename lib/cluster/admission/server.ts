import { createServer } from 'node:https';
import type { Server as TcpServer } from 'node:net';
import express, { type ErrorRequestHandler } from 'express';
import { z } from 'zod';
import { AppError, httpStatus, messageOf } from '../../base/errors.js';
import { ADMISSION_PORT } from '../../base/ports.js';
import type { Log } from '../../base/log.js';
import { listenTcp } from '../../os/listen-tcp.js';
import type { NodeCertificate } from '../consul/certificates.js';
import type { Underlay } from '../../base/model.js';
import { onSegment } from '../underlay.js';

export const ADMISSION_PATH = '/v1/admission';
/** Ports that only root may send from. */
export const PRIVILEGED = { first: 512, last: 1_023 } as const;

const TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 32;
const MAX_HEADERS = 4_096;
const WINDOW_MS = 60_000;
const PER_WINDOW = 20;

const admissionRequest = z.strictObject({ cluster: z.string().min(1).max(63), hostId: z.uuid() });
export const admissionAnswer = z.object({ key: z.string(), peers: z.array(z.ipv4()) });
export type AdmissionAnswer = z.infer<typeof admissionAnswer>;

export interface AdmissionOptions {
  cluster: string;
  underlay: Underlay;
  certificate: NodeCertificate;
  answer: () => AdmissionAnswer;
  log: Log;
  port?: number;
}

/**
 * Gives the cluster's key to hosts on the same segment that ask for it. Without a key from the user, this is all the trust
 * that a cluster has: whoever is root on a host of the segment may join. Requests must come from a port that only root may
 * use, which keeps that host's other users out; TLS keeps the key from mere eavesdroppers.
 *
 * @returns a function that stops it
 * @throws AppError `unavailable` when the port cannot be used
 */
export async function serveAdmission(options: AdmissionOptions): Promise<() => Promise<void>> {
  const { underlay, certificate, port = ADMISSION_PORT } = options;
  const server = createServer(
    {
      cert: certificate.certificate,
      key: certificate.privateKey,
      minVersion: 'TLSv1.3',
      handshakeTimeout: TIMEOUT_MS,
      requestTimeout: TIMEOUT_MS,
      headersTimeout: TIMEOUT_MS,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: MAX_HEADERS,
    },
    createAdmissionApp(options),
  );
  server.maxConnections = MAX_CONNECTIONS;
  // Before a byte of TLS is read; no one beyond the segment can fake a source address on it.
  (server as TcpServer).prependListener('connection', (socket) => {
    const { remoteAddress = '', remotePort = 0 } = socket;
    const root = remotePort >= PRIVILEGED.first && remotePort <= PRIVILEGED.last;
    if (!root || !onSegment(underlay, remoteAddress)) socket.destroy();
  });
  await listenTcp(server, { host: underlay.address, port });
  return async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
}

function createAdmissionApp({ cluster, answer, log }: AdmissionOptions): express.Express {
  const app = express();
  app.disable('x-powered-by');
  const limited = createLimit();
  app.use((request, _response, next) => {
    if (limited(request.socket.remoteAddress ?? '')) {
      throw new AppError('unavailable', 'asked too often: try again in a minute');
    }
    next();
  });
  app.post(ADMISSION_PATH, express.json({ limit: '1kb' }), (request, response) => {
    const asked = admissionRequest.safeParse(request.body);
    if (!asked.success) throw new AppError('invalid', 'not a request for admission');
    if (asked.data.cluster !== cluster) {
      throw new AppError('conflict', `this host belongs to cluster ${cluster}, not ${asked.data.cluster}`);
    }
    log.info('host admitted to the cluster', {
      host: asked.data.hostId,
      address: request.socket.remoteAddress,
    });
    response.set('cache-control', 'no-store').json(answer());
  });
  app.use((_request, _response, next) => next(new AppError('notFound', 'nothing here')));
  const fail: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
    const status = error instanceof AppError ? httpStatus(error) : 400;
    response.status(status).json({ message: messageOf(error) });
  };
  app.use(fail);
  return app;
}

/** Allows so many calls per source in a window of time. Everything is forgotten when the window ends, so it cannot grow. */
function createLimit(): (source: string) => boolean {
  const counts = new Map<string, number>();
  let since = performance.now();
  return (source) => {
    if (performance.now() - since > WINDOW_MS) {
      counts.clear();
      since = performance.now();
    }
    const count = (counts.get(source) ?? 0) + 1;
    counts.set(source, count);
    return count > PER_WINDOW;
  };
}
