import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { expect } from 'chai';
import { freePort, useCertificates } from '../../../support/proxy/certificates.js';
import { useDocker } from '../../../support/proxy/fake-docker.js';
import { created, echo } from '../../../support/proxy/hooked.js';
import { closeAll, Raw, startAdapter, startProxy, type Harness } from '../../../support/proxy/harness.js';
import { until } from '../../../support/until.js';

const JSON_BODY = 'Content-Type: application/json\r\n';
const CREATE = `POST /containers/create HTTP/1.1\r\nHost: d\r\n${JSON_BODY}Content-Length: 2\r\n\r\n{}`;
const PLAIN = 'GET /info HTTP/1.1\r\nHost: d\r\n\r\n';

/** What a client may say before it ends its side, and how many answers it then waits for. */
const CALLS: Record<string, [call: string, answers: number]> = {
  'without body': ['POST /containers/1/stop HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n', 1],
  'of HTTP/1.0': ['GET /containers/json HTTP/1.0\r\n\r\n', 1],
  'with a body': [CREATE, 1],
  'with a body in chunks': [
    `POST /containers/create HTTP/1.1\r\nHost: d\r\n${JSON_BODY}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    1,
  ],
  'behind one that goes the fast way': [PLAIN + CREATE, 2],
  'behind another of its kind': [CREATE + CREATE + CREATE, 3],
};

describe('a client of hooks that ends its side and reads on', () => {
  const docker = useDocker(created);
  const { file, pem } = useCertificates();
  afterEach(closeAll);

  /** @param answer may keep the client waiting */
  async function start(answer: typeof echo): Promise<{ proxy: Harness; yaml: string; asked: () => number }> {
    const adapter = await startAdapter(answer);
    const yaml = `endpoints: { "* /containers*": { pre: [a], post: [a] } }\nadapters: { a: "${adapter.url}" }\n`;
    const proxy = await startProxy(docker.server(), yaml);
    return { proxy, yaml, asked: () => adapter.seen.length };
  }

  /** An adapter that answers when it is told to. */
  function slow(): { answer: typeof echo; go: () => void } {
    let isTime = false;
    const waiting: (() => void)[] = [];
    return {
      answer: (hook) =>
        new Raw((res) => {
          const send = (): void => void res.end(JSON.stringify(echo(hook)));
          if (isTime) send();
          else waiting.push(send);
        }),
      go: () => {
        isTime = true;
        for (const send of waiting) send();
      },
    };
  }

  for (const [what, [call, answers]] of Object.entries(CALLS)) {
    it(`has the answer to a call ${what}`, async () => {
      const { answer, go } = slow();
      const { proxy, asked } = await start(answer);
      const client = proxy.connect();
      client.socket.end(call);
      await until(() => asked() > 0);
      go();
      await client.ended;
      expect(client.text().match(/^HTTP\/1\.1 201 /gm)).to.have.length(answers);
    });
  }

  for (const kind of ['tcp', 'tls'] as const) {
    it(`has it on ${kind} too`, async () => {
      const { answer, go } = slow();
      const { proxy, yaml, asked } = await start(answer);
      const port = await freePort();
      const listen = proxy.head.replace(/listen: .*/, `listen: ['${kind}://127.0.0.1:${port}']`);
      const certificate = `tls: { cert: ${file('server.pem')}, key: ${file('server.key')} }\n`;
      await proxy.reload(yaml, listen + (kind === 'tls' ? certificate : ''));
      const to = { host: '127.0.0.1', port, allowHalfOpen: true };
      const client = kind === 'tls' ? tls.connect({ ...to, ca: pem('ca.pem') }) : net.connect(to);
      let text = '';
      client.on('data', (chunk: Buffer) => (text += chunk.toString()));
      client.end(CREATE);
      await until(() => asked() > 0);
      go();
      await once(client, 'end');
      expect(text).to.match(/^HTTP\/1\.1 201 /);
    });
  }

  it('is noticed when it leaves after all', async () => {
    let left = false;
    const { proxy, asked } = await start(() => new Raw((res) => res.on('close', () => (left = true))));
    const client = proxy.connect();
    client.socket.end(CREATE);
    await until(() => asked() === 1);
    expect(left).to.equal(false);
    client.socket.destroy();
    await until(() => left);
    expect(docker.calls).to.deep.equal([]);
  });
});
