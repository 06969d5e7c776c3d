import type { Node } from '../lab/node.js';
import { ask, type Asked } from '../support/ask.js';

const CALL_MS = 120_000;
const SOCKETS = { proxy: '/run/socketplane/docker.sock', docker: '/run/docker.sock' } as const;
/** By the proxy, as users do, or past it. */
export type Way = keyof typeof SOCKETS;

/** An answer that the call did not expect. */
export class DockerRefusal extends Error {
  constructor(
    readonly status: number,
    call: string,
    text: string,
  ) {
    super(`${call}: ${status} ${text.trim()}`);
  }
}

/** Calls of Docker's API on a host: what its command does, without a process for each. */
export function dockerCalls(node: Node, way: Way = 'proxy') {
  async function call(
    method: string,
    path: string,
    body?: unknown,
    accepts: readonly number[] = [],
  ): Promise<Asked> {
    const answer = await ask(
      { socketPath: node.file(SOCKETS[way]), signal: AbortSignal.timeout(CALL_MS) },
      method,
      path,
      body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } },
    );
    if (answer.status >= 400 && !accepts.includes(answer.status)) {
      throw new DockerRefusal(answer.status, `${method} ${path} on ${node.name}`, answer.text);
    }
    return answer;
  }

  return {
    call,
    create: (name: string, body: object) => call('POST', `/containers/create?name=${name}`, body),
    start: (name: string) => call('POST', `/containers/${name}/start`),
    async wait(name: string, condition = 'not-running'): Promise<number> {
      const { json } = await call('POST', `/containers/${name}/wait?condition=${condition}`);
      return (json as { StatusCode: number }).StatusCode;
    },
    /** What it has printed, in one line. */
    async logs(name: string): Promise<string> {
      const { text } = await call('GET', `/containers/${name}/logs?stdout=1&stderr=1`);
      // Each piece has eight bytes before it that say how long it is.
      return text.replace(/[^\x20-\x7e]+/g, ' ').trim();
    },
    remove: (name: string) => call('DELETE', `/containers/${name}?force=1&v=1`),
    async inspect(name: string): Promise<Inspected> {
      return (await call('GET', `/containers/${name}/json`)).json as Inspected;
    },
    async list(): Promise<{ Names: string[]; State: string }[]> {
      return (await call('GET', '/containers/json?all=1')).json as { Names: string[]; State: string }[];
    },
  };
}

export interface Inspected {
  State: { Pid: number; Running: boolean };
  NetworkSettings: { Networks: Record<string, { IPAddress: string }> };
}

/** Addresses by network. */
export function addressesIn({ NetworkSettings }: Inspected): Record<string, string> {
  return Object.fromEntries(
    Object.entries(NetworkSettings.Networks).map(([network, { IPAddress }]) => [network, IPAddress]),
  );
}
