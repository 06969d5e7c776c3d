import { unwatchFile, watchFile } from 'node:fs';
import pLimit from 'p-limit';
import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import { readProxyConfig } from './config.js';
import type { Proxy } from './proxy.js';

/** Looking at the file works on every file system and however it is replaced, unlike waiting for its events. */
const INTERVAL_MS = 1_000;

/** Brings changes of the file to the proxy, also at SIGHUP. A bad one is logged, and the proxy stays as it is. */
export function watchConfig(file: string, proxy: Proxy, log: Log): () => void {
  const one = pLimit(1);

  async function reload(): Promise<void> {
    try {
      const config = await readProxyConfig(file);
      if (!(await proxy.reload(config))) return;
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

  const onChange = (): void => void one(reload);
  watchFile(file, { interval: INTERVAL_MS }, onChange);
  process.on('SIGHUP', onChange);
  return () => {
    unwatchFile(file, onChange);
    process.off('SIGHUP', onChange);
  };
}
