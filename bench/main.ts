/**
 * Measures our scopes beside the same work done by hand, and prints the table of `bench/README.md`.
 *
 * ```sh
 * deno task bench            # 7 rounds, some ten minutes
 * deno task bench --quick    # 3 rounds of shorter runs, while working
 * deno task bench scope log  # some workloads only
 * ```
 *
 * @module
 */

import { type Figures, median } from "./measure.ts";

interface Row {
  readonly title: string;
  /** Whom our figure is divided by, and what that must not exceed. */
  readonly against: string;
  readonly target: number;
  readonly others: readonly string[];
}

const SDK = ["sdk", "native", "effect", "floor"];
const ROWS: Readonly<Record<string, Row>> = {
  scope: { title: "async scope, exported", against: "sdk", target: 0.6, others: SDK },
  nested: { title: "five nested, per scope", against: "sdk", target: 0.65, others: SDK },
  attributes: { title: "four attributes and one event", against: "sdk", target: 0.55, others: SDK },
  log: { title: "log, two attributes, in a scope", against: "sdk", target: 0.5, others: ["sdk", "floor"] },
  counter: { title: "counter, three attributes", against: "sdk", target: 0.7, others: ["sdk", "native"] },
  histogram: { title: "histogram, three attributes", against: "sdk", target: 0.7, others: ["sdk", "native"] },
  gauge: { title: "gauge, three attributes", against: "sdk", target: 0.7, others: ["sdk", "native"] },
  unsampled: {
    title: "scope in an unsampled trace",
    against: "sdk",
    target: 0.4,
    others: ["sdk", "floor"],
  },
  noop: { title: "no-op / API without provider", against: "bare", target: 1, others: ["bare", "floor"] },
  filtered: { title: "filtered log / getStore", against: "floor", target: 2, others: ["floor"] },
  heap: {
    title: "heap per open scope (bytes)",
    against: "sdk",
    target: 0.7,
    others: ["sdk", "native", "floor"],
  },
  otlp: { title: "over OTLP, CPU per scope", against: "sdk", target: 0.75, others: ["sdk"] },
  startup: { title: "start to configured (ms)", against: "sdk", target: 0.7, others: ["sdk", "floor"] },
};

/** Lets a subject collect its garbage before it is measured. */
const EXPOSE_GC = "--v8-flags=--expose-gc";

const quick = Deno.args.includes("--quick");
const rounds = quick ? 3 : 7;
const only = Deno.args.filter((argument) => !argument.startsWith("--"));
const directory = new URL("./", import.meta.url);
const results = new Map<string, Figures[]>();
const receiver = await startReceiver();

for (let round = 1; round <= rounds; round++) {
  for (const [workload, { others }] of Object.entries(ROWS)) {
    if (only.length > 0 && !only.includes(workload)) continue;
    for (const subject of ["ours", ...others]) {
      const figures = await measure(subject, workload);
      const key = `${workload} ${subject}`;
      results.set(key, [...results.get(key) ?? [], figures]);
    }
  }
  await Deno.stderr.write(new TextEncoder().encode(`round ${round} of ${rounds}\n`));
}
receiver.stop();
print();

async function measure(subject: string, workload: string): Promise<Figures> {
  if (workload === "startup") return await startUp(subject);
  if (workload === "otlp") {
    await fetch(receiver.endpoint).then((response) => response.body?.cancel());
    const figures = JSON.parse(await run([EXPOSE_GC, `otlp/${subject}.ts`, receiver.endpoint]));
    const { bytes, spans } = await (await fetch(receiver.endpoint)).json();
    return { ...figures, bytes: bytes / spans, exported: spans };
  }
  const file = subject === "native" ? "bare" : subject;
  return JSON.parse(
    await run([EXPOSE_GC, `subjects/${file}.ts`, workload, quick ? "quick" : "full"], subject === "native"),
  );
}

/**
 * From before the process is started until it says that it is configured, less what an empty script takes. It lives
 * on for a turn of the event loop, in which Deno keeps what it has compiled for the next start, as of any program;
 * that is kept for one set of V8's flags, of which a program has none.
 */
async function startUp(subject: string): Promise<Figures> {
  const millis: number[] = [];
  for (let turn = 0; turn < (quick ? 3 : 5); turn++) {
    const took = async (file: string) => {
      const start = performance.timeOrigin + performance.now();
      return Number(await run([`startup/${file}.ts`])) - start;
    };
    const empty = await took("empty");
    millis.push(await took(subject) - empty);
  }
  return { value: median(millis) };
}

async function run(args: string[], native = false): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--no-lock", ...args],
    cwd: directory,
    env: native ? { OTEL_DENO: "true", OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint } : {},
  }).output();
  if (!success) throw new Error(`${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

async function startReceiver(): Promise<{ endpoint: string; stop: () => void }> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "otlp/receiver.ts"],
    cwd: directory,
    stdout: "piped",
  }).spawn();
  const reader = process.stdout.getReader();
  const { value } = await reader.read();
  const endpoint = `http://127.0.0.1:${new TextDecoder().decode(value).trim()}`;
  return {
    endpoint,
    stop: () => {
      process.kill();
      void reader.cancel();
    },
  };
}

function figuresOf(workload: string, subject: string): Figures[] {
  return results.get(`${workload} ${subject}`) ?? [];
}

/** Whatever the machine does, it does to neighbours in time alike: the ratio is taken within each round. */
function ratio(workload: string, subject: string): number {
  const theirs = figuresOf(workload, subject);
  return median(figuresOf(workload, "ours").map(({ value }, round) => value / theirs[round].value));
}

function print(): void {
  const columns = ["sdk", "native", "effect", "bare", "floor"];
  console.log(
    `| workload | ours | target | ratio | | ${columns.map((name) => `ours / ${name}`).join(" | ")} |`,
  );
  console.log(`| --- | --- | --- | --- | --- | ${columns.map(() => "---").join(" | ")} |`);
  for (const [workload, { title, against, target, others }] of Object.entries(ROWS)) {
    const ours = figuresOf(workload, "ours");
    if (ours.length === 0) continue;
    const reached = ratio(workload, against);
    const cells = columns.map((name) => others.includes(name) ? ratio(workload, name).toFixed(2) : "");
    const value = median(ours.map(({ value }) => value));
    const shown = value < 100 ? value.toFixed(1) : value.toFixed(0);
    const verdict = reached <= target ? "holds" : "**lost**";
    console.log(
      `| ${title} | ${shown} | ${target.toFixed(2)} | ${reached.toFixed(2)} | ${verdict} | ${
        cells.join(" | ")
      } |`,
    );
  }
  details();
}

/** What does not fit the table: the wire, the event loop, and records that never came out. */
function details(): void {
  for (const subject of ["ours", "sdk"]) {
    const figures = figuresOf("otlp", subject);
    if (figures.length === 0) continue;
    const of = (name: string) => median(figures.map((one) => one[name] ?? NaN));
    console.log(
      `\n${subject} over OTLP, per scope: ${of("value").toFixed(0)} ns of CPU, ${of("wall").toFixed(0)} ns ` +
        `of wall time, ${of("bytes").toFixed(0)} bytes; a timer of 1 ms was up to ${
          of("latest").toFixed(1)
        } ms ` +
        `late, 99 of 100 times less than ${of("late99").toFixed(1)} ms, and the thread had run for up to ` +
        `${of("busiest").toFixed(1)} ms between two of its turns`,
    );
  }
  for (const [key, figures] of results) {
    for (const { expected, exported } of figures) {
      if (exported === undefined || expected === undefined || !/ (ours|sdk)$/.test(key)) continue;
      if (/^(scope|nested|attributes|log) /.test(key) && expected - exported > 3000) {
        console.log(`\n${key}: ${exported} of ${expected} were exported`);
      }
    }
  }
}
