import { describeDatapath } from '../../support/datapath-contract.js';
import { createFakeDatapath, GONE_NETNS } from '../../support/fake-datapath.js';

describeDatapath('fake datapath', async () => {
  const fake = createFakeDatapath();
  let namespaces = 0;
  return {
    datapath: fake.datapath,
    newNetns: async () => `/netns/${++namespaces}`,
    goneNetns: GONE_NETNS,
    restart: async () => fake.restart(),
    close: async () => undefined,
  };
});
