import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readAgentConfig } from '../../../lib/config/agent.js';
import { messageOf } from '../../../lib/base/errors.js';

describe('agent.yml', () => {
  let folder: string;
  before(async () => void (folder = await mkdtemp(join(tmpdir(), 'agent-config-'))));
  after(() => rm(folder, { recursive: true }));

  async function read(text: string) {
    const file = join(folder, 'agent.yml');
    await writeFile(file, text);
    return readAgentConfig(file);
  }
  const mistake = (text: string) =>
    read(text).then(
      () => '',
      (error: unknown) => messageOf(error).replace(/^.*agent\.yml:/, ''),
    );

  it('names a Consul that is there already', async () => {
    const text = 'consul:\n  address: https://consul.example:8501\n  token: secret\n';
    expect((await read(text)).consul).to.deep.equal({
      address: 'https://consul.example:8501',
      token: 'secret',
      prefix: 'socketplane/',
    });
    expect((await read('consul: { address: /run/consul.sock, prefix: a/b/ }')).consul?.prefix).to.equal(
      'a/b/',
    );
    expect((await read('{}')).consul).to.equal(undefined);
  });

  it('may be named by the environment, which stands above the file', async () => {
    const file = join(folder, 'agent.yml');
    await writeFile(file, 'consul: { address: http://x, token: secret }');
    const { consul } = await readAgentConfig(file, { SOCKETPLANE_CONSUL: '/run/consul.sock' });
    expect(consul).to.deep.equal({ address: '/run/consul.sock', token: 'secret', prefix: 'socketplane/' });
    expect((await readAgentConfig(file, { SOCKETPLANE_CONSUL: '' })).consul?.address).to.equal('http://x');
    const refused = await readAgentConfig(file, { SOCKETPLANE_CONSUL: '192.0.2.1' }).catch(messageOf);
    expect(refused).to.match(/^SOCKETPLANE_CONSUL=192\.0\.2\.1: expected a URL/);
  });

  it('chooses a port of tunnels that nothing else of ours has', async () => {
    expect((await read('cluster: { vxlanPort: 4789 }')).cluster.vxlanPort).to.equal(4789);
    expect((await read('{}')).cluster.vxlanPort).to.equal(undefined);
    for (const port of [1023, 65536, 5353, 6676, 6678, 6679, '"x"', 7000.5])
      expect(await mistake(`cluster: { vxlanPort: ${port} }`), String(port)).to.match(
        /^1: cluster\.vxlanPort: expected a port/,
      );
  });

  it('says what is wrong with it', async () => {
    for (const address of ['192.0.2.1:8500', 'ftp://x', 'http://x/y', '""'])
      expect(await mistake(`consul:\n  address: ${address}`), address).to.match(
        /^2: consul\.address: expected a URL/,
      );
    expect(await mistake('consul:\n  address: http://x\n  prefix: x')).to.match(
      /^3: consul\.prefix: expected/,
    );
    expect(await mistake('consul:\n  address: http://x\n  tokn: x')).to.match(/Unrecognized key: "tokn"/);
  });

  it('has nothing beside it that only a cluster of our own has', async () => {
    const consul = 'consul: { address: http://x }\ncluster:\n  ';
    expect(await mistake(`${consul}bootstrap: true`)).to.match(
      /^3: cluster\.bootstrap: has no meaning beside/,
    );
    expect(await mistake(`${consul}join: [192.0.2.1]`)).to.match(/^3: cluster\.join: has no meaning/);
    expect(await mistake(`${consul}key: ${Buffer.alloc(32).toString('base64')}`)).to.match(
      /cluster\.key: has/,
    );
    expect(await mistake(`${consul}interface: eth1`)).to.equal('');
  });
});
