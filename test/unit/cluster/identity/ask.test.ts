import { expect } from 'chai';
import { makeNodeCertificate } from '../../../../lib/cluster/consul/certificates.js';
import { askForIdentity } from '../../../../lib/cluster/identity/client.js';
import { serveIdentities } from '../../../../lib/cluster/identity/server.js';
import { deriveSecrets, generateKey } from '../../../../lib/cluster/key.js';

const ID = '11111111-1111-4111-8111-111111111111';
const PORT = 16_680;
const asked = {
  hostId: ID,
  machine: { boot: ID, name: 'h2', address: '192.0.2.2', hardware: ['mac 2'] },
  observed: { version: 3, since: 5 },
};

describe('asking members for an identity', () => {
  const certificateOf = (key: string) => makeNodeCertificate(deriveSecrets('c', key).authoritySeed, 'dc', ID);
  const key = generateKey();
  const questions: unknown[] = [];
  let stop: () => Promise<void>;
  before(async () => {
    stop = await serveIdentities({
      address: '127.0.0.1',
      port: PORT,
      certificate: await certificateOf(key),
      async answer(...question) {
        questions.push(question);
        return { verdict: 'taken', holder: { ...asked.machine, name: 'h1' }, version: 7 };
      },
    });
  });
  after(() => stop());

  it('has an answer from whichever member gives one', async () => {
    const found = await askForIdentity(['127.0.0.2', '127.0.0.1'], asked, await certificateOf(key), PORT);
    expect(found).to.deep.equal({ verdict: 'taken', holder: { ...asked.machine, name: 'h1' }, version: 7 });
    expect(questions).to.deep.equal([[ID, asked.machine, asked.observed]]);
  });

  it('is for members only', async () => {
    questions.length = 0;
    expect(await askForIdentity(['127.0.0.1'], asked, await certificateOf(generateKey()), PORT)).to.equal(
      undefined,
    );
    expect(questions).to.deep.equal([]);
  });
});
