/**
 * Nexus as a Koa middleware.
 *
 * @module @neo-protocol/nexus/koa
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { serves, type HttpHandler } from '../contract/http-handler.js';

/** What the middleware needs of Koa 2 or 3. */
export interface KoaContextLike {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  respond?: boolean;
}

/**
 * A middleware that serves an HTTP handler, before any body parser. The handler's `basePath` says where; every other path
 * goes on to the next middleware.
 *
 * @example koa.use(koaNexus(createHttpHandler(nexus, { basePath: '/nexus' })));
 */
export function koaNexus(
  http: HttpHandler,
): (context: KoaContextLike, next: () => Promise<unknown>) => Promise<unknown> {
  return async (context, next) => {
    const { req, res } = context;
    if (!serves(http, req, res)) return await next();
    context.respond = false;
    // For what stands before it and looks at the time that a request took.
    await new Promise<void>((resolve) => {
      if (res.closed) resolve();
      else res.once('close', resolve);
    });
    return undefined;
  };
}
