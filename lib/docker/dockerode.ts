import Dockerode from 'dockerode';
import { AppError, hasCode, messageOf, statusCodeOf, type ErrorKind } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { shortId } from '../base/short-id.js';
import { readContainers, readInspection, readNetworks } from './answers.js';
import type { Docker, DockerEvent } from './docker.js';
import { createEventParser } from './parse-events.js';

/** Docker answers these calls in milliseconds; one that hangs must not hang the agent. */
const TIMEOUT_MS = 15_000;
/** These make Docker ask a driver, possibly one that is slow, and one call after another. */
const PATIENCE_MS = 60_000;

const EVENTS = ['start', 'die', 'destroy', 'rename', 'create', 'connect', 'disconnect'];
/** Docker refuses to remove a network in use with 403, and a name that is taken with 409. */
const KINDS: Record<number, ErrorKind> = { 403: 'conflict', 404: 'notFound', 409: 'conflict' };

/**
 * References that cannot name a container, and that Docker answers with a redirect however they are escaped. Dockerode would
 * follow it, and on a unix socket that throws where nothing can catch it.
 */
const LEADS_ELSEWHERE = /(^|\/)\.{0,2}(\/|$)/;

/** Docker through its API on a unix socket. */
export function createDocker(socketPath: string, log: Log): Docker {
  const api = new Dockerode({ socketPath });
  const abortSignal = () => AbortSignal.timeout(TIMEOUT_MS);
  const patiently = () => AbortSignal.timeout(PATIENCE_MS);
  /** Dockerode's types lack the signal for these calls. */
  const withSignal = <O extends object>(options: O): O => ({ ...options, abortSignal: patiently() });

  async function call<T>(what: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (cause) {
      throw dockerError(what, socketPath, cause);
    }
  }

  return {
    async inspect(reference) {
      if (LEADS_ELSEWHERE.test(reference)) return undefined;
      try {
        const found = await api
          .getContainer(encodeURIComponent(reference))
          .inspect({ abortSignal: abortSignal() });
        return readInspection(found);
      } catch (cause) {
        if (statusCodeOf(cause) === 404) return undefined;
        throw dockerError(`inspect ${reference}`, socketPath, cause);
      }
    },
    containers: () =>
      call('list containers', async () =>
        readContainers(await api.listContainers({ all: true, abortSignal: abortSignal() })),
      ),
    networks: () =>
      call('list networks', async () => readNetworks(await api.listNetworks({ abortSignal: abortSignal() }))),
    createNetwork: (body) =>
      call(`create network ${String(body['Name'])}`, async () => {
        const { id } = await api.createNetwork({ Name: '', ...body, abortSignal: patiently() });
        return id;
      }),
    removeNetwork: (id) =>
      call(`remove network ${shortId(id)}`, () =>
        api
          .getNetwork(id)
          .remove(withSignal({}))
          .catch((error: unknown) => {
            if (statusCodeOf(error) !== 404) throw error;
          }),
      ),
    connect: (network, container, settings) =>
      call(`connect ${shortId(container)}`, () =>
        api.getNetwork(network).connect(withSignal({ Container: container, EndpointConfig: settings })),
      ),
    disconnect: (network, container) =>
      call(`disconnect ${shortId(container)}`, () =>
        api.getNetwork(network).disconnect(withSignal({ Container: container, Force: true })),
      ),
    start: (container) =>
      call(`start ${shortId(container)}`, () =>
        api
          .getContainer(container)
          .start(withSignal({}))
          .catch((error: unknown) => {
            if (statusCodeOf(error) !== 304) throw error;
          }),
      ),
    // Not `/_ping`: dockerd's router answers that by itself, which says nothing about the daemon behind it.
    ping: () =>
      call('answer', async () => {
        await api.listContainers({ limit: 1, abortSignal: abortSignal() });
      }),
    events: (signal) =>
      call('events', async () => {
        const stream = await api.getEvents({
          filters: { type: ['container', 'network'], event: EVENTS },
          abortSignal: signal,
        });
        return eventsOf(stream, log);
      }),
  };
}

/** Ends when the connection does, for whatever reason: the caller subscribes again in any case. */
async function* eventsOf(stream: NodeJS.ReadableStream, log: Log): AsyncGenerator<DockerEvent> {
  const parse = createEventParser();
  let reported = false;
  try {
    for await (const chunk of stream) {
      for (const parsed of parse(Buffer.from(chunk))) {
        if ('event' in parsed) {
          yield parsed.event;
          continue;
        }
        // Only once: a Docker that sends one such event sends more of them.
        if (!reported) log.warn('ignoring events from Docker that cannot be read', { error: parsed.problem });
        reported = true;
      }
    }
  } catch (error) {
    log.debug('events from Docker ended', { error: messageOf(error) });
  }
}

function dockerError(what: string, socketPath: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  if (statusCodeOf(cause) === undefined) {
    const why = hasCode(cause, 'ENOENT', 'ECONNREFUSED') ? 'is it running?' : messageOf(cause);
    return new AppError('unavailable', `Docker does not answer on ${socketPath}: ${why}`, { cause });
  }
  const kind = KINDS[statusCodeOf(cause) ?? 0] ?? 'internal';
  return new AppError(kind, `Docker could not ${what}: ${messageOf(cause)}`, { cause });
}
