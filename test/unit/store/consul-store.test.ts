import { silentLog } from '../../../lib/base/log.js';
import { retryBriefly } from '../../../lib/concurrency/retry-briefly.js';
import { createConsulStore } from '../../../lib/store/consul.js';
import type { Store } from '../../../lib/store/store.js';
import { createFakeConsul } from '../../support/fake-consul.js';
import { describeStore } from '../../support/store-contract.js';

const open = (client: ReturnType<typeof createFakeConsul>) =>
  createConsulStore({ client, prefix: 'test/', log: silentLog });

/** Watches try again by themselves; who reads has to. */
function readingAgain(store: Store): Store {
  return {
    ...store,
    get: (key) => retryBriefly(() => store.get(key)),
    list: (prefix) => retryBriefly(() => store.list(prefix)),
  };
}

describeStore('consul, on a fake Consul,', async () => open(createFakeConsul({ latencyMs: 20 })));
describeStore('consul, on a fake Consul that fails every fifth read,', async () =>
  readingAgain(open(createFakeConsul({ latencyMs: 20, failEvery: 5 }))),
);
