import { once } from 'node:events';
import { connect } from 'node:net';
import { asError } from '../../base/errors.js';
import { NotSent } from '../../os/kept-connection.js';
import { createMessageReader, encode, parseError, TYPE, type Message } from './messages.js';

/**
 * Sends requests, of which the last has an answer, and waits for that.
 *
 * @param requests each makes its message with the number that it is given
 * @returns what was refused: the errors, by the place of the request among all that were sent in this exchange, from 0
 */
export type Send = (requests: ((xid: number) => Buffer)[]) => Promise<ReadonlyMap<number, string>>;

export interface OpenFlowConnection {
  /**
   * Runs a dialogue of requests and answers.
   *
   * @throws NotSent when nothing of a request can have arrived; another error when the connection breaks or an answer is late
   */
  exchange(dialogue: (send: Send) => Promise<void>): Promise<void>;
  /** Resolves when the connection has ended, or `signal` aborts. */
  closed(signal: AbortSignal): Promise<void>;
}

/** A dialogue in progress. */
interface Exchange {
  /** Numbers of its requests; the answer to the last one is waited for. */
  xids: number[];
  errors: Map<number, string>;
  answered: () => void;
  fail: (error: Error) => void;
}

/**
 * @param timeout milliseconds for the greeting, and for each answer; the connection is given up when one is late
 * @param onClose called once, when there will be no more answers
 */
export async function openConnection(
  path: string,
  timeout: number,
  onClose: () => void,
): Promise<OpenFlowConnection> {
  /** By the numbers of their requests. */
  const exchanges = new Map<number, Exchange>();
  const read = createMessageReader();
  const socket = connect(path);
  let lastXid = 0;
  const greeted = new Promise<void>((resolve, reject) => {
    let ended = false;
    const end = (error: Error) => {
      if (ended) return;
      ended = true;
      onClose();
      reject(error);
      for (const { fail } of exchanges.values()) fail(error);
    };
    socket.on('error', end);
    socket.once('close', () => end(new Error('the connection was closed')));
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const message of read(chunk))
          if (message.type === TYPE.hello) resolve();
          else receive(message);
      } catch (error) {
        socket.destroy(asError(error));
      }
    });
  });

  function receive({ type, xid, body }: Message): void {
    if (type === TYPE.echoRequest) return void socket.write(encode(TYPE.echoReply, xid, body));
    const exchange = exchanges.get(xid);
    if (!exchange) return;
    if (type === TYPE.error) exchange.errors.set(exchange.xids.indexOf(xid), parseError(body));
    if (xid === exchange.xids.at(-1)) exchange.answered();
  }

  async function answerTo(exchange: Exchange, messages: Buffer): Promise<void> {
    if (socket.destroyed) throw new NotSent();
    const late = () => socket.destroy(new Error(`no answer within ${timeout} ms`));
    const timer = setTimeout(late, timeout);
    try {
      await new Promise<void>((resolve, reject) => {
        Object.assign(exchange, { answered: resolve, fail: reject });
        socket.write(messages, (error) => {
          // The kernel took nothing of it, because Open vSwitch had closed its end.
          if (error) reject(new NotSent(error.message));
        });
      });
    } finally {
      clearTimeout(timer);
    }
  }

  async function exchange(dialogue: (send: Send) => Promise<void>): Promise<void> {
    const nothing = () => undefined;
    const current: Exchange = { xids: [], errors: new Map(), answered: nothing, fail: nothing };
    socket.ref();
    try {
      await dialogue(async (requests) => {
        const messages = requests.map((request) => {
          const xid = ++lastXid;
          current.xids.push(xid);
          exchanges.set(xid, current);
          return request(xid);
        });
        await answerTo(current, Buffer.concat(messages));
        return current.errors;
      });
    } finally {
      for (const xid of current.xids) exchanges.delete(xid);
      // An idle connection keeps no program running.
      if (exchanges.size === 0) socket.unref();
    }
  }

  const late = setTimeout(() => socket.destroy(new Error(`no greeting within ${timeout} ms`)), timeout);
  try {
    socket.write(encode(TYPE.hello, ++lastXid));
    await greeted;
  } finally {
    clearTimeout(late);
  }
  socket.unref();
  return {
    exchange,
    async closed(signal) {
      if (!socket.destroyed) await once(socket, 'close', { signal }).catch(() => undefined);
    },
  };
}
