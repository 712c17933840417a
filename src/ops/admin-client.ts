import { systemTimers } from '../system/timers.ts';
import { CommandError, EXIT } from './exit-codes.ts';

/** How long a node may take to answer; none of these requests waits for shards to move. */
const ANSWER_LIMIT_MS = 15_000;
const DEFAULT_PORT = '8081';

/** The parts of a problem document that a command looks at. */
interface Problem {
  readonly code?: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}

/** A node refused: with the exit code that this means, and the problem's own code. */
export class AdminRefusal extends CommandError {
  readonly code: string;
  constructor(exitCode: number, code: string, message: string) {
    super(exitCode, message);
    this.code = code;
  }
}

/** Where the admin listener is, and how to be let in. */
export interface AdminTarget {
  readonly url: string;
  readonly token: string | null;
}

/**
 * `--admin`, else ADMIN_URL, else this machine at ADMIN_PORT; with ADMIN_TOKEN, which is never an option because the
 * arguments of a process are no secret.
 */
export function adminTarget(option: string | undefined, environment: NodeJS.ProcessEnv): AdminTarget {
  const url = option ?? (environment.ADMIN_URL || `http://127.0.0.1:${environment.ADMIN_PORT || DEFAULT_PORT}`);
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new CommandError(
      EXIT.usage,
      `${JSON.stringify(url)} is not the address of an admin listener; it reads http://host:port.`,
    );
  }
  return { url: url.replace(/\/+$/, ''), token: environment.ADMIN_TOKEN || null };
}

/** A client of one node's admin listener. Every failure is a {@link CommandError}; a refusal is an {@link AdminRefusal}. */
export class AdminClient {
  readonly #target: AdminTarget;

  constructor(target: AdminTarget) {
    this.#target = target;
  }

  get<T>(path: string): Promise<T> {
    return this.#send<T>('GET', path, undefined);
  }

  post<T>(path: string, body?: object): Promise<T> {
    return this.#send<T>('POST', path, body);
  }

  async #send<T>(method: 'GET' | 'POST', path: string, body: object | undefined): Promise<T> {
    const { url, token } = this.#target;
    const headers: Record<string, string> = { accept: 'application/json' };
    if (token !== null) headers.authorization = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const patience = new AbortController();
    const timer = systemTimers.after(ANSWER_LIMIT_MS, () => patience.abort(new Error('it does not answer in time')));
    let status: number;
    let text: string;
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        headers,
        ...(body === undefined ? undefined : { body: JSON.stringify(body) }),
        redirect: 'error',
        signal: patience.signal,
      });
      status = response.status;
      text = await response.text();
    } catch (error) {
      throw new CommandError(EXIT.failed, unreachable(url, error as Error));
    } finally {
      timer.cancel();
    }
    const answer = parsed(text);
    if (answer === undefined) {
      throw new CommandError(
        EXIT.failed,
        `What answers at ${url} is not an admin listener of Usher (status ${status}). Check ADMIN_URL and ADMIN_PORT.`,
      );
    }
    if (status >= 400) throw refusalOf(status, answer as Problem);
    return answer as T;
  }
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function unreachable(url: string, error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  const reason = (cause as NodeJS.ErrnoException).code ?? cause.message;
  return (
    `No node answers at ${url} (${reason}). Check that a node runs, that its ADMIN_PORT is this port and its ADMIN_HOST ` +
    'can be reached from here; --admin or ADMIN_URL name another node.'
  );
}

const EXIT_BY_STATUS: Readonly<Record<number, number>> = {
  400: EXIT.usage,
  404: EXIT.notFound,
  401: EXIT.auth,
  403: EXIT.auth,
  409: EXIT.conflict,
};

function refusalOf(status: number, problem: Problem): AdminRefusal {
  const faults = (problem.errors ?? []).map(({ pointer, detail }) => `\n  ${pointer}: ${detail}`);
  return new AdminRefusal(
    EXIT_BY_STATUS[status] ?? EXIT.failed,
    problem.code ?? '',
    `${problem.detail ?? `The node answered ${status}.`}${faults.join('')}`,
  );
}
