import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { money } from '../../src/protocol/fields.js';

const read = (amount: unknown): string | undefined => {
  const parsed = money().safeParse(amount);
  return parsed.success ? parsed.data : undefined;
};

/** The value of a plain decimal as units of 10^-40. */
function units(decimal: string): bigint {
  const [whole = '', fraction = ''] = decimal.split('.');
  return BigInt(whole + fraction.padEnd(40, '0'));
}

/** The same of a number, from its shortest form. */
function unitsOf(amount: number): bigint {
  const [digits = '', exponent = '0'] = amount.toString().split('e');
  const shift = 40 + Number(exponent) - (digits.split('.')[1]?.length ?? 0);
  return BigInt(digits.replace('.', '')) * 10n ** BigInt(shift);
}

describe('money', () => {
  it.each<[unknown, string]>([
    ['129.90', '129.90'],
    ['0', '0'],
    ['0.00', '0.00'],
    ['007', '007'],
    [' 5.5 ', '5.5'],
    [`${'9'.repeat(38)}.${'9'.repeat(18)}`, `${'9'.repeat(38)}.${'9'.repeat(18)}`],
    [0, '0'],
    [5, '5'],
    [129.9, '129.9'],
    [0.1, '0.1'],
    [999999999999999, '999999999999999'],
    [1234567890123.45, '1234567890123.45'],
    [1e15, '1000000000000000'],
    [1e21, '1000000000000000000000'],
    [1.5e22, '15000000000000000000000'],
    [1e37, `1${'0'.repeat(37)}`],
    [1e-7, '0.0000001'],
    [1.5e-7, '0.00000015'],
    [1e-18, '0.000000000000000001'],
  ])('takes %j as %j', (amount, decimal) => {
    expect(read(amount)).toBe(decimal);
  });

  it.each<unknown>([
    '',
    ' ',
    '-1',
    '+1',
    '1e5',
    '1,5',
    '1.234,56',
    '1 000',
    '.5',
    '5.',
    '1.2.3',
    '0x10',
    'NaN',
    'Infinity',
    '١٢',
    '1\n2',
    '9'.repeat(39),
    `1.${'1'.repeat(19)}`,
    -1,
    -0.01,
    -0,
    NaN,
    Infinity,
    -Infinity,
    0.1 + 0.2,
    1234567890123456,
    12345678901234.56,
    1e38,
    1e-19,
    Number.MAX_VALUE,
    Number.MIN_VALUE,
    true,
    null,
    undefined,
    [],
    {},
  ])('refuses %j', (amount) => {
    expect(read(amount)).toBeUndefined();
  });

  it('says what to send instead', () => {
    const told = (amount: unknown): string => money().safeParse(amount).error?.issues[0]?.message ?? '';
    expect(told(0.1 + 0.2)).toMatch(
      /0\.30000000000000004 cannot be kept exactly.*15 significant digits.*decimal string/,
    );
    expect(told('1,5')).toMatch(/expected a decimal string such as "129\.90"/);
    expect(told([])).toMatch(/expected an amount as a decimal string, such as "129\.90"/);
  });

  it('writes down any number of up to 15 significant digits with its exact value and without exponent', () => {
    const digits = fc.bigInt({ min: 0n, max: 999_999_999_999_999n });
    fc.assert(
      fc.property(digits, fc.integer({ min: -18, max: 22 }), (mantissa, exponent) => {
        const amount = Number(`${mantissa}e${exponent}`);
        const decimal = read(amount);
        expect(decimal).toMatch(/^\d{1,38}(\.\d{1,18})?$/);
        expect(units(decimal ?? '')).toBe(mantissa * 10n ** BigInt(exponent + 40));
        expect(Number(decimal)).toBe(amount);
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes a number only with its exact value, and none of more than 15 significant digits', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e30, noNaN: true }), (amount) => {
        const significant = amount.toExponential().split('e')[0]?.replace('.', '').replace(/0+$/, '') ?? '';
        const decimal = read(amount);
        if (significant.length > 15) expect(decimal).toBeUndefined();
        if (decimal !== undefined) expect(units(decimal)).toBe(unitsOf(amount));
      }),
      { numRuns: 2_000 },
    );
  });

  it('leaves any decimal string as it is, so every reader sees the digits that were sent', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\d{1,38}(\.\d{1,18})?$/), (decimal) => {
        expect(read(decimal)).toBe(decimal);
        expect(read(read(decimal))).toBe(decimal);
      }),
    );
  });
});
