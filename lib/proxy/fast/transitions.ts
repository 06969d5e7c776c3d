/**
 * Where a client's connection is:
 *
 * - `idle`: no call is in progress; a connection to Docker may be kept for the next one
 * - `calling`: Docker has been sent a call, and the client has nothing of the response yet
 * - `responding`: the client has a part of the response
 * - `over`: the last response is out or the connection was handed over; whatever else happens means nothing
 */
export type CallState = 'idle' | 'calling' | 'responding' | 'over';

/** What happens to it, besides calls of the client and parts of responses. */
export type Event =
  /** The client ended its side. */
  | 'client ended'
  /** Docker closed its connection, or broke it off. */
  | 'docker ended'
  /** Docker sent something that is not a response, or something that nobody asked for. */
  | 'response broken'
  | 'response complete'
  /** The proxy stops. */
  | 'finish';

export interface Facts {
  /** The client has sent more behind the call in progress. */
  pipelined: boolean;
  clientEnded: boolean;
  /** The proxy is about to stop. */
  finishing: boolean;
  /** Docker said that it will close behind this response. */
  closes: boolean;
  /** The response is one that ends when Docker closes. */
  mayEnd: boolean;
  /** Docker may have closed a kept connection just as this call was sent, and asking twice does no harm. */
  retriable: boolean;
}

/** What to do about it, and the state that follows. */
export type Action =
  /** The state stays. */
  | 'nothing'
  /** Wait for the next call: `idle`. */
  | 'wait'
  /** Go on with what the client has pipelined: `calling`, or `over` when that has to be handed over. */
  | 'next call'
  /** Send the call once more, on a new connection: `calling`. */
  | 'call again'
  /** Tell Docker that the client ended its side; Docker responds or gives up, as it would without a proxy. The state stays. */
  | 'end request'
  /** Close the connection once everything is sent: `over`. */
  | 'close'
  /** Respond with an error, then close: `over`. */
  | 'fail'
  /** Break the connection off, the only way to say that half a response is not whole: `over`. */
  | 'cut';

export function actionFor(state: CallState, event: Event, facts: Facts): Action {
  if (state === 'over') return 'nothing';
  // Only a call could keep it.
  if (state === 'idle') return 'close';
  switch (event) {
    case 'client ended':
      return facts.pipelined ? 'nothing' : 'end request';
    case 'finish':
      return 'nothing';
    case 'response broken':
      return state === 'calling' ? 'fail' : 'cut';
    case 'docker ended':
      if (state === 'calling') return facts.retriable ? 'call again' : 'fail';
      return facts.mayEnd ? 'close' : 'cut';
    case 'response complete':
      if (facts.closes || facts.finishing) return 'close';
      if (facts.pipelined) return 'next call';
      return facts.clientEnded ? 'close' : 'wait';
  }
}
