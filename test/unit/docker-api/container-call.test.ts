import { expect } from 'chai';
import { containerCall } from '../../../lib/docker-api/container-call.js';
import { parseTarget } from '../../../lib/docker-api/target.js';

describe('calls on containers', () => {
  const calls: [string, string, object | undefined][] = [
    ['POST', '/v1.41/containers/create?name=x', { kind: 'create' }],
    ['GET', '/containers/json?all=1', { kind: 'list' }],
    ['POST', '/v1.41/containers/a%2Fb/start', { kind: 'start', container: 'a/b' }],
    ['POST', '/containers/x/restart?t=1', { kind: 'restart', container: 'x' }],
    ['GET', '/v1.24/containers/x/json', { kind: 'inspect', container: 'x' }],
    ['GET', '/containers/json/json', { kind: 'inspect', container: 'json' }],
    ['DELETE', '/containers/x?force=1', { kind: 'remove', container: 'x' }],
    // As Docker reads it: what is no escape stays.
    ['POST', '/containers/%zz/start', { kind: 'start', container: '%zz' }],
    ['POST', 'http://elsewhere/containers/x/start', { kind: 'start', container: 'x' }],
    ['GET', '/containers/x/start', undefined],
    ['POST', '/containers//start', undefined],
    ['GET', '/images/json', undefined],
  ];
  for (const [method, target, expected] of calls) {
    it(`${method} ${target}`, () =>
      expect(containerCall(method, parseTarget(target).path)).to.deep.equal(expected));
  }
});
