import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { usePolicy } from './policy-suite.js';

describe('the policy adapter and what is mounted', () => {
  const { rules, post, create, broken, directory, kit } = usePolicy();

  describe('paths of the host', () => {
    const bind = async (source: string, mode = '') =>
      broken(await create({ Binds: [`${source}:/x${mode}`] }));

    it('are the listed ones alone, written in one way', async () => {
      await rules('mounts: [/srv/data]');
      for (const source of [
        '/',
        '/srv',
        '/srv/data2',
        '/srv/data/..',
        '/srv/data/../data',
        '/srv//data',
        '/srv/data/.',
        '/srv/data/below',
        '/srv/data//',
      ]) {
        expect(await bind(source), source).to.deep.equal(['mounts']);
      }
      expect(broken(await create({ Mounts: [{ Type: 'bind', Source: 'srv/data' }] }))).to.deep.equal([
        'mounts',
      ]);
      expect(broken(await create({ Mounts: [{ Type: 'bind' }] }))).to.deep.equal(['mounts']);
      expect(broken(await create({ Mounts: [{ Type: 'npipe', Source: '/srv/data' }] }))).to.deep.equal([
        'mounts',
      ]);
    });

    it('may be read-only ones', async () => {
      await rules('mounts: ["/srv/data:ro"]');
      expect(await bind('/srv/data', ':z')).to.deep.equal(['mounts']);
      expect(broken(await create({ Mounts: [{ Type: 'bind', Source: '/srv/data' }] }))).to.deep.equal([
        'mounts',
      ]);
      expect(
        broken(await create({ Mounts: [{ Type: 'bind', Source: '/srv/data', ReadOnly: true }] })),
      ).to.deep.equal([]);
    });

    it('below a listed one are followed to where they lead', async () => {
      const root = join(directory(), 'root');
      mkdirSync(join(root, 'real'), { recursive: true });
      symlinkSync('/etc', join(root, 'out'));
      symlinkSync(join(root, 'real'), join(root, 'in'));
      symlinkSync(join(directory(), 'nothing'), join(root, 'dangling'));
      await rules(`mounts: [${root}/**]`);
      for (const name of ['', '/real', '/in', '/new', '/in/new/er'])
        expect(await bind(`${root}${name}`), name).to.deep.equal([]);
      for (const name of ['/out', '/out/ssl', '/out/none/x', '/dangling', '/dangling/x', '/../x', 'x'])
        expect(await bind(`${root}${name}`), name).to.deep.equal(['mounts']);
      symlinkSync(root, join(directory(), 'alias'));
      await kit().close();
      await rules(`mounts: [${directory()}/alias/**]`);
      expect(await bind(`${directory()}/alias/real`)).to.deep.equal([]);
      expect(await bind(`${directory()}/alias/out`)).to.deep.equal(['mounts']);
    });
  });

  describe('volumes', () => {
    const volume = async (DriverOpts: object | null, Driver = 'local') => {
      const direct = broken(await post('/volumes/create', { Name: 'v', Driver, DriverOpts }));
      const mount = {
        Type: 'volume',
        Target: '/x',
        VolumeOptions: { DriverConfig: { Name: Driver, Options: DriverOpts } },
      };
      expect(broken(await create({ Mounts: [mount] })), 'as a mount').to.deep.equal(direct);
      return direct;
    };

    it('of the driver local mount what may be mounted', async () => {
      await rules('mounts: [/srv/data]');
      expect(await volume(null)).to.deep.equal([]);
      expect(await volume({}, '')).to.deep.equal([]);
      expect(await volume({ type: 'tmpfs', device: 'tmpfs', o: 'size=1m' })).to.deep.equal([]);
      expect(await volume({ type: 'none', o: 'bind', device: '/srv/data' })).to.deep.equal([]);
      for (const options of [
        { type: 'none', o: 'bind', device: '/' },
        { type: 'none', o: 'rw,rbind', device: '/srv/data/..' },
        { type: 'tmpfs', o: 'bind', device: '/' },
        { o: 'bind' },
      ]) {
        expect(await volume(options), JSON.stringify(options)).to.deep.equal(['mounts']);
      }
      for (const options of [
        { type: 'ext4', device: '/dev/sda1' },
        { type: 'overlay', device: 'overlay', o: 'lowerdir=/etc,upperdir=/a,workdir=/b' },
        { device: '/srv/data' },
        { Type: 'none', O: 'bind', device: '/' },
      ]) {
        expect(await volume(options), JSON.stringify(options)).to.deep.equal(['volume-types']);
      }
    });

    it('of other drivers are for those that are listed', async () => {
      await rules('volume-drivers: [nfs]');
      expect(await volume({ any: 'thing' }, 'nfs')).to.deep.equal([]);
      expect(await volume(null)).to.deep.equal(['volume-drivers']);
    });
  });
});
