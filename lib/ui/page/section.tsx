import type { ComponentChildren } from 'preact';

/** A part of the page with its heading, which is also its name as a landmark. */
export function Section(props: { id: string; title: string; count?: number; children: ComponentChildren }) {
  const { id, title, count, children } = props;
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>
        {title} {count !== undefined && <span class="count">{count}</span>}
      </h2>
      {children}
    </section>
  );
}

/** A table that scrolls by itself when it is too wide, also with the keyboard. */
export function Table(props: { caption: string; head: string[]; children: ComponentChildren }) {
  const { caption, head, children } = props;
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={caption}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {head.map((text) => (
              <th key={text} scope="col">
                {text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

const BAD = new Set(['failed', 'silent', 'no tunnel']);

/** A word, and a colour that means the same. */
export function State({ word, title }: { word: string; title?: string }) {
  const kind = word === 'up' ? 'good' : BAD.has(word) ? 'bad' : 'idle';
  return (
    <span class={`state ${kind}`}>
      {word}
      {title !== undefined && <small> {title}</small>}
    </span>
  );
}
