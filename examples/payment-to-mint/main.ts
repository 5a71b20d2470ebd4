/** The payment → mint → notification flow on real HTTP and a real SQLite file. `--serve` keeps it running, `--keep` keeps the file. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHost } from './host.js';
import { startSmartFactory } from './smart-factory.js';
import { signedPost } from './signed-post.js';
import { createTimeline } from './timeline.js';
import { formatTrace } from './trace.js';
import { startWhatsApp } from './whatsapp.js';

const serve = process.argv.includes('--serve');
const keep = process.argv.includes('--keep');
const secrets = { flowpay: randomBytes(24).toString('hex'), factory: randomBytes(24).toString('hex') };
const apiKey = randomBytes(24).toString('hex');

const payments = [
  {
    orderId: 'order-1001',
    amount: '129.90',
    currency: 'BRL',
    payerId: 'wallet-ana',
    status: 'confirmed',
    metadata: { plan: 'gold' },
  },
  { orderId: 'order-1002', amount: 49.5, currency: 'BRL', payerId: 'wallet-bea', status: 'completed' },
  { transactionId: 'pix-1003', amount: '15.00', payerId: 'wallet-caio' },
  { orderId: 'order-1004', amount: '80.00', currency: 'BRL', payerId: 'wallet-davi', status: 'pending' },
  {
    orderId: 'order-1005',
    amount: '20.00',
    currency: 'BRL',
    payerId: 'wallet-eva',
    status: 'failed',
    metadata: { reason: 'insufficient funds' },
  },
  // The provider sends one notification twice: it is one payment.
  {
    orderId: 'order-1001',
    amount: '129.90',
    currency: 'BRL',
    payerId: 'wallet-ana',
    status: 'completed',
    metadata: { plan: 'gold' },
  },
];
const expected = ['order-1001', 'order-1002', 'pix-1003'];

async function run(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-demo-'));
  const database = join(folder, 'nexus.db');
  const { tell, lines } = createTimeline((line) => process.stdout.write(line));
  let done: () => void = () => undefined;
  const allNotified = new Promise<void>((resolve) => (done = resolve));
  let callbackUrl = '';

  const whatsApp = await startWhatsApp((message) => {
    tell('whatsapp', `to ${message.to}: ${message.text.slice(0, 60)}…`);
    if (whatsApp.messages.length === expected.length) done();
  });
  const factory = await startSmartFactory({
    apiKey,
    secret: secrets.factory,
    failures: 2,
    callbackUrl: () => callbackUrl,
    tell: (what) => tell('factory', what),
  });
  const host = await startHost({
    database,
    secrets,
    factory: { url: factory.url, apiKey, tokenId: 'neo-token' },
    whatsAppUrl: whatsApp.url,
    port: serve ? 3000 : 0,
  });
  const { nexus } = host;
  callbackUrl = `${host.url}/nexus/webhook/factory`;
  nexus.on('event', (event) =>
    tell('nexus', `stored ${event.type} as seq ${event.seq}, from ${event.source}`),
  );
  nexus.on('delivery:succeeded', ({ reactor, seq, attempt, ms }) =>
    tell('nexus', `${reactor} done with seq ${seq}: attempt ${attempt}, ${ms} ms`),
  );
  nexus.on('delivery:failed', ({ reactor, seq, attempt, retryInMs, error }) =>
    tell(
      'nexus',
      `${reactor} failed at seq ${seq}: attempt ${attempt}, retry in ${Math.round(retryInMs)} ms (${error instanceof Error ? error.message : String(error)})`,
    ),
  );
  nexus.on('delivery:dead', ({ reactor, seq, reason }) =>
    tell('nexus', `${reactor} gave up seq ${seq}: ${reason}`),
  );

  try {
    for (const payment of payments) {
      const response = await signedPost(
        `${host.url}/nexus/webhook/flowpay`,
        payment,
        secrets.flowpay,
        'X-FlowPay-Signature',
      );
      const answer = (await response.json()) as { status: string };
      tell(
        'flowpay',
        `posted ${payment.orderId ?? payment.transactionId} (${payment.status ?? 'received'}): ${response.status} ${answer.status}`,
      );
    }
    const late = setTimeout(done, 10_000);
    await allNotified;
    clearTimeout(late);
    await nexus.idle();

    const { items } = await nexus.events.list({ type: 'PAYMENT_RECEIVED', after: 0 });
    const [first] = items;
    if (first) {
      process.stdout.write(
        `\nThe trace of ${first.payload.orderId as string}:\n${formatTrace(await nexus.explain(first.id))}\n`,
      );
      const mint = (await nexus.events.list({ type: 'MINT_CONFIRMED', after: 0 })).items.find(
        ({ payload }) => payload.orderId === first.payload.orderId,
      );
      if (mint) process.stdout.write(`${formatTrace(await nexus.explain(mint.id))}\n`);
    }
    if (serve) {
      process.stdout.write(`\n${help(host.url, secrets.flowpay)}\n`);
      await new Promise<void>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
    }
    const missing = expected.filter(
      (orderId) =>
        !factory.minted.has(orderId) || !whatsApp.messages.some(({ text }) => text.includes(orderId)),
    );
    const retries = lines.filter((line) => line.includes('retry in')).length;
    if (missing.length > 0 || factory.minted.size !== expected.length) {
      process.stdout.write(
        `\nNot everything was minted and told: missing ${missing.join(', ') || 'nothing, but something was minted that should not'}\n`,
      );
      return 1;
    }
    process.stdout.write(
      `\n${items.length} payments, ${factory.minted.size} mints, ${whatsApp.messages.length} messages, ${retries} retries. ${keep ? `The log is in ${database}` : ''}\n`,
    );
    return 0;
  } finally {
    await host.close();
    await factory.close();
    await whatsApp.close();
    if (!keep) rmSync(folder, { recursive: true, force: true });
  }
}

/** The secret was made when this process started and is worth nothing beyond it. */
function help(url: string, secret: string): string {
  return [
    `Neobot is at ${url}, Nexus under ${url}/nexus. Send a payment of your own:`,
    `  BODY='{"orderId":"order-2001","amount":"10.00","payerId":"wallet-you","status":"confirmed"}'`,
    `  curl ${url}/nexus/webhook/flowpay -H 'content-type: application/json' -d "$BODY" \\`,
    `    -H "X-Nexus-Signature: $(printf %s "$BODY" | openssl dgst -sha256 -hmac ${secret} | cut -d' ' -f2)"`,
    'Ctrl-C ends it.',
  ].join('\n');
}

process.exitCode = await run();
