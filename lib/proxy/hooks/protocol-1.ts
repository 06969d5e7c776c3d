import { z } from 'zod';
import { clientRequest, serverResponse, type HookCall } from '../../hook/v1.js';
import { headerValue, withHeader } from '../http/headers.js';
import type { Hook, HookedRequest, HookedResponse, Protocol, Reply } from './hook.js';
import { readReply } from './read-reply.js';

const preReply = z.object({ PowerstripProtocolVersion: z.literal(1), ModifiedClientRequest: clientRequest });
const postReply = z.object({
  PowerstripProtocolVersion: z.literal(1),
  ModifiedServerResponse: serverResponse.extend({
    ContentType: z
      .string()
      .regex(/^[\t\x20-\x7e]*$/, 'expected the value of a header')
      .nullish(),
    Code: z.number().int().min(200).max(599),
  }),
});

export const protocol1: Protocol = {
  version: 1,
  write: (hook) => JSON.stringify(document(hook)),
  read(text, hook) {
    switch (hook.type) {
      case 'pre-hook':
        return { request: changedRequest(hook.request, readReply(text, preReply)) };
      case 'post-hook':
        return { response: changedResponse(hook.response, readReply(text, postReply)) };
      default:
        return {};
    }
  },
};

function document(hook: Hook): HookCall {
  const { method, url, body } = hook.request;
  const ClientRequest = { Method: method, Request: url, Body: body };
  if (hook.type === 'pre-hook') return { PowerstripProtocolVersion: 1, Type: 'pre-hook', ClientRequest };
  if (hook.type === 'unwind') throw new Error('protocol 1 knows no unwind');
  const { status, headers } = hook.response;
  return {
    PowerstripProtocolVersion: 1,
    Type: 'post-hook',
    ClientRequest,
    ServerResponse: {
      ContentType: headerValue(headers, 'content-type') ?? null,
      Body: hook.response.body,
      Code: status,
    },
  };
}

function changedRequest(request: HookedRequest, reply: z.infer<typeof preReply>): Reply['request'] {
  const { Method, Request, Body } = reply.ModifiedClientRequest;
  // In many languages, no text is the same as an empty one.
  const isNone = Body === '' && request.body === null;
  return { ...request, method: Method, url: Request, body: isNone ? null : (Body ?? request.body) };
}

function changedResponse(response: HookedResponse, reply: z.infer<typeof postReply>): Reply['response'] {
  const { ContentType, Body, Code } = reply.ModifiedServerResponse;
  const isSame = !ContentType || ContentType === headerValue(response.headers, 'content-type');
  const headers = isSame ? response.headers : withHeader(response.headers, 'Content-Type', ContentType);
  return { status: Code, headers, body: Body ?? response.body };
}
