import { expect } from 'chai';
import fc from 'fast-check';
import { createLenientDocker, routed, type Executed } from '../../../support/fuzz/lenient-docker.js';
import { play, rounds } from '../../../support/fuzz/play.js';
import { script } from '../../../support/fuzz/requests.js';
import { fuzz, patience } from '../../../support/fuzz/settings.js';
import { closeAll, pre, startAdapter, startProxy } from '../../../support/proxy/harness.js';
import { until } from '../../../support/until.js';

const SECONDS = 15;
const MARK = 'mark-of-the-hook';

describe('whatever bytes clients send', function () {
  this.timeout(patience(SECONDS));
  afterEach(closeAll);

  const isMarked = ({ target, body }: Executed) =>
    target.includes(MARK) && (body === '' || body.includes(MARK));

  it('hooks see every create, nobody gets an answer of somebody else, and nothing is left over', async () => {
    const docker = createLenientDocker();
    const adapter = await startAdapter((hook) => {
      const { Request, Body } = hook.ClientRequest;
      const marked = `${Request}${Request.includes('?') ? '&' : '?'}${MARK}`;
      return pre(hook, {
        Request: marked,
        Body: Body && JSON.stringify({ ...JSON.parse(Body), Labels: { [MARK]: 'yes' } }),
      });
    });
    const proxy = await startProxy(
      docker.server,
      `endpoints: { "POST /containers/create": { pre: [a] } }\nadapters: { a: "${adapter.url}" }\n`,
    );
    let clients = 0;
    let hooked = 0;

    await fc.assert(
      fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 4 }), async (scripts) => {
        docker.executed.length = 0;
        await Promise.all(
          scripts.map(async (one) => {
            const name = `c${clients++}`;
            const received = await play(proxy.proxySocket, one, name, rounds);
            const numbers = [...received.matchAll(/<(c\d+)\.(\d+)>/g)];
            expect(new Set(numbers.map(([, owner]) => owner)).size, received).to.be.at.most(1);
            for (const [, owner] of numbers) expect(owner).to.equal(name);
            const order = numbers.map(([, , number]) => Number(number));
            expect(order).to.deep.equal(order.toSorted((a, b) => a - b));
          }),
        );
        for (const call of docker.executed) {
          if (call.method !== 'POST' || routed(call.target) !== '/containers/create') continue;
          hooked++;
          expect(call, JSON.stringify(call)).to.satisfy(isMarked);
        }
        expect((await proxy.call('GET', '/_ping')).status).to.equal(200);
      }),
      fuzz(250, SECONDS),
    );

    // Else the calls above are not what they are meant to be.
    expect(hooked).to.be.greaterThan(20);
    await proxy.stop();
    await until(() => docker.open.size === 0);
  });
});
