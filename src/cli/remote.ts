/** A running host, asked over HTTP. */
import { CliError, exitCodes, exitOfCode, usageError } from './exit-codes.js';
import { rest } from './rest.js';
import type { Call, hostOption } from './verb.js';

export type HostCall = Pick<Call<typeof hostOption>, 'options' | 'env' | 'signal'>;

type Init = Omit<RequestInit, 'headers'> & {
  readonly headers?: Readonly<Record<string, string>>;
  /** How long the answer may take to begin, milliseconds. @default 15_000 */
  readonly answerMs?: number;
};

type Answered = Record<string, unknown>;

export interface Remote {
  /** JSON of a path below the base. @throws CliError */
  readonly get: (path: string, query?: URLSearchParams) => Promise<Answered>;
  /** Has something done, and gives what came of it. @throws CliError */
  readonly act: (method: 'POST' | 'DELETE', path: string, body?: object) => Promise<Answered>;
  /** Has something done that tells how far it is. @throws CliError */
  readonly follow: <T>(
    path: string,
    body: object,
    onProgress: (progress: { done: number; total: number }) => void,
  ) => Promise<T>;
  /** Any answer, whatever its status; who is asked to wait a little, waits. */
  readonly ask: (path: string, init?: Init) => Promise<Response>;
}

/** How long an answer may take to begin. */
const ANSWER_MS = 15_000;
/** And that to an act: it may have much to cancel, or wait for an endpoint. */
const ACT_MS = 120_000;
/** How often, and how long, it waits where there were too many requests. */
const PATIENCE = { times: 10, longestMs: 30_000 } as const;

/** @throws CliError (usage) */
export function createRemote(call: HostCall): Remote {
  const base = baseOf(call.options.url ?? '');
  const token = tokenOf(call);
  const { signal } = call;

  const askOnce = async (path: string, { answerMs = ANSWER_MS, ...init }: Init): Promise<Response> => {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), answerMs);
    try {
      return await fetch(`${base}${path}`, {
        ...init,
        // A host that has moved is not to be told the token.
        redirect: 'error',
        signal: AbortSignal.any([signal, late.signal]),
        headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...init.headers },
      });
    } catch (error) {
      signal.throwIfAborted();
      const why = late.signal.aborted ? `no answer within ${answerMs / 1_000} s` : reasonOf(error);
      throw new CliError(exitCodes.unavailable, `${base} cannot be reached: ${why}`, 'CLI_UNREACHABLE');
    } finally {
      clearTimeout(timer);
    }
  };
  const ask = async (path: string, init: Init = {}): Promise<Response> => {
    for (let time = 1; ; time++) {
      const response = await askOnce(path, init);
      const waitMs = Number(response.headers.get('retry-after') ?? Number.NaN) * 1_000;
      // What was refused so was not looked at, so it may be said again.
      if (response.status !== 429 || time === PATIENCE.times || !(waitMs <= PATIENCE.longestMs))
        return response;
      await response.body?.cancel();
      await rest(waitMs, signal);
    }
  };
  const well = async (path: string, init?: Init): Promise<Response> => {
    const response = await ask(path, init);
    if (response.ok) return response;
    const problem = await problemOf(response, token);
    if (path.startsWith('/admin/') && isNowhere(response, problem)) throw withoutAdmin(base);
    throw problem;
  };
  const post = async (method: 'POST' | 'DELETE', path: string, body: object | undefined): Promise<Response> =>
    await well(path, {
      method,
      answerMs: ACT_MS,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });

  return {
    ask,
    get: async (path, query) => {
      const asked = query && query.size > 0 ? `${path}?${query.toString()}` : path;
      return await jsonOf(await well(asked));
    },
    act: async (method, path, body) => await jsonOf(await post(method, path, body)),
    follow: async <T>(
      path: string,
      body: object,
      onProgress: (progress: { done: number; total: number }) => void,
    ) => {
      for await (const line of linesOf(await post('POST', path, body))) {
        const { progress, report, problem } = JSON.parse(line) as Line<T>;
        if (progress) onProgress(progress);
        else if (problem) throw errorOf(problem.status, problem, undefined);
        else if (report) return report;
      }
      throw new CliError(exitCodes.unavailable, 'the answer of the host was cut off', 'CLI_UNREACHABLE');
    },
  };
}

type Problem = { readonly status: number; readonly code?: unknown; readonly detail?: unknown };
type Line<T> = {
  readonly progress?: { readonly done: number; readonly total: number };
  readonly report?: T;
  readonly problem?: Problem;
};

/** What is sent as a bearer token, if there is one. */
export function tokenOf({ options, env }: Pick<HostCall, 'options' | 'env'>): string | undefined {
  const token = env[options['token-env'] ?? 'NEXUS_TOKEN'];
  return token === '' ? undefined : token;
}

/** What a host answered that is not well. */
export async function problemOf(response: Response, token: string | undefined): Promise<CliError> {
  const { status, statusText: detail } = response;
  const body = await jsonOf(response).catch((): Answered => ({}));
  return errorOf(status, { detail, ...body }, token);
}

function errorOf(
  status: number,
  { code: given, detail }: Pick<Problem, 'code' | 'detail'>,
  token: string | undefined,
): CliError {
  const code = typeof given === 'string' ? given : `HTTP_${status}`;
  const hint =
    status === 401 && token === undefined
      ? ' (no token: NEXUS_TOKEN, or what --token-env names, is not set)'
      : '';
  const message = `${typeof detail === 'string' ? detail : 'no reason was given'}${hint} [${status} ${code}]`;
  return new CliError(exitOfCode(code) ?? exitOfStatus(status), message, code);
}

/** There is no such path, whoever says so: Nexus, or the host that it is mounted on. */
function isNowhere({ status }: Response, { code, message }: CliError): boolean {
  return (
    status === 404 && (code !== 'NEXUS_NOT_FOUND' || message.startsWith('there is nothing at this path'))
  );
}

function withoutAdmin(base: string): CliError {
  return new CliError(
    exitCodes.refused,
    `${base} is not to be steered over HTTP: its handler needs admin: true (see docs/admin-api.md)`,
    'CLI_NO_ADMIN',
  );
}

/** What a filter asks for, as a query. */
export function queryOf(filter: object): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter) as [string, FilterValue | readonly FilterValue[]][])
    for (const each of [value].flat())
      if (each !== undefined) query.append(name, String(each instanceof Date ? each.getTime() : each));
  return query;
}
type FilterValue = string | number | Date | undefined;

async function* linesOf({ body }: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let left = '';
  try {
    for await (const chunk of body ?? []) {
      const lines = (left + decoder.decode(chunk, { stream: true })).split('\n');
      left = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') throw error;
    throw new CliError(
      exitCodes.unavailable,
      `the answer was cut off: ${reasonOf(error)}`,
      'CLI_UNREACHABLE',
    );
  }
}

function exitOfStatus(status: number): number {
  if (status === 401 || status === 403 || status === 409) return exitCodes.refused;
  if (status === 404) return exitCodes.notFound;
  if (status === 429 || status >= 502) return exitCodes.unavailable;
  return status < 500 ? exitCodes.usage : exitCodes.failed;
}

export async function jsonOf(response: Response): Promise<Record<string, unknown>> {
  const value: unknown = await response.json();
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new CliError(exitCodes.failed, 'the host did not answer with a JSON object: is it a Nexus?');
}

function baseOf(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw usageError(`--url must be like https://nexus.example.com/nexus; got ${JSON.stringify(url)}`);
  const { username, password, origin, pathname } = new URL(url);
  if (username !== '' || password !== '')
    throw usageError('--url must not carry a password; the token is read from NEXUS_TOKEN');
  return `${origin}${pathname.replace(/\/+$/, '')}`;
}

function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  const { code } = (cause ?? {}) as { code?: unknown };
  if (typeof code === 'string') return code;
  return cause instanceof Error ? cause.message : error instanceof Error ? error.message : String(error);
}
