/** A running host, asked over HTTP. */
import { CliError, exitCodes, usageError } from './exit-codes.js';
import type { Call, hostOption } from './verb.js';

type HostCall = Pick<Call<typeof hostOption>, 'options' | 'env' | 'signal'>;

type Init = Omit<RequestInit, 'headers'> & { readonly headers?: Readonly<Record<string, string>> };

export interface Remote {
  /** JSON of a path below the base. @throws CliError */
  readonly get: (path: string, query?: URLSearchParams) => Promise<Record<string, unknown>>;
  /** Any answer, whatever its status. */
  readonly ask: (path: string, init?: Init) => Promise<Response>;
}

/** How long an answer may take to begin. */
const ANSWER_MS = 15_000;

/** @throws CliError (usage) */
export function createRemote(call: HostCall): Remote {
  const base = baseOf(call.options.url ?? '');
  const token = tokenOf(call);

  const ask = async (path: string, init: Init = {}): Promise<Response> => {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), ANSWER_MS);
    try {
      return await fetch(`${base}${path}`, {
        ...init,
        // A host that has moved is not to be told the token.
        redirect: 'error',
        signal: AbortSignal.any([call.signal, late.signal]),
        headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...init.headers },
      });
    } catch (error) {
      call.signal.throwIfAborted();
      const why = late.signal.aborted ? `no answer within ${ANSWER_MS / 1_000} s` : reasonOf(error);
      throw new CliError(exitCodes.unavailable, `${base} cannot be reached: ${why}`, 'CLI_UNREACHABLE');
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    ask,
    get: async (path, query) => {
      const asked = query && query.size > 0 ? `${path}?${query.toString()}` : path;
      const response = await ask(asked);
      if (!response.ok) throw await problemOf(response, token);
      return await jsonOf(response);
    },
  };
}

/** What is sent as a bearer token, if there is one. */
export function tokenOf({ options, env }: Pick<HostCall, 'options' | 'env'>): string | undefined {
  const token = env[options['token-env'] ?? 'NEXUS_TOKEN'];
  return token === '' ? undefined : token;
}

/** What a host answered that is not well. */
export async function problemOf(response: Response, token: string | undefined): Promise<CliError> {
  const { status } = response;
  const body = await jsonOf(response).catch((): Record<string, unknown> => ({}));
  const code = typeof body.code === 'string' ? body.code : `HTTP_${status}`;
  const detail = typeof body.detail === 'string' ? body.detail : response.statusText;
  const hint =
    status === 401 && token === undefined
      ? ' (no token: NEXUS_TOKEN, or what --token-env names, is not set)'
      : '';
  return new CliError(exitOfStatus(status), `${detail}${hint} [${status} ${code}]`, code);
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
