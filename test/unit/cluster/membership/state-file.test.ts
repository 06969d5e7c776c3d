import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  createClusterStateFile,
  readHostId,
  type Member,
} from '../../../../lib/cluster/membership/state-file.js';

const member: Member = {
  name: 'one',
  key: 'a-secret',
  generated: true,
  peers: ['10.0.0.1'],
  server: true,
  bootstrap: false,
};

describe('state of the cluster on disk', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'cluster-state-'))));
  afterEach(() => rm(folder, { recursive: true }));

  it('is there again after a restart, for root only', async () => {
    const file = createClusterStateFile(join(folder, 'state'));
    expect(await file.read()).to.deep.equal({});
    await Promise.all([file.write({}), file.write({ interface: 'eth1', member })]);
    expect(await createClusterStateFile(join(folder, 'state')).read()).to.deep.equal({
      interface: 'eth1',
      member,
    });
    expect((await stat(join(folder, 'state/cluster.json'))).mode & 0o777).to.equal(0o600);
    await file.remove();
    expect(await readdir(join(folder, 'state'))).to.deep.equal([]);
  });

  it('is refused when it is damaged, without a word of what is in it', async () => {
    for (const text of ['{"member":{"key":"a-secret"', '{"member":{"key":"a-secret"}}', '[]']) {
      await writeFile(join(folder, 'cluster.json'), text);
      const error: unknown = await createClusterStateFile(folder)
        .read()
        .catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(Error);
      expect((error as Error).message)
        .to.match(/cluster\.json cannot be understood/)
        .and.not.include('secret');
    }
  });

  it('has one host id for ever', async () => {
    const id = await readHostId(folder);
    expect(await readHostId(folder)).to.equal(id);
    await writeFile(join(folder, 'host-id'), 'h1');
    const error: unknown = await readHostId(folder).catch((reason: unknown) => reason);
    expect(String(error)).to.match(/host-id holds no UUID/);
  });
});
