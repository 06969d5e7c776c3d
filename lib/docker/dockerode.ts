import Dockerode from 'dockerode';
import { z } from 'zod';
import { AppError, hasCode, messageOf, statusCodeOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { shortId } from '../base/short-id.js';
import type { Container, ContainerEvent, Docker } from './docker.js';
import { createEventParser } from './parse-events.js';

/** Docker answers these calls in milliseconds; one that hangs must not hang the agent. */
const TIMEOUT_MS = 15_000;

/**
 * References that cannot name a container, and that Docker answers with a redirect however they are escaped. Dockerode would
 * follow it, and on a unix socket that throws where nothing can catch it.
 */
const LEADS_ELSEWHERE = /(^|\/)\.{0,2}(\/|$)/;

const inspection = z.object({
  Id: z.string(),
  Name: z.string(),
  State: z.object({ Running: z.boolean(), Pid: z.number(), StartedAt: z.string() }),
  Config: z.object({ Hostname: z.string().default(''), Labels: z.record(z.string(), z.string()).nullish() }),
  HostConfig: z.object({ NetworkMode: z.string() }),
  NetworkSettings: z.object({ SandboxKey: z.string().default('') }),
});

/** Docker through its API on a unix socket. */
export function createDocker(socketPath: string, log: Log): Docker {
  const api = new Dockerode({ socketPath });
  const abortSignal = () => AbortSignal.timeout(TIMEOUT_MS);

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
        return toContainer(inspection.parse(found));
      } catch (cause) {
        if (statusCodeOf(cause) === 404) return undefined;
        throw dockerError(`inspect ${reference}`, socketPath, cause);
      }
    },
    idsWithLabel: (label) =>
      call('list containers', async () => {
        const filters = { label: [label] };
        const found = await api.listContainers({ all: true, filters, abortSignal: abortSignal() });
        return found.map(({ Id }) => Id);
      }),
    async stop(id) {
      await call(`stop ${shortId(id)}`, async () => {
        await api
          .getContainer(id)
          .stop({ t: 0, abortSignal: abortSignal() })
          // 304: it no longer runs; 404: it no longer exists.
          .catch((error: unknown) => {
            if (![304, 404].includes(statusCodeOf(error) ?? 0)) throw error;
          });
      });
    },
    networkNames: () =>
      call('list networks', async () => {
        const found = await api.listNetworks({ abortSignal: abortSignal() });
        return found.map(({ Name }) => Name);
      }),
    // Not `/_ping`: dockerd's router answers that by itself, which says nothing about the daemon behind it.
    ping: () =>
      call('answer', async () => {
        await api.listContainers({ limit: 1, abortSignal: abortSignal() });
      }),
    events: (signal) =>
      call('events', async () => {
        const stream = await api.getEvents({
          filters: { type: ['container'], event: ['start', 'die', 'destroy', 'rename'] },
          abortSignal: signal,
        });
        return eventsOf(stream, log);
      }),
  };
}

/** Ends when the connection does, for whatever reason: the caller subscribes again in any case. */
async function* eventsOf(stream: NodeJS.ReadableStream, log: Log): AsyncGenerator<ContainerEvent> {
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

function toContainer(found: z.infer<typeof inspection>): Container {
  const { State: state, NetworkSettings: network } = found;
  const running = state.Running && state.Pid > 0;
  return {
    id: found.Id,
    name: found.Name.replace(/^\//, ''),
    running,
    pid: running ? state.Pid : 0,
    startedAt: Date.parse(state.StartedAt),
    run: running ? [state.Pid, state.StartedAt, network.SandboxKey].join(' ') : '',
    hostname: found.Config.Hostname,
    networkMode: found.HostConfig.NetworkMode,
    labels: found.Config.Labels ?? {},
  };
}

function dockerError(what: string, socketPath: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  if (statusCodeOf(cause) === undefined) {
    const why = hasCode(cause, 'ENOENT', 'ECONNREFUSED') ? 'is it running?' : messageOf(cause);
    return new AppError('unavailable', `Docker does not answer on ${socketPath}: ${why}`, { cause });
  }
  return new AppError('internal', `Docker could not ${what}: ${messageOf(cause)}`, { cause });
}
