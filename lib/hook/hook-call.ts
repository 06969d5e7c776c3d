import { z } from 'zod';
import type { HookCall } from './v2.js';

const caller = z.discriminatedUnion('Transport', [
  z.object({ Transport: z.literal('unix'), Uid: z.number(), Gid: z.number(), Pid: z.number() }),
  z.object({
    Transport: z.literal('tls'),
    Subject: z.record(z.string(), z.union([z.string(), z.array(z.string())])).nullable(),
    Fingerprint: z.string().nullable(),
    Address: z.string(),
  }),
  z.object({ Transport: z.literal('tcp'), Address: z.string() }),
]);
const headers = z.record(z.string(), z.string());
const clientRequest = z.object({
  Method: z.string(),
  Request: z.string(),
  Headers: headers,
  Body: z.unknown(),
});
const serverResponse = z.object({ Code: z.number(), Headers: headers, Body: z.unknown() });
const reason = z.object({
  By: z.enum(['adapter', 'docker', 'client']),
  Adapter: z.string().optional(),
  Code: z.number().optional(),
  Message: z.string(),
});

const common = {
  PowerstripProtocolVersion: z.literal(2),
  RequestId: z.string(),
  Endpoint: z.string(),
  ApiVersion: z.string().nullable(),
  Caller: caller,
  ClientRequest: clientRequest,
};

/** What an adapter at a URL is sent: a hook of protocol 2. */
export const hookCall: z.ZodType<HookCall> = z.discriminatedUnion('Type', [
  z.object({ ...common, Type: z.literal('pre-hook') }),
  z.object({ ...common, Type: z.literal('post-hook'), ServerResponse: serverResponse }),
  z.object({
    ...common,
    Type: z.literal('unwind'),
    Hook: z.enum(['pre-hook', 'post-hook']),
    Reason: reason,
  }),
]);
