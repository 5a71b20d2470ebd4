/**
 * Nexus as a Fastify plugin.
 *
 * @module @neo-protocol/nexus/fastify
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { serves, type HttpHandler } from '../contract/http-handler.js';

/** What the plugin needs of Fastify 4 or 5. */
export interface FastifyLike {
  readonly prefix: string;
  removeAllContentTypeParsers(): unknown;
  addContentTypeParser(
    contentType: string,
    parser: (request: never, payload: never, done: (error: Error | null, body?: unknown) => void) => void,
  ): unknown;
  all(path: string, handler: (request: FastifyRequestLike, reply: FastifyReplyLike) => unknown): unknown;
}

/** What it needs of a request. */
export interface FastifyRequestLike {
  readonly raw: IncomingMessage;
}

/** What it needs of a reply. */
export interface FastifyReplyLike {
  readonly raw: ServerResponse;
  hijack(): unknown;
  callNotFound(): unknown;
}

/**
 * A plugin that serves an HTTP handler under the prefix it is registered with. Bodies reach it unread, whatever parsers the
 * host has; paths that are not Nexus's are answered by the host's not-found handler.
 *
 * @example await fastify.register(fastifyNexus(createHttpHandler(nexus)), { prefix: '/nexus' });
 */
export function fastifyNexus(
  http: HttpHandler,
): (instance: FastifyLike, options: unknown, done: (error?: Error) => void) => void {
  return (instance, _, done) => {
    instance.removeAllContentTypeParsers();
    instance.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
    const { prefix } = instance;
    instance.all('/*', (request, reply) => {
      const raw = request.raw as IncomingMessage & { baseUrl?: string };
      const { url = '/' } = raw;
      // As Express does it: what the prefix has matched is put aside.
      raw.url = url.slice(prefix.length);
      raw.baseUrl = prefix;
      if (serves(http, raw, reply.raw)) return reply.hijack();
      raw.url = url;
      return reply.callNotFound();
    });
    done();
  };
}
