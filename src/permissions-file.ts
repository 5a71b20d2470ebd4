/** The form of a permissions file. */
import type { z } from 'zod';
import { zodSchema } from './protocol/zod-schema.js';

type PermissionsFile = z.infer<ReturnType<typeof schema>>;

/** A secret by the variable that holds it. */
export type NamedSecret = PermissionsFile['nodes'][string]['secrets'][number];

export function parsePermissionsFile(value: unknown): z.ZodSafeParseResult<PermissionsFile> {
  return schema().safeParse(value);
}

const schema = zodSchema((z) => {
  /** By its form no variable is taken for a secret that somebody pasted in. */
  const variable = z.string().regex(/^[A-Z_][A-Z0-9_]{0,199}$/, {
    error: 'expected the name of an environment variable, such as FLOWPAY_SECRET (never the secret itself)',
  });
  const instant = z
    .union([z.iso.datetime({ offset: true }), z.number().int().nonnegative()])
    .transform((value) => new Date(value).getTime());
  const secret = z.union([
    variable.transform((env) => ({ env, notAfter: undefined })),
    z.strictObject({ env: variable, notAfter: instant.optional() }),
  ]);
  const types = z.array(z.string()).superRefine((list, context) => {
    const twice = list.find((each, i) => list.indexOf(each) !== i);
    if (twice !== undefined) context.addIssue({ code: 'custom', message: `${twice} is there twice` });
  });
  const milliseconds = z.number().int().min(1);
  const retry = z.strictObject({
    maxAttempts: z.number().int().min(1).optional(),
    backoff: z.enum(['exponential', 'linear', 'fixed']).optional(),
    initialMs: z.number().nonnegative().optional(),
    factor: z.number().positive().optional(),
    maxMs: z.number().nonnegative().optional(),
    jitter: z.number().min(0).max(1).optional(),
  });
  const node = z.strictObject({
    secrets: z.array(secret).default([]),
    signatures: z.array(z.enum(['nexus', 'standard'])).optional(),
    unnamed: z.boolean().optional(),
    replayProtectionMs: milliseconds.optional(),
    dispatch: types.optional(),
    subscribe: types.optional(),
    tokens: z.array(variable).optional(),
    admin: z.boolean().optional(),
    webhook: z
      .strictObject({
        url: z.string(),
        events: types.optional(),
        secrets: z.array(secret).optional(),
        headers: z.record(z.string(), z.string()).optional(),
        timeoutMs: milliseconds.optional(),
        retry: retry.optional(),
        allowPrivateNetwork: z.boolean().optional(),
        allowHttp: z.boolean().optional(),
      })
      .optional(),
  });
  return z.strictObject({ $schema: z.string().optional(), nodes: z.record(z.string(), node) });
});
