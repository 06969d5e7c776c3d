import { join } from 'node:path';
import { expect } from 'chai';
import { firewalldOn } from '../../lab/firewalld.js';
import { createLab, OUTSIDE, START_MS, type Lab } from '../../lab/lab.js';
import { startNode, type Node } from '../../lab/node.js';
import { step } from '../../support/step.js';
import { until } from '../../support/until.js';
import { addressOf, CASE_MS, pings, sleeper, WEB } from './suite.js';

const COMMAND = join(import.meta.dirname, '../../../bin/socketplane');

interface Said {
  check: string;
  level: string;
  message: string;
}

describe('an agent beside firewalld', function () {
  this.timeout(CASE_MS);
  let lab: Lab;
  let node: Node;
  let firewalld: ReturnType<typeof firewalldOn>;

  const isFound = async (name: string) =>
    (await node.sp(['exec', 'con1', 'nslookup', name], { reject: false })).stdout.includes(
      await addressOf(node, 'con2'),
    );
  const untilAll = (when: string) =>
    until(
      `outside and names ${when}`,
      async () => {
        expect(await pings(node, 'con1', OUTSIDE), 'outside').to.equal(true);
        expect(await isFound('con2.web'), 'names').to.equal(true);
        return true;
      },
      CASE_MS,
    );

  before(async function () {
    this.timeout(START_MS);
    lab = await createLab();
    const host = await lab.addHost();
    firewalld = firewalldOn(host);
    await firewalld.start();
    node = await startNode(host);
    await node.api('POST', '/networks', WEB);
    await sleeper(node, 'con1', '--network', 'web');
    await sleeper(node, 'con2', '--network', 'web');
  });
  after(async function () {
    this.timeout(START_MS);
    await lab.destroy();
  });

  it('reaches outside and names, however firewalld comes and goes', async () => {
    await untilAll('beside a firewalld that was there before');
    await step('a reload', async () => {
      await firewalld.reload();
      await untilAll('after a reload');
    });
    await step('a stop', async () => {
      await firewalld.stop();
      await untilAll('without firewalld');
    });
    await step('a start after the agent', async () => {
      await firewalld.start();
      await untilAll('after a start');
      expect((await node.api('GET', '/healthz')).body).to.include({ status: 'ok', firewall: 'ok' });
    });
    await step('a restart of the agent', async () => {
      await node.stop('agent');
      await firewalld.reload();
      await node.startAgent();
      await untilAll('after a restart of the agent');
    });
  });

  it('is told what is missing by doctor, and takes its devices out with their network', async () => {
    const doctor = async () =>
      (JSON.parse((await node.run([COMMAND, 'doctor', '--json'], { reject: false })).stdout) as Said[])
        .filter(({ check }) => check === 'firewall')
        .map(({ level, message }) => `${level}: ${message}`);
    await node.api('POST', '/networks', { id: 'gone', subnet: '10.51.0.0/16' });
    const devices = async () => (await firewalld.zone('trusted')).devices.length;
    await until('the gateways', async () => (await devices()) >= 2);
    const before = await devices();
    expect(await doctor()).to.deep.equal(['ok: lets tunnels and containers through']);
    await node.api('DELETE', '/networks/gone');
    await until('one gateway less', async () => (await devices()) === before - 1);
    await node.stop('agent');
    await firewalld.reload();
    expect((await doctor()).join('\n')).to.match(
      /problem: firewalld rejects what containers send outside through sp[0-9a-f]{8}: it is not in zone trusted/,
    );
    await node.startAgent();
  });
});
