import { expect } from 'chai';
import { CommandError } from '../../../lib/os/exec.js';
import { ensureConsul } from '../../../lib/install/system/consul.js';

describe('the program consul', () => {
  it('one that is there is used', async () => {
    const path = await ensureConsul({
      run: () => Promise.reject(new Error('something was run')),
      which: async (command) => `/opt/${command}`,
      onFetch: () => undefined,
    });
    expect(path).to.equal('/opt/consul');
  });

  it('is fetched where there is none', async () => {
    const calls: string[] = [];
    const path = await ensureConsul({
      run: async ([script, target]) => {
        calls.push(`${script.split('/').at(-1)} ${target}`);
        return '';
      },
      which: async () => undefined,
      onFetch: () => calls.push('told'),
    });
    expect(calls).to.deep.equal(['told', 'consul-program /var/lib/socketplane/bin/consul']);
    expect(path).to.equal('/var/lib/socketplane/bin/consul');
  });

  it('where it cannot be fetched, it says what to do', async () => {
    const failing = ensureConsul({
      run: (argv) =>
        Promise.reject(new CommandError(argv, 1, 'there is no apt-get here\n', undefined, undefined)),
      which: async () => undefined,
      onFetch: () => undefined,
    });
    expect(await failing.catch((error: Error) => error.message)).to.match(
      /^Consul is missing, and there is no apt-get here: put the program `consul`, 1\.8 or later, on the PATH/,
    );
  });
});
