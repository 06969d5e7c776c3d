import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Run } from '../../../lib/os/exec.js';
import { createInstalledContainers } from '../../../lib/install/containers/install-containers.js';
import { createInstalledUnits } from '../../../lib/install/units/install-units.js';
import { removeFolder } from '../../../lib/install/files/remove-folder.js';
import { messageOf } from '../../../lib/base/errors.js';
import { createPluginNetworks } from '../../../lib/install/plugin-networks.js';
import { createSystemd } from '../../../lib/install/system/systemd.js';

describe('what is removed', () => {
  let place: string;
  beforeEach(async () => {
    place = await mkdtemp(join(tmpdir(), 'remove-'));
    await mkdir(join(place, 'state/deep'), { recursive: true });
    await writeFile(join(place, 'state/deep/file'), '');
  });
  afterEach(() => rm(place, { recursive: true, force: true }));

  it('of a folder is everything, and twice is no error', async () => {
    await symlink('/etc', join(place, 'state/link'));
    for (const _ of ['once', 'twice']) expect(await removeFolder(join(place, 'state'))).to.equal(undefined);
    expect(await readdir(place)).to.deep.equal([]);
    expect(await readdir('/etc')).not.to.deep.equal([]);
  });

  it('of a link is the link, not what it leads to', async () => {
    await symlink('state', join(place, 'link'));
    expect(await removeFolder(join(place, 'link'))).to.equal('state');
    expect(await readdir(place)).to.deep.equal(['state']);
    expect(await readdir(join(place, 'state/deep'))).to.deep.equal(['file']);
  });

  it('of images are ours by name, not those that others have made of them', async () => {
    const removed: string[][] = [];
    const run: Run = async ([, , , ...args]) => {
      if (args[1] === 'rm') removed.push(args.slice(2));
      const filter = args.find((arg) => arg.startsWith('reference='));
      return filter === 'reference=socketplane' ? 'socketplane:0.1.0\nsocketplane:0.2.0\n' : '';
    };
    await createInstalledContainers(run, '/docker.sock').removeImages();
    expect(removed).to.deep.equal([['socketplane:0.1.0', 'socketplane:0.2.0']]);
  });

  it('of units is all where systemd does not run any more', async () => {
    const units = join(place, 'units');
    const [boot, docker] = ['multi-user.target.wants', 'docker.service.wants'];
    for (const folder of [boot, docker]) await mkdir(join(units, folder), { recursive: true });
    const links = [`${boot}/socketplane-agent.service`, `${docker}/socketplane-plugin.service`];
    for (const file of ['socketplane-agent.service', 'socketplane-plugin.service', ...links])
      await writeFile(join(units, file), '');
    const run: Run = ([command]) => Promise.reject(new Error(`${command} has nothing to talk to`));
    await createInstalledUnits(run, createSystemd(run, false), units).removeAll();
    expect(await readdir(units, { recursive: true })).to.have.members([boot, docker]);
  });

  it("of Docker's networks are those of the plugin, unless others' containers are on them", async () => {
    const done: string[] = [];
    let others = 'web1\n';
    const run: Run = async ([, , , ...args]) => {
      const words = args.join(' ');
      if (words.startsWith('network ls'))
        return words.includes('driver=socketplane') ? 'shop\ndb\n' : 'bridge\n';
      if (!words.startsWith('ps --all')) done.push(words);
      else if (words.includes('network=shop')) {
        return words.includes('label=socketplane.part') ? 'socketplane\n' : `socketplane\n${others}`;
      }
      return '';
    };
    const networks = createPluginNetworks(run, '/docker.sock');
    expect(await networks.removeAll().catch(messageOf)).to.equal(
      "containers are still on Docker's networks of SocketPlane: web1; remove them, or `docker network disconnect` them, first",
    );
    expect(done).to.deep.equal([]);
    others = '';
    await networks.removeAll();
    expect(done).to.deep.equal(['network disconnect --force shop socketplane', 'network rm shop db']);
  });

  it("of containers are ours, not another's with the proxy's name", async () => {
    const labels: Record<string, object> = {
      socketplane: { 'socketplane.part': 'agent' },
      'socketplane-consul': { 'socketplane.part': 'consul' },
      powerstrip: { maintainer: 'somebody' },
    };
    const removed: string[] = [];
    const run: Run = async ([, , , verb, ...args]) => {
      const name = args.at(-1) ?? '';
      if (verb === 'rm') removed.push(name);
      return JSON.stringify(labels[name] ?? {});
    };
    await createInstalledContainers(run, '/docker.sock').removeAll();
    expect(removed).to.deep.equal(['socketplane', 'socketplane-consul']);
  });
});
