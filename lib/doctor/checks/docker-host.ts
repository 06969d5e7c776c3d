import { ok, type Check } from '../check.js';

/** Whether the stock client goes through the proxy. */
export function dockerHostCheck(env: NodeJS.ProcessEnv, proxySocket: string): Check {
  const wanted = `unix://${proxySocket}`;
  return {
    name: 'DOCKER_HOST',
    async inspect() {
      const given = env['DOCKER_HOST'];
      if (given === wanted) return [ok('leads through the proxy')];
      if (!given) return [ok(`is not set: plain \`docker\` needs export DOCKER_HOST=${wanted}`)];
      return [
        {
          level: 'warning',
          message: `is ${given}: plain \`docker\` bypasses the proxy, so its containers get no SocketPlane network`,
          advice: `export DOCKER_HOST=${wanted}`,
        },
      ];
    },
  };
}
