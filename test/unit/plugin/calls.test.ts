import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
import { failureBody, isPassing } from '../../../lib/plugin/calls.js';

/** What Docker says of a container that it could not start, by the driver's answer. */
const said = (path: string, error: unknown) => `remote: ${Object.values(failureBody(path, error))[0]}`;

describe('a failure of a driver call', () => {
  for (const path of ['/NetworkDriver.Join', '/IpamDriver.RequestAddress']) {
    it(`is known by what Docker keeps of it where it will pass (${path})`, () => {
      expect(isPassing(said(path, new AppError('unavailable', 'the agent is away')))).to.equal(true);
      for (const error of [new AppError('conflict', '10.0.0.2 is taken'), new Error('broken'), 'too large'])
        expect(isPassing(said(path, error)), String(error)).to.equal(false);
    });
  }

  it('is none of ours where another says so', () => {
    for (const text of ['', 'not now: the disk is full', 'remote: no space is left'])
      expect(isPassing(text)).to.equal(false);
  });
});
