import { createServer, type AddressInfo, type Server } from 'node:net';
import { expect } from 'chai';
import { AppError, messageOf } from '../../../lib/base/errors.js';
import { listenTcp } from '../../../lib/os/listen-tcp.js';

describe('listening on TCP', () => {
  const servers: Server[] = [];
  const server = (): Server => {
    const made = createServer();
    servers.push(made);
    return made;
  };
  afterEach(() => servers.splice(0).forEach((each) => each.close()));

  async function taken(): Promise<number> {
    const first = server();
    await listenTcp(first, { host: '127.0.0.1', port: 0 });
    return (first.address() as AddressInfo).port;
  }

  it('resolves when the address takes connections, and leaves no listener for errors', async () => {
    const made = server();
    await listenTcp(made, { host: '127.0.0.1', port: 0 });
    expect(made.listening).to.equal(true);
    expect(made.listenerCount('error')).to.equal(0);
  });

  it('names the address that cannot be used', async () => {
    const port = await taken();
    const error: unknown = await listenTcp(server(), { host: '127.0.0.1', port }).catch((e: unknown) => e);
    expect(error).to.be.instanceOf(AppError).with.property('kind', 'unavailable');
    expect(messageOf(error)).to.match(new RegExp(`^cannot listen on 127.0.0.1:${port}: .*EADDRINUSE`));
  });

  it("calls the address by the user's name for it, and adds the advice", async () => {
    const address = { host: '127.0.0.1', port: await taken() };
    const options = { name: 'tcp://here', advice: 'choose another' };
    const error: unknown = await listenTcp(server(), address, options).catch((e: unknown) => e);
    expect(messageOf(error)).to.match(/^cannot listen on tcp:\/\/here: .*EADDRINUSE.*; choose another$/);
  });
});
