/** The HTTP handler, as the frameworks' adapters know it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

/** Callable as `(req, res, next?)`, and as `fetch`. */
export interface HttpHandler {
  /** `next` is called, at once, for a path that is not one of Nexus's. */
  (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
    next?: (error?: unknown) => void,
  ): void;
  /** `ip` is the address of the client; without it there is no limit by address. */
  fetch(request: Request, from?: { readonly ip?: string }): Promise<Response>;
}

/** Answers where the path is one of Nexus's; false where it is not. */
export function serves(http: HttpHandler, request: IncomingMessage, response: ServerResponse): boolean {
  let served = true;
  http(request, response, () => {
    served = false;
  });
  return served;
}
