import { expect } from 'chai';
import type { Datapath } from '../../../lib/datapath/datapath.js';
import type { AppError } from '../../../lib/base/errors.js';
import { macOf } from '../../../lib/base/ipv4.js';
import type { Endpoint, Network } from '../../../lib/base/model.js';
import type { Host } from '../../lab/host.js';
import { createLab, START_MS, OUTSIDE, type Lab } from '../../lab/lab.js';
import type { Namespace } from '../../lab/namespace.js';
import { until } from '../../support/until.js';
import {
  ALONE,
  carriesTcp,
  createContainers,
  datapathOn,
  DB,
  endpoint,
  flowsOf,
  netnsOf,
  reaches,
  trace,
  WEB,
} from './suite.js';

describe('Open vSwitch datapath', function () {
  this.timeout(START_MS);
  let lab: Lab;
  let host: Host;
  let datapath: Datapath;
  const containers = createContainers();
  const attach = (target: Endpoint): Promise<Namespace> => containers.attach(datapath, target);
  const flows = () => flowsOf(host);
  const nets = async () => (await host.run(['ip', '-o', 'link'])).stdout;

  before(async () => {
    lab = await createLab();
    host = await lab.addHost();
    await host.startOvs();
    datapath = datapathOn(host);
    await datapath.sync([], () => undefined, ALONE);
    // The forwarding switch is written by the agent's own process, which lives in the host; this one does not.
    await host.run(['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
    await datapath.ensureNetwork(WEB);
    await datapath.ensureNetwork(DB);
  });
  after(async () => {
    await containers.destroy();
    await lab.destroy();
  });

  it('connects two containers of a network, and nobody else', async () => {
    const [a, b, c] = await Promise.all([
      attach(endpoint(2, WEB)),
      attach(endpoint(3, WEB)),
      attach(endpoint(2, DB)),
    ]);
    expect(await reaches(a, '10.50.0.3')).to.equal(true);
    expect(await reaches(b, '10.50.0.2', '-s', '1400')).to.equal(true);
    expect(await reaches(a, '10.50.0.1')).to.equal(true);
    expect(await reaches(a, '10.60.0.2')).to.equal(false);
    expect(await reaches(c, '10.50.0.2')).to.equal(false);
  });

  it('carries TCP', async () => {
    const [a, b] = await Promise.all([attach(endpoint(12, WEB)), attach(endpoint(13, WEB))]);
    expect(await carriesTcp(a, b, '10.50.0.13', 50_000)).to.equal(true);
  });

  it('reaches the outside through the gateway, and the outside reaches nobody', async () => {
    const a = await attach(endpoint(20, WEB));
    expect(await reaches(a, OUTSIDE)).to.equal(true);
    await lab.outside.run(['ip', 'route', 'add', '10.50.0.0/16', 'via', host.address]);
    expect(await reaches(lab.outside, '10.50.0.20')).to.equal(false);
    await lab.outside.run(['ip', 'route', 'del', '10.50.0.0/16']);
    expect(await reaches(a, OUTSIDE)).to.equal(true);
  });

  it('lets nobody use an address, MAC or VLAN tag that is not its own', async () => {
    const [a] = [await attach(endpoint(30, WEB)), await attach(endpoint(31, WEB))];
    expect(await reaches(a, '10.50.0.31')).to.equal(true);
    await a.run(['ip', 'address', 'add', '10.50.0.99/16', 'dev', 'eth0']);
    expect(await reaches(a, '10.50.0.31', '-I', '10.50.0.99'), 'forged address').to.equal(false);
    await a.run(['ip', 'address', 'del', '10.50.0.99/16', 'dev', 'eth0']);

    await a.run(['ip', 'link', 'set', 'eth0', 'address', '02:42:0a:32:00:63']);
    expect(await reaches(a, '10.50.0.31'), 'forged MAC').to.equal(false);
    await a.run(['ip', 'link', 'set', 'eth0', 'address', macOf('10.50.0.30')]);

    const port = `in_port=ovs${endpoint(30, WEB).container.slice(0, 8)}`;
    const frame = `${port},dl_src=${macOf('10.50.0.30')},dl_dst=${macOf('10.50.0.31')},icmp,nw_src=10.50.0.30`;
    expect(await trace(host, frame)).to.match(/^\d+$/);
    for (const tag of ['dl_vlan=5', 'dl_vlan=0']) {
      expect(await trace(host, `${frame},${tag}`), tag).to.equal('drop');
    }
  });

  it('lets nobody past the bridge into the host', async () => {
    const a = await attach(endpoint(40, WEB));
    const port = `ovs${endpoint(40, WEB).container.slice(0, 8)}`;
    const { stdout } = await host.run(['ip', '-o', 'link', 'show', port]);
    const hostEnd = / link\/ether (\S+)/.exec(stdout)?.[1] ?? '';
    // A frame to the MAC of the host's end would be the kernel's, not the bridge's.
    await a.run(['ip', 'neighbour', 'replace', '10.50.0.1', 'lladdr', hostEnd, 'dev', 'eth0']);
    expect(await reaches(a, '10.50.0.1')).to.equal(false);
  });

  it('may be told everything twice, and finishes what was left half-done', async () => {
    const target = endpoint(50, WEB);
    await datapath.prepare(target);
    const a = await attach(target);
    await datapath.plug(target, netnsOf(a));
    await a.run(['ip', 'address', 'flush', 'dev', 'eth0']);
    expect(await datapath.isPlugged(target, netnsOf(a))).to.equal(false);
    await datapath.plug(target, netnsOf(a));
    expect(await datapath.isPlugged(target, netnsOf(a))).to.equal(true);
    await attach(endpoint(51, WEB));
    expect(await reaches(a, '10.50.0.51')).to.equal(true);
    await datapath.ensureNetwork(WEB);
    expect(await reaches(a, '10.50.0.51')).to.equal(true);
  });

  it('says so when the namespace has gone', async () => {
    const target = endpoint(55, WEB);
    await datapath.prepare(target);
    const error = await datapath.plug(target, '/proc/1/fd/999').catch((thrown: unknown) => thrown);
    expect((error as AppError).kind).to.equal('notFound');
  });

  it('leaves nothing behind', async () => {
    const before = [await flows(), await nets()];
    const network: Network = { id: 'tmp', subnet: '10.70.0.0/24', gateway: '10.70.0.1', vni: 99 };
    await datapath.ensureNetwork(network);
    const target = endpoint(9, network);
    await attach(target);
    expect(await flows()).to.not.equal(before[0]);
    await datapath.unplug(target.container);
    await datapath.unplug(target.container);
    await datapath.removeNetwork(network);
    expect([await flows(), await nets()]).to.deep.equal(before);
    const rules = await host.run(['iptables-save']);
    expect(rules.stdout).to.not.include('10.70.0.0');
  });

  it('makes the bridge right without losing a packet, and removes what has no owner', async () => {
    const [a] = [await attach(endpoint(60, WEB)), await attach(endpoint(61, WEB))];
    await attach(endpoint(62, WEB));
    const ping = a.run(['busybox', 'ping', '-c', '60', '-i', '0.02', '10.50.0.61'], { reject: false });
    const owned = new Map([60, 61].map((n) => [endpoint(n, WEB).container, endpoint(n, WEB)]));
    for (let round = 0; round < 5; round++)
      await datapath.sync([WEB], ({ container: id }) => owned.get(id), ALONE);
    expect((await ping).stdout).to.match(/60 packets transmitted, 60 packets received/);
    expect((await datapath.ports()).map(({ container: id }) => id).sort()).to.deep.equal(
      [...owned.keys()].sort(),
    );
    expect(await nets()).to.not.include('sp00000008');
  });

  it('notices a restart of ovs-vswitchd and brings everything back', async () => {
    const [a] = [await attach(endpoint(70, WEB)), await attach(endpoint(71, WEB))];
    const owned = new Map([70, 71].map((n) => [endpoint(n, WEB).container, endpoint(n, WEB)]));
    const abort = new AbortController();
    let restarts = 0;
    datapath.watch(() => void restarts++, abort.signal);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await host.stop('ovs-vswitchd', 'SIGKILL');
    const error = await datapath.prepare(endpoint(72, WEB)).catch((thrown: unknown) => thrown);
    expect((error as AppError).message).to.match(/Open vSwitch does not answer/);
    await host.startVswitchd();
    await until('the restart to be noticed', async () => restarts > 0);
    await datapath.sync([WEB], ({ container: id }) => owned.get(id), ALONE);
    expect(await reaches(a, '10.50.0.71')).to.equal(true);
    expect(await reaches(a, OUTSIDE)).to.equal(true);
    abort.abort();
  });
});
