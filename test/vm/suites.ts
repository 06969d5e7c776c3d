import { expect } from 'chai';
import { addressOf, consulPid, eventually, isMember, pings } from './expect.js';
import type { Machine } from './lab/machine.js';

type Both = () => [Machine, Machine];

/** The containers of a machine. */
const ON = { h1: ['shop1'], h2: ['shop2', 'other2'] } as Record<string, string[]>;

async function addresses(machine: Machine): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const name of ON[machine.name] ?? []) all[name] = await addressOf(machine, name);
  return all;
}

/** What holds whenever nothing is wrong: both see each other, and containers reach each other by name, both ways. */
export async function isWhole([first, second]: [Machine, Machine]): Promise<void> {
  await eventually('both are members', () => isMember([first, second]));
  await eventually('shop2 to reach shop1', () => pings(second, 'shop2', 'shop1'));
  await eventually('shop1 to reach shop2', () => pings(first, 'shop1', 'shop2'));
}

/** A reboot and a power failure of each of two hosts. */
export function comesBack(both: Both): void {
  for (const [what, number, how] of [
    ['a client of Consul comes back from a reboot', 1, 'reboot'],
    ['the only server comes back when it has lost its power', 0, 'losePower'],
    ['the only server comes back from a reboot', 0, 'reboot'],
    ['a client of Consul comes back when it has lost its power', 1, 'losePower'],
  ] as const) {
    it(`${what}, and containers have their addresses from their first instruction`, async () => {
      const machine = both()[number];
      const before = await addresses(machine);
      await machine[how]();
      for (const [name, address] of Object.entries(before)) {
        await eventually(
          `${name} to have ${address}`,
          async () => (await addressOf(machine, name)) === address,
        );
        const said = (await machine.run(`docker logs --tail 1 ${name} 2>&1`)).stdout;
        expect(said, `${name} at its first instruction`).to.include(address);
      }
      await isWhole(both());
      expect((await machine.run('systemctl --failed --no-legend --plain')).stdout).to.equal('');
    });
  }
}

/** Each command on the client; what it restarts must not take the containers' network. */
export function outlives(both: Both, commands: readonly string[]): void {
  for (const command of commands) {
    it(`containers are back on their addresses after ${command}`, async () => {
      const [, second] = both();
      const before = await addresses(second);
      await second.run(command);
      for (const [name, address] of Object.entries(before))
        await eventually(
          `${name} to have ${address}`,
          async () => (await addressOf(second, name)) === address,
        );
      await isWhole(both());
    });
  }
}

/** Consul is the same process afterwards. */
export function consulOutlives(both: Both, commands: readonly string[]): void {
  for (const [who, number] of [
    ['a client', 1],
    ['the only server', 0],
  ] as const) {
    for (const command of commands) {
      it(`Consul, ${who}, runs on through ${command}`, async () => {
        const machine = both()[number];
        const before = await consulPid(machine);
        const agent = 'cat /run/socketplane/agent.pid';
        const was = await machine.read(agent);
        await machine.run(command);
        await eventually('another agent', async () => {
          const now = await machine.read(agent);
          return now !== '' && now !== was;
        });
        await isWhole(both());
        expect(await consulPid(machine)).to.equal(before);
      });
    }
  }
}
