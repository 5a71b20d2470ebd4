/**
 * Nexus as route handlers of Next.js, in its Node.js runtime.
 *
 * @module @neo-protocol/nexus/next
 */
import type { HttpHandler } from '../contract/http-handler.js';

/** For {@link nextRoutes}. */
export interface NextRoutesOptions {
  /** The address of a client, for the limits by address; behind a proxy that is trusted, from its header. @default unknown: no limit by address */
  ip?: (request: Request) => string | undefined;
}

/** One exported function for each method. */
export type NextRoutes = Readonly<
  Record<'GET' | 'HEAD' | 'POST' | 'DELETE' | 'OPTIONS', (request: Request) => Promise<Response>>
>;

/**
 * The route handlers of `app/nexus/[...path]/route.ts`; the handler's `basePath` is the folder's path.
 *
 * @example export const { GET, HEAD, POST, DELETE, OPTIONS } = nextRoutes(createHttpHandler(nexus, { basePath: '/nexus' }));
 */
export function nextRoutes(http: HttpHandler, options: NextRoutesOptions = {}): NextRoutes {
  const route = async (request: Request): Promise<Response> => {
    const ip = options.ip?.(request);
    return await http.fetch(request, ip === undefined ? {} : { ip });
  };
  return { GET: route, HEAD: route, POST: route, DELETE: route, OPTIONS: route };
}
