/** Signatures: equal to the package others use, nothing malformed gets through, and a stranger learns nothing. */
import { randomBytes, randomInt } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { standardWebhooks, type HmacSha256 } from '../src/http/index.js';
import { signStandard } from '../src/nodes/standard-webhooks.js';
import { hmacSha256 } from '../src/hmac-sha256.js';
import { signed, startIngressHost } from './ingress-host.js';
import { openWire, postText } from './wire.js';

const scheme = standardWebhooks();
const hmac: HmacSha256 = hmacSha256;

/** Random messages sign equal to the package and verify both ways; each with one byte changed verifies no more. */
export function proveStandard({ messages }: { messages: number }): {
  messages: number;
  different: number;
  refused: number;
  mutants: number;
  accepted: number;
} {
  const report = { messages, different: 0, refused: 0, mutants: 0, accepted: 0 };
  for (let i = 0; i < messages; i++) {
    const secret = `whsec_${randomBytes(randomInt(24, 65)).toString('base64')}`;
    const id = `msg_${randomBytes(randomInt(1, 30)).toString('base64url')}`;
    const now = Math.floor(Date.now() / 1_000);
    const time = now + randomInt(-299, 299);
    const body = JSON.stringify({ text: randomBytes(randomInt(0, 200)).toString('latin1'), n: i });
    const bytes = Buffer.from(body);
    const timestamp = String(time);
    const ours = signStandard({ id, timestamp, body: bytes }, secret, hmac);
    const theirs = new Webhook(secret).sign(id, new Date(time * 1_000), body);
    if (ours !== theirs) report.different += 1;
    const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': theirs };
    const accepts = (given: Record<string, string>, content: Uint8Array): boolean =>
      scheme.verify({ body: content, header: (name) => given[name], secret, hmac, now: now * 1_000 });
    if (!accepts(headers, bytes)) report.refused += 1;
    new Webhook(secret).verify(body, { ...headers, 'webhook-signature': ours });

    const part = i % 4;
    const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const;
    const name = names[part];
    report.mutants += 1;
    if (name === undefined) {
      if (accepts(headers, mutate(bytes))) report.accepted += 1;
    } else {
      const value = mutate(Buffer.from(headers[name], 'latin1')).toString('latin1');
      if (accepts({ ...headers, [name]: value }, bytes)) report.accepted += 1;
    }
  }
  return report;
}

function mutate(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  const at = randomInt(changed.length);
  changed[at] = (changed[at] ?? 0) ^ randomInt(1, 256);
  return changed;
}

/** Malformed signature headers on a real socket: all get one answer, byte for byte. */
export async function proveMalformed({ requests }: { requests: number }): Promise<{
  requests: number;
  accepted: number;
  serverErrors: number;
  answers: number;
}> {
  const host = await startIngressHost();
  const report = { requests, accepted: 0, serverErrors: 0 };
  const answers = new Set<string>();
  const body = '{"event":"PAID","payload":{}}';
  const right = signed(host.secret, body)['X-Nexus-Signature'] ?? '';
  try {
    const wire = await openWire(host.port);
    for (let sent = 0; sent < requests;) {
      const batch = Array.from({ length: Math.min(200, requests - sent) }, () => malformed(body, right));
      sent += batch.length;
      for (const { status, bytes } of await wire.ask(batch)) {
        if (status < 300) report.accepted += 1;
        if (status >= 500) report.serverErrors += 1;
        answers.add(bytes);
      }
    }
    wire.close();
    const { head } = await host.nexus.stats();
    return { ...report, accepted: report.accepted + head, answers: answers.size };
  } finally {
    await host.close();
  }
}

function malformed(body: string, right: string): string {
  const printable = (length: number): string =>
    Array.from({ length }, () => String.fromCharCode(randomInt(0x21, 0x7f))).join('');
  const hex = (length: number): string =>
    randomBytes(Math.ceil(length / 2))
      .toString('hex')
      .slice(0, length);
  const forms: (() => Record<string, string>)[] = [
    () => ({ 'X-Nexus-Signature': printable(randomInt(1, 200)) }),
    () => ({ 'X-Nexus-Signature': hex(randomInt(0, 200)) }),
    () => ({ 'X-Nexus-Signature': `${right}${printable(randomInt(1, 4))}` }),
    () => ({ 'X-Nexus-Signature': right.toUpperCase() }),
    () => ({ 'X-Nexus-Signature': right.slice(0, randomInt(0, 64)) }),
    () => ({ 'X-Nexus-Signature': `sha${randomInt(1, 255)}=${right}` }),
    () => ({ 'X-Nexus-Signature': `${right}, ${right}` }),
    () => ({ 'X-Nexus-Signature': right, 'x-nexus-signature': right }),
    () => ({ 'X-Nexus-Signature': Buffer.from(right, 'hex').toString('base64') }),
    () => ({ 'X-Nexus-Signature': '' }),
    () => ({}),
    () => ({
      'webhook-signature': printable(randomInt(1, 300)),
      'webhook-id': 'm',
      'webhook-timestamp': '1',
    }),
    () => ({
      'webhook-signature': `v1,${randomBytes(32).toString('base64')}`,
      'webhook-id': printable(randomInt(1, 20)),
      'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
    }),
    () => ({ 'X-Nexus-Signature': right, 'webhook-signature': 'v1,', 'webhook-id': 'm' }),
  ];
  const form = forms[randomInt(forms.length)] ?? (() => ({}));
  return postText('/events', { 'X-Nexus-Node': 'flowpay', ...form() }, body);
}

/** An unknown node and a wrong signature, in turn, one at a time: nobody can tell them apart by bytes or time. */
export async function proveOneAnswer({ requests }: { requests: number }): Promise<{
  requests: number;
  answers: number;
  unknownMs: number;
  wrongMs: number;
  differencePercent: number;
}> {
  // As hard as it can be: another node is in the middle of a rotation.
  const host = await startIngressHost(
    {},
    {
      other: { secrets: [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')], dispatch: ['*'] },
    },
  );
  const body = JSON.stringify({ event: 'PAID', payload: { text: 'x'.repeat(2_000) } });
  const wrong = 'ab'.repeat(32);
  const text = (node: string): string =>
    postText('/events', { 'X-Nexus-Node': node, 'X-Nexus-Signature': wrong }, body);
  // Names of the same length, so that the requests are.
  const texts = { unknown: text('flowpax'), wrong: text('flowpay') };
  const times = { unknown: [] as number[], wrong: [] as number[] };
  const answers = new Set<string>();
  try {
    const wire = await openWire(host.port);
    const warmUp = Math.min(1_000, requests);
    for (let i = -warmUp; i < requests; i++) {
      const order = i % 2 === 0 ? (['unknown', 'wrong'] as const) : (['wrong', 'unknown'] as const);
      for (const kind of order) {
        const began = performance.now();
        const [answer] = await wire.ask([texts[kind]]);
        if (i >= 0) times[kind].push(performance.now() - began);
        answers.add(answer?.bytes ?? '');
      }
    }
    wire.close();
  } finally {
    await host.close();
  }
  const [unknownMs, wrongMs] = [median(times.unknown), median(times.wrong)];
  return {
    requests,
    answers: answers.size,
    unknownMs,
    wrongMs,
    differencePercent: (Math.abs(unknownMs - wrongMs) / wrongMs) * 100,
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
