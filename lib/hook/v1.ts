import { z } from 'zod';

/**
 * Hook protocol, version 1, as Powerstrip defined it. `Body` is the body's text, null when there is none or when it is
 * not JSON.
 */
export const clientRequest = z.object({
  Method: z.string(),
  /** Path with API version and query string, as the client sent it. */
  Request: z.string(),
  Body: z.string().nullish(),
});
export type ClientRequest = z.infer<typeof clientRequest>;

export const serverResponse = z.object({
  ContentType: z.string().nullish(),
  Body: z.string().nullish(),
  Code: z.number().int(),
});
export type ServerResponse = z.infer<typeof serverResponse>;

const version = z.literal(1);

/** What the proxy sends to an adapter. */
export const hookCall = z.discriminatedUnion('Type', [
  z.object({ PowerstripProtocolVersion: version, Type: z.literal('pre-hook'), ClientRequest: clientRequest }),
  z.object({
    PowerstripProtocolVersion: version,
    Type: z.literal('post-hook'),
    ClientRequest: clientRequest,
    ServerResponse: serverResponse,
  }),
]);
export type HookCall = z.infer<typeof hookCall>;

/** What an adapter answers to a pre-hook. */
export interface PreHookReply {
  PowerstripProtocolVersion: 1;
  ModifiedClientRequest: ClientRequest;
}

/** What an adapter answers to a post-hook. */
export interface PostHookReply {
  PowerstripProtocolVersion: 1;
  ModifiedServerResponse: ServerResponse;
}
