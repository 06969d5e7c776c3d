import { Router } from 'express';
import { openApi } from './document.js';

/** The document that describes this API. */
export function openApiRoutes(version: string): Router {
  const router = Router();
  router.get('/openapi.json', (_request, response) => {
    response.json(openApi(version));
  });
  return router;
}
