import { expect } from 'chai';
import { settingsOf, settingsOfDocker, stringsIn, tidy } from '../../../lib/driver/settings.js';

describe('settings of a network', () => {
  it('are absent when nothing was chosen', () => {
    expect(
      tidy({ internal: false, range: '', aux: {}, labels: {}, options: {}, namesGateway: false }),
    ).to.equal(undefined);
    expect(settingsOf({ NetworkID: 'n', Options: null, IPv4Data: null, IPv6Data: null })).to.equal(undefined);
  });

  it('are those of a CreateNetwork', () => {
    const Options = {
      'com.docker.network.internal': true,
      'com.docker.network.generic': { foo: 'bar' },
    };
    const IPv4Data = [{ Pool: '10.9.0.0/24', AuxAddresses: { a: '10.9.0.7/24' } }];
    expect(settingsOf({ NetworkID: 'n', Options, IPv4Data })).to.deep.equal({
      internal: true,
      options: { foo: 'bar' },
      aux: { a: '10.9.0.7' },
    });
  });

  it('are those of a network that Docker has made', () => {
    const network = {
      id: 'n',
      name: 'web',
      driver: 'socketplane',
      ipamDriver: 'socketplane',
      internal: false,
    };
    const chosen = {
      labels: { a: '' },
      options: {},
      aux: { x: '10.0.0.9/24' },
    };
    expect(settingsOfDocker({ ...network, ...chosen, range: '10.0.0.128/25' })).to.deep.equal({
      range: '10.0.0.128/25',
      labels: { a: '' },
      aux: { x: '10.0.0.9' },
    });
  });

  it('say that the gateway was chosen when Docker names it, and do not say so otherwise', () => {
    const network = { id: 'n', name: 'web', driver: 'socketplane', ipamDriver: 'socketplane' };
    const rest = { ...network, internal: false, aux: {}, labels: {}, options: {} };
    expect(settingsOfDocker({ ...rest, gateway: '10.0.0.1' })).to.deep.equal({ namesGateway: true });
    expect(settingsOfDocker(rest)).to.equal(undefined);
  });

  it('takes maps of strings alone', () => {
    expect(stringsIn({ a: 'b' })).to.deep.equal({ a: 'b' });
    for (const value of [undefined, null, 'text', { a: 1 }, ['a']])
      expect(stringsIn(value)).to.deep.equal({});
  });
});
