/** `Retry-After`, as servers send it: seconds, or a date in one of the three forms of HTTP (RFC 9110, 5.6.7 and 10.2.3). */

/** How long to wait, milliseconds, 0 or more; of several the longest; undefined where nothing of it can be meant. */
export function parseRetryAfter(
  value: string | readonly string[] | undefined,
  now: number,
): number | undefined {
  if (value === undefined) return undefined;
  const lines = typeof value === 'string' ? [value] : value;
  const waits = lines.flatMap((line) => waitsOf(line.slice(0, LONGEST).trim(), now));
  return waits.length > 0 ? Math.max(...waits) : undefined;
}

const LONGEST = 200;

/** Sent twice, a header arrives joined by commas; a date has one of its own. */
function waitsOf(text: string, now: number): number[] {
  const date = instantOf(text, now);
  if (date !== undefined) return [Math.max(0, date - now)];
  const parts = text.split(/[\t ]*,[\t ]*/);
  return parts.every((part) => /^\d{1,20}$/.test(part)) ? parts.map((part) => Number(part) * 1_000) : [];
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const day = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const longDay = '(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)';
const month = `(?<month>${months.join('|')})`;
const time = '(?<h>[01]\\d|2[0-3]):(?<m>[0-5]\\d):(?<s>[0-5]\\d|60)';
const forms = [
  new RegExp(`^${day}, (?<day>\\d{2}) ${month} (?<year>\\d{4}) ${time} GMT$`),
  new RegExp(`^${longDay}, (?<day>\\d{2})-${month}-(?<short>\\d{2}) ${time} GMT$`),
  new RegExp(`^${day} ${month} (?<day>[ \\d]\\d) ${time} (?<year>\\d{4})$`),
];

function instantOf(text: string, now: number): number | undefined {
  for (const form of forms) {
    const found = form.exec(text)?.groups;
    if (!found) continue;
    const { day: date = '', month: name = '', h, m, s, year, short } = found;
    const at = (full: number): number =>
      Date.UTC(full, months.indexOf(name), Number(date), Number(h), Number(m), Number(s));
    if (short === undefined) return at(Number(year));
    // Two digits of a year that would be more than 50 years ahead are of the century before.
    const century = Math.floor(new Date(now).getUTCFullYear() / 100) * 100;
    const full = century + Number(short);
    return at(full) - now > FIFTY_YEARS_MS ? at(full - 100) : at(full);
  }
  return undefined;
}

const FIFTY_YEARS_MS = 50 * 31_556_952_000;
