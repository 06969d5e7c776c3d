/**
 * The states of a client's connection:
 *
 * - `idle`: no call is in progress; a connection to Docker may be kept for the next one
 * - `calling`: Docker has been sent a call, and the client has received nothing of the response yet
 * - `responding`: the client has received a part of the response
 * - `over`: the last response is out or the connection was handed over; nothing that happens afterwards matters
 */
export type CallState = 'idle' | 'calling' | 'responding' | 'over';

/** What can happen to it, apart from the client's calls and parts of responses. */
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
  /** The client has sent more after the call in progress. */
  pipelined: boolean;
  clientEnded: boolean;
  /** The proxy is about to stop. */
  finishing: boolean;
  /** Docker said that it will close the connection after this response. */
  closes: boolean;
  /** The response is one that ends when Docker closes the connection. */
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
  /** Go on with what the client has pipelined: `idle` until that has been read. */
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
  // Only a call in progress could keep the connection open.
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
