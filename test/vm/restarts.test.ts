import { TEST_MS } from './expect.js';
import type { Machine } from './lab/machine.js';
import { bringTo } from './states.js';
import { consulOutlives, outlives } from './suites.js';

describe('a cluster installed natively, parts of which restart', function () {
  this.timeout(TEST_MS);
  let both: [Machine, Machine];
  before(async () => void (both = await bringTo('native')));

  consulOutlives(
    () => both,
    ['systemctl restart socketplane-agent', 'kill -9 $(systemctl show -p MainPID --value socketplane-agent)'],
  );
  outlives(
    () => both,
    [
      'systemctl restart docker',
      'systemctl restart openvswitch-switch',
      'systemctl restart ovs-vswitchd',
      'systemctl restart systemd-networkd',
      'docker restart -t 1 shop2',
      'docker -H unix:///run/socketplane/docker.sock restart -t 1 shop2',
    ],
  );
});
