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

/** What the proxy sends to an adapter. */
export type HookCall =
  | { PowerstripProtocolVersion: 1; Type: 'pre-hook'; ClientRequest: ClientRequest }
  | {
      PowerstripProtocolVersion: 1;
      Type: 'post-hook';
      ClientRequest: ClientRequest;
      ServerResponse: ServerResponse;
    };
