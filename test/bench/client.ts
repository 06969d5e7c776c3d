import { once } from 'node:events';
import http from 'node:http';

export interface Call {
  /** Path of the socket, outside the host. */
  socket: string;
  method: string;
  path: string;
  /** JSON, or bytes that come in chunks. */
  body?: object | Iterable<Buffer>;
  agent?: http.Agent;
}

/** Makes one call and reads the answer to its end; any status but 2xx is an error. */
export async function call({ socket, method, path, body, agent }: Call): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await receive({ socket, method, path, body, agent }, (chunk) => chunks.push(chunk));
  return Buffer.concat(chunks);
}

/** Like {@link call}, but keeps nothing of the answer. */
export async function receive(
  { socket, method, path, body, agent }: Call,
  onData: (chunk: Buffer) => void,
): Promise<void> {
  const isStream = body !== undefined && Symbol.iterator in body;
  const type = isStream ? 'application/x-tar' : 'application/json';
  const request = http.request({
    socketPath: socket,
    method,
    path,
    agent,
    headers: body && { 'Content-Type': type },
  });
  const answered = once(request, 'response') as Promise<[http.IncomingMessage]>;
  if (isStream) {
    for (const chunk of body) if (!request.write(chunk)) await once(request, 'drain');
    request.end();
  } else request.end(body && JSON.stringify(body));
  const [response] = await answered;
  response.on('data', onData);
  await once(response, 'end');
  const status = response.statusCode ?? 0;
  if (status < 200 || status > 299) throw new Error(`${method} ${path} on ${socket}: ${status}`);
}
