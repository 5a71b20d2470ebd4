/** Durations and instants, as they are typed and as they are shown. */

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `15m`, `2h`, `7d`, or milliseconds. */
export function parseDuration(text: string): number | undefined {
  const [, digits, unit = 'ms'] = /^(\d{1,12})(ms|s|m|h|d)?$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * (units[unit] ?? 1);
}

/** Epoch ms of a date, of epoch milliseconds, or of a duration ago. */
export function parseInstant(text: string, now: number): number | undefined {
  if (/^\d{11,15}$/.test(text)) return Number(text);
  if (/^\d+(ms|s|m|h|d)$/.test(text)) {
    const ms = parseDuration(text);
    return ms === undefined ? undefined : now - ms;
  }
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

/** A `seq`, or an instant. */
export function parsePlace(text: string, now: number): number | Date | undefined {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  const at = parseInstant(text, now);
  return at === undefined ? undefined : new Date(at);
}

/** `2026-01-31 12:00:00.123Z` */
export function showInstant(at: number): string {
  return Number.isFinite(at) && Math.abs(at) <= 8.64e15
    ? new Date(at).toISOString().replace('T', ' ')
    : String(at);
}

/** `4 ms`, `1.5 s`, `3 min`, `2 h`, `5 d` */
export function showDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1).replace(/\.0$/, '')} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}

/** `512 B`, `1.5 MB` */
export function showBytes(bytes: number): string {
  const names = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let name = 0;
  while (value >= 1_000 && name < names.length - 1) {
    value /= 1_000;
    name += 1;
  }
  return `${name === 0 ? value : value.toFixed(1)} ${names[name] ?? 'B'}`;
}
