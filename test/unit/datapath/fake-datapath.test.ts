import { describeDatapath } from '../../support/datapath-contract.js';
import { createFakeDatapath } from '../../support/fake-datapath.js';

describeDatapath('fake datapath', async () => {
  const fake = createFakeDatapath();
  return {
    datapath: fake.datapath,
    plug: async () => undefined,
    links: async () => [...fake.links],
    makeLink: async (name) => void fake.links.add(name),
    loseLink: async (endpoint) => fake.loseLink(endpoint),
    deleteBridge: async () => fake.deleteBridge(),
    restart: async () => fake.restart(),
    close: async () => undefined,
  };
});
