import { defaultObservability } from "../../ctx/default.ts";
import { refusal } from "../../ctx/errors.ts";
import type { Observability } from "../../ctx/observability.ts";
import { openScope, runScope } from "../../ctx/scope.ts";
import type { HttpSettings } from "../http/server.ts";
import { within } from "../observability.ts";

/**
 * How `OpenTelemetry.listener` observes a listener.
 *
 * ```ts
 * import { type ListenerOptions, OpenTelemetry } from "@haiway/otel";
 * import { MemoryObservability } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability();
 * const options: ListenerOptions = { observability };
 * const listener = OpenTelemetry.listener("square", ({ data }: MessageEvent<number>) => data ** 2, options);
 * assertEquals(listener(new MessageEvent("message", { data: 7 })), 49);
 * assertEquals(observability.scopes[0].kind, "consumer");
 * ```
 */
export interface ListenerOptions {
  /** Where the scopes go. Default: what `OpenTelemetry.configure` set up, or the console before. */
  readonly observability?: Observability;
}

/** Wraps a listener to messages so that each of them is a scope, in the trace that came with the message. */
export function observeListener<Message extends { readonly data: unknown }, T>(
  name: string,
  listener: (message: Message) => T,
  options: ListenerOptions,
  settings: () => HttpSettings,
): (message: Message) => T {
  if (typeof listener !== "function") {
    throw new TypeError(refusal("wrap a listener", "listener", "be a function", listener));
  }
  return (message) => {
    const backend = options.observability ?? defaultObservability();
    const observability = within(backend, message.data, settings().propagators);
    return runScope(openScope(name, { kind: "consumer", observability }), () => listener(message));
  };
}
