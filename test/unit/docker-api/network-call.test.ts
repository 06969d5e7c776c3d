import { expect } from 'chai';
import { networkCall } from '../../../lib/docker-api/network-call.js';
import { parseTarget } from '../../../lib/docker-api/target.js';

describe('calls on networks', () => {
  const calls: [line: string, expected: object | undefined][] = [
    ['POST /networks/create', { kind: 'create' }],
    ['POST /v1.45/networks/create', { kind: 'create' }],
    ['POST /networks/prune?filters=x', { kind: 'prune' }],
    ['POST /networks/web/connect', { kind: 'connect', network: 'web' }],
    ['POST /networks/a%2fb/connect', { kind: 'connect', network: 'a/b' }],
    ['DELETE /v1.24/networks/abc', { kind: 'remove', network: 'abc' }],
    ['DELETE /networks/prune', { kind: 'remove', network: 'prune' }],
    ['POST /networks/create/connect', { kind: 'connect', network: 'create' }],
    ['POST /networks/web/disconnect', undefined],
    ['POST /networks//connect', undefined],
    ['GET /networks/web', undefined],
    ['GET /networks', undefined],
    ['DELETE /networks/', undefined],
    ['POST /containers/create', undefined],
  ];
  for (const [line, expected] of calls) {
    it(`${line}: ${expected ? JSON.stringify(expected) : 'none'}`, () => {
      const [method = '', raw = ''] = line.split(' ');
      expect(networkCall(method, parseTarget(raw).path)).to.deep.equal(expected);
    });
  }
});
