/** What a verb is: a row of the table that help, completion, docs and the checks of what is typed are made from. */
import type { Terminal } from './terminal.js';

/**
 * What an option takes. `duration`: 90s, 15m, 2h, 7d or milliseconds. `instant`: a date, epoch milliseconds, or a duration ago.
 * `place`: a whole number is a `seq`, anything else an instant.
 */
export type OptionKind = 'flag' | 'text' | 'file' | 'whole' | 'duration' | 'instant' | 'place';

export type OptionSpec = {
  readonly kind: OptionKind;
  /** One sentence, without its stop. */
  readonly help: string;
  /** What stands for the value in the usage. */
  readonly value?: string;
  readonly short?: string;
  readonly many?: true;
  readonly choices?: readonly string[];
  /** The variable that stands in where it is not given. */
  readonly env?: string;
  /** What holds where it is not given, for the help. */
  readonly otherwise?: string;
};
export type Options = Readonly<Record<string, OptionSpec>>;

export type ArgumentSpec = {
  readonly name: string;
  readonly help: string;
  readonly optional?: true;
  readonly many?: true;
};

type One<S extends OptionSpec> = S extends { kind: 'flag' }
  ? boolean
  : S extends { kind: 'whole' | 'duration' | 'instant' }
    ? number
    : S extends { kind: 'place' }
      ? number | Date
      : string;

/** What was given for the options: lists where there may be many, undefined where nothing was said. */
export type ValuesOf<O extends Options> = {
  readonly [K in keyof O]: O[K] extends { many: true }
    ? readonly One<O[K]>[]
    : O[K] extends { kind: 'flag' }
      ? boolean
      : One<O[K]> | undefined;
};

/** What a verb is run with. */
export type Call<O extends Options = Options> = {
  readonly options: ValuesOf<O & typeof commonOptions>;
  readonly args: readonly string[];
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts at Ctrl-C, and when nobody reads the output any more. */
  readonly signal: AbortSignal;
};

export type Example = { readonly line: string; readonly says: string };

export interface Verb {
  /** One word or two: `tail`, `dead redrive`. */
  readonly name: string;
  /** One line, without its stop. */
  readonly summary: string;
  /** Paragraphs below the usage. */
  readonly about: string;
  readonly args: readonly ArgumentSpec[];
  readonly options: Options;
  readonly examples: readonly Example[];
  /** What it can work on: a database file, a running host over HTTP, or neither. */
  readonly over: readonly ('file' | 'http')[];
  /** Whether a signal is how it ends, and its exit code is its own even then. */
  readonly lasts: boolean;
  /** Its exit code. */
  readonly run: (call: Call) => Promise<number>;
}

/** Every verb has these. */
export const commonOptions = {
  json: {
    kind: 'flag',
    help: 'Data as JSON on stdout: one document, or a line each (NDJSON) where there are many',
  },
  'no-color': { kind: 'flag', help: 'No colours; NO_COLOR=1 does the same' },
  'env-file': {
    kind: 'file',
    value: 'file',
    help: 'Read variables from this file too; those of the environment win',
  },
  help: { kind: 'flag', short: 'h', help: 'Show this' },
} as const satisfies Options;

/** For verbs that work on a file. */
export const databaseOption = {
  db: {
    kind: 'file',
    value: 'file',
    env: 'NEXUS_DB',
    otherwise: './nexus.db',
    help: 'The database; a host may be running on it',
  },
} as const satisfies Options;

/** For verbs that can ask a running host. */
export const hostOption = {
  url: {
    kind: 'text',
    value: 'url',
    env: 'NEXUS_URL',
    help: 'Ask a running host instead of the file, with a token',
  },
  'token-env': {
    kind: 'text',
    value: 'name',
    otherwise: 'NEXUS_TOKEN',
    help: 'The variable that holds the token for --url',
  },
} as const satisfies Options;

/** For verbs that change what cannot be changed back. */
export const dangerOptions = {
  yes: { kind: 'flag', short: 'y', help: 'Do not ask; needed where there is no terminal' },
} as const satisfies Options;

/** A verb, with the types of its options. */
export function defineVerb<const O extends Options>(verb: {
  readonly name: string;
  readonly summary: string;
  readonly about?: string;
  readonly args?: readonly ArgumentSpec[];
  readonly options?: O;
  readonly examples: readonly Example[];
  readonly over?: readonly ('file' | 'http')[];
  readonly lasts?: true;
  readonly run: (call: Call<O>) => Promise<number>;
}): Verb {
  return {
    name: verb.name,
    summary: verb.summary,
    about: verb.about ?? '',
    args: verb.args ?? [],
    options: { ...verb.options, ...commonOptions },
    examples: verb.examples,
    over: verb.over ?? [],
    lasts: verb.lasts ?? false,
    // What is parsed by these options has their types.
    run: (call) => verb.run(call as unknown as Call<O>),
  };
}
