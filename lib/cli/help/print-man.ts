import { createProgram } from '../cli.js';
import { processContext } from '../context.js';
import { manPage } from './man-page.js';

// `npm run man` writes what this prints to docs/socketplane.1.
process.stdout.write(manPage(createProgram({ ...processContext(), command: 'socketplane' })));
