/** A server to post signed payments to: Nexus with its ingress, or as little as would be durable as well. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type * as Http from '../../src/http/index.js';
import type * as Main from '../../src/index.js';
import { openDatabase } from '../../test/support/database.js';
import { payment } from '../payment.js';

const [mode = '', file = '', secret = ''] = process.argv.slice(2);

async function nexus(): Promise<RequestListener> {
  const { createNexus } = (await import(new URL('../../dist/index.js', import.meta.url).href)) as typeof Main;
  const { createHttpHandler } = (await import(
    new URL('../../dist/http/index.js', import.meta.url).href
  )) as typeof Http;
  const bus = createNexus({
    storage: file,
    events: { PAYMENT_RECEIVED: payment },
    nodes: { flowpay: { secrets: [secret], dispatch: ['PAYMENT_*'] } },
    logger: false,
  });
  await bus.start();
  return createHttpHandler(bus, { rateLimit: false, nodeRateLimit: false });
}

/** HMAC over the raw body, JSON, a row, one commit for all that came meanwhile. */
function bare(): RequestListener {
  const db = openDatabase(file);
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE events (seq INTEGER PRIMARY KEY, type TEXT, source TEXT, timestamp INTEGER, payload TEXT) STRICT;
    PRAGMA synchronous = FULL;
  `);
  const insert = db.prepare('INSERT INTO events (type, source, timestamp, payload) VALUES (?, ?, ?, ?)');
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  let waiting: { type: string; payload: string; done: () => void }[] = [];
  const flush = (): void => {
    const batch = waiting;
    waiting = [];
    begin.run();
    for (const { type, payload } of batch) insert.run(type, 'flowpay', Date.now(), payload);
    commit.run();
    for (const { done } of batch) done();
  };
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const given = Buffer.from(String(request.headers['x-nexus-signature']), 'hex');
      const right = createHmac('sha256', secret).update(body).digest();
      if (given.length !== right.length || !timingSafeEqual(given, right)) {
        response.writeHead(401).end();
        return;
      }
      const { event, payload } = JSON.parse(body.toString()) as { event: string; payload: object };
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({
        type: event,
        payload: JSON.stringify(payload),
        done: () => {
          const text = JSON.stringify({ status: 'dispatched', event });
          response.writeHead(202, { 'content-type': 'application/json', 'content-length': text.length });
          response.end(text);
        },
      });
    });
  };
}

const server = createServer(mode === 'nexus' ? await nexus() : bare());
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
// Asked, it says how much processor time it has used since it was asked before, in µs.
let before = process.cpuUsage();
process.stdin
  .on('data', () => {
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    process.stdout.write(`${user + system}\n`);
  })
  .on('end', () => process.exit());
