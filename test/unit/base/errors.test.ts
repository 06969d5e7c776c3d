import { expect } from 'chai';
import { z } from 'zod';
import { messageOf } from '../../../lib/base/errors.js';

describe('the line that an error is shown by', () => {
  it('is the first of its message', () => {
    expect(messageOf(new Error('no route\nat once'))).to.equal('no route');
    expect(messageOf('thrown')).to.equal('thrown');
  });

  it('says what did not fit a schema, and where', () => {
    const failure = (value: unknown) => {
      try {
        z.object({ hosts: z.array(z.object({ name: z.string() })) }).parse(value);
        return '';
      } catch (error) {
        return messageOf(error);
      }
    };
    expect(failure({ hosts: [{ name: 5 }] })).to.equal(
      'hosts.0.name: Invalid input: expected string, received number',
    );
    expect(failure('text')).to.equal('what was read: Invalid input: expected object, received string');
  });
});
