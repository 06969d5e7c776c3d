import { expect } from 'chai';
import { silentLog } from '../../../lib/base/log.js';
import type { Data } from '../../../lib/store/consul/data.js';
import type { Feed, FeedState } from '../../../lib/store/consul/feed.js';
import { createFollower } from '../../../lib/store/consul/follow.js';
import { createWatched } from '../../../lib/store/consul/watched.js';
import type { Entry } from '../../../lib/store/store.js';

const state = (index: number, ...entries: FeedState['entries']): FeedState => ({
  index,
  entries,
  floor: 0,
  floorVersion: 0,
});

describe('a watch on a Consul that was set back', () => {
  it('gives what is there then, and says so', async () => {
    let stored: Entry[] = [
      { key: 'a', value: 'new', version: 9 },
      { key: 'b', value: '', version: 10 },
    ];
    let answer!: (next: FeedState) => void;
    const feed: Pick<Feed, 'next'> = {
      next: (index) =>
        index === 0 ? Promise.resolve(state(10)) : new Promise((resolve) => (answer = resolve)),
    };
    const data: Pick<Data, 'read' | 'snapshot'> = {
      read: async () => [],
      snapshot: async () => ({
        entries: stored,
        version: Math.max(...stored.map(({ version }) => version)),
      }),
    };
    const follower = createFollower({ feed: feed as Feed, data: data as Data, log: silentLog });
    const watched = createWatched('');
    const { signal } = new AbortController();
    follower.add(watched);
    expect(await watched.next(signal)).to.deep.equal({ put: stored, drop: [] });

    stored = [{ key: 'a', value: 'old', version: 5 }];
    answer(state(6));
    const change = await watched.next(signal);
    expect(change).to.deep.equal({ put: stored, drop: [{ key: 'b', version: 5 }], wasSetBack: true });
    follower.stop();
  });
});
