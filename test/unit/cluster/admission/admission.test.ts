import { Writable } from 'node:stream';
import { connect } from 'node:tls';
import { expect } from 'chai';
import winston from 'winston';
import { serveAdmission } from '../../../../lib/cluster/admission/server.js';
import { askAdmission } from '../../../../lib/cluster/admission/client.js';
import { makeNodeCertificate } from '../../../../lib/cluster/consul/certificates.js';

const HOST_ID = '8fdd496f-8ae1-458c-8919-c23c68315fa5';
const PORT = 16_676;
const answer = { key: 'the-key', peers: ['127.0.0.1'] };
let logged = '';
const stream = new Writable({
  write(chunk: Buffer, _encoding, done) {
    logged += chunk.toString();
    done();
  },
});
const log = winston.createLogger({ transports: [new winston.transports.Stream({ stream })] });

const ask = (options: Partial<Parameters<typeof askAdmission>[0]> = {}) =>
  askAdmission({ address: '127.0.0.1', port: PORT, cluster: 'one', hostId: HOST_ID, ...options }).catch(
    (error: unknown) => (error as Error).message,
  );

describe('admission to a cluster', function () {
  this.timeout(20_000);
  let stop: () => Promise<void>;

  async function serve(cidr: string): Promise<void> {
    const certificate = await makeNodeCertificate(Buffer.alloc(40, 1), 'dc', HOST_ID);
    const underlay = { device: 'lo', address: '127.0.0.1', cidr };
    stop = await serveAdmission({
      cluster: 'one',
      underlay,
      certificate,
      answer: () => answer,
      log,
      port: PORT,
    });
  }

  before(function () {
    // Its clients are known by ports that only root may use.
    if (process.getuid?.() !== 0) this.skip();
  });
  beforeEach(() => serve('127.0.0.1/8'));
  afterEach(() => stop());

  it('gives the key to a host of the segment, and does not log it', async () => {
    expect(await ask()).to.deep.equal(answer);
    expect(logged).to.include(HOST_ID).and.not.include('the-key');
  });

  it('is refused for another cluster', async () => {
    expect(await ask({ cluster: 'two' })).to.match(/belongs to cluster one, not two/);
  });

  it('is refused where the request is none', async () => {
    expect(await ask({ hostId: 'me' })).to.match(/not a request for admission/);
    expect(await ask({ cluster: 'x'.repeat(2_000) })).to.match(/too large/);
  });

  it('is refused for sources beyond the segment', async () => {
    await stop();
    await serve('10.0.0.1/24');
    expect(await ask()).to.match(/hosts of its own segment only/);
  });

  it('is refused for ports that any user may send from', async () => {
    const said = await new Promise<string>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: PORT, rejectUnauthorized: false });
      socket.once('secureConnect', () => resolve('connected'));
      socket.once('error', (error) => resolve(String(error)));
    });
    expect(said).to.match(/ECONNRESET|disconnected/);
  });

  it('is refused to who asks too often', async () => {
    const answers = [];
    for (let round = 0; round < 25; round++) answers.push(await ask());
    expect(answers.slice(0, 20)).to.deep.equal(Array(20).fill(answer));
    expect(answers.at(-1)).to.match(/asked too often/);
  });

  it('says what may be wrong where nobody listens', async () => {
    expect(await ask({ port: PORT + 1 })).to.match(/no member of a cluster gives out its key/);
  });
});
