import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  ADMISSION_PORT,
  CLUSTER_PORTS,
  CONSUL_SERVER_PORT,
  GOSSIP_PORT,
  DEFAULT_VXLAN_PORT,
} from '../../../lib/base/ports.js';

const root = join(import.meta.dirname, '../../..');
const numbersIn = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].map(([, port]) => Number(port));

describe('ports between hosts', () => {
  it('lie in the one range that containers must not reach', () => {
    for (const port of [ADMISSION_PORT, CONSUL_SERVER_PORT, GOSSIP_PORT]) {
      expect(port).to.be.within(CLUSTER_PORTS.first, CLUSTER_PORTS.last);
    }
  });

  it('are those of docker-compose.yml', async () => {
    const text = await readFile(join(root, 'docker-compose.yml'), 'utf8');
    expect(numbersIn(text, /-server-port=(\d+)/g)).to.deep.equal([CONSUL_SERVER_PORT]);
    expect(numbersIn(text, /-serf-lan-port=(\d+)/g)).to.deep.equal([GOSSIP_PORT]);
    expect(new Set(numbersIn(text, /-retry-join=[\d.]+:(\d+)/g))).to.deep.equal(new Set([GOSSIP_PORT]));
  });

  it('are those that the manual tells users to open', async () => {
    const text = await readFile(join(root, 'docs/operations.md'), 'utf8');
    expect(numbersIn(text, /^\| (?:TCP|UDP|TCP, UDP) (\d+) +\|/gm)).to.include.members([
      DEFAULT_VXLAN_PORT,
      ADMISSION_PORT,
      CONSUL_SERVER_PORT,
      GOSSIP_PORT,
    ]);
  });
});
