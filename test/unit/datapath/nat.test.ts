import { accessSync, constants, readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Network } from '../../../lib/base/model.js';
import { chooseBackend } from '../../../lib/datapath/kernel/iptables.js';
import { CHAINS, natRules } from '../../../lib/datapath/kernel/nat-rules.js';
import { createNat } from '../../../lib/datapath/kernel/nat.js';
import { CommandError, type Run } from '../../../lib/os/exec.js';

const WEB: Network = { id: 'web', subnet: '10.0.0.0/16', gateway: '10.0.0.1', vni: 0x0a0b0c };

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

describe('nat', () => {
  const way = { uplink: 'eth0', tunnels: { device: 'eth1', address: '192.168.108.1' }, vxlanPort: 7000 };
  const rulesOf = (chain: string, ...args: Parameters<typeof natRules>) =>
    natRules(...args)
      .split('\n')
      .filter((rule) => rule.startsWith(`-A ${chain} `))
      .map((rule) => rule.slice(`-A ${chain} `.length));

  it('masquerades each network towards everything but itself, in chains of its own', () => {
    const networks = [WEB, { ...WEB, id: 'db', subnet: '10.9.0.0/24', vni: 2 }];
    expect(rulesOf('SOCKETPLANE-POSTROUTING', networks, way)).to.deep.equal([
      '-s 10.0.0.0/16 ! -o sp000a0b0c -j MASQUERADE',
      '-s 10.9.0.0/24 ! -o sp00000002 -j MASQUERADE',
    ]);
    const rules = natRules(networks, way).split('\n');
    expect(rules).to.include(':SOCKETPLANE-POSTROUTING - [0:0]');
    const chains = rules.filter((rule) => rule.startsWith('-A')).map((rule) => rule.split(' ')[1]);
    expect(chains.every((chain) => chain?.startsWith('SOCKETPLANE-'))).to.equal(true);
  });

  it('joins no networks, and lets no container speak to hosts as if it were one', () => {
    const [first, ...rest] = rulesOf('SOCKETPLANE-FORWARD', [WEB], way);
    expect(first).to.equal('-i sp+ -o sp+ -j DROP');
    const accepted = rest.findIndex((rule) => rule.endsWith('ACCEPT'));
    expect(rest.slice(0, accepted)).to.include.members([
      '-i sp+ -p udp --dport 7000 -j DROP',
      '-i sp+ -p tcp --dport 6676:6678 -j DROP',
      '-i sp+ -p tcp --dport 6681 -j DROP',
      '-i docker0 -o eth1 -p udp --dport 7000 -j DROP',
      '-i br-+ -o eth1 -p tcp --dport 6676:6678 -j DROP',
    ]);
  });

  it('masquerades nothing of an internal network, and forwards nothing to or from it', () => {
    const closed: Network = {
      ...WEB,
      id: 'closed',
      subnet: '10.9.0.0/24',
      vni: 2,
      settings: { internal: true },
    };
    const networks = [WEB, closed, { ...WEB, id: 'db', vni: 3, settings: { internal: false } }];
    expect(natRules(networks, way)).to.not.include('10.9.0.0/24');
    const rules = rulesOf('SOCKETPLANE-FORWARD', networks, way);
    expect(rules.slice(0, 3)).to.deep.equal([
      '-i sp00000002 -j DROP',
      '-o sp00000002 -j DROP',
      '-i sp+ -o sp+ -j DROP',
    ]);
  });

  it("takes the uplink for none of Docker's bridges, whatever its name", () => {
    const rules = rulesOf('SOCKETPLANE-FORWARD', [WEB], { ...way, uplink: 'br-lan' });
    expect(rules.indexOf('-i sp+ -o br-lan -j ACCEPT')).to.be.within(
      0,
      rules.indexOf('-i sp+ -o br-+ -j RETURN'),
    );
  });

  it("lets nothing to Docker's bridges but published ports and answers, about which Docker decides", () => {
    const bridges = ['docker0', 'docker_gwbridge', 'br-0123456789ab'];
    const rules = rulesOf('SOCKETPLANE-FORWARD', [WEB], way, bridges);
    const after = rules.slice(rules.indexOf('-i sp+ -o eth0 -j ACCEPT') + 1);
    expect(after).to.deep.equal([
      ...bridges.flatMap((bridge) => [
        `-i sp+ -o ${bridge} -m conntrack --ctstate DNAT,RELATED,ESTABLISHED -j RETURN`,
        `-i sp+ -o ${bridge} -j DROP`,
      ]),
      // Of those that are made before this is applied again, Docker's rules decide alone.
      '-i sp+ -o br-+ -j RETURN',
      '-i sp+ -j ACCEPT',
    ]);
    expect(rulesOf('SOCKETPLANE-FORWARD', [WEB], way), 'those that are always there').to.include.members([
      '-i sp+ -o docker0 -j DROP',
      '-i sp+ -o docker_gwbridge -j DROP',
    ]);
  });

  it('leads questions to a gateway, of its own network and of the host, to the name server there', () => {
    const led = (protocol: string) =>
      `-d 10.0.0.1/32 -p ${protocol} --dport 53 -j DNAT --to-destination 10.0.0.1:6679`;
    expect(rulesOf('SOCKETPLANE-PREROUTING', [WEB], way).slice(0, 2)).to.deep.equal([
      `-i sp000a0b0c ${led('udp')}`,
      `-i sp000a0b0c ${led('tcp')}`,
    ]);
    expect(rulesOf('SOCKETPLANE-OUTPUT', [WEB], way)).to.deep.equal([led('udp'), led('tcp')]);
  });

  it('lets containers ask their name server, and hosts send through tunnels, and nobody anything else', () => {
    const networks = [WEB, { ...WEB, id: 'db', subnet: '10.9.0.0/24', gateway: '10.9.0.1', vni: 2 }];
    expect(rulesOf('SOCKETPLANE-INPUT', networks, way, undefined, ['192.168.108.2'])).to.deep.equal([
      '-i sp000a0b0c -d 10.0.0.1/32 -p udp --dport 6679 -j ACCEPT',
      '-i sp000a0b0c -d 10.0.0.1/32 -p tcp --dport 6679 -j ACCEPT',
      '-i sp00000002 -d 10.9.0.1/32 -p udp --dport 6679 -j ACCEPT',
      '-i sp00000002 -d 10.9.0.1/32 -p tcp --dport 6679 -j ACCEPT',
      '-s 192.168.108.2 -p udp --dport 7000 -j ACCEPT',
    ]);
  });

  it('has TCP agree on segments that fit, both ways', () => {
    const [, mangle = ''] = natRules([WEB], way).split('*mangle');
    const clamps = mangle
      .split('COMMIT')[0]!
      .split('\n')
      .filter((rule) => rule.includes('TCPMSS'));
    expect(clamps.map((rule) => rule.split(' ').slice(2, 4).join(' '))).to.deep.equal(['-i sp+', '-o sp+']);
  });

  describe('is applied', () => {
    /** An `iptables` that takes rules and jumps, and says what it has. */
    function fakeFirewall(links = '') {
      const commands: string[] = [];
      const state = { version: '', rules: '', jumps: [] as string[] };
      const run: Run = async (argv, { input = '' } = {}) => {
        commands.push(argv.join(' '));
        const words = argv.join(' ');
        if (argv[0] === 'ip') return links;
        if (words === 'iptables -V') return state.version;
        if (argv[0].endsWith('-restore')) state.rules = input;
        if (argv[0].endsWith('-save'))
          return [...state.rules.split('\n'), ...state.jumps.map((jump) => jump.replace(/^\w+ /, ''))]
            .filter((line) => line !== '')
            .join('\n');
        const jump = `-A ${argv.at(-3)} -j ${argv.at(-1)}`;
        if (words.includes(' -I '))
          state.jumps.push(`${words.split(' ')[3]} -A ${words.split(' ')[5]} -j ${argv.at(-1)}`);
        if (words.includes(' -C ') && !state.jumps.includes(`${words.split(' ')[3]} ${jump}`))
          throw new CommandError(argv, 1, '', undefined, undefined);
        return '';
      };
      return { run, commands, state };
    }

    before(function () {
      const forwarding = '/proc/sys/net/ipv4/ip_forward';
      // It turns forwarding on: where that is off, it stays off.
      if (readFileSync(forwarding, 'utf8') !== '1\n' || !isWritable(forwarding)) this.skip();
    });

    it("for all of Docker's bridges that are there, which are never the uplink", async () => {
      const names = ['docker0', 'br-0123456789ab', 'br-lan', 'virbr0', 'br-fedcba987654'];
      const { run, state } = fakeFirewall(JSON.stringify(names.map((ifname) => ({ ifname }))));
      await createNat(run).apply([WEB], { ...way, uplink: 'br-fedcba987654' });
      const shut = [...state.rules.matchAll(/-A SOCKETPLANE-FORWARD -i sp\+ -o (\S+) -j DROP/g)];
      expect(shut.map(([, name]) => name)).to.deep.equal([
        'sp+',
        'docker0',
        'docker_gwbridge',
        'br-0123456789ab',
      ]);
    });

    it('on a host without bridges, and adds the jumps that are missing alone', async () => {
      const { run, commands, state } = fakeFirewall();
      await createNat(run).apply([WEB], way);
      expect(state.rules).to.include('-A SOCKETPLANE-FORWARD -i sp+ -o docker0 -j DROP');
      const added = () => commands.splice(0).filter((command) => command.includes(' -I '));
      expect(added()).to.have.length(CHAINS.length);
      state.jumps = state.jumps.filter((jump) => !jump.startsWith('raw'));
      await createNat(run).apply([WEB], way);
      expect(added()).to.deep.equal(['iptables --wait=5 -t raw -I PREROUTING 1 -j SOCKETPLANE-PREROUTING']);
    });

    it('and is missed when somebody takes a rule or a jump away, or adds one, until it is applied again', async () => {
      const { run, state } = fakeFirewall();
      const nat = createNat(run);
      expect(await nat.isIntact(), 'nothing yet').to.equal(true);
      const damages: (() => void)[] = [
        () => (state.rules = ''),
        () => (state.jumps = []),
        () => void state.jumps.pop(),
        () => (state.rules = state.rules.replace(/.*MASQUERADE\n/, '')),
        () => (state.rules += '-A SOCKETPLANE-FORWARD -j ACCEPT\n'),
      ];
      for (const damage of damages) {
        await nat.apply([WEB], way);
        expect(await nat.isIntact()).to.equal(true);
        state.rules += '-A INPUT -j ACCEPT\n';
        expect(await nat.isIntact(), 'others may do what they like').to.equal(true);
        damage();
        expect(await nat.isIntact(), String(damage)).to.equal(false);
      }
    });

    it('and takes nothing for damage while it is applied', async () => {
      const { run, state } = fakeFirewall();
      const nat = createNat(run);
      await nat.apply([WEB], way);
      const again = nat.apply([], way);
      state.rules = '';
      expect(await nat.isIntact()).to.equal(true);
      await again;
    });
  });
});

describe('the set of rules', () => {
  /** @param sets what is in each; a program that is not there has none */
  async function chosen(version: string, sets: Partial<Record<string, string>>, legacyTables = '') {
    const run: Run = async (argv) => {
      if (argv.join(' ') === 'iptables -V') return version;
      if (argv[0] === 'cat') return legacyTables;
      const found = sets[argv[0].replace('-save', '')];
      if (found === undefined) throw new CommandError(argv, undefined, '', 'ENOENT', undefined);
      return found;
    };
    return chooseBackend(run);
  }
  const [NFT, LEGACY] = ['iptables v1.8.9 (nf_tables)', 'iptables v1.8.9 (legacy)'];
  const DOCKER = '*filter\n:DOCKER - [0:0]\n';

  const cases: [title: string, args: Parameters<typeof chosen>, backend: string][] = [
    ['is the only one of an old iptables', ['iptables v1.6.0', {}], 'iptables'],
    ['is that of the image', [NFT, { 'iptables-nft': DOCKER }], 'iptables-nft'],
    [
      "is the host's legacy one, where Docker's rules are",
      [NFT, { 'iptables-nft': '', 'iptables-legacy': DOCKER }, 'filter\nnat\n'],
      'iptables-legacy',
    ],
    [
      'is the usual one where Docker has rules in both',
      [NFT, { 'iptables-nft': DOCKER, 'iptables-legacy': DOCKER }, 'filter\n'],
      'iptables-nft',
    ],
    [
      'is the usual one before Docker has any',
      [NFT, { 'iptables-nft': '', 'iptables-legacy': '' }, 'filter\n'],
      'iptables-nft',
    ],
    [
      'is that of nft, where Docker uses it beside a legacy iptables',
      [LEGACY, { 'iptables-nft': DOCKER, 'iptables-legacy': '' }],
      'iptables-nft',
    ],
    ['is the one that there is a program for', [NFT, { 'iptables-nft': '' }, 'filter\n'], 'iptables-nft'],
  ];
  for (const [title, args, backend] of cases) {
    it(title, async () => expect(await chosen(...args)).to.equal(backend));
  }

  it('is not asked of the legacy program where nobody has used it: that would make its tables', async () => {
    const asked: string[] = [];
    const run: Run = async (argv) => {
      asked.push(argv[0]);
      return argv.join(' ') === 'iptables -V' ? NFT : '';
    };
    await chooseBackend(run);
    expect(asked).to.deep.equal(['iptables', 'cat']);
  });
});
