import { Command } from 'commander';
import { createRuntime } from './agent/runtime.js';
import { createApp } from './api/http/app.js';
import { apiRoutes } from './api/routes.js';
import { serveApi } from './api/serve.js';
import { messageOf } from './base/errors.js';
import { createLog, type Logger } from './base/log.js';
import { hostPaths } from './base/paths.js';
import { VERSION } from './base/version.js';
import { readAgentConfig, type AgentConfig } from './config/agent.js';
import { serveDriver } from './driver/serve.js';
import { ensureConsul } from './install/system/consul.js';
import { createRun } from './os/exec.js';
import { writePidFile } from './os/pid-file.js';
import { which, withSystemFolders } from './os/which.js';

/** Runs the agent until it is told to stop. */
async function serve(config: AgentConfig, pidFile: string): Promise<void> {
  const log = createLog('agent', config.log);
  const stopped = new Promise<'stopped'>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve('stopped'));
  });
  // With another id, everything begins anew.
  while ((await serveAs(config, pidFile, log, stopped)) === 'renewed') log.info('agent begins anew');
}

async function serveAs(
  config: AgentConfig,
  pidFile: string,
  log: Logger,
  stopped: Promise<'stopped'>,
): Promise<'stopped' | 'renewed'> {
  const run = createRun(log);
  const runtime = await createRuntime({
    config,
    run,
    // Making a host a member implies that Consul may be installed on it.
    ensureConsul: () =>
      ensureConsul({
        run,
        which: (command) => which(command, withSystemFolders(process.env['PATH'])),
        onFetch: () => log.info('Consul is not installed: fetching it'),
      }),
    log,
  });
  // Before all else: Docker may be starting too, and wait for its driver.
  const driver = await serveDriver({
    socket: hostPaths.driverSocket,
    driver: runtime.driver,
    observe: runtime.metrics.driver,
    onUnavailable: () => runtime.services.current?.retry(),
    log,
  });
  await runtime.start();
  const routes = apiRoutes({ ...runtime, version: VERSION, config, log });
  const servers = await serveApi(createApp(routes, log), config);
  const removePidFile = await writePidFile(pidFile);
  log.info('agent is ready', {
    version: VERSION,
    listen: config.listen,
    tcp: config.tcp,
    datapath: runtime.datapath.kind,
  });
  await runtime.membership.start();

  const end = await Promise.race([stopped, runtime.renewed.then(() => 'renewed' as const)]);
  log.info('agent stops');
  await Promise.all([servers.close(), driver.close()]);
  await runtime.stop();
  await removePidFile();
  return end;
}

async function main(): Promise<void> {
  const program = new Command('socketplaned')
    .description('The network agent: one per host, in the foreground.')
    .version(VERSION)
    .option('--config <file>', `configuration (default: ${hostPaths.agentConfig}, if there is one)`)
    .option('--pid-file <file>', 'where to write the process id', hostPaths.agentPid)
    .parse();
  const options = program.opts<{ config?: string; pidFile: string }>();
  try {
    await serve(await readAgentConfig(options.config), options.pidFile);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`socketplaned: ${messageOf(error)}\n`);
    process.exit(1);
  }
}

await main();
