/** Fields that many events share. */
import { zodSchema } from './zod-schema.js';

/** An identifier of a node's own: order, payer, proposal … */
export const identifier = zodSchema((z) => z.string().trim().min(1).max(200));

/** Free text for people. */
export const text = zodSchema((z) => z.string().max(4_000));

/** A hash or an address on some chain: their forms differ too much to say more. */
export const onChain = zodSchema((z) => z.string().trim().min(1).max(200));

/** What else a node wants to say. */
export const metadata = zodSchema((z) => z.record(z.string().max(200), z.json()));

/** Most digits of a number that a double keeps exactly. */
const SAFE_DIGITS = 15;

/**
 * Money or an amount of tokens: a decimal string, such as `"129.90"`, never negative, at most 38 digits before the point
 * and 18 after it. A number is accepted where it can be written down exactly (up to 15 significant digits), and becomes
 * its string.
 */
export const money = zodSchema((z) =>
  z
    .union([z.string(), z.number()], { error: 'expected an amount as a decimal string, such as "129.90"' })
    .transform((amount, context) => {
      const decimal = typeof amount === 'string' ? amount.trim() : decimalOf(amount);
      if (decimal !== undefined && /^\d{1,38}(\.\d{1,18})?$/.test(decimal)) return decimal;
      context.addIssue({
        code: 'custom',
        message:
          typeof amount === 'number'
            ? `the number ${amount} cannot be kept exactly as an amount (not negative, up to ${SAFE_DIGITS} significant digits): send a decimal string`
            : 'expected a decimal string such as "129.90": digits, a point, up to 18 more digits; no sign, no exponent, no separators',
      });
      return z.NEVER;
    }),
);

/** A number as plain decimal digits, or undefined where that would not be exact. */
function decimalOf(amount: number): string | undefined {
  if (!Number.isFinite(amount) || amount < 0 || Object.is(amount, -0)) return undefined;
  // The shortest form that reads back as the same number; more digits than a double keeps are somebody's rounding.
  const [digits = '', exponent = '0'] = amount.toString().split('e');
  const significant = digits.replace('.', '').replace(/^0+|0+$/g, '');
  if (significant.length > SAFE_DIGITS) return undefined;
  return exponent === '0' ? digits : shift(digits, Number(exponent));
}

function shift(digits: string, exponent: number): string {
  const [whole = '', fraction = ''] = digits.split('.');
  if (exponent < 0) return `0.${'0'.repeat(-exponent - whole.length)}${whole}${fraction}`;
  return whole + fraction.padEnd(exponent, '0');
}
