import { stringify } from 'yaml';
import { VERSION } from '../../base/version.js';
import { openApi } from './document.js';

// `npm run openapi` writes what this prints to docs/openapi.yml.
process.stdout.write(stringify(openApi(VERSION)));
