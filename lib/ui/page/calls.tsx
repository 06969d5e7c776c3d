import type { View } from '../view.js';
import { Section } from './section.js';

type Call = View['calls'][number];
type Step = Call['hooks'][number];
type Change = Step['changes'][number];

export function CallList({ calls, away }: { calls: Call[]; away: boolean }) {
  return (
    <Section id="calls" title="Docker API calls with hooks" count={calls.length}>
      {calls.length === 0 && (
        <p class="empty">
          {away
            ? 'The proxy does not answer.'
            : 'None since this page was opened. Calls appear here when they have ended.'}
        </p>
      )}
      <ol class="calls">
        {calls.map((call) => (
          <li key={call.id}>
            <One {...call} />
          </li>
        ))}
      </ol>
    </Section>
  );
}

function One({ time, method, url, status, ms, hooks }: Call) {
  const changes = hooks.reduce((sum, step) => sum + step.changes.length, 0);
  const ok = status !== null && status < 400;
  return (
    <details>
      <summary>
        <span class={`state ${ok ? 'good' : 'bad'}`}>{status ?? 'client left'}</span>
        <span class="code call">
          {method} {url}
        </span>
        <span class="faint">
          <time dateTime={time}>{time.slice(11, 19)}</time> · {Math.round(ms)} ms ·{' '}
          {changes === 1 ? '1 change' : `${changes} changes`}
        </span>
      </summary>
      <ul class="steps">
        {hooks.map((step, at) => (
          <Hook key={at} {...step} />
        ))}
      </ul>
    </details>
  );
}

function Hook({ adapter, hook, result, ms, message, changes }: Step) {
  return (
    <li>
      <p>
        {hook} <b class="name">{adapter}</b>{' '}
        <span class="faint">
          {result === 'ok' && changes.length === 0 ? 'no change' : result} · {Math.round(ms)} ms
        </span>
        {message !== undefined && <span class="name"> {message}</span>}
      </p>
      {changes.length > 0 && (
        <ul class="changes">
          {changes.map((change) => (
            <li key={change.path} class="code">
              {textOf(change)}
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

function textOf({ path, ...change }: Change): string {
  const place = path === '' ? '(all)' : path;
  if (!('from' in change)) return `+ ${place}: ${JSON.stringify(change.to)}`;
  if (!('to' in change)) return `− ${place}: ${JSON.stringify(change.from)}`;
  return `~ ${place}: ${JSON.stringify(change.from)} → ${JSON.stringify(change.to)}`;
}
