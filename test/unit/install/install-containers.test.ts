import { expect } from 'chai';
import { CommandError, type Run } from '../../../lib/os/exec.js';
import { messageOf } from '../../../lib/base/errors.js';
import { createInstalledContainers } from '../../../lib/install/containers/install-containers.js';

const OURS = { 'socketplane.part': 'agent' };
const COMPOSE = { ...OURS, 'com.docker.compose.project': 'socketplane' };

describe('containers that have our names', () => {
  /** What an install says of them. */
  async function refusal(
    mode: 'containers' | 'native',
    powerstrip: boolean,
    there: Record<string, Record<string, string>>,
  ): Promise<string> {
    const run: Run = async (argv) => {
      const labels = there[argv.at(-1) ?? ''];
      if (!labels) throw new CommandError(argv, 1, 'Error: No such container', undefined, undefined);
      return JSON.stringify(labels);
    };
    const { refuseForeign } = createInstalledContainers(run, '/docker.sock');
    return refuseForeign({ mode, powerstrip }).then(() => 'fine', messageOf);
  }

  it('include that of Consul, whose keeper the agent is told of', async () => {
    const made: string[] = [];
    const run: Run = async (argv) => {
      if (argv.includes('inspect'))
        throw new CommandError(argv, 1, 'Error: No such container', undefined, undefined);
      if (argv.includes('create')) made.push(argv.join(' '));
      return '';
    };
    const record = { mode: 'containers', version: '1', content: 'c', complete: false } as const;
    await createInstalledContainers(run, '/docker.sock').arrange({
      ...record,
      powerstrip: false,
      image: 'i',
    });
    expect(made).to.have.length(2);
    expect(made[0]).to.match(
      /--name socketplane-consul .* i \S+\/keep-consul \/run\/socketplane\/consul\.requests$/,
    );
    expect(made[1]).to.match(
      /--env SOCKETPLANE_CONSUL_KEEPER=\/run\/socketplane\/consul\.requests .*socketplaned$/,
    );
  });

  it('are exchanged where they are ours', async () => {
    expect(await refusal('containers', true, {})).to.equal('fine');
    expect(await refusal('containers', true, { socketplane: OURS, powerstrip: OURS })).to.equal('fine');
  });

  it("stop an install where they are another's, unless it does not need the name", async () => {
    const there = { powerstrip: { maintainer: 'somebody' } };
    expect(await refusal('containers', true, there)).to.match(/powerstrip that is not SocketPlane's: rename/);
    expect(await refusal('containers', false, there)).to.equal('fine');
    expect(await refusal('native', true, there)).to.equal('fine');
  });

  it('stop an install beside one that runs another way', async () => {
    for (const mode of ['containers', 'native'] as const)
      expect(await refusal(mode, true, { socketplane: COMPOSE })).to.include('`docker compose down` first');
    expect(await refusal('containers', true, { 'socketplane-consul': {} })).to.include('rename or remove it');
    expect(await refusal('native', true, { socketplane: OURS })).to.include('`socketplane uninstall` first');
  });
});
