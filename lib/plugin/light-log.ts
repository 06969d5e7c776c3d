import type { LogLevel } from '../base/log.js';

/** What the plugin process logs with: the log of the other daemons without `debug`. */
export type LightLog = Record<'error' | 'warn' | 'info', (message: string, fields?: object) => void>;

/**
 * Writes the same lines to standard error as `createLog` does. Docker may wait for this process, and loading winston takes
 * longer than everything else that it does before it listens (measured: 60 ms of 160).
 */
export function createLightLog(name: string): LightLog {
  const write =
    (level: LogLevel) =>
    (message: string, fields: object = {}): void => {
      const timestamp = new Date().toISOString();
      if (!process.stderr.isTTY) {
        process.stderr.write(`${JSON.stringify({ level, message, service: name, ...fields, timestamp })}\n`);
        return;
      }
      const rest = Object.entries(fields).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
      process.stderr.write(
        `${[timestamp, level.toUpperCase().padEnd(5), name, message, ...rest].join(' ')}\n`,
      );
    };
  return { error: write('error'), warn: write('warn'), info: write('info') };
}
