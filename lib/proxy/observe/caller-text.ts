import type { Caller } from '../../hook/v2.js';

/** Who made a call, for people. */
export function callerText(caller: Caller): string {
  switch (caller.Transport) {
    case 'unix':
      return `uid ${caller.Uid}, pid ${caller.Pid}`;
    case 'tcp':
      return caller.Address;
    case 'tls':
      return `${JSON.stringify(caller.Subject)} at ${caller.Address}`;
  }
}
