import { createServer } from 'node:https';
import express, { type ErrorRequestHandler } from 'express';
import { z } from 'zod';
import { httpStatus, messageOf } from '../../base/errors.js';
import { IDENTITY_PORT } from '../../base/ports.js';
import { listenTcp } from '../../os/listen-tcp.js';
import type { NodeCertificate } from '../consul/certificates.js';
import type { Claim, UnchangedClaim } from './claim.js';
import { machine, type Machine } from './machine.js';

export const IDENTITY_PATH = '/v1/identity';
const TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 64;

export const claimQuestion = z.strictObject({
  hostId: z.uuid(),
  machine,
  observed: z.strictObject({ version: z.number(), since: z.number() }).optional(),
});
export type ClaimQuestion = z.infer<typeof claimQuestion>;

export const claimAnswer = z.object({
  verdict: z.enum(['own', 'wait', 'taken']),
  holder: machine.optional(),
  version: z.number(),
});

/** Claims an identity for the machine that asks. */
export type AnswerClaim = (
  hostId: string,
  machine: Machine,
  observed: UnchangedClaim | undefined,
) => Promise<Claim>;

/**
 * Tells members that start whether their identity is in use, which they have to know before they take part in gossip. Only whoever
 * has the cluster's key can ask.
 *
 * @returns a function that stops it
 * @throws AppError `unavailable` when the port cannot be used
 */
export async function serveIdentities(options: {
  address: string;
  certificate: NodeCertificate;
  answer: AnswerClaim;
  port?: number;
}): Promise<() => Promise<void>> {
  const { address, certificate: pem, port = IDENTITY_PORT } = options;
  const server = createServer(
    {
      ...{ cert: pem.certificate, key: pem.privateKey, ca: pem.authority },
      ...{ requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' },
      ...{ handshakeTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS, headersTimeout: TIMEOUT_MS },
      connectionsCheckingInterval: 1_000,
    },
    createIdentityApp(options.answer),
  );
  server.maxConnections = MAX_CONNECTIONS;
  await listenTcp(server, { host: address, port });
  return async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
}

function createIdentityApp(claim: AnswerClaim): express.Express {
  const app = express();
  app.disable('x-powered-by');
  app.post(IDENTITY_PATH, express.json({ limit: '64kb' }), async (request, response) => {
    const { hostId, machine: asking, observed } = claimQuestion.parse(request.body);
    response.json(await claim(hostId, asking, observed));
  });
  const fail: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
    const status = error instanceof z.ZodError ? 400 : httpStatus(error);
    response.status(status).json({ message: messageOf(error) });
  };
  app.use(fail);
  return app;
}
