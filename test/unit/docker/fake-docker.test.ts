import { describeDocker } from '../../support/docker-contract.js';
import { createFakeDocker } from '../../support/fake-docker.js';

describeDocker('fake Docker', async () => {
  const fake = createFakeDocker();
  return {
    docker: fake.docker,
    create: async (name, network = 'none') => fake.create(name, network),
    start: fake.start,
    stop: fake.stop,
    rename: fake.rename,
    remove: fake.remove,
    setDown: async (down) => fake.setDown(down),
    close: async () => undefined,
  };
});
