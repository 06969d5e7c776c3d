import { expect } from 'chai';
import { until } from '../../support/until.js';
import { RCODE, withResolver } from './resolver.js';
import { askTcp, askUdp, data, LONG_NAME, opt, question, rcode, table, useDns } from './server.js';

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

  for (const [from, name, expected] of [
    ['127.0.0.1', 'con1.web', ['10.0.0.2']],
    ['127.0.0.1', 'CON1.Web', ['10.0.0.2']],
    ['127.0.0.1', 'con1.web.', ['10.0.0.2']],
    ['127.0.0.1', 'h1.example.test', ['127.0.0.12']],
    ['127.0.0.1', 'H1.Example.test.web', ['127.0.0.12']],
    ['127.0.0.1', 'my.app', ['10.0.0.8']],
    ['127.0.0.1', 'twin', ['10.0.0.7', '127.0.0.9']],
    ['127.0.0.9', 'twin', ['127.0.0.9']],
    ['127.0.0.9', 'TWIN.web', ['127.0.0.9']],
    ['127.0.0.9', 'web', ['10.0.0.3', '10.0.0.4', '10.0.0.5']],
    ['127.0.0.10', 'store', ['10.9.0.2']],
    ['127.0.0.10', 'store.db', ['10.9.0.2']],
    ['127.0.0.10', 'con1.web', ['10.0.0.2']],
  ] as const) {
    it(`knows ${name} as ${from} means it, and that it has no IPv6 address`, async () => {
      expect(data(await askUdp(question(name), from)).sort()).to.deep.equal(expected);
      const six = await askUdp(question(name, 'AAAA'), from);
      expect([rcode(six), data(six)]).to.deep.equal(['NOERROR', []]);
      expect(state.asked).to.deep.equal([]);
    });
  }

  for (const name of ['store', 'store.db', 'con1.db', 'nobody.web', 'con1.example']) {
    it(`asks outside for ${name}, which is none of ours to whoever is on one network alone`, async () => {
      expect(data(await askUdp(question(name)))).to.deep.equal(['198.51.100.7']);
    });
  }

  it('means a container by its name in a search domain, if nobody outside has that name', async () => {
    const nobody = () => ({ rcode: RCODE.noSuchName });
    state.resolvers = ['127.0.0.22'];
    await withResolver('127.0.0.22', nobody, async () => {
      const answers = async (from: string, ...asked: string[]) => {
        const found = [];
        for (const name of asked) {
          const answer = await askUdp(question(name), from);
          found.push(rcode(answer) === 'NOERROR' ? data(answer)[0] : rcode(answer));
        }
        return found;
      };
      expect(
        await answers('127.0.0.10', 'con1.corp.example', 'CON1.far.example.', 'con1.web.far.example'),
      ).to.deep.equal(['10.0.0.2', '10.0.0.2', '10.0.0.2']);
      expect(await answers('127.0.0.10', 'con1.host.example', 'no.far.example')).to.deep.equal([
        'NXDOMAIN',
        'NXDOMAIN',
      ]);
      expect(await answers('127.0.0.1', 'con1.host.example', 'con1.far.example')).to.deep.equal([
        '10.0.0.2',
        'NXDOMAIN',
      ]);
    });
    state.resolvers = ['127.0.0.1'];
    expect(data(await askUdp(question('con1.far.example'), '127.0.0.10'))).to.deep.equal(['198.51.100.7']);
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
    expect(data(await askUdp(question('9.0.0.127.IN-addr.arpa', 'PTR')))).to.deep.equal(['con9.web']);
    const full = await askUdp(question('12.0.0.127.in-addr.arpa', 'PTR'));
    expect(data(full)).to.deep.equal(['h1.example.test', 'box.web']);
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
