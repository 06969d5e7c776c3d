/** OpenFlow 1.4, whose bundles apply changes to many rules as one (Open Networking Foundation, TS-012). */
const VERSION = 5;
const HEADER = 8;

/** Types of messages. */
export const TYPE = {
  hello: 0,
  error: 1,
  echoRequest: 2,
  echoReply: 3,
  flowMod: 14,
  barrierRequest: 20,
  barrierReply: 21,
  bundleControl: 33,
  bundleAdd: 34,
} as const;

/** What is asked of a bundle, and answered by the next higher number. */
export const BUNDLE = { open: 0, commit: 4, discard: 6 } as const;
/** All of the bundle or nothing, in the order of its messages. */
const ATOMIC_AND_ORDERED = 3;

/** A message as it has arrived. */
export interface Message {
  type: number;
  /** Of the request that it belongs to. */
  xid: number;
  body: Buffer;
}

export function encode(type: number, xid: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUInt8(VERSION, 0);
  header.writeUInt8(type, 1);
  header.writeUInt16BE(HEADER + body.length, 2);
  header.writeUInt32BE(xid, 4);
  return Buffer.concat([header, body]);
}

export function bundleControl(xid: number, bundle: number, control: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt32BE(bundle, 0);
  body.writeUInt16BE(control, 4);
  body.writeUInt16BE(ATOMIC_AND_ORDERED, 6);
  return encode(TYPE.bundleControl, xid, body);
}

/** @param flowMod body of the message that becomes part of the bundle */
export function bundleAdd(xid: number, bundle: number, flowMod: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(bundle, 0);
  head.writeUInt16BE(ATOMIC_AND_ORDERED, 6);
  return encode(TYPE.bundleAdd, xid, Buffer.concat([head, encode(TYPE.flowMod, xid, flowMod)]));
}

/** Type and code of an error, which the standard lists. */
export function parseError(body: Buffer): string {
  return `type ${body.readUInt16BE(0)}, code ${body.readUInt16BE(2)}`;
}

/** Takes a stream of messages apart: the function is given what has arrived, and returns the messages that are complete. */
export function createMessageReader(): (chunk: Buffer) => Message[] {
  let pending: Buffer = Buffer.alloc(0);
  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const messages: Message[] = [];
    while (pending.length >= HEADER) {
      const length = pending.readUInt16BE(2);
      if (length < HEADER) throw new Error(`a message of ${length} bytes`);
      if (pending.length < length) break;
      const body = pending.subarray(HEADER, length);
      messages.push({ type: pending.readUInt8(1), xid: pending.readUInt32BE(4), body });
      pending = pending.subarray(length);
    }
    return messages;
  };
}
