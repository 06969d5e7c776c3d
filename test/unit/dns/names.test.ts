import { expect } from 'chai';
import { until } from '../../support/until.js';
import { askTcp, askUdp, data, LONG_NAME, opt, question, rcode, table, useDns } from './server.js';

describe('names of containers by DNS', () => {
  const state = useDns();

  it('knows containers by name, whatever the case, with the question as it was asked', async () => {
    const answer = await askUdp(question('Con1'));
    expect(data(answer)).to.deep.equal(['10.0.0.2']);
    expect([answer?.id, answer?.questions?.[0]?.name]).to.deep.equal([4711, 'Con1']);
    expect(state.asked).to.deep.equal([]);
  });

  it('has no IPv6 address for a name that exists: an empty answer, no error', async () => {
    const answer = await askUdp(question('con1', 'AAAA'));
    expect([rcode(answer), data(answer)]).to.deep.equal(['NOERROR', []]);
  });

  it('lets several behind one name take turns', async () => {
    const firsts = new Set<unknown>();
    for (let n = 0; n < 40; n++) {
      const all = data(await askUdp(question('web')));
      expect([...all].sort()).to.deep.equal(table['web']);
      firsts.add(all[0]);
    }
    expect(firsts.size).to.equal(3);
  });

  it('knows the names of addresses on the network, and says so when one has none', async () => {
    expect(data(await askUdp(question('9.0.0.127.in-addr.arpa', 'PTR')))).to.deep.equal(['con9']);
    expect(rcode(await askUdp(question('8.0.0.127.in-addr.arpa', 'PTR')))).to.equal('NXDOMAIN');
    expect(state.asked).to.deep.equal([]);
  });

  it('gives as many addresses over UDP as there is room for, and all over TCP or to whoever has room', async () => {
    const short = await askUdp(question('many'));
    const room = Math.floor((512 - 12 - 10) / 16);
    expect([short?.flag_tc, data(short).length]).to.deep.equal([true, room]);
    expect(table['many']).to.include.members(data(short));
    const [whole] = await askTcp(question('many'));
    expect([whole?.flag_tc, data(whole).length]).to.deep.equal([false, 50]);
    const roomy = await askUdp(question('many', 'A', { additionals: [opt] }));
    expect([roomy?.flag_tc, data(roomy).length]).to.deep.equal([false, 50]);
  });

  it('has room for a dozen behind a long name without any extension', async () => {
    const answer = await askUdp(question(LONG_NAME));
    expect([answer?.flag_tc, data(answer).sort()]).to.deep.equal([false, table[LONG_NAME]!.toSorted()]);
    expect(answer?.answers?.every(({ name }) => name === LONG_NAME)).to.equal(true);
  });

  it('gives other ones each time that not all have room', async () => {
    const seen = new Set<unknown>();
    await until('all to be seen', async () => {
      for (const address of data(await askUdp(question('many')))) seen.add(address);
      return seen.size === 50;
    });
  });

  for (const [size, records] of [
    [1, 29],
    [511, 29],
    [600, 35],
    [4096, 253],
    [65_535, 253],
  ] as const) {
    it(`fills the ${size} bytes that a client says it can take, and says so itself`, async () => {
      const additionals = [{ ...opt, udpPayloadSize: size }];
      const answer = await askUdp(question('crowd', 'A', { additionals }));
      expect([answer?.flag_tc, data(answer).length]).to.deep.equal([true, records]);
      expect(answer?.additionals?.[0]).to.deep.include({ type: 'OPT', udpPayloadSize: 4096 });
    });
  }

  it('says which version of EDNS it has to whom asks in another', async () => {
    const answer = await askUdp(question('con1', 'A', { additionals: [{ ...opt, ednsVersion: 1 }] }));
    expect(data(answer)).to.deep.equal([]);
    expect(answer?.additionals?.[0]).to.deep.include({ type: 'OPT', extendedRcode: 1, ednsVersion: 0 });
  });
});
