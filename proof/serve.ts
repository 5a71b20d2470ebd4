/**
 * A busy `nexus serve` is told to end: requests at a rate, sockets that follow, handlers that take their time. Every event that
 * was answered with 2xx must be in the log, every delivery must be final or pending with no attempt spent.
 */
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { createNexus, sqliteStorage } from '../src/index.js';

const secret = 'secret-of-the-proof-of-serve';
const token = 'token-of-the-proof-of-serve';

export type ServeReport = {
  readonly code: number | null;
  /** Answered with 2xx. */
  readonly accepted: number;
  /** Of these, not in the log. */
  readonly lost: number;
  /** Answers that were neither 2xx nor 503, before the end began. */
  readonly unexpected: number;
  /** Requests that had no answer, or a 503, once the end had begun. */
  readonly turnedAway: number;
  /** Deliveries of these events: final, and given back. */
  readonly succeeded: number;
  readonly released: number;
  /** Deliveries that are not final and yet spent an attempt, or are dead, or still leased. */
  readonly burned: number;
  readonly socketsOpened: number;
  readonly socketsOpen: number;
  /** How each socket was closed. */
  readonly closeCodes: Record<string, number>;
  readonly endedInMs: number;
  readonly withinGrace: boolean;
};

export async function proveServe(options: {
  /** The program `nexus`. */
  program: string;
  seconds: number;
  perSecond: number;
  sockets: number;
}): Promise<ServeReport> {
  const { seconds, perSecond, sockets: socketCount } = options;
  const graceMs = 8_000;
  const cwd = mkdtempSync(join(tmpdir(), 'nexus-serve-'));
  mkdirSync(join(cwd, 'reactors'));
  // Every seventh hangs: it is interrupted at the end. The others take a while.
  writeFileSync(
    join(cwd, 'reactors', 'work.mjs'),
    `export default { name: 'work', on: 'SAID', concurrency: 64, handler: ({ n }, ctx) => new Promise((done, fail) => {
       if (n % 7 === 0) ctx.signal.addEventListener('abort', () => fail(ctx.signal.reason));
       else setTimeout(done, 200);
     }) };`,
  );
  writeFileSync(
    join(cwd, 'nexus.config.json'),
    JSON.stringify({
      reactors: 'reactors',
      nodes: 'nodes.json',
      port: 0,
      graceMs,
      logLevel: 'info',
      http: { rateLimit: false, nodeRateLimit: false },
    }),
  );
  writeFileSync(
    join(cwd, 'nodes.json'),
    JSON.stringify({
      nodes: {
        sayer: { secrets: ['SAYER'], dispatch: ['*'] },
        reader: { tokens: ['READER'], subscribe: ['*'] },
      },
    }),
  );
  const child = spawn(process.execPath, [options.program, 'serve'], {
    cwd,
    env: { PATH: process.env.PATH, SAYER: secret, READER: token },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    const url = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        const [, found] = /"url":"([^"]+)"/.exec(text) ?? [];
        if (found !== undefined) resolve(found);
      });
      void ended.then((code) => reject(new Error(`it did not start: ${String(code)} ${text}`)));
    });

    const closeCodes: Record<string, number> = {};
    let socketsOpen = 0;
    await Promise.all(
      Array.from({ length: socketCount }, async () => {
        const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, {
          headers: { authorization: `Bearer ${token}` },
        });
        socket.on('error', () => undefined);
        await new Promise<void>((resolve) => {
          socket.on('open', () => socket.send(JSON.stringify({ action: 'subscribe', events: ['SAID'] })));
          socket.once('message', () => {
            socketsOpen += 1;
            resolve();
          });
        });
        socket.on('close', (code) => {
          socketsOpen -= 1;
          closeCodes[code] = (closeCodes[code] ?? 0) + 1;
        });
      }),
    );
    const socketsOpened = socketsOpen;

    const agent = new Agent({ keepAlive: true, maxSockets: 32 });
    const accepted = new Set<string>();
    const asked: Promise<void>[] = [];
    let unexpected = 0;
    let turnedAway = 0;
    let ending = false;
    let n = 0;
    const say = async (): Promise<void> => {
      const { status, body } = await post(`${url}/events`, { event: 'SAID', payload: { n: n++ } }, agent);
      if (status === 202) accepted.add((JSON.parse(body) as { eventId: string }).eventId);
      else if (ending && (status === 503 || status === 0)) turnedAway += 1;
      else unexpected += 1;
    };
    const saying = setInterval(() => {
      for (let i = 0; i < perSecond / 50; i++) asked.push(say());
    }, 20);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    ending = true;
    const began = performance.now();
    child.kill('SIGTERM');
    const code = await ended;
    const endedInMs = Math.round(performance.now() - began);
    clearInterval(saying);
    await Promise.all(asked);
    agent.destroy();
    // What was closed with the process is told a moment later.
    for (let tries = 0; socketsOpen > 0 && tries < 200; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));

    return {
      code,
      accepted: accepted.size,
      ...(await lookInto(join(cwd, 'nexus.db'), accepted)),
      unexpected,
      turnedAway,
      socketsOpened,
      socketsOpen,
      closeCodes,
      endedInMs,
      withinGrace: endedInMs <= graceMs,
    };
  } finally {
    child.kill('SIGKILL');
    rmSync(cwd, { recursive: true, force: true });
  }
}

async function lookInto(
  path: string,
  accepted: ReadonlySet<string>,
): Promise<Pick<ServeReport, 'lost' | 'succeeded' | 'released' | 'burned'>> {
  const nexus = createNexus({ storage: sqliteStorage({ path, readonly: true }), logger: false });
  const stored = new Set<string>();
  for (let after = 0; ;) {
    const page = await nexus.events.list({ after, limit: 1_000 });
    for (const { id } of page.items) stored.add(id);
    if (page.next === undefined) break;
    after = page.next;
  }
  let [succeeded, released, burned] = [0, 0, 0];
  for (let after: string | undefined; ;) {
    const page = await nexus.deliveries.list({ limit: 1_000, ...(after !== undefined && { after }) });
    for (const { state, attempt, crashes } of page.items) {
      if (state === 'succeeded') succeeded += 1;
      else if (state === 'pending' && attempt === 0 && crashes === 0) released += 1;
      else burned += 1;
    }
    if (page.next === undefined) break;
    after = page.next;
  }
  await nexus.close();
  return { lost: [...accepted].filter((id) => !stored.has(id)).length, succeeded, released, burned };
}

/** Status 0: there was no answer. */
async function post(url: string, value: object, agent: Agent): Promise<{ status: number; body: string }> {
  const body = JSON.stringify(value);
  return await new Promise((resolve) => {
    const sent = request(
      url,
      {
        method: 'POST',
        agent,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'x-nexus-node': 'sayer',
          'x-nexus-signature': createHmac('sha256', secret).update(body).digest('hex'),
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
        response.on('error', () => resolve({ status: 0, body: '' }));
      },
    );
    sent.on('error', () => resolve({ status: 0, body: '' }));
    sent.end(body);
  });
}
