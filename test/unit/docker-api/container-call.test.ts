import { expect } from 'chai';
import { containerCall } from '../../../lib/docker-api/container-call.js';
import { parseTarget } from '../../../lib/docker-api/target.js';

describe('calls on containers', () => {
  const calls: [string, string, object | undefined][] = [
    ['POST', '/v1.41/containers/create?name=x', { kind: 'create' }],
    ['POST', '/v1.41/containers/a%2Fb/start', { kind: 'start', container: 'a/b' }],
    // As Docker reads it: what is no escape stays.
    ['POST', '/containers/%zz/start', { kind: 'start', container: '%zz' }],
    ['POST', 'http://elsewhere/containers/x/start', { kind: 'start', container: 'x' }],
    ['GET', '/containers/x/start', undefined],
    ['POST', '/containers//start', undefined],
    ['POST', '/containers/x/restart?t=1', undefined],
    ['DELETE', '/containers/x?force=1', undefined],
    ['GET', '/images/json', undefined],
  ];
  for (const [method, target, expected] of calls) {
    it(`${method} ${target}`, () =>
      expect(containerCall(method, parseTarget(target).path)).to.deep.equal(expected));
  }
});
