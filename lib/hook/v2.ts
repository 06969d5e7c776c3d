import { z } from 'zod';

/**
 * Hook protocol, version 2: version 1 plus the identity of call and caller, headers, JSON bodies as JSON, answers in
 * Docker's place (`Continue: false`), and notice that a call has failed after all (`unwind`).
 */

/** Who made the call, according to the kernel or TLS. */
export type Caller =
  | {
      Transport: 'unix';
      /** Of the process that connected, at the time it connected. */
      Uid: number;
      Gid: number;
      /** 0 when the process is in a PID namespace that the proxy cannot see. */
      Pid: number;
    }
  | {
      Transport: 'tls';
      /**
       * Attributes of the certificate's subject, for example `{ "CN": "alice", "O": "ops" }`; null without a
       * certificate.
       */
      Subject: Record<string, string | string[]> | null;
      /** SHA-256 of the certificate: hex digits in pairs with colons between. */
      Fingerprint: string | null;
      /** IP address of the client. */
      Address: string;
    }
  | { Transport: 'tcp'; Address: string };

/** Names in lower case. A header that was sent more than once has its values joined with `, `. */
export type Headers = Record<string, string>;

/** A JSON value; also null when there is no body, or one that is not JSON (such bodies stream past the hooks). */
export type Body = unknown;

export interface ClientRequest {
  Method: string;
  /** Path with API version and query string, as the client sent it. */
  Request: string;
  Headers: Headers;
  Body: Body;
}

export interface ServerResponse {
  /** HTTP status. */
  Code: number;
  Headers: Headers;
  Body: Body;
}

interface Hook {
  PowerstripProtocolVersion: 2;
  /** Unique for each call of a client; the proxy's log has it too. */
  RequestId: string;
  /** The patterns in proxy.yml that the call matches. */
  Endpoint: string;
  /** The version in the path, for example `1.45`; null when there is none. */
  ApiVersion: string | null;
  Caller: Caller;
  /** In a pre-hook, as the previous hook returned it; otherwise, as Docker got it. */
  ClientRequest: ClientRequest;
}

/** Before Docker. */
export interface PreHook extends Hook {
  Type: 'pre-hook';
}

/** After Docker, even when Docker answered with an error. */
export interface PostHook extends Hook {
  Type: 'post-hook';
  ServerResponse: ServerResponse;
}

/**
 * The call has failed after this adapter's hook ran. Sent once for each of its hooks, in reverse order, even when the
 * adapter's answer was lost; so what is to be undone may never have been done.
 */
export interface Unwind extends Hook {
  Type: 'unwind';
  /** Which of the adapter's hooks this is about. */
  Hook: 'pre-hook' | 'post-hook';
  Reason: Reason;
}

export interface Reason {
  /**
   * Who ended the call: an adapter that refused it, failed, or answered in Docker's place; Docker, with an error or by
   * not answering; or the client, by leaving.
   */
  By: 'adapter' | 'docker' | 'client';
  /** The adapter's name, if it was an adapter. */
  Adapter?: string;
  /** The status that the client gets; absent if the client has left. */
  Code?: number;
  Message: string;
}

export type HookCall = PreHook | PostHook | Unwind;

/** Whatever is left out stays as it is. A header of `null` is removed. */
export interface RequestChanges {
  Method?: string;
  /** The query may change, but not the path. */
  Request?: string;
  Headers?: Record<string, string | null>;
  /** Null leaves the body as it is. */
  Body?: Body;
}

/** Whatever is left out stays as it is. */
export interface ResponseChanges {
  Code?: number;
  Headers?: Record<string, string | null>;
  Body?: Body;
}

/** A complete answer. `Body` is sent as JSON; if `content-type` says something else, it is a string, sent as it is. */
export interface Answer {
  Code: number;
  Headers?: Record<string, string>;
  Body?: Body;
}

/** Go on, perhaps with a changed request; or, with `Continue: false`, answer without Docker or any later hooks. */
export type PreHookReply =
  | { PowerstripProtocolVersion: 2; ModifiedClientRequest?: RequestChanges; Continue?: true }
  | { PowerstripProtocolVersion: 2; Continue: false; ServerResponse: Answer };

export interface PostHookReply {
  PowerstripProtocolVersion: 2;
  ModifiedServerResponse?: ResponseChanges;
}

const version = z.literal(2, 'expected 2');
const headerValue = z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'expected the value of a header');
const changedHeaders = z.record(z.string(), headerValue.nullable());
const status = z.number().int().min(200).max(599);

export const preHookReply = z
  .strictObject({
    PowerstripProtocolVersion: version,
    ModifiedClientRequest: z
      .strictObject({
        Method: z.string().optional(),
        Request: z.string().optional(),
        Headers: changedHeaders.optional(),
        Body: z.unknown().optional(),
      })
      .optional(),
    Continue: z.boolean().default(true),
    ServerResponse: z
      .strictObject({
        Code: status,
        Headers: z.record(z.string(), headerValue).default({}),
        Body: z.unknown().optional(),
      })
      .optional(),
  })
  .refine(({ Continue, ServerResponse }) => Continue === (ServerResponse === undefined), {
    error: 'expected ServerResponse where Continue is false, and only there',
  })
  .refine((reply) => reply.Continue || reply.ModifiedClientRequest === undefined, {
    error: 'expected no ModifiedClientRequest where Continue is false',
  });

export const postHookReply = z.strictObject({
  PowerstripProtocolVersion: version,
  ModifiedServerResponse: z
    .strictObject({
      Code: status.optional(),
      Headers: changedHeaders.optional(),
      Body: z.unknown().optional(),
    })
    .optional(),
});
