import { EventEmitter } from 'node:events';
import { z } from 'zod';
import { connect, type CallOptions, type ConsulEndpoint, type WaitOptions } from './connect.js';
import { statusCodeOf } from '../../base/errors.js';
import { bodyOf, deniedIn, failureOf, keyRight, NODE_RIGHT, SESSION_RIGHT, type Right } from './failure.js';
import type { KvOperation } from './operation.js';

/** Together with what {@link failureOf} may need to find the reason, an answer takes less than 2.2 s. */
const TIMEOUT_MS = 1_700;
/** How long a query on a prefix waits for a change. A leader cut off from its followers is noticed within that time. */
const WAIT_S = 10;
/** Consul lengthens waits by up to a sixteenth, at random. */
const WAIT_MS = (WAIT_S + WAIT_S / 16) * 1_000;

const kvEntry = z.object({
  Key: z.string(),
  /** Null where there is no value, and where the operation does not ask for it. */
  Value: z.string().nullable(),
  ModifyIndex: z.number().int().positive(),
  /** The session that holds the key. */
  Session: z.string().optional(),
});
export type KvEntry = z.infer<typeof kvEntry>;

const transactionAnswer = z.object({ Results: z.array(z.object({ KV: kvEntry })).nullable() });
const transactionRefused = z.object({ Errors: z.array(z.object({ OpIndex: z.number(), What: z.string() })) });

const checkList = z.array(z.object({ Node: z.string(), CheckID: z.string() }));

export type Outcome =
  { done: true; entries: KvEntry[] } | { done: false; failed: { index: number; why: string }[] };

export interface SessionOptions {
  name: string;
  /** Checks of the Consul agent whose failure ends the session. */
  checks: string[];
  /** What happens to the session's keys when it ends. */
  behavior: 'release' | 'delete';
  ttlSeconds: number;
  /** How long no one can lock a key after the session that held it was ended. */
  lockDelaySeconds: number;
}

/** The parts of Consul's HTTP API used here. All calls but waits throw AppError `unavailable` within 2.2 s. */
export interface ConsulClient {
  /** Applies all operations or none; reads see everything that was committed before. */
  transact(operations: KvOperation[]): Promise<Outcome>;
  /**
   * What is under a prefix, as soon as that has changed since `index`; with `index` 0, at once. Now and then also
   * answers when nothing has changed.
   */
  changed(prefix: string, index: number, signal: AbortSignal): Promise<{ index: number; entries: KvEntry[] }>;
  /** Nodes on which a check passes, as soon as any check has changed since `index`, in the same way. */
  passing(check: string, index: number, signal: AbortSignal): Promise<{ index: number; nodes: string[] }>;
  createSession(options: SessionOptions): Promise<string>;
  /** Returns false if the session has ended. */
  renewSession(id: string): Promise<boolean>;
  destroySession(id: string): Promise<void>;
  close(): void;
}

export function createConsulClient(endpoint: ConsulEndpoint): ConsulClient {
  const where = endpoint.address;
  const consul = connect(endpoint);

  async function call<T>(right: Right, work: (options: CallOptions) => Promise<T>): Promise<T> {
    try {
      return await work({ timeout: TIMEOUT_MS });
    } catch (error) {
      throw await failureOf(error, where, right, (timeout) => consul.status.leader({ timeout }));
    }
  }

  /** A query that is answered when there is something newer than `index`, or after a while. */
  async function wait(
    right: Right,
    query: (options: WaitOptions) => Promise<unknown>,
    index: number,
    signal: AbortSignal,
  ): Promise<{ at: number; body: unknown }> {
    signal.throwIfAborted();
    const ctx = Object.assign(new EventEmitter(), { includeResponse: true });
    const cancel = () => ctx.emit('cancel');
    signal.addEventListener('abort', cancel);
    try {
      const answer = await call(right, ({ timeout = 0 }) =>
        query({
          ctx,
          ...(index > 0
            ? { index: String(index), wait: `${WAIT_S}s`, timeout: WAIT_MS + timeout }
            : { timeout }),
        }),
      );
      return waited.parse(answer);
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  return {
    async transact(operations) {
      const parts = operations.map(({ Value, ...rest }) => ({
        KV: Value === undefined ? rest : { ...rest, Value: encode(Value) },
      }));
      const rightOf = (index: number) => keyRight(operations[index]?.Key ?? '');
      const answer = await call(rightOf(0), (options) =>
        consul.transaction.create(parts, { ...options, consistent: true }).catch((error: unknown) => {
          if (statusCodeOf(error) === 409) return error;
          throw error;
        }),
      );
      if (!(answer instanceof Error)) {
        const { Results } = transactionAnswer.parse(answer);
        return { done: true, entries: (Results ?? []).map(({ KV }) => ({ ...KV, Value: decode(KV.Value) })) };
      }
      const { Errors } = transactionRefused.parse(bodyOf(answer));
      const denied = deniedIn(Errors, where, rightOf);
      if (denied) throw denied;
      return { done: false, failed: Errors.map(({ OpIndex, What }) => ({ index: OpIndex, why: What })) };
    },

    async changed(prefix, index, signal) {
      const query = (options: WaitOptions) => consul.kv.get({ key: prefix, recurse: true, ...options });
      const { at, body } = await wait(keyRight(prefix), query, index, signal);
      return { index: at, entries: z.array(kvEntry).parse(body ?? []) };
    },

    async passing(check, index, signal) {
      const query = (options: WaitOptions) => consul.health.state({ state: 'passing', ...options });
      const { at, body } = await wait(NODE_RIGHT, query, index, signal);
      const found = checkList.parse(body ?? []).filter(({ CheckID }) => CheckID === check);
      return { index: at, nodes: found.map(({ Node }) => Node).sort() };
    },

    async createSession({ name, checks, behavior, ttlSeconds, lockDelaySeconds }) {
      const answer = await call(SESSION_RIGHT, (options) =>
        consul.session.create({
          ...options,
          name,
          checks,
          behavior,
          ttl: `${ttlSeconds}s`,
          lockdelay: `${lockDelaySeconds}s`,
        }),
      );
      return z.object({ ID: z.string() }).parse(answer).ID;
    },
    renewSession: (id) =>
      call(SESSION_RIGHT, (options) =>
        consul.session.renew({ ...options, id }).then(
          () => true,
          (error: unknown) => {
            if (statusCodeOf(error) === 404) return false;
            throw error;
          },
        ),
      ),
    async destroySession(id) {
      await call(SESSION_RIGHT, (options) => consul.session.destroy({ ...options, id }));
    },
    close: () => consul.destroy(),
  };
}

/** The response's index, and its body; none where there is nothing. */
const waited = z
  .tuple([z.object({ headers: z.object({ 'x-consul-index': z.coerce.number() }) })])
  .rest(z.unknown())
  .transform(([response, body]) => ({
    at: response.headers['x-consul-index'],
    body,
  }));

/** The package decodes the values of other answers, but neither these nor what it sends in a transaction. */
function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}

function decode(base64: string | null): string {
  return Buffer.from(base64 ?? '', 'base64').toString();
}
