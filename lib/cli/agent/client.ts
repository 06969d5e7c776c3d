import { z } from 'zod';
import { AppError, hasCode, messageOf, type ErrorKind } from '../../base/errors.js';
import { requestUnix, type UnixAnswer } from '../../os/request-unix.js';
import * as answers from './answers.js';

/** A call may have to wait for Open vSwitch. */
const TIMEOUT_MS = 30_000;
const HEALTH_TIMEOUT_MS = 5_000;
const CLUSTER_TIMEOUT_MS = 300_000;
/** No name in SocketPlane or Docker is longer. An empty one would turn the path into that of another call. */
const LONGEST_NAME = 255;

const KINDS: Record<number, ErrorKind> = {
  400: 'invalid',
  404: 'notFound',
  409: 'conflict',
  503: 'unavailable',
};

/** What a network's creator may choose, as `docker network create` calls it. What is left out is chosen by the agent. */
export interface NewNetwork {
  subnet?: string;
  gateway?: string;
  range?: string;
  internal?: boolean;
  /** By name. */
  aux?: Record<string, string>;
  labels?: Record<string, string>;
  options?: Record<string, string>;
}

export interface AgentClient {
  networks(): Promise<answers.NetworkAnswer[]>;
  network(id: string): Promise<answers.NetworkDetailsAnswer>;
  createNetwork(id: string, choice?: NewNetwork): Promise<answers.NetworkAnswer>;
  deleteNetwork(id: string): Promise<void>;
  connections(): Promise<answers.ConnectionAnswer[]>;
  /** By id, unique prefix or name. */
  connection(reference: string): Promise<answers.ConnectionAnswer>;
  /** Those of all hosts in the cluster. */
  leases(): Promise<answers.LeaseAnswer[]>;
  /** Puts back what is not there. */
  restore(from: {
    networks: readonly answers.NetworkAnswer[];
    leases: readonly answers.LeaseAnswer[];
  }): Promise<answers.RestoredAnswer>;
  cluster(): Promise<answers.ClusterAnswer>;
  /** Returns when the change is done, which may take as long as joining a cluster does. */
  changeCluster(
    what: 'bootstrap' | 'bind' | 'join' | 'leave',
    query?: Record<string, string | undefined>,
  ): Promise<answers.ClusterAnswer>;
  configuration(): Promise<answers.ConfigurationAnswer>;
  /** Makes the agent compare everything with what should be, and correct it. @throws AppError where that failed */
  converge(): Promise<void>;
  /** Also answers when the agent is not healthy. */
  health(): Promise<answers.HealthAnswer>;
}

/**
 * A client of the agent's REST API. All calls throw AppError, with the agent's own message or the reason why it could not be
 * asked.
 *
 * @param command how the user calls `socketplane`, for advice
 */
export function createAgentClient(socket: string, command = 'socketplane'): AgentClient {
  async function send(
    method: string,
    path: string,
    body?: unknown,
    timeout = TIMEOUT_MS,
  ): Promise<UnixAnswer> {
    try {
      return await requestUnix({ socket, method, path: `/v0.1${path}`, body, timeout });
    } catch (error) {
      throw explain(error, socket, command);
    }
  }

  async function call<T>(
    schema: z.ZodType<T>,
    method: string,
    path: string,
    body?: unknown,
    timeout?: number,
  ): Promise<T> {
    const answer = await send(method, path, body, timeout);
    if (answer.status >= 400) throw refusal(answer);
    return read(schema, answer, `${method} ${path}`);
  }

  function of(kind: string, id: string): string {
    if (id === '' || id.length > LONGEST_NAME) {
      throw new AppError(
        'invalid',
        `expected a name of 1 to ${LONGEST_NAME} characters, it has ${id.length}`,
      );
    }
    return `/${kind}/${encodeURIComponent(id)}`;
  }

  return {
    networks: () => call(z.array(answers.network), 'GET', '/networks'),
    network: async (id) => call(answers.networkDetails, 'GET', of('networks', id)),
    createNetwork: (id, choice) => call(answers.network, 'POST', '/networks', { id, ...choice }),
    async deleteNetwork(id) {
      const answer = await send('DELETE', of('networks', id));
      if (answer.status >= 400) throw refusal(answer);
    },
    connections: () => call(z.array(answers.connection), 'GET', '/connections'),
    connection: async (reference) => call(answers.connection, 'GET', of('connections', reference)),
    leases: () => call(z.array(answers.lease), 'GET', '/leases'),
    restore: (from) => call(answers.restored, 'POST', '/restore', from, CLUSTER_TIMEOUT_MS),
    cluster: () => call(answers.cluster, 'GET', '/cluster'),
    changeCluster(what, query = {}) {
      const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
      const path = `/cluster/${what}?${new URLSearchParams(given).toString()}`;
      return call(answers.cluster, 'POST', path, undefined, CLUSTER_TIMEOUT_MS);
    },
    configuration: () => call(answers.configuration, 'GET', '/configuration'),
    async converge() {
      const { ok } = await call(answers.converged, 'POST', '/converge');
      if (!ok)
        throw new AppError(
          'internal',
          `the agent could not correct everything: see \`${command} agent logs\``,
        );
    },
    async health() {
      return read(
        answers.health,
        await send('GET', '/healthz', undefined, HEALTH_TIMEOUT_MS),
        'GET /healthz',
      );
    },
  };
}

function read<T>(schema: z.ZodType<T>, { status, body }: UnixAnswer, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new AppError(
      'internal',
      `the agent answered ${what} with ${status} and no JSON: is it SocketPlane's?`,
    );
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AppError(
    'internal',
    `the agent's answer to ${what} cannot be understood (${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}): ` +
      'are agent and command of the same version?',
  );
}

function refusal({ status, body }: UnixAnswer): AppError {
  let message = `the agent answered ${status}`;
  try {
    message = answers.failure.parse(JSON.parse(body)).message;
  } catch {
    // The answer is not from the agent: the status has to do.
  }
  return new AppError(KINDS[status] ?? 'internal', message);
}

function explain(error: unknown, socket: string, command: string): AppError {
  if (error instanceof AppError) return error;
  const start = `start it with \`${command} agent start\``;
  if (hasCode(error, 'ENOENT', 'ENOTDIR')) {
    return new AppError('unavailable', `the agent is not running (no ${socket}): ${start}`, { cause: error });
  }
  if (hasCode(error, 'ECONNREFUSED')) {
    return new AppError('unavailable', `the agent is not running (nothing listens on ${socket}): ${start}`, {
      cause: error,
    });
  }
  if (hasCode(error, 'EACCES', 'EPERM')) {
    return new AppError(
      'unavailable',
      `no permission to use ${socket}: become root or a member of the group docker`,
      { cause: error },
    );
  }
  return new AppError('unavailable', `the agent on ${socket} cannot be reached: ${messageOf(error)}`, {
    cause: error,
  });
}
