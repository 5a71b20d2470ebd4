/** Event ids: UUIDs of version 7 (RFC 9562 §5.7), time-ordered so that the id index grows at its end. */

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** How many random hex digits {@link uuidv7} needs. */
export const UUID_RANDOM_DIGITS = 19;

/** A UUIDv7 of an instant (epoch ms) and 19 random lower-case hex digits. */
export function uuidv7(ms: number, random: string): string {
  const variant = '89ab'.charAt(parseInt(random.charAt(3), 16) & 3);
  return `${prefixOf(ms)}${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(7, 19)}`;
}

/** What all ids of one millisecond begin with. Remembered, for many events share it and writing it costs more than the rest. */
function prefixOf(ms: number): string {
  if (ms !== last.ms) {
    const time = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0');
    last = { ms, prefix: `${time.slice(0, 8)}-${time.slice(8, 12)}-7` };
  }
  return last.prefix;
}
let last = { ms: -1, prefix: '' };

/** True for any UUID in its 36-character form. */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}
