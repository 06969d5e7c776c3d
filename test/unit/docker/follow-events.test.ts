import { expect } from 'chai';
import type { DockerEvent } from '../../../lib/docker/docker.js';
import { followEvents } from '../../../lib/docker/follow-events.js';
import { silentLog } from '../../../lib/base/log.js';

const event = (action: string): DockerEvent => ({ type: 'container', action, id: 'a'.repeat(64) });

describe('following Docker', () => {
  it('subscribes again when the stream ends or Docker is away, and tells of each beginning', async () => {
    const abort = new AbortController();
    const seen: string[] = [];
    const answers: (DockerEvent[] | Error)[] = [
      [event('start')],
      new Error('Docker is away'),
      [event('die')],
    ];
    const docker = {
      async events() {
        const answer = answers.shift() ?? [];
        if (answer instanceof Error) {
          seen.push(answer.message);
          throw answer;
        }
        return (async function* () {
          yield* answer;
          if (answers.length === 0) abort.abort();
        })();
      },
    };
    await followEvents(
      {
        docker,
        onConnected: () => void seen.push('connected'),
        onEvent: ({ action }) => void seen.push(action),
        log: silentLog,
      },
      abort.signal,
    );
    expect(seen).to.deep.equal(['connected', 'start', 'Docker is away', 'connected', 'die']);
  });
});
