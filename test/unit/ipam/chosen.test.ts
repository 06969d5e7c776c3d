import { expect } from 'chai';
import { createChosenAddresses } from '../../../lib/ipam/chosen.js';

describe('the addresses that users chose', () => {
  it('are those of all containers, and of those that are about to be made', () => {
    let time = 0;
    const chosen = createChosenAddresses(() => time);
    const onWeb = () => [...chosen.on('web')];
    chosen.add('web', '10.0.0.2');
    chosen.set([
      { network: 'web', ip: '10.0.0.3' },
      { network: 'db', ip: '10.1.0.3' },
    ]);
    expect(onWeb()).to.deep.equal(['10.0.0.2', '10.0.0.3']);
    chosen.set([{ network: 'web', ip: '10.0.0.2' }]);
    expect([onWeb(), [...chosen.on('db')]]).to.deep.equal([['10.0.0.2'], []]);
    // The call to make it may have failed, or taken very long.
    time += 600_000;
    chosen.set([]);
    expect(onWeb()).to.deep.equal([]);
  });
});
