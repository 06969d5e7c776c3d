import { expect } from 'chai';
import fc from 'fast-check';
import { AppError } from '../../../lib/base/errors.js';
import { createIpam, type Ipam, type Lease } from '../../../lib/ipam/ipam.js';
import type { NetworkRecord } from '../../../lib/base/model.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import type { Store } from '../../../lib/store/store.js';
import { grantTo, storedLeases } from '../../support/leases.js';

const ID = (n: number) => n.toString(16).padStart(64, '0');
const NETWORK = { id: 'web', subnet: '10.0.0.0/27', gateway: '10.0.0.1', vni: 1 };
const CAPACITY = 29;
/** The same each time, unless FUZZ_SEED says another. */
const SEED = 20150417;

interface Host {
  name: string;
  ipam: Ipam;
  /** What the store does to this host: answers, loses calls, or loses answers. */
  link: { state: 'up' | 'down' | 'mute' };
  stop: () => void;
}

/** The store as a host reaches it over a network that fails. */
function over(link: Host['link'], store: Store): Store {
  const lost = () => new AppError('unavailable', 'the store does not answer');
  const pass = async <T>(call: () => Promise<T>): Promise<T> => {
    if (link.state === 'down') throw lost();
    const result = await call();
    if (link.state === 'mute') throw lost();
    return result;
  };
  return {
    ...store,
    get: (key) => pass(() => store.get(key)),
    list: (prefix) => pass(() => store.list(prefix)),
    commit: (operations) => pass(() => store.commit(operations)),
  };
}

async function start(name: string, store: Store): Promise<Host> {
  const link: Host['link'] = { state: 'up' };
  const ipam = createIpam({ store: over(link, store), host: name });
  await ipam.load();
  const abort = new AbortController();
  void ipam.follow(abort.signal);
  return { name, ipam, link, stop: () => abort.abort() };
}

const step = fc.record({
  host: fc.nat(2),
  container: fc.nat(11),
  what: fc.oneof(
    { weight: 8, arbitrary: fc.constant('lease' as const) },
    { weight: 5, arbitrary: fc.constant('release' as const) },
    { weight: 2, arbitrary: fc.constantFrom('crash' as const, 'update' as const, 'reap' as const) },
    { weight: 2, arbitrary: fc.constantFrom('down' as const, 'mute' as const, 'up' as const) },
  ),
  wait: fc.boolean(),
});

describe('ipam on several hosts, when things fail', () => {
  it('changes a lease again when it is not known what became of the change before', async () => {
    const store = createMemoryStore();
    await store.commit([{ key: 'networks/web', value: JSON.stringify(NETWORK) }]);
    const record: NetworkRecord = { network: NETWORK, version: 1 };
    const link: Host['link'] = { state: 'up' };
    // The news of its own write has not come yet.
    const ipam = createIpam({ store: over(link, store), host: 'h1' });
    await ipam.load();
    const { ip } = await ipam.lease(record, grantTo(ID(1)));
    link.state = 'mute';
    const stopped = await ipam.update('web', ip, { up: false }).catch((error: unknown) => error);
    expect(stopped).to.be.instanceOf(AppError);
    link.state = 'up';
    await ipam.update('web', ip, { up: true });
    expect((await storedLeases(store)).map(({ up }) => up)).to.deep.equal([true]);
  });

  it('never has two owners for an address, nor loses one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const store = createMemoryStore();
        await store.commit([{ key: 'networks/web', value: JSON.stringify(NETWORK) }]);
        const record: NetworkRecord = {
          network: NETWORK,
          version: (await store.get('networks/web'))!.version,
        };
        const hosts = await Promise.all(['h0', 'h1', 'h2'].map((name) => start(name, store)));
        let running: Promise<unknown>[] = [];
        /** The leases that containers were told they have, by id; nobody else may be told the same address meanwhile. */
        const told = new Map<string, Lease>();
        /** Ids of leases that were to be given back, which may have failed. */
        const released = new Set<string>();
        const settle = async () => {
          await Promise.all(running);
          running = [];
        };

        /** Hosts that were given up: they have to look before what they say counts, as `Evictions` has it. */
        const fenced = new Set<string>();
        async function comeBack({ name, ipam }: Host): Promise<void> {
          if (!fenced.has(name)) return;
          await ipam.load();
          fenced.delete(name);
        }

        async function lease(host: Host, id: string): Promise<void> {
          await comeBack(host);
          const given = await host.ipam.lease(record, grantTo(id));
          // An answer that comes after the address was given back counts for nothing.
          if (released.has(given.id)) return;
          for (const other of told.values())
            expect(other.ip, `${other.container} has it`).to.not.equal(given.ip);
          told.set(given.id, given);
        }

        for (const { host: at, container, what, wait } of steps) {
          const host = hosts[at]!;
          const id = ID(at * 100 + container);
          const may = (task: Promise<unknown>) =>
            running.push(
              task.catch((error: unknown) =>
                expect((error as AppError).kind).to.be.oneOf(['exhausted', 'unavailable']),
              ),
            );
          const [mine] = host.ipam.ofContainer(id);
          if (what === 'lease') may(lease(host, id));
          else if (what === 'release') {
            if (!mine) continue;
            // From here on the address may be another's, whether the answer arrives or not.
            told.delete(mine.id);
            released.add(mine.id);
            may(host.ipam.release('web', mine.ip, (present) => present.id === mine.id));
          } else if (what === 'update') {
            if (mine) may(host.ipam.update('web', mine.ip, { names: [`c${told.size}`], up: false }));
          } else if (what === 'reap') {
            // The host was away for so long that others have given up on it.
            await settle();
            for (const { id: other } of host.ipam.owned()) released.add(other);
            for (const other of [...told.values()]) if (other.host === host.name) told.delete(other.id);
            const reaper = hosts[(at + 1) % 3]!;
            fenced.add(host.name);
            may(reaper.ipam.releaseHost(host.name));
            // Nobody comes back before it is done.
            await settle();
          } else if (what === 'crash') {
            await settle();
            host.stop();
            hosts[at] = await start(host.name, store);
          } else host.link.state = what;
          if (wait) await settle();
        }

        await settle();
        for (const host of hosts) host.link.state = 'up';
        // What hosts believe is what the store says, once they have looked, and given back what nobody knows of.
        const settled = async () => {
          for (const { ipam } of hosts) await ipam.load();
          await new Promise((resolve) => setImmediate(resolve));
        };
        await settled();
        await settled();
        const leases = await storedLeases(store);
        expect(new Set(leases.map(({ ip }) => ip)).size).to.equal(leases.length);
        const believed = hosts.flatMap(({ ipam }) => ipam.owned());
        expect(believed).to.have.deep.members(leases);
        // What a container was told is what the store says; what it was not told is there only for want of a memory.
        for (const { id, ip } of told.values())
          expect(leases.find((some) => some.id === id)?.ip).to.equal(ip);
        if (!steps.some(({ what }) => what === 'crash')) {
          const unknown = leases.filter(({ id }) => !told.has(id) && !released.has(id));
          expect(unknown).to.deep.equal([]);
        }
        // Nothing is lost: all comes back, and then the whole subnet can be had.
        for (const { ipam } of hosts) for (const { ip } of ipam.owned()) await ipam.release('web', ip);
        expect(await store.list('blocks/')).to.deep.equal([]);
        const again = await Promise.allSettled(
          Array.from({ length: CAPACITY + 3 }, (_, n) =>
            hosts[n % 3]!.ipam.lease(record, grantTo(ID(1000 + n))),
          ),
        );
        expect(again.filter(({ status }) => status === 'fulfilled')).to.have.length(CAPACITY);
        hosts.forEach(({ stop }) => stop());
      }),
      { numRuns: 60, seed: Number(process.env['FUZZ_SEED'] ?? SEED) },
    );
  }).timeout(30_000);
});
