import { Agent, request } from 'node:http';

const SECONDS = 3;

/** Writes per second that Consul accepts from this many writers, each of which keeps putting a small value of its own. */
export async function writeRate(consul: string, writers: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: writers });
  const began = performance.now();
  let written = 0;
  async function write(key: string): Promise<void> {
    for (let turn = 0; performance.now() - began < SECONDS * 1_000; turn++) {
      await put(agent, consul, `/v1/kv/${key}`, `value ${turn}`);
      written++;
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, number) => write(`bench/writes/${number}`)));
  const seconds = (performance.now() - began) / 1_000;
  agent.destroy();
  return written / seconds;
}

function put(agent: Agent, socketPath: string, path: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    request({ agent, socketPath, path, method: 'PUT' }, (answer) => {
      answer.resume().on('end', () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`Consul answered ${answer.statusCode}`));
      });
    })
      .on('error', reject)
      .end(body);
  });
}
