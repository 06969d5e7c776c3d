import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { silentLog } from '../../../lib/base/log.js';
import { createDockerNetworks } from '../../../lib/driver/docker-networks.js';

describe("the record of Docker's networks", () => {
  const folder = mkdtempSync(join(tmpdir(), 'docker-networks-'));
  const file = join(folder, 'state', 'networks.json');
  const open = () => createDockerNetworks(file, silentLog);
  const WEB = { name: 'web', subnet: '10.0.0.0/24' };

  afterEach(() => rmSync(join(folder, 'state'), { recursive: true, force: true }));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('begins empty, and is there again after a restart', async () => {
    expect(open().ids()).to.deep.equal([]);
    const before = open();
    await before.set('a', WEB);
    await before.set('b', { subnet: '10.1.0.0/24' });
    const after = open();
    expect([after.get('a'), after.get('b'), after.get('c')]).to.deep.equal([
      WEB,
      { subnet: '10.1.0.0/24' },
      undefined,
    ]);
    expect(after.idOf('web')).to.equal('a');
    expect(statSync(file).mode & 0o777).to.equal(0o600);
  });

  for (const text of ['', '{"a":', '[]', '{"a":{"name":1}}', 'null']) {
    it(`begins anew when the file is damaged: ${JSON.stringify(text)}`, async () => {
      mkdirSync(join(folder, 'state'));
      writeFileSync(file, text);
      const networks = open();
      expect(networks.ids()).to.deep.equal([]);
      await networks.set('a', WEB);
      expect(open().idOf('web')).to.equal('a');
    });
  }

  it('drops what is gone, and means the latest of two of one name', async () => {
    const networks = open();
    await networks.set('old', WEB);
    await networks.set('new', WEB);
    expect(networks.idOf('web')).to.equal('new');
    await networks.drop('new', 'unknown');
    expect([networks.idOf('web'), open().ids()]).to.deep.equal(['old', ['old']]);
    await networks.drop('old');
    expect([networks.idOf('web'), open().ids()]).to.deep.equal([undefined, []]);
  });

  it('writes all of many changes at once', async () => {
    const networks = open();
    await Promise.all(
      Array.from({ length: 50 }, (_, at) => networks.set(`n${at}`, { name: `n${at}`, subnet: 'x' })),
    );
    expect(open().ids()).to.have.length(50);
    expect(JSON.parse(readFileSync(file, 'utf8'))).to.have.property('n49');
  });

  it('works on when it cannot be written', async () => {
    writeFileSync(join(folder, 'file'), '');
    const blocked = createDockerNetworks(join(folder, 'file', 'networks.json'), silentLog);
    await blocked.set('a', WEB);
    expect(blocked.idOf('web')).to.equal('a');
  });
});
