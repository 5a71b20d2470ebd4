/** A receiver of Nexus webhooks, as FlowCloser has one: proves who sent it, handles each event once, answers. */
import type { IncomingMessage, RequestListener } from 'node:http';
import type { protocolEvents } from '@neo-protocol/nexus';
import { NexusError, verifyRequest, type RemoteEventOf } from '@neo-protocol/nexus/sdk';
import type { Seen } from './seen.js';

/** An event of the protocol, as it arrives here. */
export type ProtocolNews = RemoteEventOf<typeof protocolEvents>;

const MOST_BYTES = 1_048_576;

export function createReceiver(options: {
  /** What the Nexus signs with; both while one replaces the other. */
  readonly secrets: readonly (string | undefined)[];
  readonly seen: Seen;
  readonly handle: (event: ProtocolNews) => Promise<void> | void;
}): RequestListener {
  const { secrets, seen, handle } = options;
  return (request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const receive = async (): Promise<void> => {
      if (request.url !== '/api/webhook/nexus' || request.method !== 'POST') {
        answer(404, {});
        return;
      }
      const body = await readBody(request);
      if (body === undefined) {
        answer(413, { error: 'too large' });
        return;
      }
      const event = await verifyRequest<typeof protocolEvents>(body, request.headers, secrets);
      // Nexus delivers at least once; the id of an event is the same at each attempt.
      await seen.once(event.id, async () => await handle(event));
      answer(200, { status: 'received' });
    };
    receive().catch((error: unknown) => {
      if (NexusError.is(error, 'NEXUS_UNAUTHENTICATED')) answer(401, { error: error.details.reason });
      else if (NexusError.is(error, 'NEXUS_INVALID_PAYLOAD')) answer(400, { error: error.code });
      // Nexus comes again later.
      else answer(500, { error: 'failed' });
    });
  };
}

/** The bytes as they came: what is parsed and written again has another signature. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length;
    if (size > MOST_BYTES) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
