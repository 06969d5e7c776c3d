export { createLiveView } from './live-view.js';
export { serveUi } from './server.js';
export { watchCalls } from './watch-calls.js';
