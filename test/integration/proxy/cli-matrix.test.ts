import { expect } from 'chai';
import { CONTAINERS } from './matrix/containers.js';
import { HOST } from './matrix/host.js';
import { IMAGES } from './matrix/images.js';
import { RUN } from './matrix/run.js';
import { createSide, type Side } from './matrix/side.js';
import { STREAMS } from './matrix/streams.js';
import { DIRECT, PROXIED, useProxy } from './suite.js';

/**
 * The stock client cannot tell the proxy from Docker. Two hosts that are alike run the same scripts, one at Docker's
 * socket, one at the proxy's, where hooks see all calls that have any. All that a user sees must be equal.
 */
describe('docker, directly and through the proxy', function () {
  this.timeout(120_000);
  // Docker 26 itself loses the output of a container that ends at once, one in 53 on a busy machine.
  this.retries(3);
  const { host, addHost } = useProxy(() => () => undefined);
  let direct: Side;
  let proxied: Side;

  before(async () => {
    proxied = await createSide(host(), PROXIED);
    const other = await addHost();
    await other.startDocker();
    await other.importBusybox();
    direct = await createSide(other, DIRECT);
  });
  afterEach(() => Promise.all([direct.restore(), proxied.restore()]));

  for (const [area, scripts] of Object.entries({ RUN, CONTAINERS, STREAMS, IMAGES, HOST })) {
    describe(area.toLowerCase(), () => {
      for (const [title, script] of Object.entries(scripts)) {
        it(title, async () => {
          const [wanted, got] = await Promise.all([direct.transcript(script), proxied.transcript(script)]);
          expect(got).to.equal(wanted);
          // Else what it was to show has not been seen.
          if (!wanted.startsWith('exit status: 0\n')) throw new Error(`fails on Docker itself:\n${wanted}`);
        });
      }
    });
  }
});
