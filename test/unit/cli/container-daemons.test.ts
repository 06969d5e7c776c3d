import { expect } from 'chai';
import { containerDaemons } from '../../../lib/cli/daemons/containers.js';
import type { DaemonParts } from '../../../lib/cli/daemons/types.js';
import { messageOf } from '../../../lib/base/errors.js';
import { CommandError, type Run } from '../../../lib/os/exec.js';
import { hostPaths } from '../../../lib/base/paths.js';

describe('agent and proxy as containers', () => {
  let there: Set<string>;
  /** Of the agent, at each look at it. */
  let restarts: () => number;
  let stopped: string[];
  beforeEach(() => {
    there = new Set(['socketplane-consul', 'socketplane', 'powerstrip']);
    restarts = () => 3;
    stopped = [];
  });

  const run: Run = async (argv) => {
    const [name = '', verb = ''] = [argv.at(-1), argv[0] === 'sh' ? 'logs' : argv[3]];
    if (verb === 'logs') return '{"level":"error","message":"agent.yml: listn: unknown key"}';
    if (verb === 'stop') stopped = argv.slice(4);
    if (verb !== 'container') return '';
    if (there.has(name)) return `true ${name === 'socketplane' ? restarts() : 0}\n`;
    throw new CommandError(argv, 1, `Error: No such container: ${name}`, undefined, undefined);
  };
  function daemons(agentReady: () => Promise<void>) {
    const parts: DaemonParts = {
      root: '/',
      proxyConfig: '/proxy.yml',
      powerstrip: true,
      agentReady,
      proxyReady: async () => undefined,
      tell: () => undefined,
    };
    return containerDaemons(hostPaths, run, parts);
  }
  const away = () => Promise.reject(new Error('no answer'));

  it('that serve are running, whatever they did before', async () => {
    expect(await daemons(async () => undefined).start()).to.equal('running');
  });

  it('of which one ends again and again say why, and are not waited for', async () => {
    let looks = 0;
    restarts = () => 3 + looks++;
    expect(await daemons(away).start().catch(messageOf)).to.equal(
      'socketplane keeps ending: agent.yml: listn: unknown key (docker logs socketplane, docker logs powerstrip)',
    );
  });

  it('of which one is gone say what makes it again, and the other can be stopped', async () => {
    there.delete('socketplane');
    expect(await daemons(away).start().catch(messageOf)).to.equal(
      'there is no container socketplane: `socketplane install unattended` makes it again',
    );
    expect(await daemons(away).stop()).to.equal('stopped');
    expect(stopped).to.deep.equal(['powerstrip']);
    await daemons(away).stopConsul();
    expect(stopped).to.deep.equal(['socketplane-consul']);
  });
});
