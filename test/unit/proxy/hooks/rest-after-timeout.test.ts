import { expect } from 'chai';
import { AdapterFailure, type HookAdapter } from '../../../../lib/proxy/hooks/adapter.js';
import type { CallContext, Hook } from '../../../../lib/proxy/hooks/hook.js';
import { restAfterTimeout } from '../../../../lib/proxy/hooks/rest-after-timeout.js';
import { loadAdapters } from '../../../../lib/proxy/hooks/load-adapters.js';
import { silentLog } from '../../../../lib/base/log.js';
import { proxyOptions, Raw, startAdapter, closeAll } from '../../../support/proxy/harness.js';

const REQUEST = { method: 'GET', url: '/containers/json', headers: [], body: null };
const PRE: Hook = { type: 'pre-hook', request: REQUEST };
const UNWIND: Hook = {
  type: 'unwind',
  of: 'pre-hook',
  request: REQUEST,
  reason: { By: 'client', Message: '' },
};

describe('an adapter that hangs', () => {
  let asked: number;
  let failure: AdapterFailure | undefined;
  let time: number;
  beforeEach(() => {
    asked = 0;
    failure = new AdapterFailure(504, 'no answer within 5000 ms');
    time = 0;
  });
  afterEach(closeAll);

  function adapter(onFailure: HookAdapter['onFailure']): HookAdapter {
    const ask = async () => {
      asked++;
      if (failure) throw failure;
      return {};
    };
    return restAfterTimeout(
      { name: 'a', onFailure, unwinds: true, ask, retire: async () => undefined },
      () => time,
    );
  }

  async function outcome(of: HookAdapter, hook = PRE): Promise<string> {
    const work = of.ask(hook, {} as CallContext, new AbortController().signal);
    return work.then(
      () => 'ok',
      (error: Error) => error.message,
    );
  }

  it('is left alone for a while if it can be spared, and then asked again', async () => {
    const hung = adapter('ignore');
    expect(await outcome(hung)).to.equal('no answer within 5000 ms');
    time = 9_999;
    expect(await outcome(hung)).to.equal('not asked: it gave no answer less than 10 s ago');
    expect(asked).to.equal(1);
    time = 10_000;
    failure = undefined;
    expect(await outcome(hung)).to.equal('ok');
    expect(await outcome(hung)).to.equal('ok');
  });

  it('is told what to undo all the same', async () => {
    const hung = adapter('ignore');
    await outcome(hung);
    await outcome(hung, UNWIND);
    expect(asked).to.equal(2);
  });

  it('is asked each time if it cannot be spared', async () => {
    const hung = adapter('fail');
    for (let count = 0; count < 3; count++) await outcome(hung);
    expect(asked).to.equal(3);
  });

  it('is asked each time if it only fails', async () => {
    const down = adapter('ignore');
    failure = new AdapterFailure(502, 'no answer from http://a: ECONNREFUSED');
    for (let count = 0; count < 3; count++) await outcome(down);
    expect(asked).to.equal(3);
  });

  for (const [settings, most] of [
    ['onFailure: ignore', 5_000],
    ['onFailure: ignore, timeout: 20s', 20_000],
    ['onFailure: fail', 30_000],
  ] as const) {
    it(`keeps a call waiting for ${most / 1_000} s (${settings})`, async function () {
      const { url } = await startAdapter(() => new Raw(() => undefined));
      const config = proxyOptions(`version: 1\nadapters: { a: { url: "${url}", ${settings} } }\n`);
      const { adapters } = await loadAdapters(config, silentLog);
      const timers: number[] = [];
      const real = globalThis.setTimeout;
      globalThis.setTimeout = ((run: () => void, ms: number) => (
        timers.push(ms),
        real(run, 0)
      )) as typeof real;
      try {
        expect(await outcome(adapters.get('a')!)).to.equal(`no answer within ${most} ms`);
      } finally {
        globalThis.setTimeout = real;
      }
      expect(timers).to.include(most);
    });
  }
});
