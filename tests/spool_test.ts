import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Stats } from "@haiway/otel";
import { Spool } from "../opentelemetry/export/spool.ts";
import { type OtlpReceiver, startReceiver } from "./support/receiver.ts";
import { flushWithin, type Ran, run } from "./support/subprocess.ts";

/** What a process does with the spool: how many scopes, from which number on, and how it ends. */
interface Plan {
  readonly endpoint: string;
  readonly spool: string;
  readonly from?: number;
  readonly scopes?: number;
  readonly options?: Record<string, unknown>;
  /** What runs after the scopes; by default a shutdown. */
  readonly end?: string;
}

/** Nobody listens there. */
const NOWHERE = "http://127.0.0.1:9";

async function work(
  { end = "await OpenTelemetry.shutdown();", ...plan }: Plan,
): Promise<Ran & { stats?: Stats }> {
  const ran = await run(
    `
    import { ctx, OpenTelemetry } from "@haiway/otel";
    const { endpoint, spool, from = 0, scopes = 4, options } = ${JSON.stringify(plan)};
    OpenTelemetry.configure({
      service: "spool", version: "1", environment: "test", otlpEndpoint: endpoint, spool,
      shutdownTimeoutMillis: endpoint === ${
      JSON.stringify(NOWHERE)
    } ? 1500 : 120_000, exportIntervalMillis: 60_000,
      ...options,
    });
    /** Waits until so many spans, and as many logs, lie on the disk. */
    const spooled = async (items) => {
      await OpenTelemetry.forceFlush();
      for (let lie = 0; lie < 2 * items;) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        const { traces, logs } = OpenTelemetry.stats();
        lie = traces.spooled + logs.spooled;
      }
    };
    for (let number = from; number < from + scopes; number++) {
      ctx.scope("scope-" + number, () => ctx.logInfo("log-" + number));
    }
    ${end}
    console.log(JSON.stringify(OpenTelemetry.stats()));
  `,
    {
      env: flushWithin(400),
      flags: [
        "--allow-net=127.0.0.1",
        "--allow-env",
        `--allow-read=${plan.spool}`,
        `--allow-write=${plan.spool}`,
        "--allow-run",
      ],
    },
  );
  const stats: Stats | undefined = ran.stdout === "" ? undefined : JSON.parse(ran.stdout);
  for (const { created, exported, queued, spooled, dropped } of Object.values(stats ?? {})) {
    const lost = Object.values<number>(dropped).reduce((sum, items) => sum + items, 0);
    assertEquals(created, exported + queued + spooled + lost, ran.stdout);
  }
  return { ...ran, stats };
}

/** Every file of a spool, by its path in it. */
function filesOf(directory: string, below = ""): string[] {
  return [...Deno.readDirSync(`${directory}/${below}`)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesOf(directory, `${below}${name}/`) : [below + name]
  );
}

function assertArrived({ spans, logs }: OtlpReceiver, to: number): void {
  const order = (a: string, b: string) => a.localeCompare(b, "en", { numeric: true });
  const numbers = Array.from({ length: to }, (_, number) => number);
  assertEquals(spans.map(({ name }) => name).sort(order), numbers.map((number) => `scope-${number}`));
  assertEquals(logs.map(({ body }) => String(body)).sort(order), numbers.map((number) => `log-${number}`));
}

/** The process is killed once a first try has failed. */
const CRASH = `
  await spooled(scopes);
  Deno.kill(Deno.pid, "SIGKILL");
  await new Promise((resolve) => setTimeout(resolve, 10_000));
`;

Deno.test("what cannot be delivered before shutdown is sent by the next process, and removed", async () => {
  const spool = await Deno.makeTempDir();
  const first = await work({ endpoint: NOWHERE, spool });
  assertEquals(first.stats?.traces.spooled, 4);
  assertEquals(first.stats?.traces.dropped, {});
  assertMatch(first.stderr, /Kept 4 (spans|logs) in the spool, for a later try/);
  assert(filesOf(spool).length >= 3);

  await using receiver = startReceiver();
  const second = await work({ endpoint: receiver.endpoint, spool, from: 4, scopes: 2 });
  assertArrived(receiver, 6);
  assertEquals(second.stats?.traces, {
    ...second.stats!.traces,
    created: 6,
    recovered: 4,
    exported: 6,
    spooled: 0,
  });
  assertEquals(second.stderr, "");
  assertEquals(filesOf(spool), []);
  await Deno.remove(spool, { recursive: true });
});

Deno.test("what was tried in vain survives a crash", async () => {
  const spool = await Deno.makeTempDir();
  const crashed = await work({ endpoint: NOWHERE, spool, end: CRASH });
  assertEquals(crashed.signal, "SIGKILL");
  await using receiver = startReceiver();
  await work({ endpoint: receiver.endpoint, spool, scopes: 0 });
  assertArrived(receiver, 4);
  assertEquals(filesOf(spool), []);
  await Deno.remove(spool, { recursive: true });
});

Deno.test("what Deno.exit leaves goes into the spool, too", async () => {
  const spool = await Deno.makeTempDir();
  const first = await work({ endpoint: NOWHERE, spool, end: "Deno.exit(3);" });
  assertEquals(first.code, 3);
  await using receiver = startReceiver();
  await work({ endpoint: receiver.endpoint, spool, scopes: 0 });
  assertArrived(receiver, 4);
  await Deno.remove(spool, { recursive: true });
});

Deno.test("several processes that start at once send what others have left once", async () => {
  const spool = await Deno.makeTempDir();
  const left = [0, 4, 8, 12].map((from) => work({ endpoint: NOWHERE, spool, from }));
  await Promise.all(left);
  await using receiver = startReceiver();
  const next = [16, 20, 24].map((from) => work({ endpoint: receiver.endpoint, spool, from }));
  const recovered = (await Promise.all(next)).map(({ stats }) => stats!.traces.recovered);
  assertArrived(receiver, 28);
  assertEquals(recovered.reduce((sum, items) => sum + items), 16);
  assertEquals(filesOf(spool), []);
  await Deno.remove(spool, { recursive: true });
});

Deno.test("what a living process has in the spool is its own", async () => {
  const spool = await Deno.makeTempDir();
  let down = true;
  await using receiver = startReceiver({
    fault: ({ headers }) => down && headers.has("x-living") ? new Response(null, { status: 503 }) : undefined,
  });
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  await using gate = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    asked.resolve();
    return answer.promise;
  });
  const living = work({
    endpoint: receiver.endpoint,
    spool,
    options: { otlpHeaders: { "x-living": "yes" } },
    end: `
      await spooled(scopes);
      await (await fetch("http://127.0.0.1:${gate.addr.port}")).text();
      await OpenTelemetry.shutdown();
    `,
  });
  try {
    const early = living.then(({ code, stderr }) => {
      throw new Error(`The living process ended with ${code} before it had asked: ${stderr}`);
    });
    await Promise.race([asked.promise, early]);
    assert(filesOf(spool).some((name) => name.endsWith(".json")));
    const other = await work({ endpoint: receiver.endpoint, spool, from: 4, scopes: 1 });
    assertEquals(other.stats?.traces.recovered, 0);
    assertEquals(receiver.spans.map(({ name }) => name), ["scope-4"]);
  } finally {
    down = false;
    answer.resolve(new Response());
    await living;
  }
  assertArrived(receiver, 5);
  assertEquals(filesOf(spool), []);
  await Deno.remove(spool, { recursive: true });
});

Deno.test("an outage that is longer than memory lasts loses nothing with a spool", async () => {
  const spool = await Deno.makeTempDir();
  const options = { attributes: { filling: "x".repeat(100) } };
  const filled = `for (let number = 0; number < 500; number++) {
    ctx.scope("scope-" + number, { attributes: { filling: "x".repeat(100_000) } }, () => ctx.logInfo("log-" + number));
  }`;
  const end = `${filled} await spooled(500); await OpenTelemetry.shutdown();`;
  const first = await work({ endpoint: NOWHERE, spool, scopes: 0, options, end });
  assertEquals([first.stats?.traces.spooled, first.stats?.traces.dropped], [500, {}]);
  await using receiver = startReceiver();
  const second = await work({ endpoint: receiver.endpoint, spool, scopes: 0 });
  assertEquals(second.stats?.traces.exported, 500);
  assertArrived(receiver, 500);
  await Deno.remove(spool, { recursive: true });
});

Deno.test("a truncated and a foreign file are set aside, and the rest arrives", async () => {
  const spool = await Deno.makeTempDir();
  await work({ endpoint: NOWHERE, spool, scopes: 2 });
  const spans = filesOf(spool).find((name) => name.includes("-traces-"))!;
  const directory = spans.slice(0, spans.indexOf("/"));
  await Deno.truncate(`${spool}/${spans}`, 100);
  await Deno.writeTextFile(`${spool}/${directory}/notes.txt`, "mine");
  await Deno.writeTextFile(`${spool}/${directory}/000001764000000-000000-traces-1-5.json.part`, "{");
  await Deno.writeTextFile(`${spool}/README`, "mine, too");
  await Deno.mkdir(`${spool}/other`);

  await using receiver = startReceiver();
  const { stats, stderr, code } = await work({ endpoint: receiver.endpoint, spool, scopes: 0 });
  assertEquals(code, 0);
  assertEquals([receiver.spans.length, receiver.logs.length], [0, 2]);
  assertEquals(stats?.traces.dropped, { unreadable: 2 });
  assertMatch(stderr, /Set aside .* in .*\/aside, as it/);
  assertEquals(filesOf(spool).filter((name) => name.startsWith("aside/")).length, 3);
  assertEquals(await Deno.readTextFile(`${spool}/README`), "mine, too");
  assertEquals(filesOf(spool).length, 4);
  await Deno.remove(spool, { recursive: true });
});

Deno.test("a batch is sent as it was written, whatever the next process is set to", async () => {
  const spool = await Deno.makeTempDir();
  await work({ endpoint: NOWHERE, spool, options: { compression: "gzip" } });
  await using receiver = startReceiver();
  await work({ endpoint: receiver.endpoint, spool, scopes: 0 });
  assertArrived(receiver, 4);
  await Deno.remove(spool, { recursive: true });
});

Deno.test("a spool that cannot be written costs a line, and nothing else", async () => {
  const spool = await Deno.makeTempDir();
  await Deno.writeTextFile(`${spool}/file`, "");
  await using receiver = startReceiver();
  const { code, stderr } = await work({ endpoint: receiver.endpoint, spool: `${spool}/file` });
  assertEquals(code, 0);
  assertArrived(receiver, 4);
  assertMatch(stderr, /Cannot read the spool/);
  await Deno.remove(spool, { recursive: true });
});

Deno.test("a spool without its permissions is refused by name and flags", async () => {
  const ran = await run(
    `
    import { OpenTelemetry } from "@haiway/otel";
    try {
      OpenTelemetry.configure({
        service: "s", version: "1", environment: "test", otlpEndpoint: "${NOWHERE}", spool: "/tmp/spool",
      });
    } catch (error) {
      console.log(error.name, error.message);
    }
  `,
    { flags: ["--allow-net=127.0.0.1", "--allow-read=/tmp/spool"] },
  );
  assertEquals(
    ran.stdout.trim(),
    "ConfigurationError Cannot configure OpenTelemetry as 'spool' must be a directory with the permissions " +
      '--allow-read=/tmp/spool --allow-write=/tmp/spool: current value is "/tmp/spool"',
  );
});

Deno.test("a full spool makes room for the newest, and never beyond its bound", async () => {
  const root = await Deno.makeTempDir();
  const spool = new Spool(root, 1000);
  const batch = (items: number, bytes: number) =>
    ({ body: new Uint8Array(bytes).fill(0x7b), items, compressed: false, type: "json" }) as const;
  for (let items = 1; items <= 4; items++) assertEquals(spool.save("traces", batch(items, 250)).removed, []);
  const { saved, removed } = spool.save("traces", batch(5, 500));
  assertEquals([saved, removed.map(({ items }) => items)], [true, [1, 2]]);
  assertEquals(spool.read("traces").batch?.items, 3);
  // The one that was read may be on its way.
  assertEquals(spool.save("traces", batch(6, 250)).removed.map(({ items }) => items), [4]);
  // What belongs to another signal stays, and so does what is too large.
  assertEquals(spool.save("logs", batch(7, 250)), { saved: false, removed: [] });
  assertEquals(spool.save("logs", batch(8, 2000)), { saved: false, removed: [] });
  assertEquals(filesOf(root).filter((name) => name.endsWith(".json")).length, 3);
  spool.close();
  await Deno.remove(root, { recursive: true });
});
