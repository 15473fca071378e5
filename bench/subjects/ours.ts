/**
 * Our scopes, with the processors of the pipeline over an exporter that takes a batch and forgets it.
 *
 * @module
 */

import { context, metrics, trace } from "@opentelemetry/api";
import { ctx } from "@haiway/otel";
import { noopObservability } from "../../ctx/observability.ts";
import { resolveConfiguration } from "../../opentelemetry/configuration/configuration.ts";
import { ScopeContextManager } from "../../opentelemetry/context/context_manager.ts";
import { OpenTelemetryObservability } from "../../opentelemetry/observability.ts";
import { createPipeline } from "../../opentelemetry/providers.ts";
import { main } from "../measure.ts";
import { nullExporters } from "../null_exporters.ts";

const exporters = nullExporters();
const configuration = resolveConfiguration({
  service: "bench",
  version: "1",
  environment: "bench",
  sampling: Deno.args[0] === "unsampled" ? 0 : 1,
  // By hand, an event is an event of the span and nothing besides.
  events: "span",
});
const pipeline = createPipeline(
  { ...configuration, outputs: { traces: "none", metrics: "none", logs: "none" } },
  { ...exporters, deliveries: [] },
);
context.setGlobalContextManager(new ScopeContextManager(pipeline.engine));
trace.setGlobalTracerProvider(pipeline.tracerProvider);
metrics.setGlobalMeterProvider(pipeline.meterProvider);
const observability = new OpenTelemetryObservability(pipeline.engine, "info", {
  parent: undefined,
  link: undefined,
  baggage: undefined,
});
const root = { observability };
const noop = { observability: noopObservability };
const never = new Promise<void>(() => {});

await main({
  async scope(times) {
    for (; times > 0; times--) {
      await ctx.scope("work", root, async () => {
        await null;
      });
    }
  },

  async nested(times) {
    for (; times > 0; times--) {
      await ctx.scope(
        "one",
        root,
        () =>
          ctx.scope(
            "two",
            () =>
              ctx.scope("three", () =>
                ctx.scope("four", () =>
                  ctx.scope("five", async () => {
                    await null;
                  }))),
          ),
      );
    }
  },

  async attributes(times) {
    for (; times > 0; times--) {
      await ctx.scope("work", {
        observability,
        attributes: { "user.id": "user-456", "user.role": "admin", items: 3, retry: false },
      }, async () => {
        ctx.recordEvent("cache.miss", { attributes: { key: "user-456" } });
        await null;
      });
    }
  },

  log(times) {
    ctx.scope("work", root, () => {
      for (; times > 0; times--) ctx.logInfo("User fetched", { "user.id": 456, cached: "no" });
    });
  },

  counter(times) {
    ctx.scope("work", root, () => {
      for (; times > 0; times--) {
        ctx.recordMetric("requests", {
          value: 1,
          kind: "counter",
          attributes: { method: "GET", route: "/users/:id", status: 200 },
        });
      }
    });
  },

  histogram(times) {
    ctx.scope("work", root, () => {
      for (; times > 0; times--) {
        ctx.recordMetric("duration", {
          value: times % 1000,
          kind: "histogram",
          attributes: { method: "GET", route: "/users/:id", status: 200 },
        });
      }
    });
  },

  gauge(times) {
    ctx.scope("work", root, () => {
      for (; times > 0; times--) {
        ctx.recordMetric("connections", {
          value: times,
          kind: "gauge",
          attributes: { method: "GET", route: "/users/:id", status: 200 },
        });
      }
    });
  },

  async unsampled(times) {
    await ctx.scope("root", root, async () => {
      for (; times > 0; times--) {
        await ctx.scope("work", async () => {
          await null;
        });
      }
    });
  },

  async noop(times) {
    for (; times > 0; times--) {
      await ctx.scope("work", noop, async () => {
        await null;
      });
    }
  },

  filtered(times) {
    ctx.scope("work", root, () => {
      for (; times > 0; times--) ctx.logDebug("Not now");
    });
  },

  heap(times) {
    for (; times > 0; times--) {
      void ctx.scope("work", root, async () => {
        await never;
      });
    }
  },
}, exporters.exported);
