import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { AppError, type ErrorKind } from '../../../lib/base/errors.js';
import { silentLog } from '../../../lib/base/log.js';
import {
  createReconnector,
  unfinishedPlaces,
  type UnfinishedPlaces,
} from '../../../lib/endpoints/reconnect.js';
import { keepJson, type KeptJson } from '../../../lib/os/kept-json.js';
import { A, attachedOf, containerOf, E1, IP, kindOf } from './support.js';

describe('connecting a container anew', () => {
  function setUp(kept?: KeptJson<UnfinishedPlaces>) {
    const calls: unknown[][] = [];
    const fail: { disconnect?: ErrorKind; connect?: ErrorKind } = {};
    const note =
      (what: 'connect' | 'disconnect') =>
      async (...args: unknown[]) => {
        calls.push([what, ...args]);
        if (fail[what]) throw new AppError(fail[what], what);
      };
    const docker = { connect: note('connect'), disconnect: note('disconnect') };
    return { calls, fail, reconnector: createReconnector({ docker, kept, log: silentLog }) };
  }
  const settings = (change = {}) => ({ Aliases: ['db'], DriverOpts: {}, ...change });

  it('takes it off and puts it on, with aliases and options, but not the name that Docker adds itself', async () => {
    const { calls, reconnector } = setUp();
    const attached = { ...attachedOf(E1), options: { taste: 'sweet' }, aliases: ['db', A.slice(0, 12)] };
    await reconnector.reconnect(A, attached);
    expect(calls).to.deep.equal([
      ['disconnect', 'n1', A],
      ['connect', 'web', A, settings({ DriverOpts: { taste: 'sweet' } })],
    ]);
    expect(reconnector.unfinished()).to.deep.equal([]);
  });

  it('asks for the same address where the settings do', async () => {
    const { calls, reconnector } = setUp();
    const kept = attachedOf(E1, { isKept: true });
    await reconnector.reconnect(A, kept);
    await reconnector.reconnect(A, attachedOf(E1));
    expect([calls[1]?.[3], calls[3]?.[3]]).to.deep.equal([
      settings({ DriverOpts: kept.options, IPAMConfig: { IPv4Address: IP } }),
      settings(),
    ]);
  });

  it('is not begun when the container cannot be taken off', async () => {
    const { calls, fail, reconnector } = setUp();
    fail.disconnect = 'unavailable';
    expect(await kindOf(reconnector.reconnect(A, attachedOf(E1)))).to.equal('unavailable');
    expect([calls.length, reconnector.unfinished()]).to.deep.equal([1, []]);
  });

  it('is ended later when it cannot be put on', async () => {
    const { calls, fail, reconnector } = setUp();
    fail.connect = 'unavailable';
    expect(await kindOf(reconnector.reconnect(A, attachedOf(E1)))).to.equal('unavailable');
    expect(reconnector.unfinished()).to.deep.equal([A]);
    const off = containerOf(A, []);
    expect(await kindOf(reconnector.resume(A, off))).to.equal('unavailable');
    delete fail.connect;
    await reconnector.resume('b', off);
    expect(reconnector.unfinished()).to.deep.equal([A]);
    await reconnector.resume(A, off);
    await reconnector.resume(A, off);
    expect(calls.map(([what]) => what)).to.deep.equal(['disconnect', 'connect', 'connect', 'connect']);
    expect(calls.at(-1)).to.deep.equal(['connect', 'web', A, settings()]);
    expect(reconnector.unfinished()).to.deep.equal([]);
  });

  for (const [title, container] of [
    ['somebody else has put it on', containerOf(A, [attachedOf('')])],
    ['the container is gone', undefined],
  ] as const) {
    it(`is over when ${title}`, async () => {
      const { calls, fail, reconnector } = setUp();
      fail.connect = 'conflict';
      await kindOf(reconnector.reconnect(A, attachedOf(E1)));
      await reconnector.resume(A, container);
      expect([calls.length, reconnector.unfinished()]).to.deep.equal([2, []]);
    });
  }

  it('is ended by the next agent, wherever this one is killed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'reconnect-'));
    const kept = () => keepJson(join(folder, 'places.json'), unfinishedPlaces, 'the record', silentLog);
    const [first, place] = [setUp(kept()), attachedOf(E1, { isKept: true })];
    first.fail.connect = 'unavailable';
    await kindOf(first.reconnector.reconnect(A, place));
    const second = setUp(kept());
    expect(second.reconnector.unfinished()).to.deep.equal([A]);
    await second.reconnector.resume(A, containerOf(A, []));
    expect(second.calls).to.deep.equal([first.calls[1]]);
    expect(setUp(kept()).reconnector.unfinished()).to.deep.equal([]);
    rmSync(folder, { recursive: true });
  });

  it('is known before it is begun', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'reconnect-'));
    const kept = () => keepJson(join(folder, 'places.json'), unfinishedPlaces, 'the record', silentLog);
    const seen: string[][] = [];
    const disconnect = async () => void seen.push(setUp(kept()).reconnector.unfinished());
    const docker = { disconnect, connect: async () => undefined };
    await createReconnector({ docker, kept: kept(), log: silentLog }).reconnect(A, attachedOf(E1));
    expect(seen).to.deep.equal([[A]]);
    rmSync(folder, { recursive: true });
  });

  it('is over when there is no such network any more', async () => {
    const { fail, reconnector } = setUp();
    fail.connect = 'notFound';
    await reconnector.reconnect(A, attachedOf(E1));
    expect(reconnector.unfinished()).to.deep.equal([]);
  });
});
