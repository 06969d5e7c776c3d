import { expect } from 'chai';
import { START_MS } from '../../lab/lab.js';
import { call } from '../../support/proxy/harness.js';
import { useProxy } from './suite.js';

/** Create bodies that have fields of HostConfig at the top level, without their image. */
const BODIES = [
  '"Privileged":true,"Dns":["1.1.1.1"],"Memory":8000000',
  '"HostConfig":null,"Binds":["/tmp:/t"],"RestartPolicy":{"Name":"always"}',
  '"HostConfig":{},"Privileged":true,"Dns":["1.1.1.1"],"Memory":8000000,"CpuShares":5,"VolumeDriver":"v"',
  '"HostConfig":{"Memory":7000000,"CpuShares":0},"Memory":8000000,"CpuShares":9,"Runtime":"odd"',
  '"memory":8000000,"HOSTCONFIG":{"Memory":null,"Init":true}',
  '"Cpuset":"0"',
  '"Cpuset":"0","HostConfig":{}',
  '"Cpuset":"0","Init":null',
  '"cpuset":"0","HostConfig":{"CpusetCpus":"1"}',
  '"Privileged":true,"privileged":false',
  '"MaskedPaths":[],"MemorySwappiness":0,"Init":false,"OomKillDisable":false',
  '"AutoRemove":true,"NetworkMode":"none","ShmSize":1000000,"Sysctls":{"net.ipv4.ip_forward":"1"}',
  '"VolumesFrom":null,"Dns":null,"Memory":0,"Runtime":""',
];

describe('fields of HostConfig at the top level', function () {
  this.timeout(START_MS);
  const seen: string[] = [];
  const { host } = useProxy(() => ({ Type, ClientRequest: { Method, Request, Body } }) => {
    if (Type === 'pre-hook' && Method === 'POST' && Request.includes('/create')) seen.push(Body ?? '');
    return undefined;
  });

  /** The container's HostConfig, as Docker shows it. */
  async function made(socket: string, body: string): Promise<Record<string, unknown>> {
    const headers = { 'Content-Type': 'application/json' };
    const created = await call(host().file(socket), 'POST', '/containers/create', { body, headers });
    expect(created.status, created.body).to.equal(201);
    const { Id } = JSON.parse(created.body) as { Id: string };
    const shown = await call(host().file('/run/docker.sock'), 'GET', `/containers/${Id}/json`);
    await call(host().file('/run/docker.sock'), 'DELETE', `/containers/${Id}`);
    return (JSON.parse(shown.body) as { HostConfig: Record<string, unknown> }).HostConfig;
  }

  for (const fields of BODIES) {
    it(`take effect as without the proxy, and hooks see where: ${fields}`, async () => {
      const body = `{"Image":"busybox","Cmd":["true"],${fields}}`;
      const direct = await made('/run/docker.sock', body);
      expect(await made('/run/socketplane/docker.sock', body)).to.deep.equal(direct);
      // What the hook saw in HostConfig is all that Docker makes of the body.
      const { HostConfig } = JSON.parse(seen.at(-1) ?? '') as { HostConfig?: object };
      const plain = JSON.stringify({ Image: 'busybox', Cmd: ['true'], HostConfig });
      expect(await made('/run/docker.sock', plain)).to.deep.equal(direct);
    });
  }
});
