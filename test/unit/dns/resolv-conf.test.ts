import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createHostResolver, readResolvConf } from '../../../lib/dns/resolv-conf.js';

describe('resolv.conf', () => {
  it('is read for its name servers and search domains', () => {
    const text =
      '# nameserver 1.1.1.1\nsearch x\nnameserver 10.0.0.1\n nameserver\tfe80::1%eth0 # x\nnameserver junk\n';
    expect(readResolvConf(text)).to.deep.equal({
      servers: ['10.0.0.1', 'fe80::1%eth0'],
      searchDomains: ['x'],
    });
    expect(readResolvConf('domain A.example.\nsearch . b.example\tC\n').searchDomains).to.deep.equal([
      'b.example',
      'c',
    ]);
  });

  it('is followed when it is written again, replaced by another file, a link elsewhere, or gone for a moment', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'resolv-conf-'));
    const file = join(folder, 'resolv.conf');
    const resolver = createHostResolver(file, -1);
    const resolvers = async () => (await resolver()).servers;
    const write = (path: string, address: string) => writeFile(path, `nameserver ${address}\n`);
    try {
      expect(await resolvers()).to.deep.equal([]);
      await write(file, '192.0.2.1');
      expect(await resolvers()).to.deep.equal(['192.0.2.1']);
      await write(file, '192.0.2.2');
      expect(await resolvers()).to.deep.equal(['192.0.2.2']);
      await write(`${file}.new`, '192.0.2.3');
      await rename(`${file}.new`, file);
      expect(await resolvers()).to.deep.equal(['192.0.2.3']);
      await rm(file);
      expect(await resolvers()).to.deep.equal(['192.0.2.3']);
      await write(join(folder, 'stub'), '127.0.0.53');
      await symlink('stub', file);
      expect(await resolvers()).to.deep.equal(['127.0.0.53']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
