import { expect } from 'chai';
import { withPlugin } from '../../../lib/cli/daemons/with-plugin.js';
import type { AgentAndProxy, DaemonView, PluginDaemon } from '../../../lib/cli/daemons/types.js';

describe('the daemons of a host', () => {
  let done: string[];
  let pluginRuns: boolean;
  const view = (name: string): DaemonView => ({
    name,
    log: `${name}.log`,
    pid: async () => 42,
    ready: async () => undefined,
  });
  const others: AgentAndProxy = {
    all: [view('agent'), view('proxy')],
    start: async () => (done.push('start agent'), 'running'),
    stop: async () => (done.push('stop agent'), 'not running'),
    stopConsul: async () => done.push('stop consul'),
    logs: () => [['tail', ['agent.log']]],
  };
  const plugin: PluginDaemon = {
    ...view('plugin'),
    async start() {
      done.push('start plugin');
      return !pluginRuns;
    },
    async stop() {
      done.push('stop plugin');
      return pluginRuns;
    },
    logs: () => ['tail', ['plugin.log']],
  };
  const daemons = withPlugin(plugin, others);
  beforeEach(() => {
    done = [];
    pluginRuns = true;
  });

  it('have the plugin process first at the start and last at the end', async () => {
    expect(await daemons.start()).to.equal('running');
    expect(await daemons.stop()).to.equal('stopped');
    expect(done).to.deep.equal([
      ...['start plugin', 'start agent'],
      ...['stop agent', 'stop consul', 'stop plugin'],
    ]);
    expect(daemons.all.map(({ name }) => name)).to.deep.equal(['plugin', 'agent', 'proxy']);
    expect(daemons.logs(9, false).map(([, [log]]) => log)).to.deep.equal(['plugin.log', 'agent.log']);
  });

  it('are started when only the plugin process was missing', async () => {
    pluginRuns = false;
    expect(await daemons.stop()).to.equal('not running');
    expect(await daemons.start()).to.equal('started');
  });

  it('are restarted without Consul and the plugin process, which is started if it is missing', async () => {
    await daemons.restart();
    expect(done).to.deep.equal(['stop agent', 'start plugin', 'start agent']);
  });
});
