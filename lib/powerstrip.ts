import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { AppError, messageOf } from './base/errors.js';
import { hostPaths, packageRoot } from './base/paths.js';
import { createLog, LOG_LEVELS, silentLog, type Log, type LogLevel } from './base/log.js';
import { writePidFile } from './os/pid-file.js';
import { describeConfig } from './proxy/config/check.js';
import { readProxyConfig } from './proxy/config/config.js';
import type { Address } from './proxy/config/address.js';
import { loadAdapters } from './proxy/hooks/load-adapters.js';
import { enableMinorGc } from './proxy/http/minor-gc.js';
import { createProxy, type Proxy } from './proxy/proxy.js';
import { serveMetrics } from './proxy/observe/serve-metrics.js';
import { formatTrace } from './proxy/observe/trace/format-trace.js';
import { serveTrace } from './proxy/observe/trace/serve-trace.js';
import { watchTrace } from './proxy/observe/trace/watch-trace.js';
import { watchConfig } from './proxy/reload.js';
import { watchStrayErrors } from './base/unhandled-errors.js';
import { VERSION } from './base/version.js';

/** How long calls in progress may still take when the proxy is told to stop. */
const GRACE_MS = 5_000;

interface ServeOptions {
  config: string;
  pidFile: string;
  logLevel: LogLevel;
}

/** The composition root of the proxy. */
async function serve({ config: file, pidFile, logLevel }: ServeOptions): Promise<void> {
  enableMinorGc();
  const config = await readProxyConfig(file);
  const log = createLog('powerstrip', logLevel);
  watchStrayErrors(log);
  for (const warning of describeConfig(config).warnings) log.debug(warning);
  const stopped = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
  const proxy = await createProxy(config, log);
  await proxy.start();
  const endMetrics = config.metrics && (await serveMetrics(proxy.metrics, config.metrics));
  const endTrace = config.trace && (await openTrace(proxy, config.trace, log));
  const removePidFile = await writePidFile(pidFile);
  log.info('proxy is ready', {
    version: VERSION,
    listen: config.listen.map(({ text }) => text),
    upstream: config.upstream.text,
    endpoints: config.endpoints.length,
  });

  const unwatch = watchConfig(file, proxy, log);

  log.info('proxy stops', { signal: await stopped });
  unwatch();
  await proxy.stop(GRACE_MS);
  endMetrics?.();
  endTrace?.();
  await removePidFile();
}

/** @throws AppError when the proxy could not run with this file; in-process adapters are loaded, but not called */
async function check(file: string): Promise<void> {
  const config = await readProxyConfig(file);
  const { adapters } = await loadAdapters(config, silentLog);
  await Promise.all([...adapters.values()].map((adapter) => adapter.retire()));
  const { calls, warnings } = describeConfig(config);
  // Imported only here: half of it is character tables, which the proxy itself never needs.
  const { table } = await import('./cli/terminal/output.js');
  const rows = calls.map(({ call, pre, post }) => [call, pre.join(', '), post.join(', ')]);
  if (rows.length > 0) process.stdout.write(table(['CALL', 'PRE', 'POST'], rows));
  for (const line of warnings) process.stdout.write(`warning: ${line}\n`);
  const { endpoints } = config;
  process.stdout.write(`${file} is valid: ${endpoints.length} endpoints, ${config.adapters.size} adapters\n`);
}

/** Prints calls until it is interrupted or the proxy stops. */
async function trace({ config: file }: { config: string }, { json }: { json?: boolean }): Promise<void> {
  const { trace: address } = await readProxyConfig(file);
  if (!address) throw new AppError('unavailable', `there are no traces: ${file} has trace: off`);
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  for await (const call of watchTrace(address, interrupted.signal)) {
    process.stdout.write(`${json ? JSON.stringify(call) : formatTrace(call)}\n`);
  }
}

/** Traces are a convenience: failing to serve them is no reason not to start. */
async function openTrace(proxy: Proxy, address: Address, log: Log): Promise<(() => void) | undefined> {
  try {
    return await serveTrace(proxy.trace, address);
  } catch (error) {
    log.warn('powerstrip trace will not work: set another address under trace', { reason: messageOf(error) });
    return undefined;
  }
}

/** This host's configuration file, else the one in the package. */
function defaultConfig(): string {
  return existsSync(hostPaths.proxyConfig) ? hostPaths.proxyConfig : join(packageRoot(), 'proxy.yml');
}

async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('powerstrip')
    .description(
      'A proxy in front of the Docker API that runs hooks before and after calls, in the foreground.',
    )
    .version(VERSION)
    .option('--config <file>', 'configuration', defaultConfig())
    .option('--pid-file <file>', 'where to write the process id', hostPaths.proxyPid)
    .addOption(
      new Option('--log-level <level>', 'least level that is logged').choices(LOG_LEVELS).default('info'),
    )
    .action((options: ServeOptions) => serve(options));
  program
    .command('check')
    .description('validate a configuration and print which hooks which call gets')
    .argument('[file]', 'configuration', defaultConfig())
    .action((file: string) => check(file));
  program
    .command('trace')
    .description('show calls with hooks as they end, and what each hook changed; secrets are masked')
    .option('--json', 'one JSON document a line')
    .action((options: { json?: boolean }) => trace(program.opts(), options));
  try {
    await program.parseAsync(argv);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`powerstrip: ${messageOf(error)}\n`);
    process.exit(1);
  }
}

await main(process.argv);
