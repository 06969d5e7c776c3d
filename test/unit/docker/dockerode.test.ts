import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createDocker } from '../../../lib/docker/dockerode.js';
import { silentLog, type Log } from '../../../lib/base/log.js';

const line = (action: string) =>
  `${JSON.stringify({ Type: 'container', Action: action, Actor: { ID: 'a'.repeat(64) } })}\n`;

describe('Docker client', () => {
  let folder: string;
  let server: ReturnType<typeof createServer>;
  let answer: (response: ServerResponse) => void;
  const warnings: string[] = [];
  const note = (text: string) => void warnings.push(text);
  const log = { warn: note, debug: () => undefined } as unknown as Log;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docker-test-'));
    server = createServer((_request, response) => answer(response));
    await new Promise<void>((resolve) => server.listen(join(folder, 'docker.sock'), resolve));
    warnings.length = 0;
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });

  const subscribe = (signal: AbortSignal) => createDocker(join(folder, 'docker.sock'), log).events(signal);

  it('goes on after events that it cannot read, and warns once', async () => {
    answer = (response) => response.end(`${line('start')}oops\n{"Action":1}\n${line('die')}`);
    const actions: string[] = [];
    for await (const { action } of await subscribe(new AbortController().signal)) actions.push(action);
    expect(actions).to.deep.equal(['start', 'die']);
    expect(warnings).to.deep.equal(['ignoring events from Docker that cannot be read']);
  });

  it('ends the events without an error when the connection drops', async () => {
    answer = (response) => {
      response.write(line('start'));
      setImmediate(() => response.destroy());
    };
    const actions: string[] = [];
    for await (const { action } of await subscribe(new AbortController().signal)) actions.push(action);
    expect(actions).to.deep.equal(['start']);
  });

  it('ends the events when it is told to', async () => {
    answer = (response) => response.write(line('start'));
    const abort = new AbortController();
    const actions: string[] = [];
    for await (const { action } of await subscribe(abort.signal)) {
      actions.push(action);
      abort.abort();
    }
    expect(actions).to.deep.equal(['start']);
  });

  it('is unavailable where nobody listens, and says where', async () => {
    const docker = createDocker(join(folder, 'none.sock'), silentLog);
    const error = await docker.ping().catch((thrown: unknown) => thrown);
    expect(error).to.include({ kind: 'unavailable' });
    expect(String(error)).to.match(/none\.sock: is it running\?$/);
  });
});
