import { expect } from 'chai';
import { createSocketplaneAdapter } from '../../../adapters/socketplane/index.js';
import { adapterKit, type Answer, type Kit } from '../../../lib/adapter/testing.js';
import { setUp } from '../../support/agent-on-fakes.js';
import { storedLeases } from '../../support/leases.js';
import { until } from '../../support/until.js';

const START = { method: 'POST', path: '/v1.45/containers/con/start' };

describe('a start that comes to nothing', () => {
  let kit: Kit;
  let agent: Awaited<ReturnType<typeof setUp>>;
  beforeEach(async () => {
    agent = await setUp();
    agent.docker.create('con', 'web');
  });
  afterEach(() => kit.close());

  const use = async (endpoints = agent.endpoints) => {
    kit = await adapterKit(createSocketplaneAdapter({ ...agent, endpoints }));
  };
  const left = async () => [(await storedLeases(agent.store)).length, agent.bridge.ports.size];

  it('leaves neither lease nor port when the client leaves while Docker is asked', async () => {
    await use();
    const leaves = new AbortController();
    const docker = async (): Promise<Answer> => {
      expect(await left()).to.deep.equal([1, 1]);
      leaves.abort();
      return new Promise(() => undefined);
    };
    const { unwinds } = await kit.call({ ...START, docker, signal: leaves.signal });
    expect(unwinds.map(({ reason }) => reason.By)).to.deep.equal(['client']);
    expect(await left()).to.deep.equal([0, 0]);
  });

  it('leaves neither when the news that the client has left overtakes the preparation', async () => {
    const { starting, startFailed } = agent.endpoints;
    const leaves = new AbortController();
    let failures = 0;
    await use({
      ...agent.endpoints,
      async starting(container) {
        leaves.abort();
        await until(() => failures === 1);
        await starting(container);
      },
      startFailed: (container) => startFailed(container).finally(() => failures++),
    });
    await kit.call({ ...START, signal: leaves.signal });
    await until(() => failures === 2);
    expect(await left()).to.deep.equal([0, 0]);
  });

  it('leaves neither when Docker refuses', async () => {
    await use();
    const answer: Answer = { Code: 500, Body: { message: 'no' } };
    const { client } = await kit.call({ ...START, docker: () => answer });
    expect(client).to.deep.include({ status: 500, body: { message: 'no' } });
    expect(await left()).to.deep.equal([0, 0]);
  });

  it('takes nothing away when the client has left and Docker started it all the same', async () => {
    await use();
    const leaves = new AbortController();
    const docker = async (): Promise<Answer> => {
      agent.docker.start('con');
      await agent.endpoints.settle('con');
      leaves.abort();
      return new Promise(() => undefined);
    };
    await kit.call({ ...START, docker, signal: leaves.signal });
    expect(agent.endpoints.find('con')).to.include({ state: 'up', ip: '10.0.0.2' });
  });
});
