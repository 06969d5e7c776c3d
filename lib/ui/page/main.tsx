import { render } from 'preact';
import type { View } from '../view.js';
import { App } from './app.js';

const NOTHING: View = { problems: [], networks: [], containers: [], calls: [] };

let view = NOTHING;

function draw(connected: boolean): void {
  render(<App view={view} connected={connected} />, document.body);
}

const events = new EventSource('/events');
events.addEventListener('message', ({ data }: MessageEvent<string>) => {
  view = JSON.parse(data) as View;
  draw(true);
});
events.addEventListener('error', () => draw(false));
draw(true);
