import { describe, expect, it } from 'vitest';
import { defaultLogger } from '../src/default-logger.js';

describe('the default logger', () => {
  it('is pino, by the name of the library', () => {
    const made: unknown[] = [];
    const logger = { info: () => undefined };
    const pino = (options: unknown): unknown => {
      made.push(options);
      return logger;
    };
    expect(defaultLogger(() => pino)).toBe(logger);
    expect(made).toEqual([{ name: 'nexus' }]);
  });

  it('says what to do where pino cannot be loaded', () => {
    const cause = new Error('Cannot find module');
    const load = (): never => {
      throw cause;
    };
    expect(() => defaultLogger(load)).toThrow(
      expect.objectContaining({
        code: 'NEXUS_PEER_MISSING',
        message: expect.stringMatching(/pino.*another logger, or logger: false/) as string,
        cause,
      }),
    );
  });
});
