/**
 * Runs a script in a process of its own, with exactly the flags and the environment under test.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url);
/** What Deno itself needs to find its cache and to fill it, and nothing that the library reads. */
const KEPT = [
  ...["PATH", "HOME", "DENO_DIR", "TMPDIR", "NPM_CONFIG_REGISTRY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"],
  ...["DENO_CERT", "DENO_TLS_CA_STORE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_DIR", "SSL_CERT_FILE"],
];

/** How a script is run. */
export interface RunOptions {
  /** The permission flags and others, such as `--allow-net=127.0.0.1`. Default none at all. */
  readonly flags?: readonly string[];
  /** The environment; nothing of the environment of the tests is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** The `deno.json` that resolves imports. Default that of the project. */
  readonly config?: string;
  /** After this many milliseconds the process hangs: it is killed, and the test fails. Default 120 000. */
  readonly timeoutMillis?: number;
}

/** How a script ended, and what it said. */
export interface Ran {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A script that is running. */
export interface Running {
  readonly process: Deno.ChildProcess;
  /** Resolves at its end; rejects, with what it has said, where the time was over first. */
  readonly ended: Promise<Ran>;
}

/** Runs a script to its end. Nobody is there to answer a prompt: standard input is closed. */
export async function run(source: string, options: RunOptions = {}): Promise<Ran> {
  return await start(source, options).ended;
}

/** Starts a script; the caller awaits `ended`. */
export function start(source: string, options: RunOptions = {}): Running {
  const directory = Deno.makeTempDirSync({ prefix: "subprocess_" });
  const script = `${directory}/script.ts`;
  Deno.writeTextFileSync(script, source);
  const config = options.config ?? new URL("deno.json", ROOT).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", `--config=${config}`, ...options.flags ?? [], script],
    cwd: directory,
    clearEnv: true,
    env: { ...kept(), ...options.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return { process, ended: end(process, directory, options.timeoutMillis ?? 120_000) };
}

async function end(process: Deno.ChildProcess, directory: string, timeoutMillis: number): Promise<Ran> {
  let hangs = false;
  const timer = setTimeout(() => {
    hangs = true;
    process.kill("SIGKILL");
  }, timeoutMillis);
  try {
    const { code, signal, stdout, stderr } = await process.output();
    const text = new TextDecoder();
    const ran = { code, signal, stdout: text.decode(stdout), stderr: text.decode(stderr) };
    if (hangs) throw new Error(`Killed after ${timeoutMillis} ms; it had said: ${ran.stdout}${ran.stderr}`);
    return ran;
  } finally {
    clearTimeout(timer);
    await Deno.remove(directory, { recursive: true });
  }
}

/** What of the environment of the tests every process may have. */
export function kept(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of KEPT) {
    const value = Deno.env.get(name);
    if (value !== undefined) env[name] = value;
  }
  return env;
}

/**
 * The environment in which a flush waits for so long, while a request has all the time that a busy machine needs:
 * what is given up and sent again arrives twice.
 */
export function flushWithin(millis: number): Record<string, string> {
  const signals = ["TRACES", "METRICS", "LOGS"].map((
    signal,
  ) => [`OTEL_EXPORTER_OTLP_${signal}_TIMEOUT`, "120000"]);
  return { OTEL_EXPORTER_OTLP_TIMEOUT: String(millis), ...Object.fromEntries(signals) };
}
