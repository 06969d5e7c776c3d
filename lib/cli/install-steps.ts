import { createRun } from '../os/exec.js';
import { ensureImage } from '../install/image/image.js';
import { prepareServices } from '../install/system/prepare-services.js';
import type { InstallSteps } from '../install/install.js';
import { createInstalledContainers } from '../install/containers/install-containers.js';
import { createInstalledUnits } from '../install/units/install-units.js';
import { readProduct } from '../install/files/product.js';
import { installPrograms } from '../install/files/programs.js';
import { installShellFiles } from '../install/files/shell-files.js';
import { writeSettings } from '../install/files/settings.js';
import { createSystemd } from '../install/system/systemd.js';
import { silentLog } from '../base/log.js';
import type { AgentClient } from './agent/client.js';
import type { Context } from './context.js';
import { createDaemons } from './daemons/create.js';
import { completionScript } from './help/completion-script.js';

/** The steps of `install` on a real host. */
export async function createSteps(
  context: Context,
  agent: AgentClient,
  say: (line: string) => void,
): Promise<InstallSteps> {
  const { paths } = context;
  const run = createRun(silentLog);
  const systemd = createSystemd(run);
  const product = await readProduct();
  const containers = createInstalledContainers(run, paths.dockerSocket);
  const units = createInstalledUnits(run, systemd);
  let copied = false;
  const daemonsOf = (record?: Parameters<InstallSteps['start']>[0]) =>
    createDaemons({ context, agent, run, systemd, record });

  return {
    prepare: () => prepareServices({ run, systemd, paths, say }),
    refuseForeign: containers.refuseForeign,
    async takeOver() {
      // Containers of an install that was interrupted before it could record them are replaced in place.
      const daemons = await daemonsOf();
      const pids = await Promise.all(daemons.all.map(({ pid }) => pid()));
      if (pids.every((pid) => pid === undefined)) return;
      say('stopping the agent and the proxy that are already running; containers keep running');
      await daemons.stop();
    },
    content: () => Promise.resolve(product.hash),
    async copy() {
      say('copying programs to /usr/local/lib/socketplane');
      copied = await installPrograms(product);
      await installShellFiles({ bash: completionScript('bash'), zsh: completionScript('zsh') });
      await writeSettings(paths.settings);
    },
    image() {
      say('looking for the image');
      return ensureImage({ run, dockerSocket: paths.dockerSocket, say });
    },
    async arrange(record, wasInterrupted) {
      const isNew = copied || wasInterrupted;
      const changed = systemd.booted ? await units.arrange(record, isNew) : isNew;
      if (record.mode === 'containers') {
        if (!systemd.booted && isNew) await (await daemonsOf(record)).plugin.stop();
        return (await containers.arrange(record)) || changed;
      }
      if (!systemd.booted && isNew) {
        const daemons = await daemonsOf({ ...record, powerstrip: true });
        await daemons.stopAgentAndProxy();
        await daemons.plugin.stop();
      }
      return changed;
    },
    async start(record) {
      say(`starting agent${record.powerstrip ? ' and proxy' : ''}`);
      await (await daemonsOf(record)).start();
    },
  };
}
