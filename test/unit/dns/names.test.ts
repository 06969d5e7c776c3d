import { expect } from 'chai';
import { askTcp, askUdp, data, opt, question, rcode, table, useDns } from './server.js';

describe('names of containers by DNS', () => {
  const state = useDns();

  it('knows containers by name, whatever the case, with the question as it was asked', async () => {
    const answer = await askUdp(question('Con1'));
    expect(data(answer)).to.deep.equal(['10.0.0.2']);
    expect([answer?.id, answer?.questions?.[0]?.name]).to.deep.equal([4711, 'Con1']);
    expect(state.asked).to.deep.equal([]);
  });

  it('knows them with the name of their network behind it, and of no other', async () => {
    expect(data(await askUdp(question('con1.Web')))).to.deep.equal(['10.0.0.2']);
    await askUdp(question('con1.db'));
    expect(state.asked).to.deep.equal(['con1.db']);
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

  it('cuts a long answer short over UDP, and gives it whole over TCP or to whoever has room', async () => {
    const short = await askUdp(question('many'));
    expect([short?.flag_tc, data(short).length]).to.deep.equal([true, 0]);
    const [whole] = await askTcp(question('many'));
    expect(data(whole).length).to.equal(50);
    const roomy = await askUdp(question('many', 'A', { additionals: [opt] }));
    expect([roomy?.flag_tc, data(roomy).length]).to.deep.equal([false, 50]);
  });

  it('says which version of EDNS it has to whom asks in another', async () => {
    const answer = await askUdp(question('con1', 'A', { additionals: [{ ...opt, ednsVersion: 1 }] }));
    expect(data(answer)).to.deep.equal([]);
    expect(answer?.additionals?.[0]).to.deep.include({ type: 'OPT', extendedRcode: 1, ednsVersion: 0 });
  });
});
