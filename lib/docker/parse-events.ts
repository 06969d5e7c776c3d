import { StringDecoder } from 'node:string_decoder';
import { z } from 'zod';
import { messageOf } from '../base/errors.js';
import type { DockerEvent } from './docker.js';

/** Longest event that is kept, in characters. An event carries all labels of its container, so it may be long, but not endless. */
export const LONGEST_EVENT = 4 * 1024 * 1024;

const event = z.object({
  Type: z.enum(['container', 'network']),
  Action: z.string(),
  Actor: z.object({
    ID: z.string(),
    Attributes: z.object({ name: z.string().optional(), container: z.string().optional() }).nullish(),
  }),
});

/** An event, or why a line cannot be used. */
export type ParsedEvent = { event: DockerEvent } | { problem: string };

/**
 * Parser for `GET /events`: JSON objects, one per line, split into chunks anywhere. A line that cannot be used is reported in
 * its place and affects no other; an unfinished line waits for the next chunk.
 */
export function createEventParser(): (chunk: Uint8Array) => ParsedEvent[] {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let tooLong = false;

  function append(text: string): void {
    tooLong ||= rest.length + text.length > LONGEST_EVENT;
    rest = tooLong ? '' : rest + text;
  }

  function endLine(): ParsedEvent[] {
    const line = rest.trim();
    const parsed = tooLong ? { problem: `longer than ${LONGEST_EVENT} characters` } : parseEvent(line);
    const isBlank = line === '' && !tooLong;
    rest = '';
    tooLong = false;
    return isBlank ? [] : [parsed];
  }

  return (chunk) => {
    const [first = '', ...others] = decoder.write(chunk).split('\n');
    append(first);
    return others.flatMap((text) => {
      const ended = endLine();
      append(text);
      return ended;
    });
  };
}

function parseEvent(line: string): ParsedEvent {
  try {
    const { Type: type, Action: action, Actor } = event.parse(JSON.parse(line));
    const { name, container } = Actor.Attributes ?? {};
    const isNetwork = type === 'network';
    return {
      event: {
        type,
        action,
        id: Actor.ID,
        ...(isNetwork && name !== undefined && { name }),
        ...(isNetwork && container !== undefined && { container }),
      },
    };
  } catch (error) {
    return {
      problem: error instanceof z.ZodError ? z.prettifyError(error).replaceAll('\n', ' ') : messageOf(error),
    };
  }
}
