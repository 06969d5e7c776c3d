import { describeDocker } from '../../support/docker-contract.js';
import { createFakeDocker } from '../../support/fake-docker.js';

describeDocker('fake Docker', async () => {
  const fake = createFakeDocker();
  return {
    docker: fake.docker,
    create: async (name, network) => fake.create(name, network),
    start: async (name) => fake.start(name),
    rename: async (name, to) => fake.rename(name, to),
    remove: async (name) => fake.remove(name),
    setDown: async (down) => fake.setDown(down),
    close: async () => undefined,
  };
});
