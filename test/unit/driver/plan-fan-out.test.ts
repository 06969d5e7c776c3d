import { expect } from 'chai';
import type { Network } from '../../../lib/base/model.js';
import type { DockerNetwork } from '../../../lib/docker/docker.js';
import { planFanOut, type FanOutFacts } from '../../../lib/driver/plan-fan-out.js';

const WEB: Network = { id: 'web', subnet: '10.0.0.0/24', gateway: '10.0.0.1', vni: 1 };
const RICH: Network = {
  ...WEB,
  settings: {
    internal: true,
    range: '10.0.0.128/25',
    aux: { a: '10.0.0.9' },
    labels: { x: 'y' },
    options: { foo: 'bar' },
  },
};

const inDocker = (more: Partial<DockerNetwork> = {}): DockerNetwork => ({
  ...{ id: 'd1', name: 'web', driver: 'socketplane', ipamDriver: 'socketplane' },
  ...{ subnet: '10.0.0.0/24', gateway: '10.0.0.1', internal: false, aux: {}, labels: {} },
  options: {},
  ...more,
});
const RICH_IN_DOCKER = inDocker({
  ...RICH.settings,
});
const OWN = inDocker({ id: 'b1', driver: 'bridge', ipamDriver: 'default', options: {} });
/** Made past the proxy. */
const RAW = inDocker({ id: 'raw1' });

/** The steps in short: what, and Docker's id where there is one. */
function steps(facts: Partial<FanOutFacts>): string[] {
  const wasOurs = ({ id }: DockerNetwork) => id !== RAW.id;
  const all = { wanted: [], there: [], isHeld: () => false, wasOurs, madeFrom: () => undefined, ...facts };
  return planFanOut(all).map((step) =>
    [step.do, step.name, 'id' in step ? step.id : 'found' in step ? step.found.id : ''].join(' ').trim(),
  );
}

const REPLACED = ['remove web d1', 'create web'];

describe('the plan for Docker’s networks', () => {
  const cases: [what: string, facts: Partial<FanOutFacts>, expected: string[]][] = [
    ['nothing', {}, []],
    ['one that is missing', { wanted: [WEB] }, ['create web']],
    ['one that is there', { wanted: [WEB], there: [inDocker()] }, ['know web d1']],
    ['one with everything', { wanted: [RICH], there: [RICH_IN_DOCKER] }, ['know web d1']],
    [
      'a gateway that Docker does not tell',
      { wanted: [WEB], there: [inDocker({ gateway: undefined })] },
      ['know web d1'],
    ],
    ['one that is gone', { there: [inDocker()] }, ['remove web d1']],
    ['one made past the proxy', { there: [RAW] }, ['adopt web raw1']],
    [
      'the same, with the name and the looks of one of the cluster',
      { wanted: [WEB], there: [RAW] },
      ['know web raw1'],
    ],
    ['another subnet', { wanted: [WEB], there: [inDocker({ subnet: '10.9.0.0/24' })] }, REPLACED],
    ['another gateway', { wanted: [WEB], there: [inDocker({ gateway: '10.0.0.9' })] }, REPLACED],
    ['other labels', { wanted: [WEB], there: [inDocker({ labels: { a: 'b' } })] }, REPLACED],
    ['other options', { wanted: [WEB], there: [inDocker({ options: { a: 'b' } })] }, REPLACED],
    ['no way out', { wanted: [WEB], there: [inDocker({ internal: true })] }, REPLACED],
    ['another range', { wanted: [WEB], there: [inDocker({ range: '10.0.0.0/25' })] }, REPLACED],
    ['others kept aside', { wanted: [WEB], there: [inDocker({ aux: { a: '10.0.0.9' } })] }, REPLACED],
    [
      'a difference that Docker makes',
      {
        wanted: [RICH],
        there: [inDocker({ labels: { x: 'Y' } })],
        madeFrom: (id) => (id === 'd1' ? structuredClone(RICH) : undefined),
      },
      ['know web d1'],
    ],
    [
      'made from a predecessor',
      { wanted: [WEB], there: [inDocker({ labels: { x: 'Y' } })], madeFrom: () => RICH },
      REPLACED,
    ],
    ["one of Docker's own", { there: [OWN] }, []],
    ["one of Docker's own in the way", { wanted: [WEB], there: [OWN] }, ['report web']],
    [
      "ours and one of Docker's own",
      { wanted: [WEB], there: [OWN, inDocker()] },
      ['report web', 'know web d1'],
    ],
    [
      "ours and one of Docker's own, the other way round",
      { wanted: [WEB], there: [inDocker(), OWN] },
      ['know web d1', 'report web'],
    ],
    [
      'two of ours',
      { wanted: [WEB], there: [inDocker(), inDocker({ id: 'd2' })] },
      ['remove web d2', 'know web d1'],
    ],
    [
      'two of ours, one of them outdated',
      { wanted: [WEB], there: [inDocker({ internal: true }), inDocker({ id: 'd2' })] },
      ['remove web d1', 'know web d2'],
    ],
    ['another IPAM driver', { wanted: [WEB], there: [inDocker({ ipamDriver: 'default' })] }, ['report web']],
    [
      'another IPAM driver, not in the cluster',
      { there: [inDocker({ ipamDriver: 'default' })] },
      ['report web'],
    ],
    [
      'a gateway that its creator did not name, made by an earlier version',
      { wanted: [WEB], there: [inDocker({ gateway: '10.0.0.1' })] },
      ['know web d1'],
    ],
    ['a name that is held, missing', { wanted: [WEB], isHeld: () => true }, []],
    ['a name that is held, there', { there: [inDocker(), RAW, OWN], isHeld: (name) => name === 'web' }, []],
    ['another name that is held', { wanted: [WEB], isHeld: (name) => name === 'other' }, ['create web']],
  ];
  for (const [what, facts, expected] of cases)
    it(`${what}: ${expected.join(', ') || 'nothing'}`, () => expect(steps(facts)).to.deep.equal(expected));

  it('says what is in the way, and what to do', () => {
    const facts = { isHeld: () => false, wasOurs: () => true, madeFrom: () => undefined };
    const own = planFanOut({ ...facts, wanted: [WEB], there: [OWN] });
    expect(own)
      .to.have.nested.property('0.problem')
      .that.matches(/web of its own \(driver bridge\).*remove it/);
    const ipam = planFanOut({ ...facts, wanted: [], there: [inDocker({ ipamDriver: 'default' })] });
    expect(ipam)
      .to.have.nested.property('0.problem')
      .that.matches(/another IPAM driver \(default\): `docker network rm web`/);
  });
});
