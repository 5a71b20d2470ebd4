/** A Discord that refuses what Discord refuses: https://discord.com/developers/docs/resources/message#embed-object-embed-limits */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

type Embed = {
  title?: string;
  description?: string;
  fields?: { name: string; value: string }[];
  footer?: { text: string };
};
export type Message = { embeds: Embed[]; username?: string; allowed_mentions: unknown };

export type FakeDiscord = {
  readonly url: string;
  /** What was taken. */
  readonly messages: Message[];
  /** The status of every answer. */
  readonly answers: number[];
  /** Answers that come before everything else. */
  readonly next: { status: number; body?: string; headers?: Record<string, string> }[];
  /** Posts that came before the time that the one before was told to wait. */
  readonly tooEarly: () => number;
  /** Somebody else posts to the same webhook: as often as it may. */
  useUp(): void;
  /** Resolves when it has given so many answers. */
  answered(count: number): Promise<void>;
  close(): Promise<void>;
};

/** Of Discord's limit by webhook. */
const WINDOW_MS = 2_000;
const PER_WINDOW = 5;

export async function startDiscord(): Promise<FakeDiscord> {
  const messages: Message[] = [];
  const answers: number[] = [];
  const next: FakeDiscord['next'] = [];
  let waiting: { count: number; resolve: () => void }[] = [];
  let times: number[] = [];
  let notBefore = 0;
  let tooEarly = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const answer = (status: number, body = '', headers = {}): void => {
        answers.push(status);
        response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
        for (const each of waiting) if (answers.length >= each.count) each.resolve();
        waiting = waiting.filter(({ count }) => answers.length < count);
      };
      const forced = next.shift();
      if (forced) return answer(forced.status, forced.body, forced.headers);
      const now = Date.now();
      if (now < notBefore) tooEarly += 1;
      times = times.filter((at) => at > now - WINDOW_MS);
      if (times.length >= PER_WINDOW) {
        const waitMs = Math.max(1, (times[0] ?? now) + WINDOW_MS - now);
        notBefore = now + waitMs;
        const said = { message: 'You are being rate limited.', retry_after: waitMs / 1_000, global: false };
        return answer(429, JSON.stringify(said));
      }
      times.push(now);
      const text = Buffer.concat(chunks).toString();
      const wrong = request.url !== '/api/webhooks/1/token' ? 'path' : whatIsWrong(text);
      if (wrong !== undefined) return answer(400, JSON.stringify({ message: wrong }));
      messages.push(JSON.parse(text) as Message);
      answer(204);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/webhooks/1/token`,
    messages,
    answers,
    next,
    tooEarly: () => tooEarly,
    useUp: () => {
      times = Array.from({ length: PER_WINDOW }, () => Date.now());
    },
    answered: (count) =>
      new Promise((resolve) => {
        if (answers.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function whatIsWrong(text: string): string | undefined {
  const { embeds, allowed_mentions: mentions } = JSON.parse(text) as Message;
  if (JSON.stringify(mentions) !== '{"parse":[]}') return 'mentions';
  if (!Array.isArray(embeds) || embeds.length < 1 || embeds.length > 10) return 'embeds';
  let all = 0;
  for (const { title = '', description = '', fields = [], footer } of embeds) {
    if (title.length === 0 || title.length > 256) return 'title';
    if (description.length > 4_096) return 'description';
    if (fields.length > 25) return 'fields';
    if (fields.some(({ name, value }) => !name || !value || name.length > 256 || value.length > 1_024))
      return 'field';
    if ((footer?.text ?? '').length > 2_048) return 'footer';
    all += title.length + description.length + (footer?.text ?? '').length;
    for (const { name, value } of fields) all += name.length + value.length;
  }
  return all > 6_000 ? `${all} characters` : undefined;
}

/** The occurrences that a message stands for, as its text says. */
export function counted({ embeds }: Message): number {
  return embeds.reduce((sum, { title = '', description = '' }) => {
    const rest = /^\d+ more: (\d+) ×/.exec(title)?.[1];
    const own = /^(\d+) ×/.exec(description)?.[1];
    return sum + Number(rest ?? own ?? 0);
  }, 0);
}
