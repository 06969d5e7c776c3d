import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
import { setUp } from '../../support/agent-on-fakes.js';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a container whose start goes through the proxy', () => {
  async function starting() {
    const agent = await setUp();
    const id = agent.docker.create('con', 'web');
    await agent.endpoints.starting('con');
    return { ...agent, id };
  }

  it('is connected before its program runs, where it can be caught then', async () => {
    const { docker, bridge, made, held, endpoints, id } = await starting();
    await made(id, docker.nextPid());
    while (bridge.plugged.size === 0) await turn();
    const before = new Map(bridge.plugged);
    await turn();
    expect(held()).to.equal(0);
    docker.start('con');
    expect(await endpoints.started('con')).to.include({ state: 'up', ip: '10.0.0.2' });
    expect(bridge.plugged).to.deep.equal(before);
    expect(bridge.preparedCount()).to.equal(1);
  });

  it('is connected as it runs, when what was caught was a run that has ended already', async () => {
    const { docker, bridge, made, endpoints, id } = await starting();
    await made(id, 7);
    while (bridge.plugged.size === 0) await turn();
    docker.start('con');
    const connection = await endpoints.started('con');
    expect(connection?.state).to.equal('up');
    expect(bridge.plugged.has(`/netns/${connection?.pid}`)).to.equal(true);
    expect(bridge.preparedCount(), 'its pair went with the other run').to.equal(2);
  });

  it('is connected after its start, when that did not work before', async () => {
    const { docker, bridge, made, endpoints, id } = await starting();
    bridge.fail.plug = new AppError('internal', 'too early');
    await made(id, docker.nextPid());
    for (let turns = 0; turns < 10; turns++) await turn();
    bridge.fail.plug = undefined;
    docker.start('con');
    expect((await endpoints.started('con'))?.state).to.equal('up');
    expect([...bridge.plugged.values()].map(({ ip }) => ip)).to.deep.equal(['10.0.0.2']);
  });

  it('leaves nothing when it was caught and then did not start', async () => {
    const { docker, bridge, made, endpoints, id } = await starting();
    await made(id, docker.nextPid());
    while (bridge.plugged.size === 0) await turn();
    await endpoints.startFailed('con');
    expect([bridge.plugged.size, bridge.ports.size]).to.deep.equal([0, 0]);
  });

  it('is not waited for any more, when it has exited before it could be connected', async () => {
    const { docker, waits, failOpening, endpoints } = await starting();
    docker.start('con');
    failOpening(() => docker.stop('con'));
    await endpoints.started('con');
    expect(waits()).to.equal(0);
  });
});
