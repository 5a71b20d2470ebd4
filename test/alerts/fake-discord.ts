/** A Discord that refuses what Discord refuses: https://discord.com/developers/docs/resources/message#embed-object-embed-limits */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

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
  /** Resolves when it has given so many answers. */
  answered(count: number): Promise<void>;
};

export async function fakeDiscord({ perTwoSeconds = 5 } = {}): Promise<FakeDiscord> {
  const messages: Message[] = [];
  const answers: number[] = [];
  const next: FakeDiscord['next'] = [];
  let waiting: { count: number; resolve: () => void }[] = [];
  let times: number[] = [];
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
      times = times.filter((at) => at > Date.now() - 2_000);
      if (times.length >= perTwoSeconds)
        return answer(429, JSON.stringify({ message: 'rate limited', retry_after: 2, global: false }));
      times.push(Date.now());
      const text = Buffer.concat(chunks).toString();
      const wrong = request.url !== '/api/webhooks/1/token' ? 'path' : whatIsWrong(text);
      if (wrong !== undefined) return answer(400, JSON.stringify({ message: wrong }));
      messages.push(JSON.parse(text) as Message);
      answer(204);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/webhooks/1/token`,
    messages,
    answers,
    next,
    answered: (count) =>
      new Promise((resolve) => {
        if (answers.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
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
