import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
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
  const log = createWriteStream(file, { flags: 'a', mode: 0o600 });
  // An error here stops the start.
  await once(log, 'open');
  log.on('error', ({ message }) => setup.log.error('the audit log cannot be written', { file, message }));

  function record(hook: HookCall, more: object): Promise<void> {
    const { Type, RequestId, Caller, ClientRequest } = hook;
    const line = mask({ Time: new Date().toISOString(), Type, RequestId, Caller, ...more, ClientRequest });
    return new Promise((done, fail) => {
      log.write(`${JSON.stringify(line)}\n`, (error) => (error ? fail(error) : done()));
    });
  }

  return {
    pre: (hook) => record(hook, {}),
    post: (hook) => record(hook, { Code: hook.ServerResponse.Code }),
    unwind: (hook) => record(hook, { Reason: hook.Reason }),
    close: () => void log.end(),
  };
});
