/** Tells a channel of Discord, through a webhook of it. */
import { NexusError, RetryAfterError } from '../core/errors.js';
import type { AlertSink } from './alert.js';
import { discordMessage } from './discord-message.js';

/** For `discordSink`. */
export interface DiscordOptions {
  /** The address of the channel's webhook. It is a secret: who has it may post. */
  webhookUrl: string;
  /** Under which name. @default the webhook's own */
  username?: string;
  /** What runs this Nexus, shown below each alert. @default nothing */
  host?: string;
}

/**
 * A sink that posts to Discord: one message per digest, within its limits, mentioning nobody, and no sooner than Discord
 * says when there were too many.
 *
 * @example
 * const discord = discordSink({ webhookUrl: process.env.DISCORD_WEBHOOK ?? '' });
 * createAlerts(nexus, { sink: async (digest, how) => { await discord(digest, how); await page(digest); } });
 *
 * @throws NexusError NEXUS_INVALID_OPTION
 */
export function discordSink({ webhookUrl, username, host }: DiscordOptions): AlertSink {
  const url = checkUrl(webhookUrl);
  const names = { ...(username !== undefined && { username }), ...(host !== undefined && { host }) };
  return async (digest, { signal }) => {
    const response = await post(url, JSON.stringify(discordMessage(digest, names)), signal);
    const text = await response.text();
    if (response.status === 429) throw new RetryAfterError(waitMs(response, text), 'Discord asks to wait');
    if (!response.ok) throw new Error(`Discord answered ${response.status}: ${text.slice(0, 200)}`);
  };
}

function post(url: URL, body: string, signal: AbortSignal): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    signal,
    redirect: 'error',
  }).catch((error: unknown) => {
    // The error itself may show the address, and the address is a secret.
    const code = (error as { cause?: { code?: unknown } } | null)?.cause?.code;
    throw new Error(`Discord cannot be reached${typeof code === 'string' ? ` (${code})` : ''}`);
  });
}

/** In the body in seconds, with fractions; else in the header. */
function waitMs(response: Response, text: string): number {
  let seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  try {
    const said = (JSON.parse(text) as { retry_after?: unknown } | null)?.retry_after;
    if (typeof said === 'number') seconds = said;
  } catch {
    // A proxy before Discord answers with text of its own.
  }
  return Number.isFinite(seconds) && seconds >= 0 ? Math.ceil(Math.min(seconds, 3_600) * 1_000) : 5_000;
}

function checkUrl(given: unknown): URL {
  const url = typeof given === 'string' && URL.canParse(given) ? new URL(given) : undefined;
  const isLocal = url !== undefined && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url && (url.protocol === 'https:' || (url.protocol === 'http:' && isLocal))) return url;
  // What came is not shown: it may be most of a secret.
  throw new NexusError(
    'NEXUS_INVALID_OPTION',
    'webhookUrl must be the https address of a Discord webhook; read it from the environment',
    { details: { option: 'webhookUrl' } },
  );
}
