import { expect } from 'chai';
import { createMakings } from '../../../lib/driver/makings.js';

const WEB = { id: 'web', subnet: '10.1.0.0/16', gateway: '10.1.0.1', vni: 1 };
const DB = { id: 'db', subnet: '10.2.0.0/16', gateway: '10.2.0.1', vni: 2 };

describe('networks that are being made', () => {
  it('are found by their subnets until that has ended', () => {
    const makings = createMakings();
    const [endWeb, endDb] = [makings.begin(WEB), makings.begin(DB)];
    const names = () => ['10.1.0.0/16', '10.2.0.0/16', '10.1.0.0/24'].map((one) => makings.nameOf(one));
    expect(names()).to.deep.equal(['web', 'db', undefined]);
    endDb();
    expect(names()).to.deep.equal(['web', undefined, undefined]);
    endWeb();
    expect(names()).to.deep.equal([undefined, undefined, undefined]);
  });

  it('are being made until everybody has ended, who may do so twice', () => {
    const makings = createMakings();
    const [first, second] = [makings.begin(WEB), makings.begin(WEB)];
    first();
    first();
    expect(makings.nameOf(WEB.subnet)).to.equal('web');
    second();
    expect(makings.nameOf(WEB.subnet)).to.equal(undefined);
  });
});
