import { unwatchFile, watchFile } from 'node:fs';
import pLimit from 'p-limit';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { readProxyConfig } from './config/config.js';
import type { Proxy } from './proxy.js';

/** Polling the file works on every file system and however it is replaced, unlike waiting for events. */
const INTERVAL_MS = 1_000;

/**
 * Applies changes of the file to the proxy. On SIGHUP everything is created again, as adapters and certificates have
 * files of their own. A bad change is logged, and the proxy stays as it is.
 */
export function watchConfig(file: string, proxy: Proxy, log: Log): () => void {
  const one = pLimit(1);
  /** Whether the next reload creates everything again. */
  let anew = false;

  /** All requests that arrive during a reload lead to one more reload. */
  function ask(everything: boolean): void {
    anew ||= everything;
    if (one.pendingCount === 0) void one(reload);
  }

  async function reload(): Promise<void> {
    const everything = anew;
    anew = false;
    try {
      const config = await readProxyConfig(file);
      if (!(await proxy.reload(config, everything))) return;
      proxy.metrics.reload('ok');
      log.info('configuration changed', {
        file,
        listen: config.listen.map(({ text }) => text),
        upstream: config.upstream.text,
        endpoints: config.endpoints.length,
      });
    } catch (error) {
      proxy.metrics.reload('refused');
      log.error('the new configuration is refused, the old one stays', { reason: messageOf(error) });
    }
  }

  const onChange = (): void => ask(false);
  const onHangUp = (): void => ask(true);
  watchFile(file, { interval: INTERVAL_MS }, onChange);
  process.on('SIGHUP', onHangUp);
  return () => {
    unwatchFile(file, onChange);
    process.off('SIGHUP', onHangUp);
  };
}
