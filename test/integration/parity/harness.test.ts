import { expect } from 'chai';
import type { AllowedDifference } from './allowed-differences.js';
import { ALLOWED } from './allowed-differences.js';
import { ALL_CASES } from './cases/index.js';
import { differences, notAllowed } from './compare.js';
import { BRIDGE, OUR_KIND, type Kind } from './kinds.js';
import { FIXED_MAC, fixedByte, MOST_CASES, normalize } from './normalize.js';

const NUMBER = 7;
const ID = 'a'.repeat(60);

/** The same thing as it looks on one kind. */
const seen = (kind: Kind, host: number, id: string) => ({
  name: `/${kind.letter}007-box`,
  Id: `${ID}${id}`,
  networks: {
    [kind.network]: {
      IPAddress: `${kind.prefix}.0.${host}`,
      Gateway: `${kind.prefix}.0.1`,
      MacAddress: FIXED_MAC,
    },
  },
  text: `${ID.slice(0, 8)}${id} ${kind.prefix}.${fixedByte(NUMBER)}.9:${kind.ports + NUMBER * 16 + 3} 10.${kind.own}.7.33`,
  Pid: host * 1_000,
});

describe('what the matrix compares by', () => {
  it('is equal for both kinds, whatever chance gave', () => {
    const bridge = normalize(seen(BRIDGE, 2, 'bcde'), BRIDGE, NUMBER);
    const ours = normalize(seen(OUR_KIND, 77, 'edcb'), OUR_KIND, NUMBER);
    expect(differences(bridge, ours)).to.deep.equal([]);
  });

  it('keeps what a user asked for, and what is another thing', () => {
    const one = normalize(
      [`${BRIDGE.prefix}.${fixedByte(NUMBER)}.9`, `${BRIDGE.prefix}.0.1`],
      BRIDGE,
      NUMBER,
    );
    expect(one).to.deep.equal(['<fixed-ip 9>', '<gateway>']);
    const same = normalize([`${BRIDGE.prefix}.0.5`, `${BRIDGE.prefix}.0.5`], BRIDGE, NUMBER);
    const different = normalize([`${BRIDGE.prefix}.0.5`, `${BRIDGE.prefix}.0.6`], BRIDGE, NUMBER);
    expect(differences(same, different)).to.have.length(1);
  });

  it('shows every field that differs, or that one side has not', () => {
    expect(
      differences({ a: 1, b: [1, 2], c: {} }, { a: 2, b: [1], c: { d: null } }).map(({ path }) => path),
    ).to.deep.equal(['a', 'b.1', 'c.d']);
  });

  it('allows only what is listed, and tells what of the list was used', () => {
    const entry: AllowedDifference = { in: /^some/, path: /^a$/, ours: /^2$/, reason: 'of the test' };
    const used = new Set<AllowedDifference>();
    const found = differences({ a: 1, b: 1 }, { a: 2, b: 2 });
    expect(notAllowed('other case', found, [entry], used)).to.have.length(2);
    expect([...used]).to.deep.equal([]);
    expect(notAllowed('some case', found, [entry], used).map(({ path }) => path)).to.deep.equal(['b']);
    expect([...used]).to.deep.equal([entry]);
  });

  it('has a reason for all that is allowed, and a title for each case', () => {
    for (const { reason } of ALLOWED) expect(reason).to.not.equal('');
    const titles = ALL_CASES.map(({ client, name }) => `${client}: ${name}`);
    expect(new Set(titles).size).to.equal(titles.length);
    expect(titles.length).to.be.within(100, MOST_CASES);
  });
});
