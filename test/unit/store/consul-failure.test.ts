import { expect } from 'chai';
import { failureOf } from '../../../lib/store/consul/failure.js';

describe('a call to Consul that failed', () => {
  it('says so also where the connection broke in the middle of an answer', async () => {
    const broken = Object.assign(new Error('consul: kv.get: aborted'), { response: undefined });
    const failure = await failureOf(broken, 'http://192.0.2.1:8500', async () => '192.0.2.1:8300');
    expect(failure.kind).to.equal('unavailable');
    expect(failure.message).to.match(/^Consul on http:\/\/192\.0\.2\.1:8500 does not answer \(aborted\); /);
  });
});
