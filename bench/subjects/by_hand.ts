/**
 * What a developer writes who calls the OpenTelemetry API: the same code over the SDK, over Deno's built-in
 * OpenTelemetry, or over nothing at all.
 *
 * @module
 */

import { type Logger, metrics, SeverityNumber, type Span, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Subject, Work } from "../measure.ts";

const never = new Promise<void>(() => {});

/** The workloads, with the providers that are registered by now. */
export function byHand(logger: Logger | undefined): Subject {
  const tracer = trace.getTracer("bench", "1");
  const meter = metrics.getMeter("bench", "1");
  const requests = meter.createCounter("requests");
  const duration = meter.createHistogram("duration");
  const connections = meter.createGauge("connections");

  const scope: Work = async (times) => {
    for (; times > 0; times--) {
      await tracer.startActiveSpan("work", async (span) => {
        try {
          await null;
          span.setStatus({ code: SpanStatusCode.OK });
        } catch (error) {
          throw failed(span, error);
        } finally {
          span.end();
        }
      });
    }
  };

  return {
    scope,
    noop: scope,

    async nested(times) {
      for (; times > 0; times--) await nest(5);
    },

    async attributes(times) {
      for (; times > 0; times--) {
        await tracer.startActiveSpan("work", {
          attributes: { "user.id": "user-456", "user.role": "admin", items: 3, retry: false },
        }, async (span) => {
          try {
            span.addEvent("cache.miss", { key: "user-456" });
            await null;
            span.setStatus({ code: SpanStatusCode.OK });
          } catch (error) {
            throw failed(span, error);
          } finally {
            span.end();
          }
        });
      }
    },

    log: logger && ((times) => {
      tracer.startActiveSpan("work", (span) => {
        for (; times > 0; times--) {
          logger.emit({
            severityNumber: SeverityNumber.INFO,
            severityText: "INFO",
            body: "User fetched",
            attributes: { "user.id": 456, cached: "no" },
          });
        }
        span.end();
      });
    }),

    counter(times) {
      tracer.startActiveSpan("work", (span) => {
        for (; times > 0; times--) requests.add(1, { method: "GET", route: "/users/:id", status: 200 });
        span.end();
      });
    },

    histogram(times) {
      tracer.startActiveSpan("work", (span) => {
        for (; times > 0; times--) {
          duration.record(times % 1000, { method: "GET", route: "/users/:id", status: 200 });
        }
        span.end();
      });
    },

    gauge(times) {
      tracer.startActiveSpan("work", (span) => {
        for (; times > 0; times--) {
          connections.record(times, { method: "GET", route: "/users/:id", status: 200 });
        }
        span.end();
      });
    },

    async unsampled(times) {
      await tracer.startActiveSpan("root", async (span) => {
        await scope(times);
        span.end();
      });
    },

    heap(times) {
      for (; times > 0; times--) {
        void tracer.startActiveSpan("work", async (span) => {
          try {
            await never;
            span.setStatus({ code: SpanStatusCode.OK });
          } catch (error) {
            throw failed(span, error);
          } finally {
            span.end();
          }
        });
      }
    },
  };

  function nest(depth: number): Promise<void> {
    return tracer.startActiveSpan(NAMES[depth - 1], async (span) => {
      try {
        if (depth > 1) await nest(depth - 1);
        else await null;
        span.setStatus({ code: SpanStatusCode.OK });
      } catch (error) {
        throw failed(span, error);
      } finally {
        span.end();
      }
    });
  }
}

const NAMES = ["five", "four", "three", "two", "one"];

function failed(span: Span, error: unknown): unknown {
  span.recordException(error as Error);
  span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
  return error;
}
