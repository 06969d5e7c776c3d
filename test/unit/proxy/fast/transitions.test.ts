import { expect } from 'chai';
import {
  actionFor,
  type Action,
  type Event,
  type Facts,
  type CallState,
} from '../../../../lib/proxy/fast/transitions.js';

const NONE: Facts = {
  pipelined: false,
  clientEnded: false,
  finishing: false,
  closes: false,
  mayEnd: false,
  retriable: false,
};
const EVENTS: Event[] = ['client ended', 'docker ended', 'response broken', 'response complete', 'finish'];

type Row = [state: CallState, event: Event, facts: Partial<Facts>, action: Action];
const TABLE: Row[] = [
  // A FIN of the client goes to Docker, unless further calls came before it.
  ['calling', 'client ended', { clientEnded: true }, 'end request'],
  ['calling', 'client ended', { clientEnded: true, pipelined: true }, 'nothing'],
  ['responding', 'client ended', { clientEnded: true }, 'end request'],
  ['responding', 'client ended', { clientEnded: true, pipelined: true }, 'nothing'],

  // A call that may have met a stale connection is sent again; else the client is told.
  ['calling', 'docker ended', {}, 'fail'],
  ['calling', 'docker ended', { retriable: true }, 'call again'],
  ['calling', 'docker ended', { retriable: true, clientEnded: true }, 'call again'],
  // Once it has a part of the response, only a cut can tell.
  ['responding', 'docker ended', {}, 'cut'],
  ['responding', 'docker ended', { retriable: true }, 'cut'],
  ['responding', 'docker ended', { mayEnd: true }, 'close'],

  ['calling', 'response broken', {}, 'fail'],
  ['calling', 'response broken', { retriable: true }, 'fail'],
  ['responding', 'response broken', {}, 'cut'],
  ['responding', 'response broken', { mayEnd: true }, 'cut'],

  ['responding', 'response complete', {}, 'wait'],
  ['responding', 'response complete', { pipelined: true }, 'next call'],
  ['responding', 'response complete', { pipelined: true, clientEnded: true }, 'next call'],
  ['responding', 'response complete', { clientEnded: true }, 'close'],
  ['responding', 'response complete', { closes: true }, 'close'],
  ['responding', 'response complete', { closes: true, pipelined: true }, 'close'],
  ['responding', 'response complete', { finishing: true }, 'close'],
  ['responding', 'response complete', { finishing: true, pipelined: true }, 'close'],

  // A call in progress may finish.
  ['calling', 'finish', { finishing: true }, 'nothing'],
  ['responding', 'finish', { finishing: true, pipelined: true }, 'nothing'],
];

describe("a connection's state on the fast path", () => {
  for (const [state, event, facts, action] of TABLE) {
    const given = Object.keys(facts).join(', ') || 'nothing else';
    it(`${state}, ${event} (${given}): ${action}`, () => {
      expect(actionFor(state, event, { ...NONE, ...facts })).to.equal(action);
    });
  }

  for (const event of EVENTS) {
    it(`idle, ${event}: close, as only a call could keep the connection`, () => {
      for (const facts of allFacts()) expect(actionFor('idle', event, facts)).to.equal('close');
    });
    it(`over, ${event}: nothing`, () => {
      for (const facts of allFacts()) expect(actionFor('over', event, facts)).to.equal('nothing');
    });
  }

  it('never sends a call again of which the client has a part of the response', () => {
    for (const event of EVENTS) {
      for (const facts of allFacts())
        expect(actionFor('responding', event, facts)).to.not.equal('call again');
    }
  });
});

function allFacts(): Facts[] {
  const names = Object.keys(NONE) as (keyof Facts)[];
  return Array.from({ length: 2 ** names.length }, (_, bits) =>
    names.reduce((facts, name, index) => ({ ...facts, [name]: (bits & (1 << index)) !== 0 }), NONE),
  );
}
