import { Command } from 'commander';
import { messageOf } from './base/errors.js';
import { hostPaths } from './base/paths.js';
import { VERSION } from './base/version.js';
import { listenUnix } from './os/listen-unix.js';
import { writePidFile } from './os/pid-file.js';
import { holdSocket } from './plugin/hold-socket.js';
import { createLightLog, type LightLog } from './plugin/light-log.js';
import { createPluginServer } from './plugin/server.js';

interface PluginOptions {
  socket: string;
  driver: string;
  names: string;
  pidFile: string;
}

/** Holds Docker's plugin socket until it is told to stop. */
async function serve({ socket, driver, names, pidFile }: PluginOptions): Promise<void> {
  const log = createLightLog('plugin');
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  const release = await holdSocket(createPluginServer({ driverSocket: driver, log }), socket);
  // Written last: who starts this process knows by it that Docker may start.
  const removePidFile = await writePidFile(pidFile);
  log.info('plugin is ready', { version: VERSION, listen: socket, driver });
  const closeNames = await serveNames(names, log);
  await stopped;
  log.info('plugin stops');
  closeNames();
  await release();
  await removePidFile();
}

/**
 * Has the containers' name servers too, as they must not go with the agent. Loaded now only, since Docker may have waited for the rest; and
 * whatever becomes of them, Docker has its driver.
 */
async function serveNames(socket: string, log: LightLog): Promise<() => void> {
  try {
    const { createNameServers } = await import('./dns/name-servers.js');
    const { createForward } = await import('./dns/forward.js');
    const { createHostResolver } = await import('./dns/resolv-conf.js');
    const { server, close } = createNameServers({
      forward: createForward(),
      host: createHostResolver(),
      log,
    });
    await listenUnix(server, socket, 0o600);
    return close;
  } catch (error) {
    log.error('containers have no name servers', { error: messageOf(error) });
    return () => undefined;
  }
}

async function main(): Promise<void> {
  const program = new Command('socketplane-plugin')
    .description(
      "Holds Docker's plugin socket for the agent, which may be restarted behind it; in the foreground.",
    )
    .version(VERSION)
    .option('--socket <file>', "Docker's plugin socket", hostPaths.pluginSocket)
    .option('--driver <file>', "the agent's socket for the driver's calls", hostPaths.driverSocket)
    .option('--names <file>', 'where the agent says what names mean', hostPaths.namesSocket)
    .option('--pid-file <file>', 'where to write the process id', hostPaths.pluginPid)
    .parse();
  try {
    await serve(program.opts<PluginOptions & Record<string, string>>());
    process.exit(0);
  } catch (error) {
    process.stderr.write(`socketplane-plugin: ${messageOf(error)}\n`);
    process.exit(1);
  }
}

await main();
