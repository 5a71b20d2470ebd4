/** `nexus sign` and `nexus verify`: signatures of bodies, without a host. */
import { createHmac } from 'node:crypto';
import { nexusSignature, standardWebhooks } from '../../http/index.js';
import { fileOrInput, pairsOf } from '../body.js';
import { exitCodes, usageError } from '../exit-codes.js';
import { schemeOption, secretOf, secretOptions, signatureHeaders, type Scheme } from '../signing.js';
import { defineVerb } from '../verb.js';

const bodyArgument = {
  name: 'file',
  optional: true,
  help: 'The body, byte for byte; otherwise stdin',
} as const;

export const sign = defineVerb({
  name: 'sign',
  summary: 'Sign a body as a node does',
  about: `Prints the headers to send along. The secret comes from NEXUS_SECRET, or from where you say; never from the command line, which
others on the machine can read.`,
  args: [bodyArgument],
  options: { ...schemeOption, ...secretOptions },
  examples: [
    {
      line: `curl -H "X-Nexus-Node: flowpay" -H "$(nexus sign body.json)" --data-binary @body.json $NEXUS_URL/events`,
      says: 'send it by hand',
    },
    {
      line: 'nexus sign --scheme standard --secret-file secret.txt < body.json',
      says: 'the three headers of Standard Webhooks',
    },
  ],
  run: async (call) => {
    const scheme = (call.options.scheme ?? 'nexus') as Scheme;
    const secret = secretOf(call);
    const headers = signatureHeaders(
      await fileOrInput(call.args[0], call.terminal),
      secret,
      scheme,
      Date.now(),
    );
    if (call.terminal.json) call.terminal.data(headers);
    else for (const [name, value] of Object.entries(headers)) call.terminal.out(`${name}: ${value}`);
    return 0;
  },
});

export const verify = defineVerb({
  name: 'verify',
  summary: 'Check the signature of a body',
  about: `For a receiver that does not believe what it was sent. The exit code is 0 where it fits and 1 where it does not.`,
  args: [bodyArgument],
  options: {
    header: {
      kind: 'text',
      value: 'name=value',
      short: 'H',
      many: true,
      help: 'A header of the request; may be given several times',
    },
    ...secretOptions,
  },
  examples: [
    {
      line: 'nexus verify body.json -H X-Nexus-Signature=5d41402a…',
      says: 'with the secret in NEXUS_SECRET',
    },
  ],
  run: async (call) => {
    const headers = new Map(
      Object.entries(pairsOf('header', call.options.header) ?? {}).map(([name, value]) => [
        name.toLowerCase(),
        value.trim(),
      ]),
    );
    const header = (name: string): string | undefined => headers.get(name.toLowerCase());
    const schemes = [nexusSignature(), standardWebhooks()].filter((scheme) => scheme.isPresent(header));
    if (schemes.length === 0)
      throw usageError(
        '--header must give X-Nexus-Signature, or webhook-id, webhook-timestamp and webhook-signature',
      );
    const secret = secretOf(call);
    const body = await fileOrInput(call.args[0], call.terminal);
    const fits = schemes.every((scheme) => scheme.verify({ body, header, secret, hmac, now: Date.now() }));
    if (call.terminal.json) call.terminal.data({ valid: fits, schemes: schemes.map(({ name }) => name) });
    else
      call.terminal.out(
        fits
          ? 'the signature fits'
          : 'the signature does not fit these bytes under this secret (or its time is over 5 minutes off)',
      );
    return fits ? exitCodes.ok : exitCodes.failed;
  },
});

function hmac(key: string | Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const made = createHmac('sha256', key);
  for (const part of parts) made.update(part);
  return made.digest();
}
