import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { reply, type HostileReply } from '../../../support/fuzz/replies.js';
import { fuzz, patience } from '../../../support/fuzz/settings.js';
import { useDocker } from '../../../support/proxy/fake-docker.js';
import { closeAll, startProxy, type Harness } from '../../../support/proxy/harness.js';
import { create, created } from '../../../support/proxy/hooked.js';

const SECONDS = 8;

describe('whatever adapters answer', function () {
  this.timeout(patience(SECONDS));
  const docker = useDocker(created);
  let adapter: net.Server;
  let answer: HostileReply;

  beforeEach(async () => {
    adapter = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        // One write in the middle of the document is enough to answer.
        if (!chunk.includes('"Type"')) return;
        const pieces = answer.bytes.match(/[^]{1,4000}/g) ?? [];
        for (const piece of pieces) socket.write(piece, 'latin1');
        if (answer.end === 'FIN') socket.end();
        if (answer.end === 'cut') socket.destroy();
      });
    });
    adapter.listen(0, '127.0.0.1');
    await once(adapter, 'listening');
  });
  afterEach(closeAll);
  afterEach(() => adapter.close());

  function start(protocol: 1 | 2): Promise<Harness> {
    const { port } = adapter.address() as net.AddressInfo;
    return startProxy(
      docker.server(),
      `limits: { hookBody: 64KiB }\nendpoints: { "POST /containers/create": { pre: [a], post: [a] } }\n` +
        `adapters: { a: { url: "http://127.0.0.1:${port}/", protocol: ${protocol}, timeout: 60ms } }\n`,
    );
  }

  for (const protocol of [1, 2] as const) {
    it(`the client has an answer, and nothing else gets in (protocol ${protocol})`, async () => {
      const proxy = await start(protocol);
      const statuses = new Set<number>();
      await fc.assert(
        fc.asyncProperty(reply(protocol), async (hostile) => {
          answer = hostile;
          docker.calls = [];
          const hang = sleep(3000, undefined, { ref: false });
          const got = await Promise.race([create(proxy, '{"Image":"busybox"}'), hang]);
          if (!got) throw new Error('no answer');
          statuses.add(got.status);
          expect(got.status).to.be.within(200, 599);
          if (got.status >= 502) expect(got.body).to.match(/^\{"message":"adapter a: .+"\}\n$/);
          expect(got.headers, 'to the client').to.not.have.property('injected');
          // What was made before a hook failed is removed.
          const own = docker.calls.filter(({ line }) => line === 'DELETE /containers/1?v=1');
          expect(own).to.have.length.at.most(got.status < 400 ? 0 : 1);
          docker.calls = docker.calls.filter((call) => !own.includes(call));
          for (const { line, headers } of docker.calls) {
            expect(line).to.match(/^POST \/v1\.41\/containers\/create(\?|$)/);
            expect(headers, 'to Docker').to.not.have.property('injected');
          }
          expect(docker.calls).to.have.length.at.most(1);
        }),
        fuzz(200, SECONDS),
      );
      // Else the replies are not what they are meant to be.
      expect(statuses).to.include(502).and.include(504);
      expect([...statuses].some((status) => status < 300)).to.equal(true);
    });
  }
});
