import winston from 'winston';

/** One line per state change, with ids. Argument vectors at `debug`; request bodies never above `debug`. */
export type Log = Pick<winston.Logger, 'error' | 'warn' | 'info' | 'debug'>;
/** A log whose level may be set at any time. */
export type Logger = Log & Pick<winston.Logger, 'level'>;

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A log for warnings alone, which the plugin process has too. */
export interface WarnLog {
  warn(message: string, fields?: object): unknown;
}

/** A logger that writes to standard error: a readable line on a terminal, JSON (one object per line) elsewhere. */
export function createLog(name: string, level: LogLevel = 'info'): Logger {
  const { combine, timestamp, json, printf } = winston.format;
  const readable = printf(({ timestamp: at, level: l, message, service: _service, ...fields }) => {
    const rest = Object.entries(fields).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    return [String(at), l.toUpperCase().padEnd(5), name, String(message), ...rest].join(' ');
  });
  return winston.createLogger({
    level,
    defaultMeta: { service: name },
    format: combine(timestamp(), process.stderr.isTTY ? readable : json()),
    transports: [new winston.transports.Console({ stderrLevels: [...LOG_LEVELS] })],
  });
}

/** A logger that drops everything; for tests and libraries used without one. */
export const silentLog: Logger = winston.createLogger({ silent: true });
