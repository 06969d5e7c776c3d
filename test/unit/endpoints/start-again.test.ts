import { expect } from 'chai';
import { AppError, type ErrorKind } from '../../../lib/base/errors.js';
import { silentLog } from '../../../lib/base/log.js';
import { createStartAgain } from '../../../lib/endpoints/start-again.js';
import { until } from '../../support/until.js';
import { A, containerOf } from './support.js';

const AWAY = 'remote: not now: the agent is away';

describe('a container that Docker has given up', () => {
  function setUp() {
    const started: string[] = [];
    const state: { fails?: ErrorKind; failures: number; go: () => void } = {
      failures: 0,
      go: () => undefined,
    };
    const startAgain = createStartAgain({
      docker: {
        async start(id) {
          started.push(id);
          await new Promise<void>((resolve) => (state.go = resolve));
          if (state.fails) throw new AppError(state.fails, 'cannot');
        },
      },
      onFailure: () => void state.failures++,
      log: silentLog,
    });
    return { started, state, startAgain };
  }
  const down = (startError?: string) =>
    containerOf(A, [], { running: false, pid: 0, ...(startError !== undefined && { startError }) });

  it('is started once, however often it is looked at', async () => {
    const { started, state, startAgain } = setUp();
    startAgain(down(AWAY));
    startAgain(down(AWAY));
    await until(() => started.length > 0);
    startAgain(down(AWAY));
    state.go();
    await until('the first start to end', () => {
      startAgain(down());
      return state.failures === 0;
    });
    expect(started).to.deep.equal([A]);
  });

  it('is left alone where it runs, where Docker does not start it again, and where the reason does not pass', async () => {
    const { started, startAgain } = setUp();
    startAgain(containerOf(A, [], { startError: AWAY }));
    startAgain(down());
    startAgain(down(AWAY.replace('not now: the agent is away', '10.0.0.2 is taken')));
    startAgain(down('OCI runtime create failed: no such program'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(started).to.deep.equal([]);
  });

  it('is looked at again where it cannot be started, unless it is gone', async () => {
    const { started, state, startAgain } = setUp();
    for (const [fails, failures] of [
      ['internal', 1],
      ['notFound', 1],
      ['unavailable', 2],
    ] as const) {
      const before = started.length;
      state.fails = fails;
      await until('its turn', () => {
        startAgain(down(AWAY));
        return started.length > before;
      });
      state.go();
      await until('its end', () => state.failures === failures);
    }
  });
});
