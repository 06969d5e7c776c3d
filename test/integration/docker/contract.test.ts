import { createDocker } from '../../../lib/docker/dockerode.js';
import { silentLog } from '../../../lib/base/log.js';
import { createLab } from '../../lab/lab.js';
import { describeDocker } from '../../support/docker-contract.js';

describeDocker('Docker', async () => {
  const lab = await createLab();
  const host = await lab.addHost();
  await host.startDocker();
  await host.importBusybox();
  return {
    docker: createDocker(host.file('/run/docker.sock'), silentLog),
    async create(name, network = 'none') {
      const options = ['--name', name, '--network', network];
      return (await host.docker('create', ...options, 'busybox', 'sleep', 'infinity')).stdout;
    },
    start: async (name) => void (await host.docker('start', name)),
    stop: async (name) => void (await host.docker('kill', name)),
    rename: async (name, to) => void (await host.docker('rename', name, to)),
    remove: async (name) => void (await host.docker('rm', '-f', name)),
    setDown: (down) => (down ? host.stop('dockerd') : host.startDocker()),
    close: () => lab.destroy(),
  };
});
