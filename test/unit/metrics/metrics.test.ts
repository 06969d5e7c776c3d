import { expect } from 'chai';
import { parse } from 'yaml';
import { measured } from '../../../lib/metrics/measured-store.js';
import { createAgentMetrics, type AgentMetrics } from '../../../lib/metrics/agent-metrics.js';
import type { Observed } from '../../../lib/metrics/gauges.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import { setUp } from '../../support/agent-on-fakes.js';
import { docBlocks, readDoc } from '../../support/doc-blocks.js';

const OPERATIONS = 'docs/operations.md';

const observed: Observed = {
  version: '1.2.3',
  datapath: 'kernel',
  services: {
    endpoints: { up: 3, down: 1, starting: 0, failed: 0 },
    networks: [{ id: 'web', total: 253, used: 4 }],
    peers: 2,
  },
  tunnels: 2,
  tunnelFaults: 1,
  isMember: true,
  role: 'server',
};

const linesOf = async (metrics: AgentMetrics, now = observed) => (await metrics.text(now)).split('\n');

describe('metrics of the agent', () => {
  it('show what is so at the moment of the question', async () => {
    const metrics = createAgentMetrics();
    expect(await linesOf(metrics)).to.include.members([
      'socketplane_build_info{version="1.2.3",datapath="kernel"} 1',
      'socketplane_ready 1',
      'socketplane_endpoints{state="up"} 3',
      'socketplane_networks 1',
      'socketplane_network_addresses{network="web"} 253',
      'socketplane_network_addresses_used{network="web"} 4',
      'socketplane_cluster_member 1',
      'socketplane_peers 2',
      'socketplane_tunnels 2',
      'socketplane_consul_role{role="server"} 1',
      'socketplane_consul_role{role="client"} 0',
    ]);
    const text = await metrics.text({ ...observed, services: undefined });
    expect(text).to.include('socketplane_ready 0');
    // What is not known is not there, instead of what was so once.
    expect(text).not.to.match(/network="web"|state="up"/);
  });

  it('limit what users can make them grow by', async () => {
    const networks = Array.from({ length: 700 }, (_, n) => ({ id: `net${n}`, total: 1, used: 0 }));
    const now = { ...observed, services: { ...observed.services!, networks } };
    const lines = await linesOf(createAgentMetrics(), now);
    expect(lines.filter((line) => line.startsWith('socketplane_network_addresses{'))).to.have.length(500);
    expect(lines).to.include('socketplane_networks 700');
  });

  it('tell failures of the store from lost races', async () => {
    const metrics = createAgentMetrics();
    const memory = createMemoryStore();
    const store = measured(memory, metrics.store);
    await store.commit([{ key: 'a', value: '1' }]);
    await store.commit([{ key: 'a', value: '2', ifVersion: 0 }]);
    expect((await store.get('a'))?.value).to.equal('1');
    await store.list('');
    const down = measured({ ...memory, get: () => Promise.reject(new Error('down')) }, metrics.store);
    expect(await down.get('a').catch(String)).to.equal('Error: down');
    const counts = (await linesOf(metrics)).filter((line) =>
      line.startsWith('socketplane_store_duration_seconds_count'),
    );
    expect(counts.map((line) => line.slice(line.indexOf('{')))).to.have.members([
      '{operation="commit",result="ok"} 1',
      '{operation="commit",result="conflict"} 1',
      '{operation="get",result="ok"} 1',
      '{operation="get",result="failed"} 1',
      '{operation="list",result="ok"} 1',
    ]);
  });

  it('count what a look at everything changes, and only that', async () => {
    const { convergence, docker, bridge, passes, end } = await setUp();
    const con1 = docker.create('con1', 'web');
    await docker.start(con1);
    const { stopped } = await convergence.start();
    await convergence.converge();
    const repairs = () => passes.reduce((sum, [, , count]) => sum + count, 0);
    expect([passes.at(-1)?.[0], repairs()]).to.deep.equal(['ok', 0]);
    // Its link is gone, and Docker makes it anew.
    bridge.loseLink(docker.place(con1, 'web')!.endpoint);
    await convergence.converge();
    expect(repairs()).to.equal(1);
    bridge.fail.open = new Error('no bridge');
    await convergence.converge();
    expect(passes.at(-1)?.[0]).to.equal('failed');
    end();
    await stopped;
  });

  describe('in docs/operations.md', () => {
    const rules = docBlocks(OPERATIONS).filter(({ text }) => text.startsWith('groups:'));
    const used = (text: string) => new Set(text.match(/\bsocketplane_[a-z_]+/g) ?? []);

    it('are those that there are, each once in the table', async () => {
      const metrics = createAgentMetrics();
      const real = [...(await metrics.text(observed)).matchAll(/^# TYPE (socketplane_\w+)/gm)].map(
        ([, name]) => name,
      );
      const rows = [...readDoc(OPERATIONS).matchAll(/^\| `(socketplane_\w+)/gm)].map(([, name]) => name);
      expect(rows).to.have.members(real);
    });

    it('are what the rules for alerts ask for', async () => {
      const metrics = createAgentMetrics();
      metrics.store('get', 'failed', 1);
      const text = await metrics.text(observed);
      expect(rules).to.have.length(1);
      const { groups } = parse(rules[0]!.text) as { groups: { rules: Record<string, string>[] }[] };
      const all = groups.flatMap((group) => group.rules);
      expect(all).to.have.length.above(3);
      for (const { alert, expr = '', for: time, ...rest } of all) {
        expect(alert).to.match(/^SocketPlane\w+$/);
        expect(time).to.match(/^\d+m$/);
        expect(rest).to.have.nested.property('annotations.summary');
        for (const name of used(expr)) expect(text).to.match(new RegExp(`^${name}[{ ]`, 'm'));
        for (const [pair] of expr.matchAll(/\w+="\w+"/g)) {
          if (!pair.startsWith('job=')) expect(text).to.include(pair);
        }
      }
    });
  });
});
