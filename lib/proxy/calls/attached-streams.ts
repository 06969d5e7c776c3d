import type { Duplex } from 'node:stream';
import { closeGently } from '../http/raw-response.js';

const ATTACH = /^(?:POST \/containers\/([^]+)\/attach|GET \/containers\/([^]+)\/attach\/ws)$/;

/** The streams that clients have attached to containers. */
export interface AttachedStreams {
  /** Remembers a client's stream until it closes, if this call attaches one. */
  add(method: string, path: string, stream: Duplex): void;
  /** How clients have named the containers that they are attached to. */
  references(): string[];
  /** Ends those attached under one of these names, as Docker does: the client reads to the end. */
  end(references: Set<string>): void;
}

export function createAttachedStreams(): AttachedStreams {
  const open = new Map<Duplex, string>();
  return {
    add(method, path, stream) {
      const match = ATTACH.exec(`${method} ${path}`);
      if (!match) return;
      open.set(stream, match[1] ?? match[2] ?? '');
      stream.once('close', () => open.delete(stream));
    },
    references: () => [...new Set(open.values())],
    end(references) {
      for (const [stream, reference] of open) if (references.has(reference)) closeGently(stream);
    },
  };
}
