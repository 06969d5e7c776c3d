import { appendFile } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import pLimit from 'p-limit';
import { z } from 'zod';
import { defineAdapter, mask, type HookCall } from '../../lib/adapter/index.js';

const options = z.strictObject({ file: z.string().min(1) });

/**
 * Appends one JSON line to a file whenever a call arrives, is answered or fails: when, who, what, with secrets masked.
 * For any endpoint, as the first hook before Docker and the last one after it:
 * `audit: { module: socketplane/adapters/audit, options: { file: /var/log/socketplane/audit.log } }`
 *
 * A call goes on only after its line is written: what is not on record does not happen. The file is readable by its
 * owner only.
 */
export default defineAdapter(async (setup) => {
  const { file: given } = options.parse(setup.options);
  const file = isAbsolute(given) ? given : resolve(setup.directory, given);
  /** One at a time, so that lines too long for a single write do not get mixed up. */
  const one = pLimit(1);
  let torn = false;
  // An error here keeps the proxy from starting.
  await append('');

  /** Opens the file every time, so that a full disk or a file that was moved away does not cause failures forever. */
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
