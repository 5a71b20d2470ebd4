/** Comparing what is secret, and the text forms of bytes that need no Node. */

/** Compares every character of the expected text, whatever the other holds. */
export function equalInConstantTime(expected: string, given: string): boolean {
  let difference = expected.length ^ given.length;
  for (let i = 0; i < expected.length; i++) difference |= expected.charCodeAt(i) ^ (given.charCodeAt(i) || 0);
  return difference === 0;
}

/** Whether a text is the lower-case hex digits of all of the bytes; without writing these down. */
export function equalsHex(bytes: Uint8Array, given: string): boolean {
  let difference = (bytes.length * 2) ^ given.length;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    difference |= digitOf(byte >>> 4) ^ (given.charCodeAt(2 * i) || 0);
    difference |= digitOf(byte & 15) ^ (given.charCodeAt(2 * i + 1) || 0);
  }
  return difference === 0;
}

/** The character of a hex digit, without a branch that its value takes. */
function digitOf(nibble: number): number {
  return nibble + 48 + (((9 - nibble) >> 31) & 39);
}

export function hexOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += PAIRS[byte] ?? '';
  return text;
}

/** Of each byte its two digits. */
const PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function base64Of(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** The bytes of canonical base64, or undefined. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  return Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
}
