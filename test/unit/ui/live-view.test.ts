import { expect } from 'chai';
import { createLiveView } from '../../../lib/ui/live-view.js';
import { makeView, type AgentAnswers } from '../../../lib/ui/make-view.js';
import type { View } from '../../../lib/ui/view.js';
import { until } from '../../support/until.js';

const lease = (network: string, container: string, host: string, up = true) => ({
  ...{
    id: container,
    kept: false,
    network,
    container,
    host,
    up,
    ip: '10.9.0.2',
    names: [`name-of-${container}`],
    time: '',
  },
});
const member = (id: string, state = 'up') => ({
  ...{ id, name: `host-${id}`, address: '192.0.2.1', joined: '', server: id === 'h1', state },
});
const answers = (changes: Partial<AgentAnswers> = {}): AgentAnswers => ({
  cluster: {
    ...{ state: 'member', id: 'h1', name: 'c', server: true },
    members: [member('h1'), member('h2'), member('h3', 'silent')],
  },
  networks: [{ id: 'web', subnet: '10.9.0.0/24', gateway: '10.9.0.1', vni: 7 }],
  leases: [lease('web', 'b', 'h2'), lease('web', 'a', 'h1'), lease('web', 'c', 'h3', false)],
  connections: [],
  problems: [],
  ...changes,
});

describe('view', () => {
  it('counts addresses by network and by host, and names hosts', () => {
    const { networks, containers } = makeView(answers(), 'me');
    expect(networks[0]).to.deep.include({ used: 3, total: 253 });
    expect(networks[0]?.hosts).to.deep.equal(
      ['h1', 'h2', 'h3'].map((id) => ({ name: `host-${id}`, used: 1 })),
    );
    expect(containers.map(({ name, host, state }) => [name, host, state])).to.deep.equal([
      ['name-of-a', 'host-h1', 'up'],
      ['name-of-b', 'host-h2', 'up'],
      ['name-of-c', 'host-h3', 'down'],
    ]);
  });

  it('has tunnels to the others that are up, while the data plane works', () => {
    const tunnels = (view: Omit<View, 'calls'>) => view.cluster?.hosts.map(({ tunnel }) => tunnel);
    expect(tunnels(makeView(answers(), 'me'))).to.deep.equal([false, true, false]);
    const broken = answers({ problems: ['Open vSwitch does not answer'] });
    expect(tunnels(makeView(broken, 'me'))).to.deep.equal([false, false, false]);
    const partly = answers();
    partly.problems = ['Open vSwitch: no tunnels to 192.0.2.3: something else has UDP 6680'];
    partly.cluster.members = [member('h1'), member('h2', 'agent away'), member('h3', 'no tunnel')];
    expect(tunnels(makeView(partly, 'me'))).to.deep.equal([false, true, false]);
  });

  it('shows a host that is alone', () => {
    const cluster = { state: 'none', id: 'h1', name: 'c', server: false, members: [] };
    const { cluster: shown } = makeView(answers({ cluster, leases: [] }), 'me');
    expect(shown).to.not.have.property('name');
    expect(shown?.hosts).to.have.length(1);
    expect(shown?.hosts[0]).to.deep.include({ name: 'me', self: true, up: true });
  });

  it('keeps what was said last while the agent is away, and says so', async () => {
    let down = false;
    const seen: View[] = [];
    const live = createLiveView({
      ask: async () => {
        if (down) throw new Error('nobody listens');
        return answers();
      },
      calls: { list: () => [], problem: () => undefined },
      name: 'me',
      every: 1,
    });
    const end = live.watch((text) => seen.push(JSON.parse(text) as View));
    await until(() => seen.length > 0);
    down = true;
    await until(() => seen.at(-1)?.agentProblem === 'nobody listens');
    expect(seen.at(-1)?.containers).to.have.length(3);
    down = false;
    await until(() => seen.at(-1)?.agentProblem === undefined);
    end();
    expect(seen).to.have.length(3);
  });
});
