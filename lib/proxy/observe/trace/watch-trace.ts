import http from 'node:http';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { AppError, hasCode, messageOf } from '../../../base/errors.js';
import type { Address } from '../../config/address.js';
import type { Trace } from './trace.js';

/**
 * The traces of a running proxy, until it stops or `signal` aborts.
 *
 * @throws AppError `unavailable` when no proxy answers at the address
 */
export async function* watchTrace(address: Address, signal: AbortSignal): AsyncGenerator<Trace> {
  const where =
    address.kind === 'unix' ? { socketPath: address.path } : { host: address.host, port: address.port };
  const request = http.get({ ...where, path: '/trace', signal });
  let response: http.IncomingMessage;
  try {
    [response] = (await once(request, 'response')) as [http.IncomingMessage];
  } catch (cause) {
    if (signal.aborted) return;
    throw new AppError(
      'unavailable',
      `cannot watch the proxy at ${address.text}: is it running, and are you in the group docker? (${messageOf(cause)})`,
      { cause },
    );
  }
  try {
    for await (const line of createInterface({ input: response, crlfDelay: Infinity })) {
      yield JSON.parse(line) as Trace;
    }
  } catch (cause) {
    if (!signal.aborted && !hasCode(cause, 'ECONNRESET')) throw cause;
  } finally {
    request.on('error', () => undefined);
    request.destroy();
  }
  if (!signal.aborted) throw new AppError('unavailable', 'the proxy stopped');
}
