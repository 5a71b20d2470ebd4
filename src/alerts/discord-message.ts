/** A digest as a message for a Discord webhook, within what Discord takes. */
import type { AlertDigest, AlertNotice } from './alert.js';

/** What Discord takes in one message: https://discord.com/developers/docs/resources/message#embed-object-embed-limits */
const LIMITS = {
  embeds: 10,
  /** Of all embeds together. */
  characters: 6_000,
  title: 256,
  description: 4_096,
  fields: 25,
  fieldName: 256,
  fieldValue: 1_024,
  footer: 2_048,
} as const;

/** Kept free for what has no embed of its own. */
const REST_CHARACTERS = 1_500;

export type DiscordEmbed = {
  readonly title: string;
  readonly description?: string;
  readonly color: number;
  readonly timestamp: string;
  readonly fields?: readonly { readonly name: string; readonly value: string; readonly inline: boolean }[];
  readonly footer?: { readonly text: string };
};

export type DiscordMessage = {
  readonly username?: string;
  readonly embeds: readonly DiscordEmbed[];
  /** Nobody is mentioned, whatever the text says. */
  readonly allowed_mentions: { readonly parse: readonly never[] };
};

export function discordMessage(
  { notices, at }: AlertDigest,
  { username, host }: { readonly username?: string; readonly host?: string } = {},
): DiscordMessage {
  const footer = host === undefined ? {} : { footer: { text: clip(plain(host), 100) } };
  const embeds: DiscordEmbed[] = [];
  let left = LIMITS.characters - REST_CHARACTERS;
  let shown = 0;
  for (const notice of notices) {
    const embed = { ...embedOf(notice), ...footer };
    const size = sizeOf(embed);
    const isLast = shown === notices.length - 1;
    if (size > left || embeds.length === LIMITS.embeds - (isLast ? 0 : 1)) break;
    embeds.push(embed);
    left -= size;
    shown += 1;
  }
  if (shown < notices.length) embeds.push(restOf(notices.slice(shown), at));
  return { ...(username !== undefined && { username }), embeds, allowed_mentions: { parse: [] } };
}

/** The characters that Discord counts. */
export function sizeOf({ title, description = '', fields = [], footer }: DiscordEmbed): number {
  const inFields = fields.reduce((sum, { name, value }) => sum + name.length + value.length, 0);
  return title.length + description.length + inFields + (footer?.text.length ?? 0);
}

function embedOf(notice: AlertNotice): DiscordEmbed {
  const { details, firstAt, lastAt, count, total } = notice;
  const times = count === total ? `${count} ×` : `${count} ×, ${total} in all`;
  const since = `<t:${Math.floor(firstAt / 1_000)}:R>`;
  return {
    title: clip(headline(notice), LIMITS.title),
    description:
      notice.state === 'recovered' ? `over; ${total} ×, first ${since}` : `${times}, first ${since}`,
    color: colorOf(notice),
    timestamp: new Date(lastAt).toISOString(),
    fields: Object.entries(details)
      .slice(0, 8)
      .map(([name, value]) => ({
        name: clip(plain(name) || '-', 40),
        value: clip(plain(value) || '-', 300),
        inline: value.length < 40,
      })),
  };
}

/** A line each for as many as there is room, and a number for the others: none is left out of the count. */
function restOf(notices: readonly AlertNotice[], at: number): DiscordEmbed {
  const lines: string[] = [];
  let room = REST_CHARACTERS - 300;
  let shown = 0;
  for (const notice of notices) {
    const line = `${clip(headline(notice), 120)}: ${notice.count} ×`;
    if (line.length + 1 > room) break;
    lines.push(line);
    room -= line.length + 1;
    shown += 1;
  }
  const others = notices.slice(shown);
  if (others.length > 0) lines.push(`and ${others.length} others: ${countOf(others)} ×`);
  return {
    title: `${notices.length} more: ${countOf(notices)} ×`,
    description: lines.join('\n'),
    color: 0x95_a5_a6,
    timestamp: new Date(at).toISOString(),
  };
}

function countOf(notices: readonly AlertNotice[]): number {
  return notices.reduce((sum, { count }) => sum + count, 0);
}

function headline({ state, title }: AlertNotice): string {
  return `${state === 'raised' ? '' : `${state}: `}${plain(title)}`;
}

function colorOf({ state, severity }: AlertNotice): number {
  if (state === 'recovered') return 0x2e_cc_71;
  return severity === 'critical' ? 0xe7_4c_3c : 0xf3_9c_12;
}

/** Names may come from strangers: no markup, no lines, no links. */
function plain(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{C}\s]+/gu, ' ')
    .replace(/[\\`*_~|<>[\]()#@:]/g, (each) => `\\${each}`)
    .trim();
}

function clip(text: string, limit: number): string {
  return text.length > limit
    ? `${text
        .slice(0, limit - 1)
        .toWellFormed()
        .replace(/\\+$/, '')}…`
    : text;
}
