import { appendFile } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import pLimit from 'p-limit';
import { z } from 'zod';
import { defineAdapter, mask, type HookCall } from '../../lib/adapter/index.js';

const options = z.strictObject({ file: z.string().min(1) });

/**
 * Appends one JSON line to a file for each call that is asked, answered or failed: when, who, what, with secrets masked.
 * For any endpoint, as the first before and the last after Docker:
 * `audit: { module: socketplane/adapters/audit, options: { file: /var/log/socketplane/audit.log } }`
 *
 * A call goes on only when its line is written: what is not on record does not happen. The file is made for its owner
 * alone.
 */
export default defineAdapter(async (setup) => {
  const { file: given } = options.parse(setup.options);
  const file = isAbsolute(given) ? given : resolve(setup.directory, given);
  /** Lines that are longer than one write do not get mixed up. */
  const one = pLimit(1);
  let torn = false;
  // An error here stops the start.
  await append('');

  /** Opened each time: a disk that was full, or a file that was moved away, is no reason to fail for ever. */
  async function append(text: string): Promise<void> {
    try {
      await appendFile(file, torn ? `\n${text}` : text, { mode: 0o600 });
      torn = false;
    } catch (cause) {
      torn = true;
      throw cause;
    }
  }

  async function record(hook: HookCall, more: object): Promise<void> {
    const { Type, RequestId, Caller, ClientRequest } = hook;
    const line = mask({ Time: new Date().toISOString(), Type, RequestId, Caller, ...more, ClientRequest });
    await one(append, `${JSON.stringify(line)}\n`);
  }

  return {
    pre: (hook) => record(hook, {}),
    post: (hook) => record(hook, { Code: hook.ServerResponse.Code }),
    unwind: (hook) => record(hook, { Reason: hook.Reason }),
  };
});
