import { Command, Option } from 'commander';
import { messageOf } from './errors.js';
import { createLog, LOG_LEVELS, type LogLevel } from './log.js';
import { writePidFile } from './pid-file.js';
import { describeConfig } from './proxy/check.js';
import { PROXY_CONFIG, readProxyConfig } from './proxy/config.js';
import { createProxy } from './proxy/proxy.js';
import { serveMetrics } from './proxy/serve-metrics.js';
import { watchConfig } from './proxy/watch-config.js';
import { VERSION } from './version.js';

const PID_FILE = '/run/socketplane/proxy.pid';
/** Calls that are under way when the proxy is told to stop get this long. */
const GRACE_MS = 5_000;

interface ServeOptions {
  config: string;
  pidFile: string;
  logLevel: LogLevel;
}

/** The composition root of the proxy. */
async function serve({ config: file, pidFile, logLevel }: ServeOptions): Promise<void> {
  const config = await readProxyConfig(file);
  const log = createLog('powerstrip', logLevel);
  for (const warning of describeConfig(config).warnings) log.debug(warning);
  const stopped = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
  const proxy = await createProxy(config, log);
  await proxy.start();
  const endMetrics = config.metrics && (await serveMetrics(proxy.metrics, config.metrics));
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
  await removePidFile();
}

async function check(file: string): Promise<void> {
  const config = await readProxyConfig(file);
  const { hooks, warnings } = describeConfig(config);
  for (const line of hooks) process.stdout.write(`${line}\n`);
  for (const line of warnings) process.stdout.write(`warning: ${line}\n`);
  process.stdout.write(`${file} is valid: ${hooks.length} endpoints, ${config.adapters.size} adapters\n`);
}

async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('powerstrip')
    .description(
      'A proxy in front of the Docker API that runs hooks before and after calls, in the foreground.',
    )
    .version(VERSION)
    .option('--config <file>', 'configuration', PROXY_CONFIG)
    .option('--pid-file <file>', 'where to write the process id', PID_FILE)
    .addOption(
      new Option('--log-level <level>', 'least level that is logged').choices(LOG_LEVELS).default('info'),
    )
    .action((options: ServeOptions) => serve(options));
  program
    .command('check')
    .description('validate a configuration and print which hooks which call gets')
    .argument('[file]', 'configuration', PROXY_CONFIG)
    .action((file: string) => check(file));
  try {
    await program.parseAsync(argv);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`powerstrip: ${messageOf(error)}\n`);
    process.exit(1);
  }
}

await main(process.argv);
