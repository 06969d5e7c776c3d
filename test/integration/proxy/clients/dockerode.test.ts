import Docker from 'dockerode';
import { START_MS } from '../../../lab/lab.js';
import { containers } from './dockerode/containers.js';
import { images } from './dockerode/images.js';
import { processes } from './dockerode/processes.js';
import { resources } from './dockerode/resources.js';
import { BOX, create, type Table } from './dockerode/table.js';
import { watching } from './dockerode/watching.js';
import { useDockerode, useWays } from './ways.js';

const TABLES: Record<string, Table> = { containers, processes, watching, images, resources };

describe('dockerode through the proxy', function () {
  this.timeout(START_MS);
  const { host, same } = useWays();
  const docker = useDockerode(host);
  const direct = () => new Docker({ socketPath: host().file('/run/docker.sock') });

  before(async () => {
    const box = await create(direct(), ['sh', '-c', 'touch /changed; exec sleep 1000'], { name: BOX });
    await box.start();
  });
  afterEach(removeContainers);

  for (const [name, table] of Object.entries(TABLES)) {
    describe(name, () => {
      for (const [what, step] of Object.entries(table)) {
        it(what, async () => {
          await same(async (way) => {
            const outcome = await step(docker(way));
            await removeContainers();
            return outcome;
          });
        });
      }
    });
  }

  async function removeContainers(): Promise<void> {
    for (const { Id, Names } of await direct().listContainers({ all: true })) {
      if (!Names.includes(`/${BOX}`)) await direct().getContainer(Id).remove({ force: true });
    }
  }
});
