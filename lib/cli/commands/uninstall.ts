import type { Command } from 'commander';
import { DEFAULT_BRIDGE, readAgentConfig } from '../../config/agent.js';
import { AppError, messageOf } from '../../base/errors.js';
import { createRun, type Run } from '../../os/exec.js';
import { createDockerService } from '../../install/system/docker-service.js';
import { withHostLock } from '../../install/system/host-lock.js';
import { createInstalledContainers } from '../../install/containers/install-containers.js';
import { IMAGE_CACHE } from '../../install/files/image-cache.js';
import { readInstallRecord } from '../../install/files/install-record.js';
import { removeFolder } from '../../install/files/remove-folder.js';
import { createPluginNetworks } from '../../install/plugin-networks.js';
import { createSystemd } from '../../install/system/systemd.js';
import { uninstall } from '../../install/uninstall.js';
import { which } from '../../os/which.js';
import { silentLog } from '../../base/log.js';
import { succeeds } from '../../base/succeeds.js';
import type { AgentClient } from '../agent/client.js';
import { askYesNo } from '../terminal/ask.js';
import type { Context } from '../context.js';
import { createDaemons } from '../daemons/create.js';
import { daemonsOf } from '../daemons/of-host.js';
import { addCommonOptions, agentOf } from '../options.js';
import { becomeRoot } from '../root.js';

/** `uninstall` and `clean`. */
export function addUninstallCommands(program: Command, context: Context): void {
  const { stdout, paths, command: name } = context;
  const say = (line: string) => stdout.write(`${line}\n`);

  /** With what Docker kept it would wait for the plugin at each of its starts. The agent would make them again. */
  async function removeNetworks(run: Run, agent: AgentClient): Promise<void> {
    const networks = createPluginNetworks(run, paths.dockerSocket);
    const names = await networks.list();
    if (names.length === 0) return;
    say(`removing Docker's networks of SocketPlane: ${names.join(', ')}`);
    const daemons = await daemonsOf(context, agent);
    await daemons.plugin.start();
    await daemons.stopAgentAndProxy();
    await networks.removeAll();
  }

  async function remove(agent: AgentClient) {
    const run = createRun(silentLog);
    const systemd = createSystemd(run);
    const hasDocker = await succeeds(createDockerService({ paths, systemd }).check());
    const containers = createInstalledContainers(run, paths.dockerSocket);
    if (hasDocker) {
      await containers.refuseCompose();
      await createPluginNetworks(run, paths.dockerSocket).refuseInUse();
    } else if ((await which('dockerd')) !== undefined) {
      await refuseWithoutDocker(paths.installRecord);
      say(
        'Docker does not answer: if it has networks of SocketPlane, it keeps them and waits 15 s for each when it starts',
      );
    }
    await leaveCluster(agent, say);
    if (hasDocker) await removeNetworks(run, agent);
    say('removing agent, proxy, programs and the bridge');
    await uninstall({
      ...{ run, systemd, paths, hasDocker },
      // A mistake in the settings must not prevent their removal.
      bridge: await readAgentConfig().then(
        ({ bridge }) => bridge,
        () => DEFAULT_BRIDGE,
      ),
      stopProcesses: async () => (await createDaemons({ context, agent, run, systemd })).stop(),
    });
    return { containers, hasDocker };
  }

  const plain = program
    .command('uninstall')
    .description('remove agent and proxy from this host; networks and settings are kept');
  addCommonOptions(plain, 'agent').action(async (_options, self: Command) => {
    await becomeRoot(context);
    await withHostLock(() => remove(agentOf(self, context)));
    say('SocketPlane is uninstalled. Kept: Docker, Open vSwitch, your containers, the image');
    say(`(and what it was made from, in ${IMAGE_CACHE}), networks in ${paths.state}`);
    say(`and settings in ${paths.settings}; \`clean\` removes image, networks and settings too`);
  });

  const clean = program
    .command('clean')
    .description('uninstall, and also remove networks, settings and the image')
    .option('--yes', 'do not ask');
  addCommonOptions(clean, 'agent').action(async ({ yes }: { yes?: boolean }, self: Command) => {
    await becomeRoot(context);
    if (!yes) await confirm(name);
    await withHostLock(async () => {
      const { containers, hasDocker } = await remove(agentOf(self, context));
      if (hasDocker) await containers.removeImages();
      for (const folder of [paths.state, paths.settings, IMAGE_CACHE]) {
        const target = await removeFolder(folder);
        if (target !== undefined) say(`${folder} was a link to ${target}, which is left as it is`);
      }
    });
    say('SocketPlane is gone; Docker, Open vSwitch and your containers are still there.');
    say("Another install makes the image anew, from a registry or Debian's packages");
  });
}

/** Without Docker, agent and proxy containers may keep running, and would come back with Docker. */
async function refuseWithoutDocker(record: string): Promise<void> {
  const installed = await readInstallRecord(record);
  if (installed?.mode !== 'containers') return;
  throw new AppError(
    'unavailable',
    'Docker does not answer, and SocketPlane is installed as its containers: start Docker first',
  );
}

/** Otherwise the other hosts would keep this one's addresses reserved until `leaseGrace` has passed. */
async function leaveCluster(agent: AgentClient, say: (line: string) => void): Promise<void> {
  const cluster = await agent.cluster().catch(() => undefined);
  if (!cluster) {
    say(
      'the agent does not answer: if this host is a member of a cluster, the others free its addresses after `leaseGrace`',
    );
    return;
  }
  if (cluster.state === 'none') return;
  say(`leaving cluster ${cluster.name}`);
  await agent.changeCluster('leave').catch((error: unknown) => {
    say(
      `the cluster could not be told (${messageOf(error)}): it will free this host's addresses after \`leaseGrace\``,
    );
  });
}

async function confirm(name: string): Promise<void> {
  const isSure = await askYesNo({
    text: 'Remove SocketPlane with all its networks and settings?',
    enter: false,
    instead: `\`${name} clean --yes\``,
  });
  if (!isSure) throw new AppError('invalid', 'nothing was removed');
}
