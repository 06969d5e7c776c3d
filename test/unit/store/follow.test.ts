import { expect } from 'chai';
import { silentLog } from '../../../lib/base/log.js';
import type { Data } from '../../../lib/store/consul/data.js';
import { wasSetBack, type Feed, type FeedState } from '../../../lib/store/consul/feed.js';
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
  const entry = (name: string, version: number) => ({ name, version, put: [], drop: [] });
  const ways: [string, FeedState, FeedState][] = [
    ['and counts from a lower index again', state(10), state(6)],
    [
      'and in which others have written again',
      state(10, entry('x', 4), entry('lost', 10)),
      state(14, entry('x', 4), entry('new', 14)),
    ],
    ['whose feed was collected since the back-up', { ...state(10), floor: 9 }, { ...state(14), floor: 2 }],
  ];
  for (const [way, before, after] of ways)
    it(`gives what is there then, and says so: one ${way}`, async () => {
      let stored: Entry[] = [
        { key: 'a', value: 'new', version: 9 },
        { key: 'b', value: '', version: 10 },
      ];
      let answer!: (next: FeedState) => void;
      const feed: Pick<Feed, 'next'> = {
        next: (index) =>
          index === 0 ? Promise.resolve(before) : new Promise((resolve) => (answer = resolve)),
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
      answer(after);
      const change = await watched.next(signal);
      expect(change).to.deep.equal({ put: stored, drop: [{ key: 'b', version: 5 }], wasSetBack: true });
      follower.stop();
    });

  it('is no set-back when the feed was collected', () =>
    expect(wasSetBack(state(10, entry('x', 4)), { ...state(12, entry('y', 12)), floor: 4 })).to.equal(false));
});
